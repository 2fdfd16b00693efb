"""Pause, resume and cancel: one flag each, in the ledger at once, and in the store for the day it is lost."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from jobs.errors import ObjectNotFound
from jobs.job import Noun
from ledger.jobs import Ledger
from ledger.objects import ObjectStore

Verb = Literal["pause", "resume"]
Place = Literal["campaign", "account", "everything"]

#: Jobs that leave the queue in one call.
BATCH = 500
#: Where the store keeps the pauses that are no campaign's.
KEY = "paused.json"


class Paused(Noun):
    """What a person has stopped beyond single campaigns: these accounts, or all buying."""

    version: int = 1
    everything: bool = False
    accounts: tuple[str, ...] = ()


class Cancelled(NamedTuple):
    """What became of a cancelled campaign's queued jobs, and how many renders the provider is asked to cancel."""

    cancelled: int
    handed_over: int
    asked: int


def halt(ledger: Ledger, verb: Verb, place: Place, name: str = "") -> bool:
    """Stop or resume buying; it acts at the next claim and send of any worker. False for an unknown campaign."""
    return bool(ledger.call("halt", verb, place, name))


def cancel(ledger: Ledger, campaign: str) -> Cancelled | None:
    """Cancel a campaign and empty its queue; None when the ledger does not have it. Repeating it finishes it."""
    cancelled = handed = 0
    while True:
        told = ledger.call("cancel", campaign, BATCH)
        if told[0] < 0:
            return None
        cancelled, handed = cancelled + told[0], handed + told[1]
        if not told[2]:
            return Cancelled(cancelled, handed, told[3])


def paused(store: ObjectStore) -> Paused:
    """What the store remembers as paused."""
    try:
        return Paused.model_validate_json(store.get(KEY))
    except ObjectNotFound:
        return Paused()


def remember(store: ObjectStore, verb: Verb, accounts: Iterable[str] = (), *, everything: bool = False) -> None:
    """Make a pause of accounts, or of everything, outlive the ledger; or forget it."""
    before, pausing = paused(store), verb == "pause"
    names = set(before.accounts) | set(accounts) if pausing else set(before.accounts) - set(accounts)
    now = Paused(everything=pausing if everything else before.everything, accounts=tuple(sorted(names)))
    store.put(KEY, now.model_dump_json().encode())


def bring_back(ledger: Ledger, store: ObjectStore) -> None:
    """Tell a recovered ledger what the store remembers as paused."""
    before = paused(store)
    if before.everything:
        halt(ledger, "pause", "everything")
    for account in before.accounts:
        halt(ledger, "pause", "account", account)
