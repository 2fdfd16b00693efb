"""The bank: accounts, balances and the statement of every purchase. Money is integer micro-USD."""

import hashlib
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from simulator.clock import iso
from simulator.renders import Task, task_of

MICRO = 1_000_000


@dataclass(slots=True)
class Account:
    """One key at one provider. `committed_uusd` is the price of what still renders."""

    balance_uusd: int
    committed_uusd: int = 0
    in_flight: int = 0
    tasks: list[Task] = field(default_factory=list)

    @property
    def left_uusd(self) -> int:
        """What it may still spend: the balance less what still renders."""
        return self.balance_uusd - self.committed_uusd

    def can_pay(self, price_uusd: int) -> bool:
        """Whether the balance covers this on top of what still renders."""
        return self.left_uusd >= price_uusd


class Bank:
    """Every account and task. `write` gets each entry that must outlive the process."""

    def __init__(self, opening_uusd: int, write: Callable[[dict[str, Any]], None]) -> None:
        self.tasks: dict[str, Task] = {}
        self._accounts: dict[tuple[str, str], Account] = {}
        self._open: list[tuple[float, str]] = []
        self._opening_uusd = opening_uusd
        self._write = write

    def account(self, provider: str, name: str) -> Account:
        """The account behind a key; a new one holds the opening balance."""
        found = self._accounts.get((provider, name))
        if found is None:
            found = self._accounts[provider, name] = Account(self._opening_uusd)
        return found

    def accept(self, task: Task) -> None:
        """Sell a render. It is written down before this returns."""
        self._write(task.accepted_entry())
        self._hold(task)

    def cancel(self, task: Task, now: float) -> None:
        """End a waiting task unbilled."""
        task.ends_at = now
        self._end(task, "cancelled")
        self._write(task.ended_entry())

    def settle(self, now: float) -> None:
        """Bring every render that is over by `now` to its end, and bill the good ones."""
        while self._open and self._open[0][0] <= now:
            task = self.tasks[heapq.heappop(self._open)[1]]
            if task.state == "rendering":
                self._end(task, "failed" if task.failure else "succeeded")
                self._write(task.ended_entry())

    def look(self, task: Task, now: float) -> None:
        """Count a look; the first one after the end is written down with how many there have been."""
        task.polls += 1
        if task.state != "rendering" and not task.found:
            task.found = True
            self._write(task.found_entry(now))

    def restore(self, entry: dict[str, Any]) -> None:
        """Take back one entry of the journal."""
        if entry["kind"] == "accepted":
            self._hold(task_of(entry))
        elif entry["kind"] == "ended":
            task = self.tasks[entry["task_id"]]
            task.ends_at = entry["ends_at"]
            self._end(task, entry["state"])
        elif entry["kind"] == "found":
            self.tasks[entry["task_id"]].found = True

    def statement(self) -> list[dict[str, Any]]:
        """Every purchase in the order of acceptance, in the words of the bank statement."""
        return [
            {
                "task_id": task.task_id,
                "provider": task.provider,
                "model": task.model,
                "input": task.input,
                "at": iso(task.at),
                "cost_usd": None if task.cost_uusd is None else dollars(task.cost_uusd),
                "state": task.state,
            }
            for task in self.tasks.values()
        ]

    def _hold(self, task: Task) -> None:
        self.tasks[task.task_id] = task
        heapq.heappush(self._open, (task.ends_at, task.task_id))
        account = self.account(task.provider, task.account)
        account.tasks.append(task)
        account.in_flight += 1
        account.committed_uusd += task.order.price_uusd

    def _end(self, task: Task, state: str) -> None:
        account = self.account(task.provider, task.account)
        account.in_flight -= 1
        account.committed_uusd -= task.order.price_uusd
        task.cost_uusd = task.order.price_uusd if state == "succeeded" else 0
        account.balance_uusd -= task.cost_uusd
        task.remaining_uusd = account.balance_uusd
        task.state = state  # type: ignore[assignment]


def dollars(amount_uusd: int) -> str:
    """Micro-USD as a decimal string of dollars: `0.625`, `0`."""
    return format((Decimal(amount_uusd) / MICRO).normalize(), "f")


def masked(key: str) -> str:
    """A name for the account of a key that does not give the key away."""
    return f"sim-…{hashlib.sha256(key.encode()).hexdigest()[:10]}"
