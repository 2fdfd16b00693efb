"""Rebuilding a lost ledger: what begins and ends it, and the rows that go back in; nothing is bought meanwhile."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from jobs.errors import LedgerRefused
from jobs.lifecycle import State
from ledger import scripts
from ledger.jobs import VERSION, Ledger


@dataclass(frozen=True, slots=True)
class Restored:
    """A job as the store knows it: where it stands, its price in micro-USD, what its campaign has paid for it so far.

    `account` is where it was sent last, or is bought first; `lane` what each account asks, where it has a choice.
    `job` is its JSON, needed while it may still be bought or collected; `due` asks for a look at once; `tasks` are the
    names of all its purchases, by account, which no other job may claim; `watches` the sends that were given up and are
    still looked for: account, name, and what the look needs. `budgets` are the names of those that its row counts to,
    where they are not its campaign's; `claimed_on` the date of its last send, whose money counts to them from now on.
    """

    id: str
    seq: int
    price: int
    account: str
    lane: str
    job: str | None
    state: State
    due: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    spent: int = 0
    tasks: tuple[tuple[str, str], ...] = ()
    unverified: bool = False
    watches: tuple[tuple[str, str, str], ...] = ()
    budgets: str = ""
    claimed_on: str = ""


def begin(ledger: Ledger) -> None:
    """From now on nothing is bought until `end`; an empty Redis is founded under a new epoch.

    Raises LedgerRefused when this Redis serves another store.
    """
    epoch, store = scripts.run(ledger.trips, "recover", "begin", secrets.token_hex(4), ledger.store_url, VERSION)
    if store != ledger.store_url:
        raise LedgerRefused(
            f"this ledger belongs to the store {store}, not to {ledger.store_url}", "recover into an empty Redis"
        )
    ledger.epoch = epoch


def end(ledger: Ledger) -> None:
    """Let buying go on."""
    scripts.run(ledger.trips, "recover", "end", ledger.epoch)


def under_way(ledger: Ledger) -> bool:
    """Whether a recovery has begun and not ended: one that broke off leaves it so."""
    return bool(ledger.client.hexists("wb:meta", "recovering"))


def restore(ledger: Ledger, campaign: str, account: str, rows: Sequence[Restored]) -> str:
    """Put jobs back; `restore.lua` has the letters of the answer."""
    return str(ledger.call("restore", campaign, account, json.dumps([asdict(row) for row in rows])))
