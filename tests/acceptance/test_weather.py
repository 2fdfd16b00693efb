"""Bad weather at the provider, met by whole processes: what passes leaves no trace, what stays is told and counted."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.acceptance.driving import (
    Ended,
    Fleet,
    agree,
    billed_usd,
    bought_twice,
    good_videos,
    prompts_file,
    statuses,
    throttled,
)

JOBS = 40
SPEED = ("--speed", "120")
#: Seconds for which a throttled account is told to keep away, and those in which earlier submits may still arrive.
KEEP_AWAY_S, ON_THE_WIRE_S = 2.0, 0.3


def make(
    fleet: Fleet, *arguments: str, jobs: int = JOBS, provider: str = "segmind"
) -> tuple[Ended, list[dict[str, Any]]]:
    """Buy so many videos with one worker; how it ended, and the manifest."""
    prompts_file(fleet.folder / "lamps.txt", jobs)
    asked = ("submit", "lamps.txt", "--simulate", "--provider", provider, "--campaign", "lamps", *arguments)
    if not fleet.workers:
        fleet.hire()
    submitted = fleet.run(*asked)
    assert submitted.code == 0, submitted.err
    waited = fleet.run("wait", "lamps", "--timeout", "90", "--json")
    return waited, fleet.lines("lamps")


def faults(fleet: Fleet, *script: Mapping[str, Any]) -> None:
    """Let the provider's next requests of a kind go wrong."""
    for each in script:
        fleet.provider.tell("/_simulator/next", dict(each))


def bought_at(fleet: Fleet) -> list[float]:
    """The instants of all purchases by the provider's clock, as seconds of real time since 1970."""
    clock = fleet.provider.ask("/_simulator/clock")
    told = (datetime.fromisoformat(one["at"]).timestamp() for one in fleet.provider.purchases())
    return [clock["epoch"] + (at - clock["epoch"]) / clock["speed"] for at in told]


def test_throttling_spends_no_attempt(fleet: Callable[..., Fleet]) -> None:
    """A fifth of all calls is answered 429, without a Retry-After: everything is made, each at its first attempt."""
    made = fleet(*SPEED, "--p-429", "0.2")
    waited, lines = make(made)
    assert waited.code == 0, waited.out
    good_videos(lines)
    assert {line["attempts"] for line in lines} == {1}
    assert throttled(made.folder / "store")
    agree(made.provider, lines)


def test_retry_after_holds_the_whole_account(fleet: Callable[..., Fleet]) -> None:
    """Told to keep away, nobody submits anything until that time is over."""
    made = fleet(*SPEED)
    faults(made, {"on": "submit", "then": "429", "times": 1, "retry_after_s": KEEP_AWAY_S * 120})
    made.hire(2)
    waited, lines = make(made, jobs=20)
    assert waited.code == 0, waited.out
    (receipt,) = (json.loads(text) for text in throttled(made.folder / "store"))
    assert receipt["kind"] == "rate_limited"
    refused_at = datetime.fromisoformat(receipt["answered_at"]).timestamp()
    # What was on the wire already may still be taken; all else comes after the time that was asked for.
    later = [at - refused_at for at in bought_at(made) if at - refused_at > ON_THE_WIRE_S]
    assert len(later) > len(lines) / 2
    assert min(later) >= KEEP_AWAY_S - ON_THE_WIRE_S
    good_videos(lines)
    agree(made.provider, lines)


def test_what_passes_leaves_no_trace(fleet: Callable[..., Fleet]) -> None:
    """Polls that meet 5xx, resets and garbage, dead links, cut and foreign files: all is made, at one attempt."""
    made = fleet(*SPEED)
    faults(
        made,
        {"on": "status", "then": "502", "times": 20},
        {"on": "status", "then": "garbage", "times": 5},
        {"on": "status", "then": "reset_before", "times": 5},
        {"on": "result", "then": "500", "times": 5},
        {"on": "result", "then": "expired", "times": 3},
        {"on": "clip", "then": "truncated", "times": 2},
        {"on": "clip", "then": "html", "times": 2},
        {"on": "clip", "then": "503", "times": 2},
    )
    waited, lines = make(made)
    assert waited.code == 0, waited.out
    good_videos(lines)
    assert {line["attempts"] for line in lines} == {1}
    agree(made.provider, lines)


def test_failed_renders_are_bought_once_more_and_refused_prompts_never(fleet: Callable[..., Fleet]) -> None:
    """Unbilled failures get a second purchase and no third, refused prompts one only; exit 3, and each says why."""
    made = fleet(*SPEED, "--p-failed", "0.3", "--refuse-word", "number 7")
    waited, lines = make(made)
    assert waited.code == 3, waited.out
    counts = statuses(lines)
    assert (counts["refused"], counts.total()) == (1, JOBS), counts
    assert counts["failed"] > 0
    assert counts["done"] == JOBS - 1 - counts["failed"]
    for line in lines:
        sold = [one["state"] for one in line["purchases"]]
        if line["status"] == "done":
            assert sold in (["succeeded"], ["failed", "succeeded"])
        else:
            assert sold == (["failed"] if line["status"] == "refused" else ["failed", "failed"])
            assert line["error"]["message"]
            assert line["error"]["hint"]
            assert Decimal(line["cost_usd"] or 0) == 0
    assert sum(len(line["purchases"]) for line in lines) > JOBS
    agree(made.provider, lines)


def test_a_video_that_does_not_verify_is_kept_marked_and_counted_apart(fleet: Callable[..., Fleet]) -> None:
    """Files that stay cut short are stored with what is wrong with them; paid for, they are not bought again."""
    made = fleet(*SPEED, "--p-truncated", "0.15")
    waited, lines = make(made)
    assert waited.code == 3, waited.out
    marked = [line for line in lines if not line["video"]["verified"]]
    assert 0 < len(marked) < JOBS / 3
    assert all(line["status"] == "done" and line["video"]["problems"] for line in marked)
    assert any("not what was ordered: see the report" in need for need in waited.json["needs"])
    good_videos([line for line in lines if line["video"]["verified"]])
    assert all(len(line["purchases"]) == 1 for line in lines)
    agree(made.provider, lines)


def test_five_slots_are_always_full_and_never_passed(fleet: Callable[..., Fleet]) -> None:
    """DashScope takes five tasks at a time: two workers keep to that, and use all of it."""
    made = fleet("--speed", "200")
    made.hire(2)
    waited, lines = make(made, jobs=25, provider="dashscope")
    assert waited.code == 0, waited.out
    good_videos(lines)
    assert made.provider.ask("/_simulator/stats")["dashscope"]["peak_in_flight"] == 5
    agree(made.provider, lines)


def test_an_empty_account_fails_no_job(fleet: Callable[..., Fleet]) -> None:
    """Out of credit, buying stops with exit 5 and says to top up; what was bought is made, the rest is parked."""
    made = fleet(*SPEED, "--balance-usd", "5")
    waited, lines = make(made, jobs=20)
    assert waited.code == 5, waited.out
    assert statuses(lines) == {"done": 8, "parked": 12}
    assert billed_usd(made.provider.purchases()) == Decimal(5)
    assert waited.json["needs"]
    agree(made.provider, lines)


def test_lost_answers_are_found_and_never_bought_again(fleet: Callable[..., Fleet]) -> None:
    """The tasks of two submits whose answers were cut off are found and made; submitting again changes nothing."""
    made = fleet(*SPEED)
    faults(made, {"on": "submit", "then": "cut_after", "times": 1}, {"on": "submit", "then": "reset_after", "times": 1})
    for _ in range(2):
        waited, lines = make(made)
        assert waited.code == 0, waited.out
        assert statuses(lines) == {"done": JOBS}
        assert Decimal(waited.json["money_usd"]["in_doubt"]) == 0
        assert waited.json["needs"] == []
        agree(made.provider, lines)
        assert len(made.provider.purchases()) == JOBS
        assert bought_twice(made.provider.purchases()) == {}
        assert made.provider.violations() == []
