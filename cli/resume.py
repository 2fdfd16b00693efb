"""`wanbatch resume`: goes on after a pause, a cancel, or whatever had parked a campaign or its account."""

import click

from cli.halting import Whom, keep, opened, owned, whom
from cli.options import places
from cli.progress import tell
from config.accounts import Accounts
from config.settings import load_settings
from ledger.halt import halt, remember
from ledger.jobs import Ledger
from ledger.objects import ObjectStore
from producer.counting import counted_of
from producer.enqueue import enqueue_plan
from producer.stored import found, store_of


@click.command("resume")
@whom
@places
def command(campaign: str | None, everything: bool, provider: str | None, store: str | None, redis: str | None) -> None:
    """Buy again for CAMPAIGN, a provider or everything.

    After a breaker, or an account's trouble, a single job goes first, and the others follow once it is well. A
    cancelled campaign queues again what its plan asks for. --all and --provider end the pauses of that kind;
    campaigns that were paused by their names stay so.
    """
    settings = load_settings(store=store, redis=redis)
    target = Whom(campaign, everything, provider, Accounts(settings.limits))
    objects = store_of(settings)
    with opened(settings, objects, "resume") as ledger:
        if target.campaign:
            _resume_campaign(target.campaign, target, ledger, objects)
        elif target.everything:
            halt(ledger, "resume", "everything")
            remember(objects, "resume", everything=True)
            click.echo("resumed: whatever is not paused by its name buys again")
        else:
            for account in target.accounts():
                halt(ledger, "resume", "account", account)
            remember(objects, "resume", target.accounts())
            click.echo(f"resumed: campaigns buy again at {provider}")
        for name in target.campaigns(ledger):
            status = ledger.status(name)
            if status and status.parked and status.parked_kind != "cancelled":
                tell(f"{name} does not buy yet: {status.parked}")


def _resume_campaign(name: str, target: Whom, ledger: Ledger, store: ObjectStore) -> None:
    target.campaigns(ledger)
    file = owned(store, name, ledger)
    before = ledger.status(name)
    halt(ledger, "resume", "campaign", name)
    keep(store, name, ledger, state="running")
    more = ""
    if file is not None and before is not None and before.parked_kind == "cancelled":
        campaign = found(store, name)
        with campaign.shelf.plan(name, file.plan_sha256) as plan:
            letters = enqueue_plan(plan, file, counted_of(file, campaign.shelf), ledger, campaign.shelf)
        more = f": {letters['r'] + letters['n']:,} are queued again"
    click.echo(f"resumed {name}{more}")
