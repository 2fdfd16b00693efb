"""What a person reads the morning after: sums that are the run's own, and what needs somebody first."""

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from jobs.lifecycle import State
from jobs.record import ManifestLine, NativeAmount, Trouble
from producer.digest import Before, Digest, Need, Tally, digest, needs_of
from tests.producer.test_manifest import VIDEO, joined, plan_line, purchase, record
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
        "simulated": False, "since": NIGHT, "spent_usd": Decimal("2.40"), "budget_usd": None,
        "in_doubt_usd": Decimal(0), "credits_left": None, "before": None, "papers": (),
    }  # fmt: skip
    needs = facts.pop("needs", ())
    return digest("spring", lines, needs=needs if callable(needs) else lambda _: needs, **given | facts)


def test_the_whole_morning() -> None:
    """Needs first; then bought, bad, price, credits, and what changed since the run before."""
    lines = [*(line(number) for number in range(4)), line(4, "refused"), line(5, "refused")]
    one = told(
        *lines,
        needs=[Need(2, "submits without an answer hold $1.25", "wanbatch reconcile spring"), Need(1, "look at it")],
        budget_usd=Decimal(30),
        in_doubt_usd=Decimal("1.25"),
        credits_left=(Decimal("118.0"), "credits"),
        before=Before(EARLIER, frozenset({"job-0", "job-1", "gone"})),
        papers=("/out/manifest.jsonl",),
    )
    assert one.text.splitlines() == [
        "spring: 3 need you: submits without an answer hold $1.25: `wanbatch reconcile spring`",
        "bought 4 of 6, $2.40 of $30.00 spent",
        f"2 refused (2 'brand name in prompt {'x' * 18}…')",
        "$0.60 a video",
        "118 credits left = 4.9 nights at this rate",
        "vs yesterday +2 -1",
        "1: look at it",
        "/out/manifest.jsonl",
    ]


@pytest.mark.parametrize(
    ("began", "said"),
    [
        # Nightly at two in Berlin, through the nights on which the clocks change.
        ("2026-11-20T01:00:00Z", "yesterday"),
        ("2026-11-20T03:10:00Z", "yesterday"),
        ("2026-11-14T02:00:00Z", "the run of 2026-11-14 02:00 UTC"),
        ("2026-11-21T01:30:00Z", "the run of 2026-11-21 01:30 UTC"),
    ],
)
def test_yesterday_is_a_day_ago(began: str, said: str) -> None:
    """A weekly run, or one that was begun by hand just now, is not called yesterday's."""
    before = Before(datetime.fromisoformat(began), frozenset({"job-1"}))
    assert told(line(1), line(2), before=before).lines[-1] == f"vs {said} +1 -0"


def test_a_refresh_counts_what_this_night_bought() -> None:
    """Videos of an earlier night are there, and are not its doing; credits are judged by this night alone."""
    old = [line(number, submitted_at=EARLIER) for number in range(3)]
    one = told(*old, line(9), credits_left=(Decimal(12), "USD"))
    assert one.lines == (
        "nothing needs you",
        "bought 1 of 1, $2.40 spent; 4 of 4 are there in all",
        "$0.60 a video",
        "$12.00 left = 20.0 nights at this rate",
    )
    assert told(*old).lines == ("nothing needs you", "bought nothing: all 3 were there already")


def test_what_is_not_as_ordered_needs_a_person_once() -> None:
    """The morning after; on later ones it is still told, and is no news."""
    odd = line(1).model_copy(update={"video": VIDEO})
    seen = status(facts={"unverified": 1}, done=2)
    needs = lambda tally: needs_of(seen, tally)  # noqa: E731 - one call
    assert told(odd, needs=needs).lines[0].startswith("1 needs you: not what was ordered: look at them")
    later = odd.model_copy(update={"purchases": line(1, submitted_at=EARLIER).purchases, "stored_at": EARLIER})
    assert told(later, line(2), needs=needs).lines[0] == "nothing needs you"
    assert "1 not what was ordered" in told(later, line(2), needs=needs).lines


def test_what_was_under_way_has_come_in_this_run() -> None:
    """The same command given again while videos are rendering: they are what was bought, not what was there."""
    one = told(line(1, submitted_at=EARLIER), line(2, submitted_at=EARLIER, stored_at=NIGHT, cost_usd="0.625"))
    assert one.lines[1:3] == ("bought 1 of 1, $2.40 spent; 2 of 2 are there in all", "$0.63 a video")


def test_an_unknown_cost_is_no_zero() -> None:
    """What a purchase cost is not known: the sum is a least one, and no price a video is made up."""
    unknown = line(1, cost_usd=None, cost_source="unknown")
    assert told(unknown, spent_usd=Decimal(0)).lines[1:] == ("bought 1 of 1, at least $0.00 spent",)


def test_a_spent_budget_is_told_with_the_one_that_would_do() -> None:
    """What is spent and what the rest may cost is in the command to paste; videos of other campaigns cost nothing."""
    waits = [joined(plan_line(), None), joined(plan_line(), None)]
    facts = {"parked": "the budget is spent", "parked_kind": "budget", "spent_usd": Decimal("0.625")}
    parked = status(facts=facts, parked=2)
    needs = lambda tally: needs_of(parked, tally)  # noqa: E731 - one call
    one = told(line(1), *waits, needs=needs, spent_usd=parked.spent_usd, budget_usd=Decimal(1))
    assert one.lines[:2] == (
        "2 need you: the budget is spent: `wanbatch adjust spring --budget 1.63`",
        "bought 1 of 3, $0.6250 of $1.00 spent",
    )


@pytest.mark.parametrize(
    ("facts", "counts", "needs"),
    [
        ({}, {"done": 3, "refused": 1}, []),
        ({"held": 2, "in_doubt_usd": Decimal("1.25")}, {"unknown": 2, "done": 1},
         [Need(2, "2 submits without an answer hold $1.25", "wanbatch reconcile spring")]),
        ({"parked": "out of credit", "parked_kind": "out_of_credit"}, {"parked": 7},
         [Need(7, "out of credit", "wanbatch resume spring")]),
        ({"parked": "the budget is spent", "parked_kind": "budget"}, {"parked": 7},
         [Need(7, "the budget is spent", "wanbatch adjust spring --budget 4.40")]),
        ({"troubles": ("the store is full",)}, {"queued": 3, "done": 1},
         [Need(3, "nothing goes on: the store is full")]),
        ({"surplus": 1, "unverified": 2}, {"done": 4},
         [Need(1, "paid for twice, since a lost task turned up: ask for a refund"),
          Need(2, "not what was ordered: look at them", "wanbatch report spring --open")]),
    ],
)  # fmt: skip
def test_what_needs_a_person(facts: dict[str, Any], counts: dict[str, int], needs: list[Need]) -> None:
    """Out of the ledger's status and the run's own lines, with the command to paste."""
    now = {"unverified_now": facts.get("unverified", 0)}
    assert needs_of(status(facts=facts, **counts), Tally(NIGHT, waiting_usd=Decimal("4.395"), **now)) == needs


def test_words_from_outside_stay_on_their_line() -> None:
    """A provider's words can neither end the subject of a mail nor drive a terminal."""
    need = needs_of(
        dataclasses.replace(status(parked=1), parked="no\r\nBcc: x@y.org\x1b[2J", parked_kind="charge"), Tally(NIGHT)
    )
    assert "\n" not in told(needs=need).subject
    assert "\x1b" not in told(needs=need).subject
    assert State.PARKED in status(parked=1).states
