"""The door for Python programs: what it refuses before anything starts; docs/python-api.md shows the whole way."""

import importlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

import producer
from jobs.errors import BadInput, BudgetMissing, KeyMissing, LedgerRefused, ProviderNotNamed, Refused
from producer import Producer


@pytest.fixture
def matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two prompts, and a folder of their own to work in."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "lamps.csv"
    file.write_text("prompt,hook\na {{ hook }} lamp,calm|bold\n")
    return file


@pytest.fixture
def rehearsal(matrix: Path) -> Iterator[Producer]:
    """A producer that buys nothing, with a store in the test's folder and no ledger."""
    with Producer(store="out", provider="segmind", simulate=True) as one:
        yield one


def test_every_name_has_a_home() -> None:
    """What the room offers is there, in order, and nothing else is."""
    assert producer.__all__ == sorted(producer.__all__)
    assert set(producer.__all__) == set(producer._HOMES)
    for name, home in producer._HOMES.items():
        assert getattr(producer, name) is getattr(importlib.import_module(home), name)
    with pytest.raises(AttributeError, match="Producr"):
        getattr(producer, "Producr")  # noqa: B009 - a misspelt name is the point


def test_a_plan_lives_as_long_as_its_producer(rehearsal: Producer, matrix: Path) -> None:
    """Planning spends nothing and takes the options of the command; closing removes what lies on this machine."""
    plan = rehearsal.plan(matrix, takes=2, where=[("hook", "calm")], campaign="spring")
    assert (plan.campaign, plan.variants, plan.simulated, rehearsal.simulated) == ("spring", 2, True, True)
    assert plan.path.is_file()
    rehearsal.close()
    assert not plan.path.exists()


def test_a_refresh_may_be_given_other_seeds(rehearsal: Producer, matrix: Path) -> None:
    """As with `--seeds`: of a campaign that says how its videos are known again, and of no other."""
    with pytest.raises(BadInput, match="does not say what a refresh is"):
        rehearsal.plan(matrix, seeds="rotate")
    refreshed = matrix.with_name("spring.toml")
    refreshed.write_text('rows = "lamps.csv"\nkey = ["hook"]\n')
    assert rehearsal.plan(refreshed, seeds="rotate").to_buy == 2


def test_a_budget_is_no_float(rehearsal: Producer, matrix: Path) -> None:
    """Whoever does not check types is told, too, before anything is queued."""
    with pytest.raises(TypeError, match="budget_usd is a Decimal"):
        rehearsal.submit(rehearsal.plan(matrix), budget_usd=0.1)  # type: ignore[arg-type]


def test_problems_come_with_their_places(rehearsal: Producer, matrix: Path) -> None:
    """Every problem of every row, as the command tells them."""
    matrix.write_text("prompt,duration\na lamp,7\na boat,ten\n")
    with pytest.raises(BadInput) as refused:
        rehearsal.plan(str(matrix))
    assert [(one.line, one.column) for one in refused.value.problems] == [(2, "duration"), (3, "duration")]


def test_spending_is_asked_for_by_name(matrix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No provider, no budget, no key: each refused before a ledger is looked for."""
    with Producer(store="out") as nobody, pytest.raises(ProviderNotNamed):
        nobody.submit(nobody.plan(matrix))
    with Producer(store="out", provider="segmind") as real:
        plan = real.plan(matrix)
        with pytest.raises(BudgetMissing):
            real.submit(plan)
        with pytest.raises(KeyMissing):
            real.submit(plan, budget_usd="12.50")
        monkeypatch.setenv("SEGMIND_API_KEY", "not-a-real-one")
        with pytest.raises(LedgerRefused, match="takes a ledger"):
            real.submit(plan, budget_usd=Decimal("12.50"))


def test_a_plan_is_submitted_where_it_was_made_for(rehearsal: Producer, matrix: Path) -> None:
    """A plan for another account is refused: its prices are not these, and its world may be real."""
    with Producer(store="out", provider="dashscope", simulate=True) as other, pytest.raises(Refused, match="dashscope"):
        other.submit(rehearsal.plan(matrix))


def test_what_needs_a_ledger_says_so(rehearsal: Producer) -> None:
    """Watching without one, and reading a campaign that nobody knows."""
    with pytest.raises(LedgerRefused, match="to watch takes a ledger"):
        next(rehearsal.watch("spring"))
    with pytest.raises(BadInput, match="no campaign 'spring'"):
        next(rehearsal.manifest("spring"))
    with pytest.raises(BadInput, match="no campaign 'spring'"):
        rehearsal.deliver("spring", "copies")
