"""What a person reads the morning after: sums that are the run's own, and what needs somebody first."""

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from jobs.lifecycle import State
from jobs.record import ManifestLine, NativeAmount, Trouble
from producer.digest import Digest, Need, digest, needs_of
from tests.producer.test_manifest import joined, plan_line, purchase, record
from tests.producer.test_watch import status

NIGHT = datetime(2026, 11, 21, 2, tzinfo=UTC)
EARLIER = datetime(2026, 11, 20, 2, tzinfo=UTC)


def line(number: int, state: str = "done", stored_at: datetime | None = None, **changes: Any) -> ManifestLine:
    """A job that was bought this night, in that state."""
    plan = plan_line()
    plan = plan.model_copy(update={"job": plan.job.model_copy(update={"job_id": f"job-{number}"})})
    bought = purchase(**{"cost_usd": "0.60", "cost_native": NativeAmount(amount=Decimal(6), unit="credits"), **changes})
    if state == "done":
        return joined(plan, record(plan, bought, video=None, stored_at=stored_at or bought.submitted_at))
    why = Trouble(kind="content_refused", code=None, message=f"brand name\nin prompt {'x' * 90}", hint="-")
    return joined(plan, record(plan, status=state, error=why, video=None))


def told(*lines: ManifestLine, **facts: Any) -> Digest:
    """The digest of those lines."""
    given: dict[str, Any] = {
        "simulated": False, "since": NIGHT, "needs": (), "budget_usd": None, "in_doubt_usd": Decimal(0),
        "credits_left": None, "before": None, "papers": (),
    }  # fmt: skip
    return digest("spring", lines, **given | facts)


def test_the_whole_morning() -> None:
    """Needs first; then bought, bad, price, credits, and what changed since the run before."""
    lines = [*(line(number) for number in range(4)), line(4, "refused"), line(5, "refused")]
    one = told(
        *lines,
        needs=[Need(2, "submits without an answer hold $1.25", "wanbatch reconcile spring"), Need(1, "look at it")],
        budget_usd=Decimal(30),
        in_doubt_usd=Decimal("1.25"),
        credits_left=(Decimal("118.0"), "credits"),
        before={"job-0", "job-1", "gone"},
        papers=("/out/manifest.jsonl",),
    )
    assert one.text.splitlines() == [
        "spring: 3 need you: submits without an answer hold $1.25: `wanbatch reconcile spring`",
        "bought 4 of 6, $2.40 of $30.00 spent",
        f"2 refused (2 'brand name in prompt {'x' * 18}…')",
        "$0.60 a video",
        "118 credits left = 4.9 nights at this rate",
        "vs the run before: +2 -1 videos",
        "1: look at it",
        "/out/manifest.jsonl",
    ]


def test_a_refresh_counts_what_this_night_bought() -> None:
    """Videos of an earlier night are there, and are not its doing; credits are judged by this night alone."""
    old = [line(number, submitted_at=EARLIER) for number in range(3)]
    one = told(*old, line(9), credits_left=(Decimal(12), "USD"))
    assert one.lines == (
        "nothing needs you",
        "bought 1 of 1, $2.40 spent; 4 of 4 are there in all",
        "$0.60 a video",
        "12 USD left = 20.0 nights at this rate",
    )
    assert told(*old).lines == ("nothing needs you", "bought nothing: all 3 were there already")


def test_what_was_under_way_has_come_in_this_run() -> None:
    """The same command given again while videos are rendering: they are what was bought, not what was there."""
    one = told(line(1, submitted_at=EARLIER), line(2, submitted_at=EARLIER, stored_at=NIGHT))
    assert one.lines[1:3] == ("bought 1 of 1, $1.20 spent; 2 of 2 are there in all", "$0.60 a video")


def test_an_unknown_cost_is_no_zero() -> None:
    """What a purchase cost is not known: the sum is a least one, and no price a video is made up."""
    assert told(line(1, cost_usd=None, cost_source="unknown")).lines[1:] == ("bought 1 of 1, at least $0.00 spent",)


@pytest.mark.parametrize(
    ("facts", "counts", "needs"),
    [
        ({}, {"done": 3, "refused": 1}, []),
        ({"held": 2, "in_doubt_usd": Decimal("1.25")}, {"unknown": 2, "done": 1},
         [Need(2, "2 submits without an answer hold $1.25", "wanbatch reconcile spring")]),
        ({"parked": "out of credit", "parked_kind": "out_of_credit"}, {"parked": 7},
         [Need(7, "out of credit", "wanbatch resume spring")]),
        ({"parked": "the budget is spent", "parked_kind": "budget"}, {"parked": 7},
         [Need(7, "the budget is spent", None)]),
        ({"troubles": ("the store is full",)}, {"queued": 3, "done": 1},
         [Need(3, "nothing goes on: the store is full")]),
        ({"surplus": 1, "unverified": 2}, {"done": 4},
         [Need(1, "paid for twice, since a lost task turned up: ask for a refund"),
          Need(2, "not what was ordered: look at them in the gallery")]),
    ],
)  # fmt: skip
def test_what_needs_a_person(facts: dict[str, Any], counts: dict[str, int], needs: list[Need]) -> None:
    """Out of the ledger's status, with the command to paste."""
    assert needs_of(status(facts=facts, **counts)) == needs


def test_words_from_outside_stay_on_their_line() -> None:
    """A provider's words can neither end the subject of a mail nor drive a terminal."""
    need = needs_of(dataclasses.replace(status(parked=1), parked="no\r\nBcc: x@y.org\x1b[2J", parked_kind="charge"))
    assert "\n" not in told(needs=need).subject
    assert "\x1b" not in told(needs=need).subject
    assert State.PARKED in status(parked=1).states
