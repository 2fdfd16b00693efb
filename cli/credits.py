"""What a plan needs of an account and what is left on it, as far as anybody knows."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from redis.exceptions import RedisError

from cli.places import ledger_of
from config.accounts import AccountFacts
from config.settings import Settings, provider_key
from jobs.errors import WanbatchError
from jobs.money import in_unit, shown, usd_text
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


def credits_of(plan: Plan, world: World, store: ObjectStore, settings: Settings) -> dict[str, Credits]:
    """What is left, by account: as the provider tells it now, where there is a key; else as the ledger last saw it."""
    if not plan.to_buy:
        return {}
    found = {account.name: left for account in world.accounts if (left := _told(account))}
    with suppress(WanbatchError, RedisError):
        if (ledger := ledger_of(settings, store)) is not None:
            with closing(ledger):
                for name in world.names:
                    if name not in found and (seen := Balances(ledger).seen(name)):
                        found[name] = Credits(*seen)
    return found


def _told(account: AccountFacts) -> Credits | None:
    with suppress(WanbatchError):
        if not account.simulated and provider_key(account.facts) is not None:
            told, _ = balance(open_real(account))
            if told is not None:
                return Credits(told.remaining, told.unit, datetime.fromtimestamp(time.time(), UTC))
    return None


def _needed(plan: Plan) -> Iterator[tuple[str, Decimal]]:
    """What each account is to be spent of it."""
    if plan.routing is None:
        yield plan.account, plan.cost_high_usd
    else:
        yield from ((share.seller.name, share.high_usd) for share in plan.routing.split if share.makes)


def credits_lines(plan: Plan, found: Mapping[str, Credits]) -> Iterator[str]:
    """What the plan needs beside what is left, for a person."""
    for account, needed_usd in _needed(plan) if plan.to_buy else ():
        left = found.get(account)
        if left is None:
            if not plan.simulated:
                yield f"needs {shown(needed_usd)} of credit; what is left at {account} is not known here"
            continue
        yield (
            f"needs {shown(needed_usd)} of credit; {in_unit(left.remaining, left.unit)} left at {account} "
            f"({left.at:%Y-%m-%d %H:%M} UTC)"
        )
        if left.remaining < needed_usd and (left.unit or "USD").startswith("USD"):
            then = "it stops early, with exit code 5" if plan.routing is None else "others buy the rest"
            yield f"! {shown(needed_usd - left.remaining)} are missing: top up, or {then}"


def credits_json(plan: Plan, found: Mapping[str, Credits]) -> dict[str, Any]:
    """The same for scripts: the first account, and the others where there are any."""
    needed = dict(_needed(plan))
    first, *others = (_credit_json(name, needed.get(name, Decimal(0)), found.get(name)) for name in plan.accounts)
    return first | ({"others": others} if others else {})


def _credit_json(account: str, needed_usd: Decimal, left: Credits | None) -> dict[str, Any]:
    seen = None
    if left is not None:
        at = left.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        seen = {"remaining": usd_text(left.remaining), "unit": left.unit, "at": at}
    return {"account": account, "needed_usd": usd_text(needed_usd), "left": seen}
