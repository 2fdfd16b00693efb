"""What is said of a plan that may be bought at several accounts: each alone, and how it is shared out."""

from collections.abc import Iterator
from typing import Any

from cli.pace import Takes, takes
from cli.progress import duration
from jobs.money import shown, usd_text
from jobs.words import counted
from ledger.jobs import Ledger
from producer.plan import Plan
from producer.routing import Routing, Share


def takes_routed(routing: Routing, ledger: Ledger | None, speed: float) -> Takes:
    """How long the split takes: as long as the account that ends last; and each choice, by account."""
    alone = {share.seller.name: _takes(share, ledger, speed) for share in routing.alone}
    split = {share.seller.name: _takes(share, ledger, speed) for share in routing.split if share.makes}
    because = tuple(f"{name}: {why}" for name, each in split.items() for why in each.because)
    longest_s = max((each.seconds for each in split.values()), default=0.0)
    return Takes(longest_s, because, {name: each.seconds for name, each in alone.items()}, _seconds(split))


def _seconds(split: dict[str, Takes]) -> dict[str, float]:
    return {name: each.seconds for name, each in split.items()}


def _takes(share: Share, ledger: Ledger | None, speed: float) -> Takes:
    return takes(share.makes, share.renders, share.seller.facts, share.seller.name, ledger, speed)


def routing_lines(plan: Plan, needs: Takes) -> Iterator[str]:
    """Split, cost and time of each choice, for a person."""
    routing = plan.routing
    if routing is None:
        return
    for share in routing.split:
        if share.makes:
            yield f"  {_said(share, needs.split_s[share.seller.name])} (prices of {share.seller.facts.price_as_of})"
    for share in routing.alone:
        some = "" if share.makes == plan.to_buy else f", which makes {counted(share.makes, 'video')} of them"
        yield f"  alone: {_said(share, needs.alone_s[share.seller.name])}{some}"
    if plan.deadline is not None and not routing.in_time:
        yield f"! not all of it can be done by the deadline of {plan.deadline.said}: every account buys what it can"
    if routing.most_usd > plan.cost_high_usd:
        yield f"  up to {shown(routing.most_usd)}, where those that ask less cannot buy"


def _said(share: Share, seconds: float) -> str:
    return f"{share.seller.name}: {share.makes:,} for {shown(share.high_usd)} in about {duration(seconds)}"


def routing_json(plan: Plan, needs: Takes) -> dict[str, Any]:
    """The same for scripts; nothing where there is one account."""
    routing = plan.routing
    if routing is None:
        return {}
    return {
        "split": [_json(share, needs.split_s[share.seller.name]) for share in routing.split if share.makes],
        "alone": [_json(share, needs.alone_s[share.seller.name]) for share in routing.alone],
        "in_time": routing.in_time,
    }


def _json(share: Share, seconds: float) -> dict[str, Any]:
    cost = {"low": usd_text(share.low_usd), "high": usd_text(share.high_usd)}
    facts = share.seller.facts
    return {
        "account": share.seller.name,
        "provider": facts.name,
        "makes": share.makes,
        "cost_usd": cost,
        "eta_s": round(seconds, 1),
        "price_as_of": facts.price_as_of.isoformat(),
    }
