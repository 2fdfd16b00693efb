"""`wanbatch status`: where campaigns stand, from the ledger, or from the store's records where no ledger runs."""

from datetime import UTC, datetime
from math import inf
from typing import Any, Final

import click

from cli.following import follow
from cli.options import as_json, places
from cli.pace import Takes, takes
from cli.places import ledger_of
from cli.results import Sums
from cli.summary import print_json, status_json, status_lines, stored_json, stored_lines
from config.accounts import Accounts
from config.settings import Settings, load_settings
from jobs.errors import LedgerRefused
from jobs.lifecycle import ENDS, State
from ledger.campaigns import CampaignStatus
from ledger.jobs import Ledger
from ledger.objects import ObjectStore
from ledger.pace import next_kind
from producer.lines import manifest_lines
from producer.stored import Campaign, every, found, store_of

#: Seconds between two looks of --watch.
WATCH_EVERY_S: Final = 1.0


@click.command("status")
@click.argument("campaign", required=False)
@places
@click.option("--watch", is_flag=True, help="Stay, and show progress until the campaign has settled.")
@as_json
def command(campaign: str | None, store: str | None, redis: str | None, watch: bool, as_json: bool) -> None:
    """Show counts, money, pace and what needs a person; of all campaigns, the newest first, when none is named."""
    settings = load_settings(store=store, redis=redis)
    objects = store_of(settings)
    ledger = ledger_of(settings, objects)
    try:
        names = [campaign] if campaign else _names(ledger, objects)
        if watch:
            _watch(ledger, names)
        shown = [_one(name, ledger, objects, settings) for name in names]
    finally:
        if ledger:
            ledger.close()
    if as_json:
        print_json(shown[0][0] if campaign else {"campaigns": [shape for shape, _ in shown]})
        return
    for _, lines in shown:
        for line in lines:
            click.echo(line)
    if not shown:
        click.echo(f"no campaigns in {objects.url}")


def _names(ledger: Ledger | None, store: ObjectStore) -> list[str]:
    """All campaigns, newest first: those of the ledger, then those that only the store knows."""
    live = ledger.campaigns() if ledger else []
    stored = [found(store, name).file for name in every(store) if name not in live]
    return live + [file.campaign for file in sorted(stored, key=lambda file: file.created_at, reverse=True)]


def _watch(ledger: Ledger | None, names: list[str]) -> None:
    """Follow the first campaign that has not settled, until it has."""
    if ledger is None:
        raise LedgerRefused(
            "there is nothing to watch: no ledger is running", "leave --watch out, or name one: --redis URL"
        )
    for name in names:
        follow(ledger, name, look_every_s=WATCH_EVERY_S)


def _one(name: str, ledger: Ledger | None, store: ObjectStore, settings: Settings) -> tuple[dict[str, Any], list[str]]:
    """One campaign for scripts and for people."""
    if ledger and (status := ledger.status(name)):
        to_go = _to_go(status, ledger, settings)
        if to_go is None:
            return status_json(status, None), list(status_lines(status, None))
        return status_json(status, to_go.seconds), list(status_lines(status, to_go.seconds, to_go.because))
    campaign = found(store, name)
    sums = _sums(campaign)
    return stored_json(campaign, sums), list(stored_lines(campaign, sums))


def _sums(campaign: Campaign) -> Sums:
    """Counts and money out of the store's records."""
    sums = Sums()
    for _ in sums.counting(manifest_lines(campaign, None)):
        pass
    return sums


def _to_go(status: CampaignStatus, ledger: Ledger, settings: Settings) -> Takes | None:
    """How long the limits ask for what is left; None while nothing is bought."""
    still = status.total - sum(status.states.get(state, 0) for state in (*ENDS, State.UNKNOWN))
    known = Accounts(settings.limits)
    accounts = [found for each in status.accounts if not each.parked and (found := known.called(each.name))]
    if still and (status.parked or status.troubles or not accounts):
        return None
    if not still:
        return Takes(0.0)
    speed = settings.simulator_speed if status.simulated else 1.0
    kind = next_kind(ledger, status.campaign)
    if len(accounts) == 1:
        return takes(still, kind, accounts[0].facts, accounts[0].name, ledger, speed)
    # Who buys what is decided as it goes on: keys of one provider share it, others do where a deadline asks for it.
    alone_s = [takes(still, kind, account.facts, account.name, ledger, speed).seconds for account in accounts]
    together_s = 1 / sum(1 / seconds for seconds in alone_s)
    if len({(account.facts.name, account.place) for account in accounts}) == 1:
        return Takes(together_s)
    within_s = (status.deadline - datetime.now(UTC)).total_seconds() if status.deadline else inf
    return Takes(max(together_s, min(within_s, max(alone_s))))
