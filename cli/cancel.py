"""`wanbatch cancel`: nothing more is bought; what can be is cancelled at the provider, the rest still collected."""

import sys
from collections.abc import Iterator

import click

from cli.halting import Whom, confirm, keep, opened, owned, whom
from cli.options import places
from cli.progress import tell
from config.accounts import Accounts
from config.settings import load_settings
from jobs.errors import Refused
from jobs.lifecycle import State
from jobs.money import shown
from jobs.words import counted
from ledger.campaigns import MOVING, CampaignStatus
from ledger.halt import BATCH, cancel
from ledger.jobs import Ledger
from ledger.objects import ObjectStore
from ledger.shelf import plan_ids
from producer.stored import known, store_of


@click.command("cancel")
@whom
@click.option("--yes", is_flag=True, help="Do not ask.")
@places
def command(
    campaign: str | None, everything: bool, provider: str | None, yes: bool, store: str | None, redis: str | None
) -> None:
    """Cancel CAMPAIGN, every campaign at a provider, or all: what is queued is never bought.

    Says first what is rendering and will still be billed. Where the provider can cancel a task that has not begun
    (DashScope), it is asked to.
    """
    settings = load_settings(store=store, redis=redis)
    target = Whom(campaign, everything, provider, Accounts(settings.limits))
    objects = store_of(settings)
    with opened(settings, objects, "cancel") as ledger:
        statuses = [status for name in target.campaigns(ledger) if (status := ledger.status(name))]
        for status in statuses:
            owned(objects, status.campaign, ledger)
            for line in _foretold(status):
                tell(line)
        confirm(
            f"Cancel {counted(len(statuses), 'campaign')}?",
            yes=yes,
            interactive=sys.stdin.isatty(),
            refuse=lambda: Refused("cancelling asks first, and nobody is at the terminal", "say --yes"),
        )
        for status in statuses:
            _cancel(status.campaign, ledger, objects)


def _foretold(status: CampaignStatus) -> Iterator[str]:
    """What will not be made, and what will be paid all the same."""
    waiting = status.states.get(State.QUEUED, 0) + status.states.get(State.PARKED, 0)
    moving = sum(status.states.get(state, 0) for state in MOVING)
    yield f"{status.campaign}: {waiting:,} that wait will not be made"
    if moving:
        yield f"  {moving:,} are under way, are still collected, and will be billed up to {shown(status.reserved_usd)}"
    if unknown := status.states.get(State.UNKNOWN, 0):
        yield f"  {unknown:,} were submitted without an answer and may be billed up to {shown(status.in_doubt_usd)}"


def _cancel(name: str, ledger: Ledger, store: ObjectStore) -> None:
    done = cancel(ledger, name)
    assert done is not None
    keep(store, name, ledger, state="cancelled")
    left = sum(ledger.withdraw(name, batch) for batch in _batches(name, store))
    parts = [f"cancelled {name}: {done.cancelled:,} are not made"]
    if handed := done.handed_over + left:
        parts.append(f"{handed:,} are left to other campaigns that want them")
    if done.asked:
        parts.append(f"{done.asked:,} are rendering; where the provider can, it is asked to cancel them")
    click.echo("; ".join(parts))


def _batches(name: str, store: ObjectStore) -> Iterator[list[str]]:
    """The jobs of the campaign's plan: of those that another campaign buys, this one wants none any more."""
    campaign = known(store, name)
    if campaign is not None:
        with campaign.shelf.plan(name, campaign.file.plan_sha256) as plan:
            ids = list(plan_ids(plan))
        yield from (ids[at : at + BATCH] for at in range(0, len(ids), BATCH))
