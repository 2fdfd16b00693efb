"""The canary: few videos that show the most, the same ones each time, and nothing else to buy."""

import dataclasses
import hashlib
from pathlib import Path

import pytest

from config.facts import load_facts
from ledger.objects import open_store
from ledger.shelf import Shelf, plan_ids
from producer.canary import canary_of, canary_plan, chosen, seen
from producer.plan import Plan, PlanOptions, iter_plan, make_plan
from providers.registry import provider


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """24 videos: three products, four hooks, two ratios."""
    monkeypatch.chdir(tmp_path)
    source = Path("m.csv")
    source.write_text('prompt,product,hook,aspect_ratio\n"{{ hook }} {{ product }}",a|b|c,1|2|3|4,16:9|9:16\n')
    return make_plan(
        source, options=PlanOptions(simulated=True), provider=provider("segmind"), facts=load_facts()["segmind"],
        bought=lambda _: frozenset(), spool=Path("spool"),
    )  # fmt: skip


def shelf_of(folder: Path) -> Shelf:
    """A store's simulated shelf."""
    return Shelf(open_store((folder / "out").as_uri()), simulated=True)


def test_it_shows_every_value_soon(plan: Plan) -> None:
    """Four videos show all four hooks, all products and both ratios; five are five."""
    lines = {line.job.job_id: line for line in iter_plan(plan.path)}
    first = [lines[job].variant for job in chosen(plan, 4)]
    assert {each["hook"] for each in first} == set("1234")
    assert {each["product"] for each in first} == set("abc")
    assert {each["aspect_ratio"] for each in first} == {"16:9", "9:16"}
    assert len(set(chosen(plan, 5))) == 5
    assert len(chosen(plan, 100)) == 24


def test_what_is_bought_is_no_canary(plan: Plan) -> None:
    """It is there already."""
    bought = frozenset(list(plan_ids(plan.path))[:20])
    assert not bought.intersection(chosen(dataclasses.replace(plan, bought=bought), 4))


def test_the_same_plan_keeps_its_canary(plan: Plan, tmp_path: Path) -> None:
    """However many are asked for the next time; another plan has another."""
    shelf = shelf_of(tmp_path)
    first = canary_of(plan, 3, shelf)
    assert canary_of(plan, 5, shelf) == first
    assert len(canary_of(dataclasses.replace(plan, sha256="0" * 64), 5, shelf).jobs) == 5


def test_its_plan_buys_nothing_else(plan: Plan, tmp_path: Path) -> None:
    """What is bought stays in it, so that the campaign is still the same."""
    bought = frozenset(list(plan_ids(plan.path))[:6])
    whole = dataclasses.replace(plan, bought=bought, to_buy=18)
    canary = canary_of(whole, 3, shelf_of(tmp_path))
    first = canary_plan(whole, canary)
    assert set(plan_ids(first.path)) == bought.union(canary.jobs)
    assert (first.variants, first.to_buy, first.already_bought) == (9, 3, 6)
    assert first.cost_high_usd == 3 * plan.cost_high_usd / 24
    assert hashlib.sha256(first.path.read_bytes()).hexdigest() == first.sha256 == first.path.stem
    assert [line.job.job_id for line in iter_plan(first.path)] == [
        job for job in plan_ids(plan.path) if job in bought.union(canary.jobs)
    ]


def test_what_has_not_ended_is_not_good(plan: Plan, tmp_path: Path) -> None:
    """And is told with its axes."""
    shelf = shelf_of(tmp_path)
    found = seen(plan, canary_of(plan, 2, shelf), shelf)
    assert [each.good for each in found] == [False, False]
    assert "hook=" in found[0].said
    assert found[0].said.endswith("not made yet")
