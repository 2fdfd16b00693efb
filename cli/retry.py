"""`wanbatch retry`: buys anew what a person wants again, after saying what that costs and what may be paid twice."""

import sys
from collections.abc import Sequence

import click

from cli.halting import confirm, opened, owned
from cli.options import campaign, places
from cli.progress import tell
from config.settings import load_settings
from jobs.errors import BadInput, Refused
from jobs.lifecycle import State
from jobs.money import from_uusd, shown
from jobs.words import counted
from ledger.campaigns import CampaignStatus
from ledger.jobs import Ledger
from producer import retry
from producer.lines import plan_lines
from producer.stored import Campaign, found, store_of


@click.command("retry")
@campaign
@click.option("--failed", is_flag=True, help="Jobs that failed; what the provider refused for its content is not.")
@click.option("--unknown", is_flag=True, help="Jobs whose submit got no answer, and of which nothing could be proved.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@places
def command(campaign: str, failed: bool, unknown: bool, yes: bool, store: str | None, redis: str | None) -> None:
    """Buy CAMPAIGN's failed or unknown videos anew, by the workers that serve it.

    Says first what that may cost, and how much of it may have been paid for them already.
    """
    if failed == unknown:
        raise BadInput("say which jobs are to be bought anew", hint="give --failed, or --unknown")
    settings = load_settings(store=store, redis=redis)
    objects = store_of(settings)
    with opened(settings, objects, "retry") as ledger:
        status = _going_on(campaign, ledger)
        owned(objects, campaign, ledger)
        stored = found(objects, campaign)
        again = _wanted(stored, ledger, failed=failed)
        _foretell(again, status, failed=failed)
        if not again:
            return
        confirm(
            f"Buy {counted(len(again), 'video')} anew?",
            yes=yes,
            interactive=sys.stdin.isatty(),
            refuse=lambda: Refused("buying anew asks first, and nobody is at the terminal", "say --yes"),
        )
        if failed:
            queued = sum(retry.retry_failed(each, ledger, stored.shelf) for each in again)
        else:
            queued = sum(retry.retry_held(each, ledger, stored.shelf) for each in again)
    click.echo(f"{counted(queued, 'video')} of {campaign} queued again")
    if status.parked:
        tell(f"nothing is bought yet: {status.parked}")


def _going_on(name: str, ledger: Ledger) -> CampaignStatus:
    """The campaign, which must be known and not cancelled."""
    status = ledger.status(name)
    if status is None:
        raise BadInput(f"the ledger has no campaign {name!r}", hint="`wanbatch status` lists those it has")
    if status.parked_kind == "cancelled":
        raise Refused(f"{name} is cancelled", f"`wanbatch resume {name}` takes it up again; nothing was done")
    return status


def _wanted(stored: Campaign, ledger: Ledger, *, failed: bool) -> list[retry.Again]:
    """The jobs of the campaign's plan that stand so."""
    lines = plan_lines(stored)
    return list(retry.failed(lines, ledger, stored.shelf) if failed else retry.held(lines, ledger))


def _foretell(again: Sequence[retry.Again], status: CampaignStatus, *, failed: bool) -> None:
    """What it may cost, and what may be paid twice."""
    what = "failed" if failed else "held unknown"
    if not again:
        tell(f"{status.campaign}: no job is {what}")
    else:
        cost = from_uusd(sum(each.job.price_uusd for each in again))
        twice = from_uusd(sum(each.twice_uusd for each in again))
        tell(f"{status.campaign}: {counted(len(again), 'job')} {what}; to buy them anew costs up to {shown(cost)}")
        tell(f"  of what was sent before, {shown(twice)} may have been paid, and would be paid beside that")
    if failed and (refused := status.states.get(State.REFUSED, 0)):
        tell(f"  {refused:,} were refused for their content: change the prompt, they are not sent again as they are")
    if not failed and status.looked_for:
        tell(f"  {status.looked_for:,} more are still looked for, and left to that")
