"""Refreshes: which change buys a video anew, with which seed, and that nothing is bought twice over three plans."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.facts import load_facts
from jobs.errors import BadInput
from jobs.job import PlanLine
from ledger.objects import open_store
from ledger.shelf import Shelf
from producer.known import keep_known, known_videos
from producer.plan import PlanOptions, iter_plan, make_plan
from providers.registry import provider

TEXT = (
    'rows = "p.csv"\nkey = ["sku"]\n{}[defaults]\n'
    'prompt = "{{{{ hook }}}}: {{{{ title }}}} for {{{{ price }}}}"\n[axes]\nhook = ["calm", "bold"]\n'
)
ON = 'refresh_on = ["price"]\n'


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def planned(source: str, before: Path | None = None, dialect: str = "segmind", **options: Any) -> Path:
    """The plan of a source, after the one before."""

    @contextmanager
    def last(_campaign: str) -> Iterator[Path | None]:
        yield before

    return make_plan(
        Path(source), options=PlanOptions(simulated=True, **options), provider=provider(dialect),
        facts=load_facts()[dialect], bought=lambda _: frozenset(), spool=Path("spool"), last=last,
        template=Path("t.toml") if Path("t.toml").exists() else None,
    ).path  # fmt: skip


def campaign(*products: str, says: str = ON) -> str:
    """A campaign over these products."""
    Path("p.csv").write_text("sku,title,price\n" + "".join(f"{product}\n" for product in products))
    Path("c.toml").write_text(TEXT.format(says))
    return "c.toml"


def jobs(plan: Path) -> list[tuple[str, str, int]]:
    """Id, words and seed of each job of a plan."""
    return [(line.job.job_id, line.job.render.prompt, line.job.seed) for line in iter_plan(plan)]


def test_what_does_not_count_buys_nothing() -> None:
    """A new title keeps the video that is there, over any number of plans; a new price buys one anew."""
    first = planned(campaign("1,Lamp,10", "2,Mug,20"))
    second = planned(campaign("2,Cup,20", "1,Lamp,11"), first)
    old, new = jobs(first), jobs(second)
    assert new[:2] == old[2:]
    assert [words for _, words, _ in new[2:]] == ["calm: Lamp for 11", "bold: Lamp for 11"]
    third = planned(campaign("2,Beaker,20", "1,Lamp,11"), second)
    assert jobs(third) == new
    fourth = planned(campaign("2,Beaker,21", "1,Lamp,11"), third)
    assert [words for _, words, _ in jobs(fourth)[:2]] == ["calm: Beaker for 21", "bold: Beaker for 21"]


def test_the_manifest_follows_the_row() -> None:
    """The row's own words are those of now, whatever the video shows."""
    first = planned(campaign("1,Lamp,10"))
    (line, _) = iter_plan(planned(campaign("1,Light,10"), first))
    assert (line.variant["title"], line.job.render.prompt) == ("Light", "calm: Lamp for 10")


@pytest.mark.parametrize(("policy", "same"), [("keep", True), ("rotate", False), ("fresh", False)])
def test_seeds_of_what_is_bought_anew(policy: str, same: bool) -> None:
    """Kept, the next one, or as ever; and planned again they stay what they are."""
    first = planned(campaign("1,Lamp,10", says=f'seeds = "{policy}"\n'))
    second = planned(campaign("1,Lamp,11", says=f'seeds = "{policy}"\n'), first)
    before, after = jobs(first), jobs(second)
    assert {one[0] for one in before}.isdisjoint(one[0] for one in after)
    assert ([one[2] for one in before] == [one[2] for one in after]) is same
    assert jobs(planned("c.toml", second)) == after
    alone = jobs(planned("c.toml"))
    assert ([one[0] for one in alone] == [one[0] for one in after]) is (policy == "fresh")
    assert [one[2] for one in jobs(planned("c.toml", first, seeds="keep"))] == [one[2] for one in before]


def test_a_rows_own_seed_stays() -> None:
    """Nobody else's seed takes its place."""
    first = planned(campaign("1,Lamp,10", says=""))
    Path("p.csv").write_text("sku,title,price,seed\n1,Lamp,11,7\n")
    assert [seed for _, _, seed in jobs(planned("c.toml", first))] == [7, 7]


def test_a_key_that_tells_no_videos_apart_is_refused() -> None:
    """It could bring the wrong video."""
    with pytest.raises(BadInput, match="two videos have the key sku=1, hook=calm, the second in line 3"):
        planned(campaign("1,Lamp,10", "1,Mug,20"))


def test_another_provider_takes_what_was_made() -> None:
    """What it could not make itself is planned anew."""
    Path("c.toml").write_text('key = ["a"]\n[defaults]\nprompt = "x"\naspect_ratio = "1:1"\n[axes]\na = ["1"]\n')
    first = planned("c.toml", dialect="dashscope")
    Path("c.toml").write_text(
        Path("c.toml").read_text().replace("1:1", "16:9").replace("key", 'refresh_on = ["a"]\nkey')
    )
    (line,) = iter_plan(planned("c.toml", first, dialect="segmind"))
    assert (line.job.provider, line.job.render.aspect_ratio) == ("segmind", "16:9")
    Path("c.toml").write_text(Path("c.toml").read_text().replace('"x"', '"y"'))
    (kept,) = iter_plan(planned("c.toml", planned("c.toml", first, dialect="dashscope"), dialect="dashscope"))
    assert (kept.job.account, kept.job.render.prompt) == ("simulated-dashscope", "x")


def test_products_are_known_again_by_their_id() -> None:
    """In a catalog the template says it; its axes tell a product's videos apart."""
    Path("t.toml").write_text(
        '[products]\nrefresh_on = ["price"]\n[[video]]\naspect_ratio = ["16:9", "9:16"]\n'
        'prompt = "{{ hook }} {{ title }}, {{ description }}"\n[video.axes]\nhook = ["calm", "bold"]\n'
    )
    header = "id,title,description,image_link,price,link\n"

    def catalog(text: str, before: Path | None = None) -> list[PlanLine]:
        Path("feed.csv").write_text(header + text)
        return list(iter_plan(planned("feed.csv", before)))

    Path("feed.csv").write_text(header + "7,Lamp,old words,https://a.example/a.jpg,10,l\n")
    first = planned("feed.csv")
    assert len(jobs(first)) == 4
    kept = catalog("7,Lamp,new words,https://a.example/b.jpg?v=2,10,l\n", first)
    assert [line.job.job_id for line in kept] == [job for job, _, _ in jobs(first)]
    anew = catalog("7,Lamp,new words,https://a.example/a.jpg,11,l\n", first)
    assert {line.job.render.prompt for line in anew} == {"calm Lamp, new words", "bold Lamp, new words"}
    assert [line.job.seed for line in anew] == [seed for _, _, seed in jobs(first)]


@pytest.mark.parametrize(
    ("says", "said"),
    [
        ('refresh_on = ["prise"]\nkey = ["sku"]\n', "refresh_on: there is no column `prise`; did you mean `price`?"),
        ('key = ["skew"]\n', "key: there is no column `skew`"),
        ('refresh_on = ["price"]\n', "nothing says by which columns a video is known again; name them"),
        ('seeds = "keep"\n', "nothing says by which columns"),
        ('key = ["sku"]\nseeds = "kep"\n', "seeds: `kep` is not known here; did you mean `keep`?"),
        ('key = ["sku"]\nrefresh_on = []\n', "refresh_on: it is empty"),
    ],
)
def test_slips(says: str, said: str) -> None:
    """Each with its line."""
    campaign("1,Lamp,10")
    Path("c.toml").write_text(TEXT.format("").replace('key = ["sku"]\n', says))
    with pytest.raises(BadInput) as refused:
        planned("c.toml")
    assert any(said in str(problem) for problem in refused.value.problems)


def test_options_and_templates_that_say_nothing_of_it() -> None:
    """`--seeds` needs a key; a template's key needs its column."""
    Path("m.csv").write_text("prompt\na\n")
    with pytest.raises(BadInput, match="does not say what a refresh is"):
        planned("m.csv", seeds="keep")
    Path("t.toml").write_text('[products]\nkey = ["titel"]\n[[video]]\nprompt = "{{ title }}"\n')
    Path("feed.csv").write_text("id,title,image_link,price,link\n7,Lamp,https://a.example/a.jpg,10,l\n")
    with pytest.raises(BadInput) as refused:
        planned("feed.csv")
    (problem,) = refused.value.problems
    assert str(problem).startswith("t.toml:1: products: the template calls `titel`")


def test_what_a_plan_leaves_out_stays_known(tmp_path: Path) -> None:
    """A product that was gone for a while is the one that it was; another world and other campaigns know nothing."""
    shelf = Shelf(open_store((tmp_path / "out").as_uri()), simulated=True)

    def submitted(source: str) -> list[tuple[str, str, int]]:
        with known_videos(shelf, "autumn") as before:
            plan = planned(source, before)
        keep_known(shelf, "autumn", plan, ("sku", "hook"))
        return jobs(plan)

    first = submitted(campaign("1,Lamp,10", "2,Mug,20"))
    alone = submitted(campaign("2,Cup,21"))
    assert submitted(campaign("1,Light,10", "2,Cap,21")) == [*first[:2], *alone]
    assert [seed for _, _, seed in alone] == [seed for _, _, seed in first[2:]]
    with known_videos(shelf, "winter") as before:
        assert before is None
    with known_videos(shelf, "autumn") as before:
        assert before is not None
        assert len(before.read_text().splitlines()) == 4
