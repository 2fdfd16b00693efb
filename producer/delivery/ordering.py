"""From what was asked for to a delivery: its order, checked against the campaign's own columns, and its place."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.settings import Settings
from jobs.errors import BadInput
from ledger.objects import ObjectStore, open_store
from producer.delivery.deliver import Delivery, Order, deliver
from producer.delivery.feeds import FEEDS, Feed
from producer.delivery.only import Only
from producer.delivery.pattern import USUAL, Pattern
from producer.lines import manifest_lines
from producer.stored import Campaign, s3_options


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Where copies go, what they are called, and which feeds are made of them, as it was asked for."""

    to: str
    name: str = USUAL
    fixed: Mapping[str, str] = field(default_factory=dict)
    where: Iterable[tuple[str, str]] = ()
    feeds: Iterable[str] = ()
    product_id: str = "id"
    public_base_url: str | None = None
    ai_disclosure: bool = True


def delivered_as(
    wish: Wish, campaign: Campaign, settings: Settings, *, each: Callable[[int, int], None] = lambda _done, _of: None
) -> Delivery:
    """Deliver a campaign's videos as they are in the store now. Raises BadInput or Refused with nothing copied."""
    file = campaign.file
    columns = (*file.axes, *file.labels)
    feeds = tuple(map(_feed, dict.fromkeys(wish.feeds)))
    if feeds and not file.simulated and wish.product_id not in columns:
        hint = f"its columns: {', '.join(columns) or 'none'}; name one with --product-id COLUMN"
        raise BadInput(f"{file.source} has no column {wish.product_id!r} for the products' ids", hint=hint)
    order = Order(
        campaign=file.campaign,
        source=file.source,
        pattern=Pattern(wish.name, columns, wish.fixed),
        only=Only(wish.where, columns),
        disclose=wish.ai_disclosure,
        feeds=feeds,
        product_column=wish.product_id,
        public_base_url=wish.public_base_url,
    )
    return deliver(manifest_lines(campaign, None), campaign.shelf, _place(wish.to, settings), order, each=each)


def _feed(name: str) -> Feed:
    if name not in FEEDS:
        raise BadInput(f"there is no feed {name!r}", hint=f"it is one of {', '.join(FEEDS)}")
    return FEEDS[name]


def _place(to: str, settings: Settings) -> ObjectStore:
    """The folder or bucket of that name; a bucket is reached as the store's own settings say."""
    if re.match("[a-z0-9]+://", to):
        return open_store(to.rstrip("/"), s3=s3_options(settings))
    if not to.strip():
        raise BadInput("--to names no place", hint="write a folder, or s3://bucket/prefix")
    return open_store(Path(to).absolute().as_uri())
