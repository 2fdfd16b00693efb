"""A campaign under way: from what the ledger says now and said before, to its pace, what is news, and how it ended.

Pure: the caller brings the snapshots and the time.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from jobs.lifecycle import State
from jobs.money import in_unit, shown
from ledger.campaigns import CampaignStatus

#: Seconds over which the pace is measured: long enough for batches of renders to even out.
PACE_WINDOW_S: Final = 60.0
#: Seconds before a pace is told at all.
PACE_AFTER_S: Final = 2.0
#: Reasons for parking that money cures: top up or raise the budget, then the same command goes on.
MONEY: Final = frozenset({"budget", "short", "out_of_credit", "credit_floor", "charge"})
#: States that end badly, or may have.
BAD: Final = (State.FAILED, State.REFUSED, State.UNKNOWN)

DONE, BAD_ENDS, KEY_REFUSED, OUT_OF_MONEY = 0, 3, 4, 5


@dataclass(frozen=True, slots=True)
class Progress:
    """What can be said now. `eta_s` and `videos_per_min` are None while there is too little to go by; `exit_code` is
    None until the campaign has settled; `news` are sentences that were not told before.
    """

    status: CampaignStatus
    videos_per_min: float | None
    eta_s: float | None
    exit_code: int | None
    news: tuple[str, ...]


@dataclass
class Watch:
    """Remembers enough of the past to tell the pace and what is new."""

    _seen: deque[tuple[float, int]] = field(default_factory=deque)
    _last: CampaignStatus | None = None

    def see(self, status: CampaignStatus, now_s: float) -> Progress:
        """Take in a snapshot at that instant (seconds of any steady clock)."""
        pace = self._pace(status.ended, now_s)
        news = tuple(_news(self._last, status))
        self._last = status
        open_jobs = status.total - status.ended - status.held - count(status, State.PARKED)
        eta = open_jobs / pace if pace else None
        if not open_jobs:
            eta = 0.0 if status.ended == status.total else None
        code = exit_code(status) if status.settled else None
        return Progress(status, pace * 60 if pace is not None else None, eta, code, news)

    def _pace(self, ended: int, now_s: float) -> float | None:
        """Jobs that end in a second, over the last window."""
        self._seen.append((now_s, ended))
        while len(self._seen) > 1 and now_s - self._seen[1][0] >= PACE_WINDOW_S:
            self._seen.popleft()
        since, before = self._seen[0]
        return (ended - before) / (now_s - since) if now_s - since >= PACE_AFTER_S else None


def exit_code(status: CampaignStatus) -> int:
    """The exit code of a settled campaign."""
    return ended_code(status.states, unverified=status.unverified, parked_kind=status.parked_kind)


def ended_code(states: Mapping[State, int], *, unverified: int, parked_kind: str | None) -> int:
    """The exit code for counts that will not change by themselves: what stopped it for money first, then bad ends.

    Jobs that a newer plan withdrew are no failure. A campaign that is parked for another reason has not done all.
    """
    parked = states.get(State.PARKED, 0)
    if parked and parked_kind in MONEY:
        return OUT_OF_MONEY
    if parked and parked_kind == "key_refused":
        return KEY_REFUSED
    if parked or unverified or parked_kind == "cancelled" or any(states.get(state) for state in BAD):
        return BAD_ENDS
    return DONE


def count(status: CampaignStatus, state: State) -> int:
    """How many of the campaign's jobs stand there."""
    return status.states.get(state, 0)


def next_step(code: int) -> str | None:
    """What a person does after a campaign has ended with this exit code; None when nothing is left to do."""
    return {
        BAD_ENDS: "not all of it is well: the gallery says of each what happened and what to do",
        KEY_REFUSED: "the provider refuses the key: set another, then the same command goes on",
        OUT_OF_MONEY: "stopped early for money: raise the budget (--budget, or the one named) or top up the account, "
        "then the same command goes on",
    }.get(code)


def _news(last: CampaignStatus | None, now: CampaignStatus) -> Iterator[str]:
    """What a person should hear about once, when it happens."""
    if now.parked and (last is None or last.parked != now.parked):
        yield f"nothing more is bought: {now.parked}"
    if last is not None and last.parked and not now.parked:
        yield "buying goes on"
    yield from (f"waiting: {trouble}" for trouble in now.troubles if last is None or not last.troubles)
    for state, words in (
        (State.FAILED, "failed"),
        (State.REFUSED, "refused by the provider"),
        (State.UNKNOWN, "submitted without an answer: what they bought is looked for"),
    ):
        more = count(now, state) - (count(last, state) if last else 0)
        if more > 0:
            yield f"{more} {words}"
    unverified = now.unverified - (last.unverified if last else 0)
    if unverified > 0:
        yield f"{unverified} not what was ordered: kept and marked"


def money_line(status: CampaignStatus) -> str:
    """Money and credits in one line for a person."""
    of = f" of {shown(status.budget_usd)}" if status.budget_usd is not None else ""
    parts = [f"spent {shown(status.spent_usd)}{of}", f"reserved {shown(status.reserved_usd)}"]
    if status.in_doubt_usd:
        parts.append(f"in doubt {shown(status.in_doubt_usd)}")
    if status.credits_remaining is not None:
        parts.append(f"credits left {in_unit(status.credits_remaining, status.credits_unit)}")
    return ", ".join(parts)
