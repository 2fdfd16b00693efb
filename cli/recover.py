"""`wanbatch recover`: a lost ledger is built anew from the store; nothing is bought until that is done."""

import click

from cli.halting import opened
from cli.options import places
from config.settings import load_settings
from jobs.errors import BadInput
from jobs.words import counted
from ledger import halt, recovery
from ledger.budgets import read_budgets
from ledger.jobs import Ledger
from ledger.shelf import Shelf
from producer.budgets import take
from producer.recover import check_lost, owns, recover
from producer.stored import Campaign, every, found, store_of


@click.command("recover")
@click.argument("campaign", required=False)
@click.option("--all", "everything", is_flag=True, help="Every campaign of the store that this ledger does not have.")
@places
def command(campaign: str | None, everything: bool, store: str | None, redis: str | None) -> None:
    """Rebuild the ledger of CAMPAIGN, or of all, from records, receipts and intents in the store.

    For when Redis was lost or emptied. Workers may run on: they buy nothing until it is done, then go on under the
    new ledger. If it breaks off, the same command finishes it. The old ledger must not come back beside the new one.
    """
    if bool(campaign) == everything:
        raise BadInput("say what to recover", hint="name a CAMPAIGN, or --all")
    settings = load_settings(store=store, redis=redis)
    objects = store_of(settings)
    names = [campaign] if campaign else every(objects)
    wanted = sorted((found(objects, name) for name in names), key=lambda one: one.file.created_at)
    shelves = [Shelf(objects, simulated=simulated) for simulated in (False, True)]
    with opened(settings, objects, "recover") as ledger:
        if campaign:
            check_lost(wanted[0].file, ledger)
        lost = [one for one in wanted if not owns(ledger, one.file)]
        if not lost and not recovery.under_way(ledger):
            click.echo("there is nothing to recover: this ledger has every campaign of the store")
            return
        recovery.begin(ledger)
        halt.bring_back(ledger, objects)
        for one in lost:
            _recover(one, ledger)
        for shelf in shelves:
            take(shelf, ledger, read_budgets(shelf).budgets)
        recovery.end(ledger)
    click.echo("workers that run go on by themselves; so does the command that started the campaign, when given again")


def _recover(campaign: Campaign, ledger: Ledger) -> None:
    counts = recover(campaign.file, ledger, campaign.shelf)
    told = ", ".join(f"{number:,} {state}" for state, number in sorted(counts.items()))
    state = "" if campaign.file.state == "running" else f" ({campaign.file.state})"
    click.echo(f"recovered {campaign.file.campaign}{state}: {counted(counts.total(), 'job')}: {told}")
