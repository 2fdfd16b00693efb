"""What a person reads the morning after: what needs them first, then what was bought, at what price, and what is left.

Pure: the caller brings the manifest's lines, and what the ledger tells of the campaign.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Final, NamedTuple

from jobs.lifecycle import State
from jobs.money import in_unit, shown
from jobs.record import ManifestLine
from jobs.visible import visible
from jobs.words import counted
from ledger.campaigns import CampaignStatus

#: Reasons for parking that end with a command, once they are mended.
MENDED = frozenset({"breaker", "charge", "out_of_credit", "credit_floor", "key_refused"})
CENT: Final = Decimal("0.01")
#: How long before this run one began that was yesterday's: a day, as late as either may have been, through both clocks.
YESTERDAY: Final = (timedelta(hours=18), timedelta(hours=30))
#: Longest words of a provider that stand in the message.
CAUSE_CHARS = 40


@dataclass(frozen=True, slots=True)
class Need:
    """So many jobs wait for a person: why, and the command to paste where there is one."""

    jobs: int
    why: str
    command: str | None = None

    def text(self) -> str:
        """In one line."""
        why = visible(" ".join(self.why.split()))
        return why if self.command is None else f"{why}: `{self.command}`"


class Before(NamedTuple):
    """The run before: when it began, and the jobs that were done when it ended."""

    began: datetime
    done: frozenset[str]


@dataclass
class Tally:
    """A manifest's lines, added up. `since` is when the run began: what was there before is not its doing."""

    since: datetime
    total: int = 0
    there: int = 0
    to_make: int = 0
    made: int = 0
    unverified: int = 0
    #: Those of this run: whoever was told of the others last time needs not be told again.
    unverified_now: int = 0
    surplus: int = 0
    run_usd: Decimal = Decimal(0)
    run_priced: int = 0
    #: What those that wait to be bought may cost.
    waiting_usd: Decimal = Decimal(0)
    unpriced: int = 0
    states: Counter[str] = field(default_factory=Counter)
    causes: dict[str, Counter[str]] = field(default_factory=dict)
    #: Native money that this run's purchases took, by its unit.
    native: dict[str, Decimal] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)

    def see(self, line: ManifestLine) -> None:
        """Take in one line."""
        self.total += 1
        self.states[line.status] += 1
        # What was on its way when the same command was given again has come in this run.
        came = line.stored_at is not None and line.stored_at >= self.since
        now = [each for each in line.purchases if came or each.submitted_at >= self.since]
        before = line.status == "done" and not now
        self.there += line.status == "done"
        self.to_make += not before
        self.made += line.status == "done" and bool(now)
        amiss = line.video is not None and not line.video.verified
        self.unverified += amiss
        self.unverified_now += amiss and bool(now)
        self.surplus += sum(each.state == "surplus" for each in line.purchases)
        if line.status in (State.QUEUED, State.PARKED):
            self.waiting_usd += line.cost_usd_estimated
        self.unpriced += sum(each.cost_usd is None for each in line.purchases)
        for each in now:
            self.run_usd += each.cost_usd or 0
            self.run_priced += bool(each.cost_usd)
            if each.cost_native is not None:
                unit = each.cost_native.unit
                self.native[unit] = self.native.get(unit, Decimal(0)) + each.cost_native.amount
        if line.status in ("failed", "refused") and line.error is not None:
            self.causes.setdefault(line.status, Counter())[_cause(line.error.message)] += 1
        if line.status == "done":
            self.ids.add(line.job_id)


@dataclass(frozen=True, slots=True)
class Digest:
    """The message: `lines[0]` is what needs a person, or that nothing does. `papers` are where the rest lies."""

    campaign: str
    simulated: bool
    needs: tuple[Need, ...]
    lines: tuple[str, ...]
    papers: tuple[str, ...]

    @property
    def subject(self) -> str:
        """One line that tells it all: the campaign and what it needs."""
        world = " (simulated)" if self.simulated else ""
        return f"{self.campaign}{world}: {self.lines[0]}"

    @property
    def text(self) -> str:
        """The whole message."""
        return "\n".join((self.subject, *self.lines[1:], *self.papers))


def digest(
    campaign: str,
    lines: Iterable[ManifestLine],
    *,
    simulated: bool,
    since: datetime,
    needs: Callable[[Tally], Iterable[Need]],
    spent_usd: Decimal,
    budget_usd: Decimal | None,
    in_doubt_usd: Decimal,
    credits_left: tuple[Decimal, str] | None,
    before: Before | None,
    papers: Iterable[str],
) -> Digest:
    """Say it. `spent_usd` is the campaign's own, without what other campaigns paid for; `credits_left` is amount and
    unit; `before` is None without a run before.
    """
    tally = Tally(since)
    for line in lines:
        tally.see(line)
    wanted = tuple(needs(tally))
    told = [_needs(wanted), _bought(tally, spent_usd, budget_usd), *_bad(tally, in_doubt_usd), *_price(tally)]
    told += _credits(tally, credits_left)
    if before is not None:
        told.append(f"vs {_day(before.began, since)} +{len(tally.ids - before.done)} -{len(before.done - tally.ids)}")
    told += [f"{need.jobs:,}: {need.text()}" for need in wanted[1:]]
    return Digest(campaign, simulated, wanted, tuple(told), tuple(papers))


def needs_of(status: CampaignStatus, tally: Tally) -> list[Need]:
    """What the ledger says that a person has to do for the campaign, the most pressing first."""
    name, found = status.campaign, []
    waiting = status.total - status.ended - status.held
    found += [Need(waiting, f"nothing goes on: {trouble}") for trouble in status.troubles[:1]]
    if status.parked and (parked := status.states.get(State.PARKED, 0)):
        command = f"wanbatch resume {name}" if status.parked_kind in MENDED else None
        if status.parked_kind == "budget":
            enough_usd = status.spent_usd + status.reserved_usd + status.in_doubt_usd + tally.waiting_usd
            command = f"wanbatch adjust {name} --budget {enough_usd.quantize(CENT, ROUND_UP)}"
        found.append(Need(parked, status.parked, command))
    if status.held:
        why = f"{counted(status.held, 'submit')} without an answer hold {shown(status.in_doubt_usd)}"
        found.append(Need(status.held, why, f"wanbatch reconcile {name}"))
    if status.surplus:
        found.append(Need(status.surplus, "paid for twice, since a lost task turned up: ask for a refund"))
    if tally.unverified_now:
        found.append(Need(tally.unverified_now, "not what was ordered: look at them", f"wanbatch report {name} --open"))
    return found


def _needs(needs: tuple[Need, ...]) -> str:
    count = sum(need.jobs for need in needs)
    return f"{count:,} {'needs' if count == 1 else 'need'} you: {needs[0].text()}" if needs else "nothing needs you"


def _bought(tally: Tally, spent_usd: Decimal, budget_usd: Decimal | None) -> str:
    if not tally.to_make:
        return f"bought nothing: all {tally.there:,} were there already"
    known = "" if tally.to_make == tally.total else f"; {tally.there:,} of {tally.total:,} are there in all"
    at_least = "at least " if tally.unpriced else ""
    of = "" if budget_usd is None else f" of {shown(budget_usd)}"
    return f"bought {tally.made:,} of {tally.to_make:,}, {at_least}{shown(spent_usd)}{of} spent{known}"


def _bad(tally: Tally, in_doubt_usd: Decimal) -> Iterator[str]:
    """One line for what did not come, with the most frequent cause of each kind."""
    parts = [
        f"{tally.states[state]:,} {state}{_most(tally.causes.get(state))}"
        for state in ("refused", "failed")
        if tally.states[state]
    ]
    if tally.states["unknown"]:
        parts.append(f"{tally.states['unknown']:,} unknown holding {shown(in_doubt_usd)}")
    if tally.unverified:
        parts.append(f"{tally.unverified:,} not what was ordered")
    if tally.surplus:
        parts.append(f"{counted(tally.surplus, 'task')} too many")
    if parts:
        yield ", ".join(parts)


def _most(causes: Counter[str] | None) -> str:
    if not causes:
        return ""
    ((cause, number),) = causes.most_common(1)
    return f" ({number:,} '{cause}')"


def _price(tally: Tally) -> Iterator[str]:
    if tally.made and tally.run_priced:
        yield f"{shown((tally.run_usd / tally.made).quantize(CENT, ROUND_HALF_UP))} a video"


def _credits(tally: Tally, left: tuple[Decimal, str] | None) -> list[str]:
    """What is left, and for how many more nights like this one, where both are known in one unit."""
    if left is None:
        return []
    amount, unit = left
    used = tally.run_usd if unit.upper() == "USD" else tally.native.get(unit, Decimal(0))
    nights = f" = {(amount / used).quantize(Decimal('0.1')):,f} nights at this rate" if used > 0 else ""
    return [f"{in_unit(amount, unit)} left{nights}"]


def _day(before: datetime, since: datetime) -> str:
    least, most = YESTERDAY
    return "yesterday" if least <= since - before <= most else f"the run of {before:%Y-%m-%d %H:%M} UTC"


def _cause(words: str) -> str:
    """The provider's words, on one line and no longer than a line has room for."""
    text = visible(" ".join(words.split()))
    return text if len(text) <= CAUSE_CHARS else f"{text[: CAUSE_CHARS - 1]}…"
