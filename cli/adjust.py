"""`wanbatch adjust`: changes a campaign's share of its account, or its budget, while it runs."""

from decimal import Decimal

import click

from cli.halting import Whom, keep, opened, owned
from cli.options import Dollars, places, share
from config.accounts import Accounts
from config.settings import load_settings
from jobs.errors import BadInput
from jobs.money import shown
from ledger.shares import adjust, read_share, write_share
from producer.stored import known, store_of


@click.command("adjust")
@click.argument("campaign")
@share
@click.option("--budget", type=Dollars(), metavar="USD", help="The most this campaign may spend from now on.")
@places
def command(
    campaign: str,
    weight: float | None,
    priority: int | None,
    budget: Decimal | None,
    store: str | None,
    redis: str | None,
) -> None:
    """Change CAMPAIGN's share of the account that it shares with others, or its budget: within a second, everywhere."""
    if weight is None and priority is None and budget is None:
        raise BadInput("say what to change", hint="--weight W, --priority P or --budget USD")
    settings = load_settings(store=store, redis=redis)
    objects = store_of(settings)
    with opened(settings, objects, "adjust") as ledger:
        Whom(campaign, everything=False, provider=None, known=Accounts()).campaigns(ledger)
        owned(objects, campaign, ledger)
        adjust(ledger, campaign, weight=weight, priority=priority, budget_usd=budget)
        if budget is not None:
            keep(objects, campaign, ledger, budget_usd=budget)
        stored = known(objects, campaign)
        if stored is not None and (weight is not None or priority is not None):
            write_share(stored.shelf, campaign, read_share(stored.shelf, campaign).with_(weight, priority))
        status = ledger.status(campaign)
    said = [f"weight {weight:g}"] if weight is not None else []
    said += [f"priority {priority}"] if priority is not None else []
    said += [f"budget {shown(budget)}"] if budget is not None else []
    click.echo(f"adjusted {campaign}: {', '.join(said)}")
    if status is not None and status.parked:
        click.echo(f"{campaign} does not buy: {status.parked}")
