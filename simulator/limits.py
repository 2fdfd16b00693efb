"""The documented limits, judged by a sliding window at any phase, and a note of every request that went over one."""

from collections import deque
from dataclasses import dataclass
from typing import Any

from simulator.clock import iso

#: Violations kept in words; beyond this many only their number grows.
KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` requests of one kind in any `window_s` simulated seconds, per account."""

    name: str
    count: int
    window_s: float


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer to one request: whether it may pass, how many more may, and when the window opens (again)."""

    passed: bool
    remaining: int
    reset_at: float
    limit: Limit


class Limits:
    """All windows of all accounts."""

    def __init__(self) -> None:
        self.violations: list[dict[str, Any]] = []
        self.count = 0
        self._granted: dict[tuple[str, str, str], deque[float]] = {}

    def take(self, provider: str, account: str, limit: Limit, now: float) -> Grant:
        """Count one request against a limit. A refused one is a violation and uses up nothing."""
        granted = self._granted.setdefault((provider, account, limit.name), deque())
        while granted and granted[0] + limit.window_s <= now:
            granted.popleft()
        passed = len(granted) < limit.count
        if passed:
            granted.append(now)
        else:
            early_s = granted[0] + limit.window_s - now
            words = f"{limit.count} in {limit.window_s:g} s are allowed; this one came {early_s:.3f} s too early"
            self.violated(provider, account, limit.name, now, words)
        return Grant(passed, limit.count - len(granted), granted[0] + limit.window_s, limit)

    def give_back(self, provider: str, account: str, limit: Limit) -> None:
        """Undo the last grant: another limit refused the same request."""
        self._granted[provider, account, limit.name].pop()

    def violated(self, provider: str, account: str, limit: str, now: float, detail: str) -> None:
        """Note a request over a documented limit."""
        self.count += 1
        if len(self.violations) < KEPT:
            entry = {"provider": provider, "account": account, "limit": limit, "at": iso(now), "detail": detail}
            self.violations.append(entry)
