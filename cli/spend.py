"""`wanbatch spend`: what was paid, over all campaigns of a store."""

import csv
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from cli.options import as_json, one_form, store
from cli.progress import tell
from cli.summary import print_json
from config.settings import load_settings
from jobs.errors import BadInput
from jobs.money import shown, usd_text
from jobs.words import counted
from ledger.shelf import Shelf
from producer.manifest import cell
from producer.spending import FACTS, Sum, labels_of, spent, sums
from producer.stored import Campaign, store_of


@click.command("spend")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only what was bought from that day (UTC) on.")
@click.option("--by", default="campaign", metavar="|".join((*FACTS, "COLUMN")), help="In what groups (campaign).")
@click.option("--simulated", is_flag=True, help="What rehearsals would have cost, in place of real money.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, alone, on stdout.")
@store
@as_json
def command(since: datetime | None, by: str, simulated: bool, as_csv: bool, store: str | None, as_json: bool) -> None:
    """Add up every purchase of every video that has ended, whichever campaign and ledger bought it."""
    one_form(as_json=as_json, as_csv=as_csv)
    shelf = Shelf(store_of(load_settings(store=store)), simulated=simulated)
    labels = None if by in FACTS else labels_of(_campaigns(shelf), by)
    if labels is not None and not labels:
        raise BadInput(f"no campaign has a column {by!r}", hint=f"group by {', '.join(FACTS)}, or by a column")
    groups = sums(spent(shelf, since.replace(tzinfo=UTC) if since else None), by, labels)
    if as_json:
        print_json({"by": by, "simulated": simulated, "groups": [_facts(by, *each) for each in groups.items()]})
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, (by, "videos", "purchases", "spent_usd", "unpriced"), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: cell(value) for name, value in _facts(by, *each).items()} for each in groups.items())
    else:
        _tell(groups, shelf)


def _campaigns(shelf: Shelf) -> Iterator[Campaign]:
    for name in shelf.campaigns():
        if (file := shelf.campaign(name)) is not None:
            yield Campaign(file, shelf)


def _facts(by: str, name: str, group: Sum) -> dict[str, object]:
    return {
        by: name,
        "videos": len(group.jobs),
        "purchases": group.purchases,
        "spent_usd": usd_text(group.spent_usd),
        "unpriced": group.unpriced,
    }


def _tell(groups: dict[str, Sum], shelf: Shelf) -> None:
    """A line a group, and the whole."""
    whole = Sum()
    width = max((len(name) for name in groups), default=0)
    for name, group in groups.items():
        whole.purchases += group.purchases
        whole.spent_usd += group.spent_usd
        whole.unpriced += group.unpriced
        click.echo(f"{name:{width}}  {shown(group.spent_usd):>12}  {_counts(group)}")
    world = " (simulated: no money)" if shelf.simulated else ""
    click.echo(f"{shown(whole.spent_usd)} in {counted(whole.purchases, 'purchase')}{world}")
    if whole.unpriced:
        tell(f"of {counted(whole.unpriced, 'purchase')} nobody knows the cost; see the manifests")
    if not groups:
        other = "nothing was rehearsed" if shelf.simulated else "nothing was bought with real money"
        hint = "--store names another one" + ("" if shelf.simulated else ", --simulated adds up rehearsals")
        tell(f"{other} in {shelf.store.url}; {hint}")


def _counts(group: Sum) -> str:
    more = f", {group.unpriced:,} of unknown cost" if group.unpriced else ""
    return f"{counted(len(group.jobs), 'video')}, {counted(group.purchases, 'purchase')}{more}"
