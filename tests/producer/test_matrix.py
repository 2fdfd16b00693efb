"""What a row asks for: settings, axes, templates, and everything that is wrong with it at once."""

from pathlib import Path

import pytest

from jobs.errors import BadInput
from jobs.job import FRAMES, Mode
from producer.columns import KNOWN, READERS, resolve
from producer.matrix import ROW_VARIANTS_MAX, Rest, Trouble, Variant, located, survey, variants
from producer.readers import read_matrix

NOWHERE: dict[str, frozenset[str]] = {}


def asked(folder: Path, *lines: str, where: dict[str, frozenset[str]] = NOWHERE) -> list[Variant | Trouble | Rest]:
    """What a matrix of these lines asks for, in order."""
    path = folder / "matrix.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with read_matrix(path) as matrix:
        seen = survey(matrix)
        return [found for row in matrix for found in variants(row, seen, where)]


def wanted(folder: Path, *lines: str, where: dict[str, frozenset[str]] = NOWHERE) -> list[Variant]:
    """The variants, where nothing is wrong."""
    found = asked(folder, *lines, where=where)
    assert not [each for each in found if isinstance(each, Trouble)]
    return [each for each in found if isinstance(each, Variant)]


def said(folder: Path, *lines: str) -> str:
    """What is said of the only row of a matrix."""
    path = folder / "matrix.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with read_matrix(path) as matrix:
        seen = survey(matrix)
        (row,) = matrix
        found = [each for each in variants(row, seen, NOWHERE) if isinstance(each, Trouble)]
        return "\n".join(map(str, located(found, row, "matrix.csv")))


def test_usual_values(tmp_path: Path) -> None:
    """A row that says only its prompt gets the usual video: 720p, 16:9, 5 seconds, sound."""
    (variant,) = wanted(tmp_path, "prompt", "A cat")
    render = variant.render
    assert (render.mode, render.size, render.duration_s, render.audio) == (Mode.T2V, "1280*720", 5, True)
    assert (variant.seed, variant.takes, variant.priority, variant.provider) == (None, None, 0, None)


def test_every_setting_reaches_the_render(tmp_path: Path) -> None:
    """No known column is read and forgotten."""
    (variant,) = wanted(
        tmp_path,
        "prompt,negative_prompt,audio_url,model,resolution,aspect_ratio,duration,audio,seed,takes,shot_type,"
        "prompt_expansion,watermark,template,provider,priority",
        "p,n,https://a.example/s.mp3,Flash,1080,4:3,7 s,yes,42.0,3,multi,no,1,squish,segmind,9",
    )
    assert variant.render.model_dump(mode="json") == {
        "mode": "t2v",
        "model": "flash",
        "prompt": "p",
        "negative_prompt": "n",
        "image": None,
        "references": [],
        "audio_track": "https://a.example/s.mp3",
        "resolution": "1080p",
        "aspect_ratio": "4:3",
        "duration_s": 7,
        "audio": True,
        "shot_type": "multi",
        "prompt_expansion": False,
        "watermark": True,
        "template": "squish",
        "take": 1,
    }
    assert (variant.seed, variant.takes, variant.provider, variant.priority) == (42, 3, "segmind", 9)


def test_modes_follow_from_the_media(tmp_path: Path) -> None:
    """An image makes it i2v with the image's own shape, references make it r2v; an image needs no words."""
    image, references = wanted(
        tmp_path,
        "prompt,image_url,reference_urls",
        ",https://a.example/shoe.jpg,",
        "she waves,,https://a.example/a.mp4; https://a.example/b.png",
    )
    assert (image.render.mode, image.render.aspect_ratio, image.render.prompt) == (Mode.I2V, None, "")
    assert image.render.image == "https://a.example/shoe.jpg"
    assert references.render.mode == Mode.R2V
    assert references.render.references == ("https://a.example/a.mp4", "https://a.example/b.png")


@pytest.mark.parametrize(("key", "frame"), FRAMES.items())
def test_sizes(tmp_path: Path, key: tuple[str, str], frame: tuple[int, int]) -> None:
    """Every frame that Wan renders can be asked for by its size."""
    (variant,) = wanted(tmp_path, "prompt,size", f"p,{frame[0]}x{frame[1]}")
    assert (variant.render.resolution, variant.render.aspect_ratio) == key


@pytest.mark.parametrize("text", ["9:16", "09:16", "9:16:00", "9x16", "9/16"])
def test_ratios_that_a_spreadsheet_took_for_a_time(tmp_path: Path, text: str) -> None:
    """16:09:00 is what a spreadsheet makes of 16:9; it is understood."""
    (variant,) = wanted(tmp_path, "prompt,aspect_ratio", f"p,{text}")
    assert variant.render.aspect_ratio == "9:16"


def test_axes_multiply_in_order(tmp_path: Path) -> None:
    """Cells with `|` are multiplied out, the last column turning fastest; doubles and gaps in a cell are dropped."""
    found = wanted(tmp_path, "prompt,hook,aspect_ratio,brand", "p,new | old,16:9|9:16||16:9,Fern")
    assert [(each.axes["hook"], each.render.aspect_ratio) for each in found] == [
        ("new", "16:9"),
        ("new", "9:16"),
        ("old", "16:9"),
        ("old", "9:16"),
    ]
    assert found[0].axes == {"hook": "new", "aspect_ratio": "16:9"}
    assert found[0].labels == {"brand": "Fern"}


def test_bars_in_prompts_are_prose(tmp_path: Path) -> None:
    """A `|` in a prompt or negative prompt multiplies nothing."""
    (variant,) = wanted(tmp_path, "prompt,negative_prompt", "this | that,a|b")
    assert (variant.render.prompt, variant.render.negative_prompt) == ("this | that", "a|b")


def test_axes_hold_for_the_whole_matrix(tmp_path: Path) -> None:
    """A column is an axis in every row as soon as one row makes it one, also before that row."""
    found = wanted(tmp_path, "prompt,hook,market,note", "p,new,DE,a", "{{ market }} at night,old|older,FR,b")
    assert [each.axes for each in found] == [
        {"hook": "new", "market": "DE"},
        {"hook": "old", "market": "FR"},
        {"hook": "older", "market": "FR"},
    ]
    assert [each.labels for each in found] == [{"note": "a"}, {"note": "b"}, {"note": "b"}]


def test_templates(tmp_path: Path) -> None:
    """Fields are filled from the row, by a column's own name or its plain one, with Jinja's filters where wanted."""
    plain, jinja, condition = wanted(
        tmp_path,
        "prompt,Product Name,hook",
        "A {{ product_name }} in {{hook}},Lamp,rain",
        "{{ hook | capitalize }}: {{ product_name }} {curly},Lamp,rain",
        "{% if hook == 'rain' %}A wet{% else %}A dry{% endif %} lamp,Lamp,rain",
    )
    assert plain.render.prompt == "A Lamp in rain"
    assert jinja.render.prompt == "Rain: Lamp {curly}"
    assert condition.render.prompt == "A wet lamp"
    assert plain.axes == {"Product Name": "Lamp", "hook": "rain"}


def test_templates_see_each_value_of_an_axis(tmp_path: Path) -> None:
    """A template is filled for each combination, also with known columns."""
    found = wanted(
        tmp_path, "prompt,negative_prompt,hook,duration", "{{ hook }} for {{ duration }} s,no {{ hook }},a|b,10"
    )
    assert [each.render.prompt for each in found] == ["a for 10 s", "b for 10 s"]
    assert [each.render.negative_prompt for each in found] == ["no a", "no b"]


@pytest.mark.parametrize(
    ("prompt", "problem"),
    [
        ("A {{ prodct }}", "field `prodct` is no column; did you mean {{ product }}?"),
        ("A {{ prodct | upper }}", "field `prodct` is no column; did you mean {{ product }}?"),
        ("A {{ zzz }}", "no column; the columns are note, product"),
        ("A {{ note }}", "field `note` is empty in this row"),
        ("A {product}", "`{product}` is not filled in; a field has two braces: {{ product }}"),
        ("A {{ product ", "the template cannot be read"),
        ("A lamp{% if prodct %} lit{% endif %}", "field `prodct` is no column; did you mean {{ product }}?"),
        ("A {{ product | nope }}", "the template cannot be read (No filter named 'nope')"),
        ("{{ 1 / 0 }}", "the template cannot be filled (division by zero)"),
        ("{{ product.__class__.__mro__ }}", "the template cannot be filled (access to attribute '__class__'"),
    ],
)
def test_broken_templates(tmp_path: Path, prompt: str, problem: str) -> None:
    """A field that is missing, empty or misspelt is a problem of its row, never a gap in a video."""
    text = said(tmp_path, "prompt,product,note", f"{prompt},Lamp,")
    assert text.startswith(f"matrix.csv:2: {'note' if 'is empty' in problem else 'prompt'}: ")
    assert problem in text


@pytest.mark.parametrize(
    ("column", "text", "problem"),
    [
        ("duration", "1", "write whole seconds from 2 to 15"),
        ("duration", "5.5", "write whole seconds"),
        ("duration", "9" * 5000, "write whole seconds"),
        ("resolution", "480p", "it is one of 720p, 1080p; the nearest is 720p"),
        ("resolution", "4K", "the nearest is 1080p"),
        ("resolution", "1440", "the nearest is 1080p"),
        ("resolution", "1280x720", "put it into a column `size`"),
        ("aspect_ratio", "2:1", "did you mean `16:9`? it is one of 16:9, 1:1, 3:4, 4:3, 9:16"),
        ("aspect_ratio", "4:5", "nobody sells the shape `4:5` for Wan 2.6; did you mean `3:4`?"),
        ("aspect_ratio", "0:0", "nobody sells the shape `0:0`"),
        ("aspect_ratio", "wide", "nobody sells the shape `wide`"),
        ("size", "1280*721", "did you mean `1280*720`?"),
        ("size", "M", "no size that Wan 2.6 renders"),
        ("audio", "maybe", "write true or false"),
        ("seed", "-1", "from 0 to 2147483647"),
        ("seed", "2147483648", "from 0 to 2147483647"),
        ("seed", "٣", "from 0 to 2147483647"),
        ("takes", "0", "from 1 to 100"),
        ("takes", "101", "from 1 to 100"),
        ("model", "flsh", "did you mean `flash`?"),
        ("shot_type", "double", "it is one of single, multi"),
        ("priority", "x", "from 0 to 9"),
        ("image_url", "ftp://a.example/shoe.jpg", "is no address of a file; write https://"),
        ("image_url", "https://", "is no address of a file; write https://"),
        ("image_url", "data:image/png;base64", "is no address of a file"),
        ("audio_url", "s3://bucket", "s3://bucket/shoe.jpg"),
        ("reference_urls", "https://a.example/1;https://", "put `;` between several"),
    ],
)
def test_wrong_cells(tmp_path: Path, column: str, text: str, problem: str) -> None:
    """A cell that cannot be used is told with its column, what is wrong and what would be right."""
    told = said(tmp_path, f"prompt,{column}", f"p,{text}")
    assert told.startswith(f"matrix.csv:2: {column}: ")
    assert problem in told


@pytest.mark.parametrize(
    ("header", "cells", "problem"),
    [
        ("prompt,image_url,reference_urls", "p,https://a.example/a,https://a.example/b", "an image and references"),
        ("prompt,fit", "p,pad", "fit: the row has no image to fit; leave this cell empty"),
        ("prompt,image_url,fit", "p,https://a.example/a,crop", "fit: the row names no ratio to bring its image to"),
        ("prompt,size,aspect_ratio", "p,1280*720,9:16", "aspect_ratio: the size 1280*720 is 16:9, not 9:16"),
        ("prompt,size,resolution", "p,1280*720,1080p", "resolution: the size 1280*720 is 720p, not 1080p"),
        ("prompt,audio_url,audio", "p,https://a.example/a.mp3,false", "a sound file and asks for silence"),
        ("prompt,duration", ",5", "prompt: the prompt is empty"),
        ("prompt,note", "p,a\x07b", "note: holds an invisible control character (U+0007) after 1 characters"),
        ("prompt,note", "a\x00b,", "prompt: holds an invisible control character (U+0000)"),
    ],
)
def test_cells_that_disagree(tmp_path: Path, header: str, cells: str, problem: str) -> None:
    """Cells that are right alone and wrong together are told."""
    assert problem in said(tmp_path, header, cells)


def test_all_problems_of_a_row_at_once(tmp_path: Path) -> None:
    """A row with three slips is told once with all three, and once each, however often it is multiplied."""
    told = said(tmp_path, "prompt,duration,audio,seed,hook", "p,99,maybe,-3,a|b|c")
    assert [line.split(":")[2].strip() for line in told.splitlines()] == ["duration", "audio", "seed"]


def test_a_row_cannot_explode(tmp_path: Path) -> None:
    """A slip in the axes is told before ten thousand videos are made of it."""
    many = "|".join(map(str, range(101)))
    assert f"this one row asks for {101**2:,} videos" in said(tmp_path, "prompt,a,b", f"p,{many},{many}")
    assert ROW_VARIANTS_MAX == 10_000


def test_where(tmp_path: Path) -> None:
    """Only the combinations that are asked for are made; the others are not even checked."""
    where = {"hook": frozenset({"b"}), "brand": frozenset({"X", "Y"})}
    found = wanted(tmp_path, "prompt,hook,brand,duration", "p,a|b,X,5", "q,a,Y,99", "r,b,Z,5", "s,b,Y,10", where=where)
    assert [each.render.prompt for each in found] == ["p", "s"]


def test_prompts_lose_carriage_returns(tmp_path: Path) -> None:
    """The same prompt saved with CRLF is the same video."""
    path = tmp_path / "a.csv"
    path.write_bytes(b'prompt\r\n"Shot 1\r\nShot 2"\r\n')
    with read_matrix(path) as matrix:
        seen = survey(matrix)
        (found,) = (each for row in matrix for each in variants(row, seen, NOWHERE))
    assert isinstance(found, Variant)
    assert found.render.prompt == "Shot 1\nShot 2"


def test_every_known_column_has_a_reader() -> None:
    """A column is either free text or has a rule for its cells."""
    assert set(KNOWN) - set(READERS) == {"prompt", "negative_prompt"}


@pytest.mark.parametrize(
    "name", ["hook", "Product", "market", "image_link", "color", "title", "price", "id", "Body (HTML)"]
)
def test_labels_are_left_alone(name: str) -> None:
    """Ordinary names of people's own columns are no misspelt settings."""
    assert resolve(name) == (name, None)


def test_unreadable_bytes_in_the_middle(tmp_path: Path) -> None:
    """A file that stops being text half-way is told, not raised as a decoding error."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xff\xfe" + ("prompt\n" + "A cat\n" * 9000).encode("utf-16-le") + b"\x00\xd8a\x00")
    with read_matrix(path) as matrix, pytest.raises(BadInput, match="not UTF-16 throughout"):
        list(matrix)
