"""How long an account's renders have lasted, as the ledger remembers it, and whether others follow them; the move that
ends one counts it.
"""

from collections.abc import Sequence

from jobs.rendertimes import RenderTimes
from ledger.jobs import Ledger


def read_times(ledger: Ledger, account: str, kinds: Sequence[str]) -> list[RenderTimes]:
    """What is remembered of each kind, in their order, in one round trip; nothing where none has ended yet."""
    pipe = ledger.client.pipeline(transaction=False)
    for kind in kinds:
        pipe.hgetall(f"wb:renders:{account}:{kind}")
    found = pipe.execute() if kinds else []
    return [{int(name): int(count) for name, count in row.items() if name != "known"} for row in found]


def renders_left(ledger: Ledger, account: str) -> int | None:
    """How many are under way where no other is bought after them; None while work waits for the account."""
    pipe = ledger.client.pipeline(transaction=False)
    pipe.zcard(f"wb:turns:{account}")
    pipe.hget(f"wb:a:{account}", "n:rendering")
    waiting, rendering = pipe.execute()
    return None if waiting else int(rendering or 0)
