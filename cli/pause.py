"""`wanbatch pause`: stops buying within a second, on every machine; what is bought is still polled and collected."""

import click

from cli.halting import Whom, keep, opened, owned, whom
from cli.options import places
from config.accounts import Accounts
from config.settings import load_settings
from jobs.errors import BadInput
from jobs.lifecycle import State
from ledger.campaigns import MOVING
from ledger.halt import halt, remember
from ledger.jobs import Ledger
from ledger.objects import ObjectStore
from producer.stored import store_of


@click.command("pause")
@whom
@places
def command(campaign: str | None, everything: bool, provider: str | None, store: str | None, redis: str | None) -> None:
    """Stop buying for CAMPAIGN, a provider or everything. Renders under way are collected; `resume` goes on."""
    settings = load_settings(store=store, redis=redis)
    target = Whom(campaign, everything, provider, Accounts(settings.limits))
    objects = store_of(settings)
    with opened(settings, objects, "pause") as ledger:
        if target.campaign:
            _pause_campaign(target.campaign, target, ledger, objects)
        elif target.everything:
            halt(ledger, "pause", "everything")
            remember(objects, "pause", everything=True)
            click.echo("paused: nothing is bought; `wanbatch resume --all` goes on")
        else:
            for account in target.accounts():
                halt(ledger, "pause", "account", account)
            remember(objects, "pause", target.accounts())
            click.echo(f"paused: nothing is bought at {provider}; `wanbatch resume --provider {provider}` goes on")


def _pause_campaign(name: str, target: Whom, ledger: Ledger, store: ObjectStore) -> None:
    target.campaigns(ledger)
    owned(store, name, ledger)
    before = ledger.status(name)
    if before is not None and before.parked_kind == "cancelled":
        raise BadInput(f"{name} is cancelled, so there is nothing to pause")
    halt(ledger, "pause", "campaign", name)
    keep(store, name, ledger, state="paused")
    told = ledger.status(name)
    assert told is not None
    wait, moving = told.states.get(State.PARKED, 0), sum(told.states.get(state, 0) for state in MOVING)
    click.echo(
        f"paused {name}: {wait:,} wait, {moving:,} are bought and still collected; `wanbatch resume {name}` goes on"
    )
