"""From the command line's words to a plan, and what is said of it before anything is bought."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from cli.places import known, s3_options
from cli.progress import duration
from cli.world import World
from config.links import is_reachable
from config.settings import Settings
from jobs.money import shown
from jobs.words import counted
from ledger.objects import ObjectStore, open_store
from ledger.shelf import Shelf
from producer.catalogs.address import fetched, shown_address
from producer.encoding import Source
from producer.fetch import Web
from producer.media import Media
from producer.plan import Plan, PlanOptions, base_of, make_plan
from producer.remembered import Remembered, usual_folder
from producer.sources import Sources
from providers.registry import provider

#: How many repeats and refused rows are named one by one for a person; --json has more.
NAMED = 5
#: How many warnings are.
WARNINGS_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The planning options of `plan`, `run` and `submit`, as they were given."""

    matrix: Path | str
    template: Path | None
    provider: str | None
    simulate: bool
    campaign: str | None
    limit: int | None
    where: tuple[tuple[str, str], ...]
    seed_by: str
    takes: int
    price: Decimal | None
    skip_bad_rows: bool
    store: str | None


@contextmanager
def planned(asked: Asked, world: World, store: ObjectStore, settings: Settings) -> Iterator[Plan]:
    """The plan of the matrix; its file lasts as long as the block. Raises BadInput with every problem."""
    options = PlanOptions(
        simulated=world.simulated,
        campaign=asked.campaign,
        region=world.region,
        seed_by=asked.seed_by,
        takes=asked.takes,
        price_usd=asked.price,
        limit=asked.limit,
        where=asked.where,
        skip_bad_rows=asked.skip_bad_rows,
        linked=_linked(store, world, settings),
    )
    shelf = Shelf(store, simulated=world.simulated)
    with tempfile.TemporaryDirectory(prefix="wanbatch-plan-") as spool:
        source = _source(asked, world, Path(spool))
        yield make_plan(
            source,
            options=options,
            provider=provider(world.facts.name, world.region),
            facts=world.facts,
            bought=shelf.ended,
            spool=Path(spool),
            media=_media(world, "-" if isinstance(asked.matrix, str) else source, settings, Path(spool), shelf),
            template=asked.template,
            name=shown_address(asked.matrix) if isinstance(asked.matrix, str) else None,
        )


def _source(asked: Asked, world: World, spool: Path) -> Source:
    """The input on this machine; what lies on the web is fetched anew each time."""
    if isinstance(asked.matrix, str):
        return fetched(asked.matrix, spool, campaign=asked.campaign, public_only=not world.simulated)
    return "-" if str(asked.matrix) == "-" else asked.matrix


def _media(world: World, source: Source, settings: Settings, spool: Path, shelf: Shelf) -> Media:
    """How media are looked at: not at all where no provider is named, so that a first run needs no network. A real
    provider cannot reach private addresses, so neither may we.
    """
    web = Web(public_only=not world.simulated) if world.named else None
    sources = Sources(base_of(source), lambda name: open_store(f"s3://{name}", s3=s3_options(settings)))
    return Media(web, sources, spool, Remembered(usual_folder()), shelf)


def _linked(store: ObjectStore, world: World, settings: Settings) -> bool:
    """Whether the store can give a link that the provider can follow: S3 can, unless it stands in our own network."""
    if not store.url.startswith("s3://"):
        return False
    return world.simulated or settings.s3_endpoint is None or is_reachable(settings.s3_endpoint)


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
