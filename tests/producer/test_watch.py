"""Watching a campaign: its pace, what is news, and the exit code that it ends with."""

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from jobs.lifecycle import State
from ledger.campaigns import CampaignStatus
from producer.watch import PACE_WINDOW_S, Watch, ended_code, exit_code, money_line, next_step

QUIET = CampaignStatus(
    campaign="spring",
    simulated=True,
    provider="segmind",
    account="simulated-segmind",
    store="file:///out",
    run_id="r1",
    submitted_by="me@here",
    created_at=datetime(2026, 11, 21, tzinfo=UTC),
    budget_usd=None,
    reserved_usd=Decimal(0),
    spent_usd=Decimal(0),
    in_doubt_usd=Decimal(0),
    parked=None,
    parked_kind=None,
    credits_remaining=None,
    credits_unit=None,
    credits_at=None,
)


def status(*, facts: dict[str, Any] | None = None, **counts: int) -> CampaignStatus:
    """A campaign with these counts by state, and with these facts changed."""
    return dataclasses.replace(QUIET, states={State(name): number for name, number in counts.items()}, **facts or {})


@pytest.mark.parametrize(
    ("counts", "unverified", "parked_kind", "code"),
    [
        ({"done": 5}, 0, None, 0),
        ({}, 0, None, 0),
        ({"done": 4, "cancelled": 1}, 0, None, 0),
        ({"done": 5}, 1, None, 3),
        ({"done": 4, "failed": 1}, 0, None, 3),
        ({"done": 4, "refused": 1}, 0, None, 3),
        ({"done": 4, "unknown": 1}, 0, None, 3),
        ({"done": 4, "parked": 1}, 0, "breaker", 3),
        ({"done": 4, "parked": 1}, 0, "paused", 3),
        ({"done": 4, "parked": 1}, 0, "key_refused", 4),
        ({"done": 4, "parked": 1}, 0, "budget", 5),
        ({"done": 4, "parked": 1}, 0, "out_of_credit", 5),
        ({"done": 4, "parked": 1}, 0, "charge", 5),
        ({"failed": 4, "parked": 1}, 2, "budget", 5),
        ({"done": 5, "parked": 0}, 0, "budget", 0),
        ({"failed": 1, "parked": 0}, 0, "out_of_credit", 3),
    ],
)
def test_exit_codes(counts: dict[str, int], unverified: int, parked_kind: str | None, code: int) -> None:
    """Money that stopped it comes before bad ends; what is parked for nothing parks no exit code."""
    states = {State(name): number for name, number in counts.items()}
    assert ended_code(states, unverified=unverified, parked_kind=parked_kind) == code


def test_a_campaign_under_way_has_no_exit_code() -> None:
    """Only what has settled has one."""
    watch = Watch()
    assert watch.see(status(done=1, rendering=1), 0).exit_code is None
    assert watch.see(status(done=2), 1).exit_code == 0
    assert exit_code(status(done=1, failed=1)) == 3


def test_parked_jobs_wait_for_those_on_their_way() -> None:
    """A campaign out of budget has settled only when its last render is collected."""
    parked = {"parked": "the budget is spent", "parked_kind": "budget"}
    watch = Watch()
    assert watch.see(status(done=1, rendering=1, parked=3, facts=parked), 0).exit_code is None
    assert watch.see(status(done=2, parked=3, facts=parked), 1).exit_code == 5


def test_the_pace_is_that_of_the_last_minute() -> None:
    """Ends of any kind in the last window, as videos a minute, and what is left at that pace."""
    watch = Watch()
    assert watch.see(status(rendering=30), 0).videos_per_min is None
    assert watch.see(status(done=2, rendering=28), 1).videos_per_min is None
    seen = watch.see(status(done=9, failed=1, rendering=20), 10)
    assert seen.videos_per_min == pytest.approx(60)
    assert seen.eta_s == pytest.approx(20)
    still = status(done=9, failed=1, rendering=20)
    watch.see(still, 11)
    later = watch.see(still, 11 + 2 * PACE_WINDOW_S)
    assert later.videos_per_min == 0
    assert later.eta_s is None


def test_what_is_held_is_not_waited_for() -> None:
    """The ETA leaves out what only a person can decide, and what is parked; left alone, there is none."""
    watch = Watch()
    watch.see(status(queued=14), 0)
    assert watch.see(status(done=9, queued=1, unknown=2, parked=2, facts={"held": 2}), 9).eta_s == pytest.approx(1)
    seen = watch.see(status(done=10, unknown=2, parked=2, facts={"held": 2}), 10)
    assert seen.eta_s is None


def test_news_is_told_once() -> None:
    """Parking, its end, and every further bad end: each when it happens."""
    watch = Watch()
    parked = {"parked": "the budget of $5.00 is spent", "parked_kind": "budget"}
    assert watch.see(status(queued=9), 0).news == ()
    assert watch.see(status(parked=9, facts=parked), 1).news == (
        "nothing more is bought: the budget of $5.00 is spent",
    )
    assert watch.see(status(parked=9, facts=parked), 2).news == ()
    assert watch.see(status(queued=9), 3).news == ("buying goes on",)
    assert watch.see(status(queued=6, failed=2, refused=1), 4).news == ("2 failed", "1 refused by the provider")
    assert watch.see(status(queued=5, failed=3, refused=1), 5).news == ("1 failed",)
    held = watch.see(status(queued=4, failed=3, refused=1, unknown=1, facts={"unverified": 2}), 6).news
    assert held == (
        "1 submitted without an answer: what they bought is looked for",
        "2 not what was ordered: kept and marked",
    )


def test_money_in_one_line() -> None:
    """Spent of the budget, reserved, in doubt, credits: what there is of it."""
    assert money_line(status()) == "spent $0.00, reserved $0.00"
    facts = {
        "budget_usd": Decimal(25),
        "spent_usd": Decimal("1.25"),
        "reserved_usd": Decimal("17.8125"),
        "in_doubt_usd": Decimal("0.50"),
        "credits_remaining": Decimal("9998.1250"),
        "credits_unit": "credits",
    }
    assert money_line(status(facts=facts)) == (
        "spent $1.25 of $25.00, reserved $17.8125, in doubt $0.50, credits left 9,998.125 credits"
    )


def test_every_exit_code_but_zero_has_a_next_step() -> None:
    """Nobody is left with a number alone."""
    assert next_step(0) is None
    assert all(next_step(code) for code in (3, 4, 5))
    assert "--budget" in str(next_step(5))
