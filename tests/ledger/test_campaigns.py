"""What people are told of a campaign: counts, money, and why nothing is bought."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from jobs.lifecycle import State
from ledger.campaigns import CampaignStatus, instant, read_status
from ledger.live import read_live

HELD = {
    "account": "segmind",
    "provider": "segmind",
    "simulated": "0",
    "state": "running",
    "run_id": "20261121T120000-abc",
    "submitted_by": "ada",
    "created_ms": "1700000000123",
    "budget": "12500000",
    "reserved": "1250000",
    "spent": "625000",
    "doubt": "187500",
    "n:queued": "5",
    "n:rendering": "2",
    "n:done": "1",
    "n:unknown": "1",
}


def status(account: dict[str, str] | None = None, **changes: Any) -> CampaignStatus:
    """The status of such a campaign; a change to None drops the field."""
    held = {name: text for name, text in (HELD | changes).items() if text is not None}
    return read_status("spring", held, {"segmind": account or {}}, store="file:///store")


def test_counts_and_money_are_read_as_they_stand() -> None:
    """Micro-dollars become dollars, milliseconds UTC; what is not told is unknown and not zero."""
    told = status()
    assert told.total == 9
    assert told.ended == 1
    assert (told.budget_usd, told.reserved_usd, told.spent_usd, told.in_doubt_usd) == (
        Decimal("12.50"),
        Decimal("1.25"),
        Decimal("0.625"),
        Decimal("0.1875"),
    )
    assert told.created_at == datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)
    assert (told.credits_remaining, told.credits_unit, told.credits_at) == (None, None, None)
    assert not told.simulated
    assert not told.settled


def test_no_budget_is_none() -> None:
    """A campaign without a budget shows none, instead of nothing left to spend."""
    assert status(budget="").budget_usd is None
    assert status(budget=None).budget_usd is None


@pytest.mark.parametrize(
    ("account", "changes", "kind", "said"),
    [
        ({}, {"state": "paused"}, "paused", "the campaign is paused; `wanbatch resume spring` goes on"),
        ({}, {"parked_kind": "budget", "parked": "the budget is spent"}, "budget", "the budget is spent"),
        ({"parked_kind": "out_of_credit", "parked": "top up"}, {}, "out_of_credit", "top up"),
        ({"parked_kind": "charge", "parked": "x"}, {"parked_kind": "budget", "parked": "mine"}, "budget", "mine"),
        (
            {"parked_kind": "charge", "parked": "x"},
            {"state": "cancelled"},
            "cancelled",
            "the campaign is cancelled; `wanbatch resume spring` takes it up again",
        ),
    ],
)
def test_what_stops_buying_shows_as_parked(
    account: dict[str, str], changes: dict[str, str], kind: str, said: str
) -> None:
    """Queued jobs show as parked, with the campaign's own reason before its account's."""
    told = status(account, **changes)
    assert (told.parked_kind, told.parked) == (kind, said)
    assert (told.states[State.PARKED], told.states[State.QUEUED]) == (5, 0)
    assert told.total == 9
    assert told.needs[0].startswith(said)


def test_settled_means_that_nothing_moves_by_itself() -> None:
    """Parked and held jobs wait for a person; what is under way, looked for, or queued and free to go, does not."""
    quiet: dict[str, Any] = {"n:rendering": None, "state": "paused", "held": "1"}
    assert status(None, **quiet).settled
    assert not status(None, **quiet, **{"n:collecting": "1"}).settled
    assert not status(None, **(quiet | {"state": "running"})).settled
    assert not status(None, **(quiet | {"held": "0"})).settled


def test_needs_say_what_a_person_has_to_do() -> None:
    """Unknown submits with their money, and videos that are not what was ordered."""
    told = status(unverified="2", held="1", surplus="1")
    unproved, surplus, unverified = told.needs
    assert unproved.startswith("1 submit got no answer, and it cannot be proved what they bought ($0.1875 in doubt)")
    assert "`wanbatch retry spring --unknown`" in unproved
    assert surplus == "1 task turned up for jobs that were bought anew: ask for a refund"
    assert unverified == "2 videos not what was ordered: see the report"
    assert status(None).needs == []


def test_credits_are_a_balance_seen_at_an_instant() -> None:
    """The account's balance comes with its unit and its time."""
    seen = {"credits": "41.375", "credits_unit": "USD credits", "credits_ms": "1700000000000"}
    told = status(seen)
    assert (told.credits_remaining, told.credits_unit) == (Decimal("41.375"), "USD credits")
    assert told.credits_at == instant(1700000000000)


def test_a_zero_balance_is_not_unknown() -> None:
    """Nothing left is something known."""
    assert status({"credits": "0", "credits_unit": "USD", "credits_ms": "1"}).credits_remaining == Decimal(0)


@pytest.mark.parametrize(
    ("state", "shown"),
    [("queued", "queued"), ("claimed", "queued"), ("submitting", "rendering"), ("collecting", "rendering")],
)
def test_a_live_job_is_shown_in_the_manifests_words(state: str, shown: str) -> None:
    """Steps on the way are queued or rendering to a reader; trouble that is over is not shown."""
    row = [state, "an older trouble", "1", "4", None, "task", "1700000000000", "no task yet", None, "segmind", None]
    live = read_live(row, parked=False)
    assert live is not None
    assert (live.status, live.error, live.attempts, live.polls, live.task_id) == (shown, None, 1, 4, "task")
    assert live.submitted_at == instant(1700000000000)


def test_a_queued_job_of_a_parked_campaign_is_parked() -> None:
    """And a rendering one goes on rendering."""
    row: list[str | None] = [None] * 10
    queued, rendering = read_live(["queued", *row], parked=True), read_live(["rendering", *row], parked=True)
    assert queued is not None
    assert rendering is not None
    assert (queued.status, rendering.status) == ("parked", "rendering")
    assert read_live([None, *row], parked=True) is None


def test_an_unknown_job_says_why_and_what_to_do() -> None:
    """A held submit has an error with the next step."""
    live = read_live(
        ["unknown", "ReadTimeout", "0", "0", "[]", None, None, "no task yet", None, "segmind", None], parked=False
    )
    assert live is not None
    assert live.error is not None
    assert (live.error.kind, live.error.message) == ("submit_unknown", "ReadTimeout; no task yet")
    assert "the provider's own list" in live.error.hint
