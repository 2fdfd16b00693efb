"""`wanbatch reconcile`: looks now for submits whose answer was lost, by the step that workers take by themselves."""

import asyncio
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import click

from cli.halting import opened, owned
from cli.options import as_json, campaign, places
from cli.progress import tell
from cli.stack import running_simulator
from cli.summary import print_json
from config.settings import load_settings
from jobs.errors import BadInput, LedgerRefused, Refused
from jobs.lifecycle import State
from jobs.words import counted
from ledger.campaigns import CampaignStatus
from ledger.jobs import Ledger
from ledger.lost import LostSends
from producer.stored import store_of
from worker.lookup import Looked, settle_s
from worker.reconcile import look_up
from worker.wire import Asker
from worker.wiring import Workshop, build

#: Seconds for which another worker's look is waited for.
PATIENCE_S: Final = 60.0
#: Held jobs that are shown one by one.
SHOWN: Final = 20
HELD: Final = 3


@click.command("reconcile")
@campaign
@places
@as_json
def command(campaign: str, store: str | None, redis: str | None, as_json: bool) -> int:
    """Look in the provider's own list for CAMPAIGN's submits that got no answer.

    A task that is found is taken up; that there is none is proved by two looks, with a time between them in which the
    provider may still show one. Workers do the same by themselves. Exit 3 when something is left for a person.
    """
    settings = load_settings(store=store, redis=redis)
    objects = store_of(settings)
    with opened(settings, objects, "reconcile") as ledger:
        status = ledger.status(campaign)
        if status is None:
            raise BadInput(f"the ledger has no campaign {campaign!r}", hint="`wanbatch status` lists those it has")
        owned(objects, campaign, ledger)
        simulator = settings.simulator_url or (running_simulator(settings.store) if status.simulated else None)
        shop = build(settings.model_copy(update={"simulator_url": simulator}), ledger)
        try:
            accounts = _accounts(status, shop, ledger)
            looked = asyncio.run(_look(accounts, shop))
            told = _of_campaign(campaign, looked, ledger)
            left = ledger.status(campaign)
        finally:
            shutil.rmtree(shop.temp, ignore_errors=True)
    if as_json:
        print_json({"campaign": campaign, **told})
    for line in _lines(campaign, told, max(settle_s(shop.counters[name]) for name in accounts), left):
        (tell if as_json else click.echo)(line)
    return HELD if left and left.held else 0


def _accounts(status: CampaignStatus, shop: Workshop, ledger: Ledger) -> list[str]:
    """The campaign's accounts that have lost sends, or all of them; refused where this machine cannot ask one."""
    lost = LostSends(ledger)
    every = [account.name for account in status.accounts]
    wanted = [name for name in every if lost.sent(name) or lost.watched(name)] or every
    unknown = [name for name in wanted if name not in shop.counters]
    if not unknown:
        return wanted
    if status.simulated:
        raise Refused(
            "the simulator that made this campaign's videos is not running here",
            "name it: WANBATCH_SIMULATOR_URL; or give the `run` command again, which reconciles by itself",
        )
    raise Refused(f"no key for {unknown[0]} is set here", "`wanbatch check` says which variable; nothing was done")


async def _look(accounts: Sequence[str], shop: Workshop) -> Looked:
    """One look at each account; while a worker looks, its look is awaited first."""
    asker, found = Asker(), Looked()
    try:
        for name in accounts:
            found.add(await _look_at(name, asker, shop))
    finally:
        await asker.close()
    return found


async def _look_at(account: str, asker: Asker, shop: Workshop) -> Looked:
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        looked = await look_up(shop.counters[account], asker, shop)
        if looked is not None:
            return looked
        await asyncio.sleep(0.2)
    raise LedgerRefused(f"workers are looking at {account} all the time", "give the command again in a minute")


def _of_campaign(name: str, looked: Looked, ledger: Ledger) -> dict[str, Any]:
    """What the look found of this campaign's jobs; one look serves all campaigns of the account."""

    def mine(job_ids: list[str]) -> list[str]:
        rows = zip(job_ids, ledger.fields(job_ids, "campaigns"), strict=True)
        return [job_id for job_id, (campaigns,) in rows if name in (campaigns or "").split("\n")]

    def why(reasons: Mapping[str, str]) -> dict[str, str]:
        return {job_id: reasons[job_id] for job_id in mine(list(reasons))}

    return {
        "adopted": mine(looked.adopted),
        "absent": mine(looked.absent),
        "surplus": mine(looked.surplus),
        "waiting": why(looked.waiting),
        "held": why(looked.held),
    }


def _lines(name: str, told: dict[str, Any], settle: float, left: CampaignStatus | None) -> Iterator[str]:
    """For a person."""
    if not left or not (any(told.values()) or left.states.get(State.UNKNOWN)):
        yield f"{name}: no submit is without its answer"
        return
    if told["adopted"]:
        yield f"{counted(len(told['adopted']), 'task')} found: bought once, and collected as usual"
    if told["absent"]:
        yield f"{counted(len(told['absent']), 'submit')} proved to have bought nothing: queued again"
    if told["surplus"]:
        yield f"{counted(len(told['surplus']), 'task')} turned up for jobs that were bought anew: ask for a refund"
    if told["waiting"]:
        yield (
            f"{counted(len(told['waiting']), 'submit')} not decided yet: absence is proved {settle:,.0f} s after a "
            "submit at the earliest; workers look again by themselves"
        )
    if told["held"]:
        yield f"{counted(len(told['held']), 'submit')} held, because it cannot be proved what they bought:"
    for job_id, reason in list(told["held"].items())[:SHOWN]:
        yield f"  {job_id}: {reason}"
    if told["held"]:
        yield f"look for them in the provider's own list; `wanbatch retry {name} --unknown` buys them anew"
