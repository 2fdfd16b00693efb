"""What steps and looks want the ledger to know soon, and the pump's next visit carries there: one trip for all of it.

Only what is safe elsewhere already travels this way: a settled job's record is in the store, a receipt too, and a look
may be repeated. Should this process die first, leases bring the jobs back and the same is found out again.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger.orders import Order, Paid


class Mail(NamedTuple):
    """Moves to make, and receipts that lie in the store."""

    orders: Sequence[Order]
    paid: Sequence[Paid]


@dataclass(slots=True)
class Outbox:
    """Filled by all threads, emptied by the pump."""

    _orders: list[Order] = field(default_factory=list)
    _paid: list[Paid] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def move(self, order: Order) -> None:
        """Let this move be made."""
        with self._lock:
            self._orders.append(order)

    def pay(self, paid: Paid) -> None:
        """Let this receipt be owed no more."""
        with self._lock:
            self._paid.append(paid)

    def take(self) -> Mail:
        """All that waits; the box is empty then."""
        with self._lock:
            mail = Mail(self._orders, self._paid)
            self._orders, self._paid = [], []
            return mail

    def give_back(self, mail: Mail) -> None:
        """It did not get there; repeated, it changes nothing."""
        with self._lock:
            self._orders[:0], self._paid[:0] = mail.orders, mail.paid
