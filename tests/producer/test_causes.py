"""Why videos are to be bought: column by column beside the campaign's last plan."""

import json
from collections.abc import Collection
from pathlib import Path

import pytest

from config.facts import load_facts
from producer.causes import Cause, causes
from producer.plan import Plan, PlanOptions, make_plan
from providers.registry import provider

HEADER = "prompt,product,price,market,duration\n"
WORDS = '"{{ product }} for {{ price }}"'


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def planned(*rows: str, seed_by: str = "job") -> Plan:
    """The plan of a matrix with these rows."""
    source = Path("m.csv")
    source.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return make_plan(
        source, options=PlanOptions(simulated=True, seed_by=seed_by), provider=provider("segmind"),
        facts=load_facts()["segmind"], bought=lambda _: frozenset(), spool=Path("spool"),
    )  # fmt: skip


def found(before: Plan, now: Plan, bought: Collection[str] = ()) -> tuple[dict[Cause, int], int]:
    """The causes and how many are gone."""
    told = causes(now.path, frozenset(bought), before.path)
    return dict(told.counts), told.gone


def rows(*prices: int, words: str = WORDS, market: str = "north", first: int = 0) -> list[str]:
    """A row a price."""
    return [f"{words},Lamp {first + at},{price},{market},5" for at, price in enumerate(prices)]


def test_without_a_plan_before_all_is_new() -> None:
    """And there is nothing to tell about it."""
    plan = planned(*rows(1, 2))
    told = causes(plan.path, frozenset(), None)
    assert dict(told.counts) == {Cause("new"): 2}
    assert list(told.said()) == []


def test_a_changed_column_is_named() -> None:
    """Whatever the template makes of it, and wherever the row stands now."""
    before = planned(*rows(1, 2, 3))
    now = planned(*rows(9, first=7), *rows(1, 20, 30))
    assert found(before, now) == ({Cause("changed", ("price",)): 2, Cause("new"): 1, Cause("waiting"): 1}, 0)
    told = causes(now.path, frozenset(), before.path)
    assert list(told.said()) == ["to make: 2 because `price` changed; 1 asked for before and not there yet; 1 new"]
    assert told.json()[0] == {"cause": "changed", "columns": ["price"], "count": 2}


def test_what_is_asked_for_no_more_is_named() -> None:
    """A row that went, not one that changed."""
    before = planned(*rows(1, 2, 3), *rows(*range(50, 60), first=20))
    told = causes(planned(*rows(1, 20)).path, frozenset(), before.path)
    assert told.gone == 11
    assert list(told.said())[1:3] == [
        "11 videos of the last plan no longer asked for; what is bought of them stays:",
        "  product=Lamp 2, price=3, market=north",
    ]
    assert list(told.said())[-1] == "  ..."
    assert len(told.gone_first) == 11


def test_words_settings_and_seeds() -> None:
    """A template that was rewritten, a setting, and what shares a seed."""
    before = planned(*rows(1, 2))
    assert found(before, planned(*rows(1, 2, words='"A {{ product }}, {{ price }}"'))) == (
        {Cause("changed", ("prompt",)): 2}, 0,
    )  # fmt: skip
    longer = [row.removesuffix("5") + "10" for row in rows(1, 2)]
    assert found(before, planned(*longer)) == ({Cause("changed", ("duration",)): 2}, 0)
    assert found(before, planned(*rows(1, 2), seed_by="market")) == ({Cause("changed", ("seed",)): 2}, 0)


def test_several_columns_at_once() -> None:
    """They are told of the row that stands where it stood."""
    now = planned(f"{WORDS},Jug,7,north,5", *rows(2, first=1))
    assert found(planned(*rows(1, 2)), now)[0] == {Cause("changed", ("price", "product")): 1, Cause("waiting"): 1}


def test_a_key_knows_a_row_again() -> None:
    """However much of it has changed, and wherever it stands; another product is new, however alike."""
    before = planned(*rows(1, 2))
    now = planned(f"{WORDS},Lamp 9,1,north,5", f"{WORDS},Lamp 1,7,south,5")
    told = causes(now.path, frozenset(), before.path, ("product",))
    assert dict(told.counts) == {Cause("new"): 1, Cause("changed", ("market", "price")): 1}
    assert [cells["product"] for cells in told.gone_first] == ["Lamp 0"]
    words = planned(*rows(1, 2, words='"A {{ product }}, {{ price }}"'))
    assert dict(causes(words.path, frozenset(), before.path, ("product",)).counts) == {Cause("changed", ("prompt",)): 2}


def test_what_is_bought_needs_no_cause() -> None:
    """Only what is still to buy is told."""
    plan = planned(*rows(1, 2))
    jobs = causes(plan.path, frozenset(), plan.path)
    assert dict(jobs.counts) == {Cause("waiting"): 2}
    told = found(plan, plan, bought=[line["job"]["job_id"] for line in _parsed(plan)])
    assert told == ({}, 0)


def test_more_than_are_compared_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the plan."""
    monkeypatch.setattr("producer.causes.COMPARED_MAX", 2)
    told, _ = found(planned(*rows(1, 2, 3)), planned(*rows(4, 5, 6)))
    assert told == {Cause("changed", ("price",)): 2, Cause("uncompared"): 1}


def _parsed(plan: Plan) -> list[dict[str, dict[str, str]]]:
    return [json.loads(line) for line in plan.path.read_text().splitlines()]
