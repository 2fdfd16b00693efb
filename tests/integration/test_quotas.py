"""The limits that DashScope lists: asked for once an hour by one worker of all, and gone by from then on."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from ledger.gates import unlimited
from tests.services import Simulator
from tests.workbench import Workbench
from worker.pump import Pump
from worker.quotas import ASK_EVERY_S, Quotas
from worker.wire import Asker

ACCOUNT = "simulated-dashscope"
#: Another plan than the documented one, which has five of both.
PLAN = ("--slots", "3", "--submits-per-second", "2")
Begin = Callable[[Simulator], Workbench]


@pytest.fixture
def worker(open_worker: Callable[..., Workbench]) -> Iterator[Begin]:
    """A worker with jobs that wait; its pump looks and asks, and claims nothing."""
    with ExitStack() as running:

        def begin(provider: Simulator) -> Workbench:
            work = open_worker(provider, ACCOUNT)
            work.order(count=9)
            work.shop.stopping.set()
            pump = Pump(work.shop, lambda _task, _account, _claims: None)
            running.callback(pump.stop)
            pump.start()
            return work

        yield begin


def until(true: Callable[[], object]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def asked(provider: Simulator) -> int:
    """How often anybody has asked for the list."""
    lists: int = provider.ask("/_simulator/stats")["dashscope"]["lists"]
    return lists


def told(work: Workbench) -> list[Any]:
    """What the ledger was told: how many submits a second holds, and how many renders may be in flight."""
    limits: list[Any] = work.redis.hmget(f"wb:a:{ACCOUNT}", "told", "told_slots")
    return limits


def admitted(work: Workbench) -> int:
    """How many jobs are claimed at once, but for the rate."""
    return len(work.ledger.claim(ACCOUNT, unlimited(work.counter.policy), most=9, most_waiting=9))


async def ask(*fleet: Workbench) -> None:
    """What the pumps of these workers do when it is time, in the same moment."""
    asker = Asker()
    quotas = [Quotas(work.shop) for work in fleet]
    for each, work in zip(quotas, fleet, strict=True):
        each.look_after([work.counter], asker)
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
    await asker.close()


def test_one_of_many_workers_asks(
    simulator: Callable[..., Simulator], worker: Begin, open_worker: Callable[..., Workbench]
) -> None:
    """The question goes out once, its answer holds for all, and nobody asks again before the hour is over."""
    provider = simulator(*PLAN)
    one, *others = worker(provider), open_worker(provider, ACCOUNT), open_worker(provider, ACCOUNT)
    until(lambda: told(one) == ["2", "3"])
    asyncio.run(ask(*others))
    assert asked(provider) == 1
    assert (ASK_EVERY_S - 60) * 1000 < one.redis.pttl(f"wb:quota:{ACCOUNT}") <= ASK_EVERY_S * 1000
    assert admitted(others[0]) == 3
    one.redis.delete(f"wb:quota:{ACCOUNT}")
    asyncio.run(ask(*others))
    assert asked(provider) == 2


@pytest.mark.parametrize("then", ["500", "garbage"])
def test_a_question_that_fails_changes_nothing(
    simulator: Callable[..., Simulator], worker: Begin, then: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The documented limits stand, and the question is not repeated before its time."""
    caplog.set_level(logging.INFO)
    provider = simulator(*PLAN)
    provider.tell("/_simulator/next", {"on": "list", "then": then})
    work = worker(provider)
    until(lambda: "the quotas were not told" in caplog.text)
    assert told(work) == [None, None]
    assert admitted(work) == 5
    assert asked(provider) == 1
    assert work.redis.pttl(f"wb:quota:{ACCOUNT}") > 0
