"""What was left on an account when a provider last told it, and whose turn it is to ask."""

from datetime import datetime
from decimal import Decimal

from ledger.campaigns import instant
from ledger.gates import Policy
from ledger.jobs import Ledger


def as_kept(remaining: str, unit: str, at_s: float) -> dict[str, str]:
    """A balance as the account keeps it; a move that brings one may carry it along (`Order.seen`)."""
    return {"credits": remaining, "credits_unit": unit, "credits_ms": str(int(at_s * 1000))}


class Balances:
    """The part of the ledger that holds balances; times are Unix seconds of the worker that saw them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._redis = ledger.client

    def seen(self, account: str) -> tuple[Decimal, str | None, datetime] | None:
        """Amount, unit and when it was seen; None when it never was."""
        amount, unit, at_ms = self._redis.hmget(f"wb:a:{account}", "credits", "credits_unit", "credits_ms")
        return None if amount is None or at_ms is None else (Decimal(amount), unit, instant(at_ms))

    def remember(self, account: str, remaining: str, unit: str, at_s: float) -> None:
        """It was seen just now."""
        self._ledger.hold(account, remember=as_kept(remaining, unit, at_s))

    def begin(self, account: str, every_s: float) -> bool:
        """Become the one who asks; False when it was seen, or asked for by anyone, less than so many seconds ago."""
        seen_ms = self._redis.hget(f"wb:a:{account}", "credits_ms")
        seconds, micros = self._redis.time()
        now_ms = int(seconds) * 1000 + int(micros) // 1000
        if seen_ms is not None and 0 <= now_ms - int(seen_ms) < every_s * 1000:
            return False
        return bool(self._redis.set(f"wb:asked:{account}", "", nx=True, px=max(1, int(every_s * 1000))))

    def wait(self, account: str, seconds: float) -> None:
        """Nobody asks again before so many seconds have passed."""
        self._redis.set(f"wb:asked:{account}", "", px=max(1, int(seconds * 1000)))

    def poll_wait_s(self, account: str, policy: Policy) -> float:
        """Take a token of the account's poll rate: 0 when it was free, else the seconds to wait before asking again."""
        return int(self._ledger.call("token", account, policy.polls)) / 1000
