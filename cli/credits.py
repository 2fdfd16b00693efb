"""What a plan needs of an account and what is left on it, as far as anybody knows."""

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from redis.exceptions import RedisError

from cli.places import ledger_of
from config.settings import Settings, provider_key
from jobs.errors import WanbatchError
from jobs.money import shown, usd_text
from ledger.balance import Balances
from ledger.objects import ObjectStore
from producer.fetch import balance
from producer.plan import Plan
from producer.world import World
from providers.accounts import open_real


class Credits(NamedTuple):
    """What is left on an account, in its unit, and when that was seen."""

    remaining: Decimal
    unit: str | None
    at: datetime


def credits_of(plan: Plan, world: World, store: ObjectStore, settings: Settings) -> Credits | None:
    """What is left: as the provider tells it now, where there is a key; else as the ledger last saw it; else None."""
    if not plan.to_buy:
        return None
    with suppress(WanbatchError):
        if not world.simulated and provider_key(world.facts) is not None:
            told, _ = balance(open_real(world.buys_at))
            if told is not None:
                return Credits(told.remaining, told.unit, datetime.fromtimestamp(time.time(), UTC))
    with suppress(WanbatchError, RedisError):
        if (ledger := ledger_of(settings, store)) is not None:
            try:
                seen = Balances(ledger).seen(world.account)
            finally:
                ledger.close()
            return None if seen is None else Credits(*seen)
    return None


def credits_lines(plan: Plan, left: Credits | None) -> Iterator[str]:
    """What the plan needs beside what is left, for a person."""
    if not plan.to_buy:
        return
    if left is None:
        if not plan.simulated:
            yield f"needs {shown(plan.cost_high_usd)} of credit; what is left at {plan.account} is not known here"
        return
    unit = f" {left.unit}" if left.unit else ""
    yield (
        f"needs {shown(plan.cost_high_usd)} of credit; {left.remaining:,f}{unit} left at {plan.account} "
        f"({left.at:%Y-%m-%d %H:%M} UTC)"
    )
    if left.remaining < plan.cost_high_usd and (left.unit or "USD").startswith("USD"):
        yield f"! {shown(plan.cost_high_usd - left.remaining)} are missing: top up, or it stops early, with exit code 5"


def credits_json(plan: Plan, left: Credits | None) -> dict[str, Any]:
    """The same for scripts."""
    seen = None
    if left is not None:
        at = left.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        seen = {"remaining": usd_text(left.remaining), "unit": left.unit, "at": at}
    return {"account": plan.account, "needed_usd": usd_text(plan.cost_high_usd), "left": seen}
