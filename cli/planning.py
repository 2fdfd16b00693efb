"""What is said of a plan before anything is bought."""

from collections.abc import Iterator
from typing import Any

from cli.progress import duration
from config.settings import Settings
from jobs.money import shown
from jobs.words import counted
from ledger.objects import ObjectStore
from producer.plan import Plan
from producer.stored import known
from producer.world import World

#: How many repeats and refused rows are named one by one for a person; --json has more.
NAMED = 5
#: How many warnings are.
WARNINGS_NAMED = 20


def plan_lines(plan: Plan, world: World, store: ObjectStore, settings: Settings) -> Iterator[str]:
    """What a person should know before anything is bought: whose it is and where, then what it makes and costs."""
    state = "KNOWN" if known(store, plan.campaign) else "NEW"
    yield f"{state} campaign {plan.campaign} | {world.said} | store {store.url}"
    if plan.read_as:
        yield f"read as {plan.read_as}"
    yield from _removed(plan)
    parts = [counted(plan.variants, "video") + ("" if plan.read_as else f" from {counted(plan.lines, 'row')}")]
    if plan.already_bought:
        parts.append(f"{plan.already_bought:,} are there already")
    parts.append(f"{plan.to_buy:,} to make" if plan.to_buy else "nothing left to make")
    yield "; ".join(parts)
    if plan.to_buy:
        would = "would cost" if plan.simulated else "costs up to"
        price = f"{would} {shown(plan.cost_high_usd)} at {world.facts.title} (prices of {world.facts.price_as_of})"
        yield f"{price}; takes about {duration(real_eta_s(plan, settings))}"
    if plan.duplicates.count:
        named = ", ".join(f"line {line} = line {first}" for first, line in plan.duplicates.first[:NAMED])
        more = ", ..." if plan.duplicates.count > NAMED else ""
        yield f"{counted(plan.duplicates.count, 'repeat')} made only once: {named}{more}"
    if plan.looked or plan.recalled:
        yield f"{counted(plan.looked, 'file')} of media looked at, {plan.recalled:,} remembered from before"
    if plan.unlooked:
        addresses = "1 address" if plan.unlooked == 1 else f"{plan.unlooked:,} addresses"
        yield f"{addresses} of media not looked at: no provider was named (--provider NAME looks, with --simulate too)"
    yield from _warnings(plan)
    if plan.refused_count:
        problems = counted(plan.refused_count, "problem")
        yield f"{problems}; the bad rows are left out, with their reasons: {plan.bad_rows_path}"
        yield from (f"  {problem}" for problem in plan.refused[:NAMED])


def _removed(plan: Plan) -> Iterator[str]:
    """What the campaign's own rules and its sample leave out."""
    for each in plan.removed:
        count = "some left out" if each.left_out is None else f"{each.left_out:,} left out"
        yield f"  {count} by {each.what} ({each.file}:{each.line})" + (f": {each.why}" if each.why else "")


def _warnings(plan: Plan) -> Iterator[str]:
    if plan.warnings_count:
        yield f"{counted(plan.warnings_count, 'warning')}; nothing is refused for them:"
        yield from (f"  {warning}" for warning in plan.warnings[:WARNINGS_NAMED])
        if plan.warnings_count > WARNINGS_NAMED:
            yield f"  ... and {plan.warnings_count - WARNINGS_NAMED:,} more; --json has the first 1,000"


def plan_json(plan: Plan, settings: Settings) -> dict[str, Any]:
    """The plan in the shape that scripts rely on; its ETA is in our own seconds."""
    return {**plan.json(), "eta_s": round(real_eta_s(plan, settings), 1)}


def real_eta_s(plan: Plan, settings: Settings) -> float:
    """Seconds that the plan takes here: a simulated provider's clock runs faster than life."""
    return plan.eta_s / settings.simulator_speed if plan.simulated else plan.eta_s
