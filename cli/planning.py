"""What is said of a plan before anything is bought."""

from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from decimal import Decimal
from typing import Any

from redis.exceptions import RedisError

from cli.caps import caps_lines, caps_of
from cli.credits import Credits, credits_json
from cli.pace import Takes, takes
from cli.places import ledger_of
from cli.progress import duration, tell
from cli.routing import routing_json, routing_lines, takes_routed
from config.settings import Settings
from jobs.errors import BadInput, WanbatchError
from jobs.money import shown
from jobs.words import counted, labels_text
from ledger.jobs import Ledger
from ledger.objects import ObjectStore
from ledger.shelf import Shelf
from producer.causes import Causes, causes
from producer.kinds import Cost
from producer.plan import Plan
from producer.stored import known, last_plan
from producer.world import World

#: How many repeats and refused rows are named one by one for a person; --json has more.
NAMED = 5
#: How many warnings are.
WARNINGS_NAMED = 20


def plan_lines(plan: Plan, world: World, store: ObjectStore, needs: Takes, why: Causes | None = None) -> Iterator[str]:
    """What a person should know before anything is bought: whose it is and where, what it makes and costs, and `why`
    (which is found out here unless it is given).
    """
    before = known(store, plan.campaign)
    yield f"{'KNOWN' if before else 'NEW'} campaign {plan.campaign} | {world.said} | store {store.url}"
    if plan.campaign_labels:
        yield f"labels {labels_text(plan.campaign_labels)}"
    if plan.read_as:
        yield f"read as {plan.read_as}"
    yield from _removed(plan)
    parts = [counted(plan.variants, "video") + ("" if plan.read_as else f" from {counted(plan.lines, 'row')}")]
    if plan.already_bought:
        parts.append(f"{plan.already_bought:,} {'is' if plan.already_bought == 1 else 'are'} there already")
    parts.append(f"{plan.to_buy:,} to make" if plan.to_buy else "nothing left to make")
    yield "; ".join(parts)
    if plan.to_buy:
        would = "would cost" if plan.simulated else "costs" if plan.cost_low_usd < plan.cost_high_usd else "costs up to"
        title = "the accounts below" if plan.routing else world.title
        price = f"{would} {_span(plan.cost_low_usd, plan.cost_high_usd)} at {title}"
        yield f"{price} (prices of {world.facts.price_as_of}); takes about {duration(needs.seconds)}"
        yield from (f"  {reason}" for reason in needs.because)
        yield from routing_lines(plan, needs)
    if plan.duplicates.count:
        alike = (
            f"line {line} = line {first}"
            if line != first
            else f"line {line}, whose `|` change nothing that is rendered"
            for first, line in plan.duplicates.first[:NAMED]
        )
        named = ", ".join(dict.fromkeys(alike))
        more = ", ..." if plan.duplicates.count > NAMED else ""
        yield f"{counted(plan.duplicates.count, 'repeat')} made only once: {named}{more}"
    yield from _media(plan)
    yield from _warnings(plan)
    if plan.refused_count:
        problems = counted(plan.refused_count, "problem")
        yield f"{problems}; the bad rows are left out, with their reasons: {plan.bad_rows_path}"
        yield from (f"  {problem}" for problem in plan.refused[:NAMED])
    if why is None and before is not None and plan.to_buy:
        why = causes_of(plan, store)
    if why is not None:
        yield from why.said()


def tell_plan(plan: Plan, world: World, store: ObjectStore, settings: Settings) -> None:
    """Tell a person all that, and what the plan asks of shared budgets, before it is bought."""
    for line in plan_lines(plan, world, store, takes_here(plan, world, store, settings)):
        tell(line)
    for line in caps_lines(caps_of(plan, store, settings), plan.to_buy):
        tell(line)


def _removed(plan: Plan) -> Iterator[str]:
    """What the campaign's own rules and its sample leave out."""
    for each in plan.removed:
        count = "some left out" if each.left_out is None else f"{each.left_out:,} left out"
        yield f"  {count} by {each.what} ({each.file}:{each.line})" + (f": {each.why}" if each.why else "")


def _media(plan: Plan) -> Iterator[str]:
    """How much was seen of the files that go in."""
    if plan.looked or plan.recalled:
        recalled = f", {plan.recalled:,} known from before and unchanged" if plan.recalled else ""
        yield f"{counted(plan.looked, 'file')} of media looked at{recalled}"
    if plan.unkept:
        yield f"what was seen of media is not remembered, and will be read anew: {plan.unkept}"
    if plan.unlooked:
        addresses = "1 address" if plan.unlooked == 1 else f"{plan.unlooked:,} addresses"
        yield f"{addresses} of media not looked at: no provider was named (--provider NAME looks, with --simulate too)"


def _warnings(plan: Plan) -> Iterator[str]:
    if plan.warnings_count:
        them = "it" if plan.warnings_count == 1 else "them"
        yield f"{counted(plan.warnings_count, 'warning')}; nothing is refused for {them}:"
        yield from (f"  {warning}" for warning in plan.warnings[:WARNINGS_NAMED])
        if plan.warnings_count > WARNINGS_NAMED:
            yield f"  ... and {plan.warnings_count - WARNINGS_NAMED:,} more; --json has the first 1,000"


def causes_of(plan: Plan, store: ObjectStore) -> Causes:
    """Why each video is to be bought, beside the campaign's last plan in the store."""
    shelf = Shelf(store, simulated=plan.simulated)
    try:
        with last_plan(shelf, plan.campaign) as before:
            return causes(plan.path, plan.bought, before, plan.key)
    except BadInput:
        # Its last plan is gone: then there is nothing to compare with.
        return causes(plan.path, plan.bought, None)


def elsewhere_lines(plan: Plan) -> Iterator[str]:
    """What the same videos would cost at others, the cheapest first; those that make only some of them last."""
    known = sorted(plan.elsewhere, key=lambda cost: (-cost.makes, cost.high_usd is None, cost.high_usd))
    for cost in known:
        some = "" if cost.makes == plan.to_buy else f" for the {cost.makes:,} that it makes"
        yield f"  elsewhere: {cost.title} {_span(cost.low_usd, cost.high_usd)}{some} (prices of {cost.price_as_of})"


def _span(low: Decimal | None, high: Decimal | None) -> str:
    if low is None or high is None:
        return "at prices that are not known"
    return shown(high) if low == high else f"{shown(low)} to {shown(high)}"


def plan_json(plan: Plan, world: World, why: Causes, left: Mapping[str, Credits], needs: Takes) -> dict[str, Any]:
    """The plan in the shape that scripts rely on; its ETA is in our own seconds."""
    here = Cost(
        plan.provider, world.facts.title, plan.to_buy, plan.cost_low_usd, plan.cost_high_usd,
        world.facts.price_as_of.isoformat(),
    )  # fmt: skip
    named = {account.facts.name for account in world.accounts}
    return {
        **plan.json(),
        "eta_s": round(needs.seconds, 1),
        "eta_because": list(needs.because),
        **routing_json(plan, needs),
        "to_buy_by_cause": why.json(),
        "no_longer_asked_for": why.gone,
        "no_longer_asked_for_first": [dict(cells) for cells in why.gone_first],
        "price_as_of": here.price_as_of,
        "providers": {cost.provider: cost.json() for cost in (*([here] if len(named) == 1 else []), *plan.elsewhere)},
        "credits": credits_json(plan, left),
    }


def takes_here(plan: Plan, world: World, store: ObjectStore, settings: Settings) -> Takes:
    """How long a plan takes by the ledger that is configured or runs now; as documented where none can be asked."""
    speed = settings.simulator_speed if world.simulated else 1.0
    with suppress(WanbatchError, RedisError):
        if plan.to_buy and (ledger := ledger_of(settings, store)):
            with closing(ledger):
                return _takes(plan, world, ledger, speed)
    return _takes(plan, world, None, speed)


def _takes(plan: Plan, world: World, ledger: Ledger | None, speed: float) -> Takes:
    if plan.routing is None:
        return takes(plan.to_buy, plan.renders, world.facts, world.buys_at.name, ledger, speed)
    return takes_routed(plan.routing, ledger, speed)
