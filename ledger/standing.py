"""Where a campaign stands at one instant, and whether those buy at all that it waits for, so that nobody waits in vain.

A job has one buyer; campaigns that want it too have joined it. `wb:joined:<campaign>` holds the buyers joined so far.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jobs.lifecycle import State
from ledger.campaigns import accounts_of, why_parked


class Standing(NamedTuple):
    """A campaign's hash; the accounts of each of its queues that holds jobs; those accounts' hashes, its first first;
    and the buyers that all its queued jobs wait for, if none of these is its own to buy.
    """

    held: dict[str, str]
    queues: list[list[str]]
    accounts: dict[str, dict[str, str]]
    buyers: set[str]


def read_standing(client: Any, campaign: str) -> Standing:
    """Read in one transaction: a job that is claimed between two reads must not look like one that waits elsewhere.

    Lanes are read before: a campaign gets new ones only when it is submitted, and loses none.
    """
    lanes = sorted(client.smembers(f"wb:lanes:{campaign}"))
    sold_at = [sorted(client.hkeys(f"wb:lane:{lane}")) for lane in lanes]
    pipe = client.pipeline(transaction=True)
    pipe.hgetall(f"wb:c:{campaign}")
    pipe.smembers(f"wb:joined:{campaign}")
    for name in (campaign, *(f"{campaign}:{lane}" for lane in lanes)):
        pipe.zcard(f"wb:q:{name}")
    held, buyers, *counts = pipe.execute()
    names = accounts_of(held)
    queues = [at for at, count in zip((names[:1], *sold_at), counts, strict=True) if count]
    waits = int(held.get(f"n:{State.QUEUED}", "0")) > 0 and not queues
    accounts = {name: client.hgetall(f"wb:a:{name}") for name in names}
    return Standing(held, queues, accounts, set(buyers) if waits else set())


def elsewhere(client: Any, buyers: set[str], meta: Mapping[str, str]) -> str | None:
    """Why none of these buyers buys, as a sentence with what to do; None as long as one does."""
    stopped = []
    for name in sorted(buyers):
        theirs = read_standing(client, name)
        if not theirs.held or not theirs.queues:
            continue
        kind, why = why_parked(name, theirs.held, theirs.accounts, meta, theirs.queues)
        if kind is None:
            return None
        stopped.append(f"{name} ({why})")
    if not stopped:
        return None
    many = "campaigns that have" if len(stopped) > 1 else "a campaign that has"
    return (
        f"what is left is to be bought by {many} stopped: {', '.join(stopped)}; "
        "when it is cancelled, this campaign buys it"
    )
