"""Budgets that campaigns share, where they are kept: the caps in the store, caps and sums in the ledger."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobs.budgets import PERIODS, Budget, Period, world_of
from jobs.errors import ObjectNotFound
from jobs.job import Noun
from jobs.money import to_uusd
from ledger.jobs import Ledger
from ledger.shelf import Shelf

FILE = "budgets.json"
#: The ledger's version from which on claims count to budgets; an older worker leaves such a ledger alone.
FIRST_VERSION = 2


class Budgets(Noun):
    """What the store remembers of one world's budgets. `epoch` is the ledger that keeps their sums; empty: none yet."""

    version: int = 1
    epoch: str = ""
    budgets: tuple[Budget, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget's day or month (`when`: 2026-11-29 or 2026-11), in micro-USD; None is what only a ledger knows."""

    budget: Budget
    period: Period
    when: str
    cap_uusd: int
    spent_uusd: int | None
    reserved_uusd: int | None
    doubt_uusd: int | None
    ends_at: datetime

    @property
    def left_uusd(self) -> int | None:
        """What may still be bought."""
        if self.spent_uusd is None or self.reserved_uusd is None or self.doubt_uusd is None:
            return None
        return self.cap_uusd - self.spent_uusd - self.reserved_uusd - self.doubt_uusd


def read_budgets(shelf: Shelf) -> Budgets:
    """The budgets that the store remembers."""
    try:
        return Budgets.model_validate_json(shelf.store.get(shelf.key(FILE)))
    except ObjectNotFound:
        return Budgets()


def write_budgets(shelf: Shelf, budgets: Budgets) -> None:
    """Make budgets outlive the ledger."""
    shelf.store.put(shelf.key(FILE), budgets.model_dump_json().encode())


def tell_budgets(
    ledger: Ledger, budgets: Sequence[Budget], before: Mapping[tuple[str, str], int], *, simulated: bool
) -> None:
    """Set a world's caps, in place of all that it had; they hold from the next claim of any worker on.

    `before` is what others than this ledger's claims cost, in micro-USD by date (or month) and name of the budget.
    """
    world = world_of(simulated=simulated)
    caps = {
        f"{period} {world}{budget.name}": to_uusd(usd)
        for budget in budgets
        for period in PERIODS
        if (usd := budget.usd(period)) is not None
    }
    told = {f"{when}:{world}{name}": uusd for (when, name), uusd in before.items()}
    ledger.call("budgets", world, json.dumps(caps), json.dumps(told))


def standings(ledger: Ledger, budgets: Sequence[Budget], now: datetime, *, simulated: bool) -> list[Standing]:
    """Where the caps stand in the day and the month of an instant, which `now_of` tells."""
    world = world_of(simulated=simulated)
    places = caps_in(budgets, now)
    pipe = ledger.client.pipeline(transaction=False)
    for budget, _, when, _ in places:
        pipe.hmget(f"wb:b:{when}:{world}{budget.name}", "before", "spent", "reserved", "doubt")
    found = []
    for (budget, period, when, cap), held in zip(places, pipe.execute() if places else (), strict=True):
        before, spent, reserved, doubt = (int(each or 0) for each in held)
        found.append(Standing(budget, period, when, cap, before + spent, reserved, doubt, end_of(period, now)))
    return found


def caps_in(budgets: Sequence[Budget], now: datetime) -> list[tuple[Budget, Period, str, int]]:
    """Every cap of the day and the month of an instant: whose, of what, of when, and how many micro-USD."""
    return [
        (budget, period, date_in(period, now), to_uusd(usd))
        for budget in budgets
        for period in PERIODS
        if (usd := budget.usd(period)) is not None
    ]


def is_told(ledger: Ledger, budgets: Sequence[Budget], now: datetime, *, simulated: bool) -> bool:
    """Whether the ledger knows what was bought before its time, in whatever began before it and is not over."""
    founded, _ = founding(ledger)
    world = world_of(simulated=simulated)
    older = [period for period in PERIODS if begin_of(period, now) < founded]
    pipe = ledger.client.pipeline(transaction=False)
    for budget in budgets:
        for period in older:
            pipe.hexists(f"wb:b:{date_in(period, now)}:{world}{budget.name}", "before")
    return all(pipe.execute()) if budgets and older else True


def founding(ledger: Ledger) -> tuple[datetime, int]:
    """When the ledger was founded, and by which version."""
    founded_ms, version = ledger.client.hmget("wb:meta", "founded_ms", "version")
    return datetime.fromtimestamp(int(founded_ms) / 1000, UTC), int(version or 1)


def now_of(ledger: Ledger) -> datetime:
    """The time by the ledger's own clock, which decides to which day and month a claim belongs."""
    seconds, micros = ledger.client.time()
    return datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(micros))


def date_in(period: Period, at: datetime) -> str:
    """The day or month of an instant, as the ledger writes it."""
    day = f"{at.astimezone(UTC):%Y-%m-%d}"
    return day if period == "day" else day[:7]


def begin_of(period: Period, at: datetime) -> datetime:
    """When the day or month of an instant began."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if period == "day" else midnight.replace(day=1)


def end_of(period: Period, at: datetime) -> datetime:
    """When it ends."""
    return begin_of(period, begin_of(period, at) + timedelta(days=1 if period == "day" else 32))


def short_by(ledger: Ledger, *, simulated: bool) -> dict[tuple[str, str], list[str]]:
    """Campaigns that wait for a cap now, by period and name of the budget."""
    found: dict[tuple[str, str], list[str]] = {}
    world = world_of(simulated=simulated)
    for name in ledger.client.zrange("wb:short", 0, -1):
        short = json.loads(ledger.client.hget(f"wb:c:{name}", "short") or "{}")
        if short.get("budget", "").startswith(world) and short["budget"].startswith("simulated/") == simulated:
            found.setdefault((short["period"], short["budget"].removeprefix(world)), []).append(name)
    return found
