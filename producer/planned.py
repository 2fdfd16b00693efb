"""From what was asked for to a plan: the input opened or fetched, its media looked at, what the store has left out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path

from config.links import is_reachable
from config.settings import Settings
from jobs.deadline import HINT, Deadline
from jobs.errors import BadInput
from ledger.folders import PLAN, held_folder
from ledger.objects import ObjectStore, open_store
from ledger.shelf import Shelf
from producer.catalogs.address import fetched, shown_address
from producer.contents import Contents
from producer.encoding import Source
from producer.fetch import Web
from producer.known import known_videos
from producer.labels import read_labels
from producer.media import Media
from producer.plan import Plan, PlanOptions, base_of, make_plan
from producer.remembered import Remembered
from producer.rows import Seeds
from producer.sources import Sources
from producer.stored import s3_options
from producer.world import World
from providers.registry import provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be planned and how: the planning options of `plan`, `run` and `submit`, as they were given."""

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
    seeds: Seeds | None = None
    label: tuple[tuple[str, str], ...] = ()
    deadline: str | None = None


@contextmanager
def planned(asked: Asked, world: World, store: ObjectStore, settings: Settings) -> Iterator[Plan]:
    """The plan of the matrix; its file lasts as long as the block. Raises BadInput with every problem."""
    options = PlanOptions(
        simulated=world.simulated,
        campaign=asked.campaign,
        region=world.region,
        account=world.buys_at.name,
        seed_by=asked.seed_by,
        takes=asked.takes,
        price_usd=asked.price,
        limit=asked.limit,
        where=asked.where,
        skip_bad_rows=asked.skip_bad_rows,
        linked=_linked(store, world, settings),
        seeds=asked.seeds,
        labels=read_labels(asked.label),
        deadline=_deadline(asked.deadline),
        speed=settings.simulator_speed if world.simulated else 1.0,
    )
    shelf = Shelf(store, simulated=world.simulated)
    last = partial(known_videos, shelf)
    with held_folder(PLAN) as spool:
        source = _source(asked, world, spool)
        yield make_plan(
            source,
            options=options,
            provider=provider(world.facts.name, world.region),
            facts=world.facts,
            bought=shelf.ended,
            spool=spool,
            media=_media(world, "-" if isinstance(asked.matrix, str) else source, settings, spool, shelf),
            template=asked.template,
            name=shown_address(asked.matrix) if isinstance(asked.matrix, str) else None,
            also=world.accounts[1:],
            last=last,
            contents=Contents(shelf, last),
        )


def _deadline(said: str | None) -> Deadline | None:
    try:
        return None if said is None else Deadline.read(said)
    except ValueError:
        raise BadInput(f"--deadline: {said!r} is no time by which anything could be done", hint=HINT) from None


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
    return Media(web, sources, spool, Remembered(shelf), shelf)


def _linked(store: ObjectStore, world: World, settings: Settings) -> bool:
    """Whether the store can give a link that the provider can follow: S3 can, unless it stands in our own network."""
    if not store.url.startswith("s3://"):
        return False
    return world.simulated or settings.s3_endpoint is None or is_reachable(settings.s3_endpoint)
