"""A move that must arrive is repeated while Redis is away, and given up only when the lease has to decide."""

from typing import Any

import pytest
import redis
from redis.exceptions import BusyLoadingError, ReadOnlyError, RedisError

from jobs.lifecycle import Move, State
from ledger.orders import Claim, Moved, Order
from worker import insist as insisting
from worker.insist import insist

ORDER = Order(move=Move.ACCEPT, to=State.RENDERING, claim=Claim("j", "f"))


class Ledger:
    """A ledger that fails with each of these errors in turn before it answers."""

    def __init__(self, *errors: RedisError) -> None:
        self.errors = list(errors)
        self.orders: list[Order] = []

    def move(self, order: Order) -> Moved:
        """Fail, or carry it out."""
        self.orders.append(order)
        if self.errors:
            raise self.errors.pop(0)
        return Moved(ok=True, detail="f")


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between the tries; the clock moves by them alone."""
    waited: list[float] = []
    monkeypatch.setattr("worker.insist.time.sleep", waited.append)
    monkeypatch.setattr("worker.insist.time.monotonic", lambda: sum(waited))
    return waited


def insisted(ledger: Any) -> Moved | None:
    """Insist on the order."""
    return insist(ledger, ORDER)


def test_a_move_that_arrives_is_not_repeated(waits: list[float]) -> None:
    """One order, no wait."""
    ledger = Ledger()
    assert insisted(ledger) == Moved(ok=True, detail="f")
    assert (len(ledger.orders), waits) == (1, [])


@pytest.mark.parametrize(
    "error", [redis.ConnectionError("gone"), redis.TimeoutError("slow"), BusyLoadingError(), ReadOnlyError()]
)
def test_the_very_same_order_is_repeated(waits: list[float], error: RedisError) -> None:
    """The token stays, so an answer that was lost is not carried out twice."""
    ledger = Ledger(error, error, error)
    assert insisted(ledger) == Moved(ok=True, detail="f")
    assert {order.token for order in ledger.orders} == {ORDER.token}
    assert waits == [0.1, 0.2, 0.4]


def test_it_is_given_up_in_time(waits: list[float]) -> None:
    """After half a minute the lease decides, and no wait is longer than two seconds."""
    assert insisted(Ledger(*[redis.ConnectionError("gone")] * 1000)) is None
    assert 25 < sum(waits) <= insisting.INSIST_S
    assert max(waits) == 2
