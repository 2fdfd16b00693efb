"""Templates: every key is known, every slip is told with its line, and none is found out product by product."""

from pathlib import Path

import pytest

from jobs.errors import BadInput
from producer.catalogs.template import read_template
from tests.producer.catalogs import cells_of, rows_of, told, written

SHOP = "id,title,image_link,price,brand,care\n1,Kettle,k.jpg,89,,by hand\n"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test works in a folder of its own, with a small catalog."""
    monkeypatch.chdir(tmp_path)
    written("shop.csv", SHOP)


def said(template: str) -> str:
    """What is told of a template with the small catalog."""
    return told(Path("shop.csv"), template)


VIDEO = '[[video]]\nprompt = "x"\n'


def test_one_slip_hides_no_other() -> None:
    """Misspelt keys, fields, values and templates are told together, in the order of their lines, and each once."""
    template = (
        '[defaults]\ncolour = ""\n[products]\neach = "colour"\n[[vido]]\nprompt = "x"\n'
        '[[video]]\nname = "a"\nprompt = "{{ title }} {% if brand %}"\nduration = 77\nimage = "k.jpg"\n'
        '[[video]]\nname = "a"\nprmpt = "{{ title }}"\n'
    )
    written("template.toml", template)
    with pytest.raises(BadInput) as caught:
        read_template(Path("template.toml"), Path().absolute())
    assert [(problem.line, problem.column) for problem in caught.value.problems] == [
        (2, "defaults.colour"),
        (4, "products.each"),
        (5, "vido"),
        (9, "prompt"),
        (10, "duration"),
        (11, "video.image"),
        (13, "name"),
        (14, "video.prmpt"),
    ]


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("[[video]]\nprompt = x\n", "template.toml:2: the TOML cannot be read"),
        ("", "template.toml:1: video: the template asks for no video; begin one with [[video]]"),
        (
            '[[video]]\nprmpt = "x"\n',
            "template.toml:2: video.prmpt: there is no key `prmpt` here; did you mean `prompt`?",
        ),
        ('[vidoe]\nprompt = "x"\n', "template.toml:1: vidoe: there is no key `vidoe` here; did you mean `video`?"),
        (VIDEO + 'hook = "y"\n', "a column of your own stands under [video.axes]"),
        ('[products]\neach = "colour"\n' + VIDEO, "template.toml:2: products.each: `colour` is not known"),
        (VIDEO + "duration = 77\n", "template.toml:3: duration: `77` is no length"),
        (VIDEO + 'aspect_ratio = ["16:9", "2:1"]\n', "template.toml:3: aspect_ratio: nobody sells"),
        ('[[video]]\nprompt = ["x", "y"]\n', "template.toml:2: video.prompt: is neither text"),
        ('[[video]]\nprompt = "{{ title"\n', "template.toml:2: prompt: the template cannot be read"),
        ('[[video]]\nname = "a"\n', "template.toml:1: video: the video has no prompt"),
        ('[[video]]\nprompt = "{{ titel }}"\n', "no such field; did you mean {{ title }}?"),
        ('[[video]]\nprompt = "{{ size }}"\n', "no such field; did you mean {{ product_size }}?"),
        ('[[video]]\nprompt = "{{ color }}"\n', 'no column for it; name one: [columns] color = "..."'),
        ('[columns]\ntitel = "title"\n' + VIDEO, "columns.titel: there is no field `titel`; did you mean `title`?"),
        ('[columns]\nsize = "title"\n' + VIDEO, "`size` is a setting, and no field of a product; did you mean"),
        ('[defaults]\ncolr = "x"\n' + VIDEO, "template.toml:2: defaults.colr: there is no field `colr`; did you mean"),
        (VIDEO + "[video.axes]\nduration = [5, 10]\n", "axes.duration: `duration` is a setting"),
        (VIDEO + '[video.axes]\ncolor = ["red"]\n', "axes.color: `color` is a field of the product"),
        (VIDEO + "[video.axes]\nhook = []\n", "axes.hook: the axis has no value"),
        (VIDEO + 'image_url = "{{ hook }}"\n[video.axes]\nhook = ["a"]\n', "which only a prompt may"),
        ('[[video]]\nname = "a"\nprompt = "x"\n[[video]]\nname = "a"\nprompt = "y"\n', "template.toml:5: name: two"),
    ],
)
def test_every_slip_is_told_with_its_line(template: str, problem: str) -> None:
    """Misspelt keys and fields, values that nobody sells, and what TOML itself would not read."""
    assert problem in said(template)


def test_all_slips_are_told_at_once() -> None:
    """One reading of the template names them all."""
    slips = said('[defaults]\ncolr = "x"\n[[video]]\nprompt = "x"\nduration = 77\nresolution = "4k"\n')
    assert [line for line in (2, 5, 6) if f"template.toml:{line}: " in slips] == [2, 5, 6]


def test_lines_are_found_past_long_texts() -> None:
    """A prompt of several lines that looks like TOML moves nothing."""
    template = '[[video]]\nprompt = """\n[[video]]\nduration = 5\n"""\n# a comment\nduration = 77\n'
    assert "template.toml:7: duration: `77`" in said(template)


def test_defaults_stand_for_what_is_empty() -> None:
    """An empty default lets a field be empty; a column of the catalog's own may be called as well."""
    template = (
        '[defaults]\nbrand = "our workshop"\ncolor = ""\n[[video]]\n'
        'prompt = "{{ title }} by {{ brand }}{% if color %} in {{ color }}{% endif %}, washed {{ care }}"\n'
    )
    (cells,) = cells_of(Path("shop.csv"), template)
    assert (cells["brand"], cells["color"], cells["care"]) == ("our workshop", "", "by hand")


def test_settings_become_the_cells_of_a_matrix() -> None:
    """Numbers, truths and lists as a table would hold them; several videos are told apart by name."""
    template = (
        '[[video]]\nname = "a"\nprompt = "x"\nduration = [5, 10]\naudio = false\ntakes = 2\nseed = 7\n'
        '[video.axes]\nhook = ["calm", "bold"]\n[[video]]\nprompt = "{{ title }}"\nimage_url = "{{ image }}"\n'
    )
    first, second = cells_of(Path("shop.csv"), template)
    assert {
        "duration": "5|10",
        "audio": "false",
        "takes": "2",
        "seed": "7",
        "hook": "calm|bold",
    }.items() <= first.items()
    assert (first["video"], second["video"], second["image_url"]) == ("a", "video 2", "k.jpg")


def test_files_of_the_template_count_from_its_folder(tmp_path: Path) -> None:
    """The catalog may lie elsewhere."""
    (tmp_path / "shops").mkdir()
    shop = Path("shops") / "shop.csv"
    shop.write_text(SHOP)
    (cells,) = cells_of(shop, '[[video]]\nprompt = "x"\nreference_urls = "logo.png;https://x.com/b.png"\n')
    assert cells["reference_urls"] == "../logo.png;https://x.com/b.png"


def test_a_setting_filled_wrongly_is_told_with_the_catalogs_cell() -> None:
    """What a product brings into a setting is checked with the row, in its own column."""
    rows = rows_of(Path("shop.csv"), '[[video]]\nprompt = "x"\nimage_url = "{{ care }}"\n')
    assert rows[0].origin is not None
    assert rows[0].origin.places["image_url"] == ("shop.csv", 2, "care")


def test_a_template_that_is_none_is_told(tmp_path: Path) -> None:
    """Missing, not UTF-8, or far too large."""
    for content, words in ((b"\xff\xfe\x00", "not UTF-8"), (b"#" * 2_000_000, "larger than")):
        Path("bad.toml").write_bytes(content)
        with pytest.raises(BadInput, match=words):
            read_template(Path("bad.toml"), tmp_path)
