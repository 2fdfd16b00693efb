"""`wanbatch deliver`: a campaign's videos where they are used, under names of their own, with feeds for ad systems."""

import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

import click

from cli.options import Where, as_json, campaign, store
from cli.progress import PLAIN_EVERY_S, tell
from cli.summary import print_json
from config.settings import load_settings
from jobs.words import counted
from producer.delivery.deliver import Delivery
from producer.delivery.feeds import FEEDS
from producer.delivery.ordering import Wish, delivered_as
from producer.delivery.pattern import USUAL
from producer.stored import found, store_of

#: How many videos that are left out, or refused by a feed, are named one by one; the list and --json have all.
NAMED: Final = 20
#: The exit code where some videos are not there, or not in a feed.
INCOMPLETE: Final = 3


@click.command("deliver")
@campaign
@click.option("--to", required=True, metavar="DIR|URL", help="A folder, or s3://bucket/prefix.")
@click.option("--name", "pattern", default=USUAL, metavar="PATTERN", help=f"What copies are called (default: {USUAL}).")
@click.option("--set", "fixed", type=Where(), multiple=True, help="A word for {COLUMN} that the matrix does not have.")
@click.option(
    "--where",
    type=Where(),
    multiple=True,
    help="Only videos with FIELD=VALUE, the fields of --name; several may stand.",
)
@click.option("--feed", "feeds", type=click.Choice(list(FEEDS)), multiple=True, help="A feed beside the copies.")
@click.option("--product-id", default="id", metavar="COLUMN", help="What a feed knows a product by (default: id).")
@click.option("--public-base-url", metavar="URL", help="Where the public finds the copies; feeds need it.")
@click.option("--ai-disclosure/--no-ai-disclosure", default=True, help="Whether copies say that a machine made them.")
@store
@as_json
def command(
    campaign: str,
    to: str,
    pattern: str,
    fixed: tuple[tuple[str, str], ...],
    where: tuple[tuple[str, str], ...],
    feeds: tuple[str, ...],
    product_id: str,
    public_base_url: str | None,
    ai_disclosure: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """Copy CAMPAIGN's videos to a folder or bucket under names of their own; the store itself stays as it is.

    A second time copies nothing that is there. Exit code 3: some videos are not there yet, or not in a feed.
    """
    settings = load_settings(store=store)
    wish = Wish(
        to=to,
        name=pattern,
        fixed=dict(fixed),
        where=where,
        feeds=feeds,
        product_id=product_id,
        public_base_url=public_base_url,
        ai_disclosure=ai_disclosure,
    )
    done = delivered_as(wish, found(store_of(settings), campaign), settings, each=now_and_then())
    if as_json:
        print_json(_json(campaign, done))
    else:
        _echo(done)
    return 0 if done.complete else INCOMPLETE


def now_and_then() -> Callable[[int, int], None]:
    """Say how far it is, every few seconds."""
    last_s = time.monotonic()

    def each(done: int, of: int) -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= PLAIN_EVERY_S:
            last_s = time.monotonic()
            tell(f"{done:,} of {of:,} copied")

    return each


def _json(campaign: str, done: Delivery) -> dict[str, Any]:
    """The delivery in the shape that scripts rely on; every video and every reason is in it."""
    return {
        "campaign": campaign,
        "copied": [copy.name for copy in done.copied],
        "there": [copy.name for copy in done.there],
        "left_out": [{"job_id": one.job_id, "line": one.line, "reason": one.reason} for one in done.left_out],
        "refused": {
            feed: [{"name": copy.name, "reason": getattr(copy, feed)} for copy in copies]
            for feed, copies in done.refused.items()
        },
        "files": done.papers,
    }


def _echo(done: Delivery) -> None:
    """The delivery for a person: counts, then what is not there and why, then where the papers lie."""
    if any(copy.simulated for copy in (*done.copied, *done.there)):
        tell("SIMULATED: these copies are a rehearsal, and no ad")
    there = f"; {counted(len(done.there), 'copy').replace('copys', 'copies')} with the same hash there already"
    click.echo(f"{counted(len(done.copied), 'video')} copied{there if done.there else ''}")
    _reasons("left out", [f"line {one.line}: {one.reason}" for one in done.left_out])
    for feed, copies in done.refused.items():
        _reasons(f"not in {FEEDS[feed].file}", [f"{copy.name}: {getattr(copy, feed)}" for copy in copies])
    for name, place in done.papers.items():
        click.echo(f"{name:<16}{place}")


def _reasons(what: str, reasons: Sequence[str]) -> None:
    """How many, and why of the first of them."""
    if reasons:
        tell(f"{counted(len(reasons), 'video')} {what}:")
        for reason in islice(reasons, NAMED):
            tell(f"  {reason}")
        if len(reasons) > NAMED:
            tell(f"  ... and {len(reasons) - NAMED:,} more; --json has all")
