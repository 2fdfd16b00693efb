"""A campaign whose last jobs another one is to buy: whether that one buys at all, so that nobody waits in vain.

A job has one buyer; campaigns that want it too have joined it. `wb:joined:<campaign>` holds the buyers joined so far.
"""

from collections.abc import Mapping
from typing import Any

from jobs.lifecycle import State
from ledger.campaigns import why_parked


def read_joined(client: Any, campaign: str) -> tuple[dict[str, str], set[str]]:
    """The campaign's hash; and the buyers that all its queued jobs wait for, if none of these is its own to buy.

    Read in one transaction: a job that is claimed between two reads must not look like one that waits elsewhere.
    """
    pipe = client.pipeline(transaction=True)
    pipe.hgetall(f"wb:c:{campaign}")
    pipe.zcard(f"wb:q:{campaign}")
    pipe.smembers(f"wb:joined:{campaign}")
    held, own, buyers = pipe.execute()
    waits = int(held.get(f"n:{State.QUEUED}", "0")) > 0 and not own
    return held, set(buyers) if waits else set()


def elsewhere(client: Any, buyers: set[str], meta: Mapping[str, str]) -> str | None:
    """Why none of these buyers buys, as a sentence with what to do; None as long as one does."""
    stopped = []
    for name in sorted(buyers):
        held = client.hgetall(f"wb:c:{name}")
        if not held or not client.zcard(f"wb:q:{name}"):
            continue
        kind, why = why_parked(name, held, client.hgetall(f"wb:a:{held['account']}"), meta)
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
