"""The budgets that a plan's videos count to: what they need beside what is left, and where that would stop it."""

from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from redis.exceptions import RedisError

from cli.places import ledger_of
from config.settings import Settings
from jobs.budgets import Budget, world_of
from jobs.errors import WanbatchError
from jobs.money import from_uusd, shown, usd_text
from jobs.words import counted
from ledger.budgets import Standing, caps_in, end_of, now_of, read_budgets, standings
from ledger.objects import ObjectStore
from ledger.shelf import Shelf
from producer.counting import RowBudgets, batched_rows
from producer.plan import Plan


class Cap(NamedTuple):
    """A cap to which so many of a plan's videos count, and what they need of it at most."""

    standing: Standing
    videos: int
    needs_uusd: int


class Caps(NamedTuple):
    """All of them, and after how many videos the first one is used up, which it is."""

    caps: tuple[Cap, ...] = ()
    stops_after: int | None = None
    stopped_by: Standing | None = None


def caps_of(plan: Plan, store: ObjectStore, settings: Settings) -> Caps:
    """The budgets of the store that the plan's videos count to, as far as is known here what is left of them."""
    shelf = Shelf(store, simulated=plan.simulated)
    budgets = read_budgets(shelf).budgets if plan.to_buy else ()
    if not budgets:
        return Caps()
    stand = _standings(budgets, shelf, settings)
    counts = RowBudgets(
        budgets,
        columns=(*plan.axes, *plan.labels),
        labels=plan.campaign_labels,
        submitted_by=settings.submitted_by,
        simulated=plan.simulated,
    )
    world = world_of(simulated=plan.simulated)
    needs, videos = dict.fromkeys(range(len(stand)), 0), dict.fromkeys(range(len(stand)), 0)
    stops_after, stopped_by = None, None
    rows = (row for batch in batched_rows(plan.path, counts) for row in batch if row.id not in plan.bought)
    for before, row in enumerate(rows):
        names = {name.removeprefix(world) for name in (row.budgets or counts.usual).split("\t")}
        for at, one in enumerate(stand):
            if one.budget.name in names:
                needs[at], videos[at] = needs[at] + row.price, videos[at] + 1
                most = one.cap_uusd if one.left_uusd is None else one.left_uusd
                if stopped_by is None and needs[at] > most:
                    stops_after, stopped_by = before, one
    caps = tuple(Cap(one, videos[at], needs[at]) for at, one in enumerate(stand) if videos[at])
    return Caps(caps, stops_after, stopped_by)


def _standings(budgets: tuple[Budget, ...], shelf: Shelf, settings: Settings) -> list[Standing]:
    """As the ledger has them; where none can be asked, what counts to them is not added up for a plan."""
    with suppress(WanbatchError, RedisError):
        if (ledger := ledger_of(settings, shelf.store)) is not None:
            with closing(ledger):
                if ledger.epoch:
                    return standings(ledger, budgets, now_of(ledger), simulated=shelf.simulated)
    now = datetime.now(UTC)
    return [
        Standing(budget, period, when, cap, None, None, None, end_of(period, now))
        for budget, period, when, cap in caps_in(budgets, now)
    ]


def caps_lines(found: Caps, to_buy: int) -> Iterator[str]:
    """For a person: a line a cap, and where the first one would stop it."""
    for cap in found.caps:
        one = cap.standing
        left = f"{shown(from_uusd(one.cap_uusd))} a {one.period}; what is left of it, only a running ledger knows"
        if one.left_uusd is not None:
            left = f"{shown(from_uusd(one.left_uusd))} left of {shown(from_uusd(one.cap_uusd))} this {one.period}"
        yield f"shared budget {one.budget.name}: asks {shown(from_uusd(cap.needs_uusd))} of {left}"
    stop = found.stopped_by
    if stop is not None:
        least = "at most" if stop.left_uusd is None else "about"
        yield (
            f"! {least} {found.stops_after:,} of {counted(to_buy, 'video')} fit into the {stop.period} of "
            f"{stop.budget.name}: the rest waits until {stop.ends_at:%Y-%m-%d %H:%M} UTC, or for "
            f"`wanbatch budget set '{stop.budget.name}' --{stop.period} USD`"
        )


def caps_json(found: Caps) -> dict[str, Any]:
    """The same for scripts, where there are budgets; what is not known here is null."""
    if not found.caps:
        return {}
    caps = [
        {
            "budget": one.budget.name,
            "period": one.period,
            "ends_at": one.ends_at.isoformat().replace("+00:00", "Z"),
            "cap_usd": usd_text(from_uusd(one.cap_uusd)),
            "left_usd": None if one.left_uusd is None else usd_text(from_uusd(one.left_uusd)),
            "needs_usd": usd_text(from_uusd(needs_uusd)),
            "videos": videos,
        }
        for one, videos, needs_uusd in found.caps
    ]
    return {"shared_budgets": caps, "fits_shared_budgets": found.stops_after}
