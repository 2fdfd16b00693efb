"""The pump looks for lost submits by itself, one look at a time, and a look that fails is taken up again."""

import time
from collections.abc import Iterator

import pytest

from jobs.errors import StoreUnavailable
from jobs.lifecycle import State
from tests.lost import lose
from tests.workbench import Workbench
from worker import lookup
from worker import pump as pumping
from worker.lookup import Looked
from worker.pump import Pump
from worker.reconcile import look_up
from worker.wire import Asker
from worker.wiring import Counter, Workshop


@pytest.fixture
def pump(work: Workbench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pump]:
    """A pump that is not started yet, and rings for nobody."""
    monkeypatch.setattr(lookup, "ON_THE_WIRE_S", 0.2)
    one = Pump(work.shop, lambda *_: None)
    yield one
    work.shop.stopping.set()
    one.stop()


def until(work: Workbench, job_id: str, state: State) -> None:
    """Wait until the job stands there."""
    ends = time.monotonic() + 20
    while work.state(job_id) != state:
        assert time.monotonic() < ends, work.row(job_id)
        time.sleep(0.02)


def test_a_lost_submit_is_found_by_the_pump(work: Workbench, pump: Pump) -> None:
    """Nobody has to ask for it: the render is taken up and watched to its end."""
    (job,) = work.order()
    lose(work, job, "cut_after")
    pump.start()
    until(work, job.job_id, State.READY)
    assert len(work.bought(job)) == 1


def test_a_look_that_fails_is_taken_up_again(
    work: Workbench, pump: Pump, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The store is away, or a bug of ours stands in the way: it is told, and the next look comes."""
    real, errors = look_up, [StoreUnavailable("the store is away"), ValueError("a bug")]

    async def failing(counter: Counter, asker: Asker, shop: Workshop) -> Looked | None:
        if errors:
            raise errors.pop(0)
        return await real(counter, asker, shop)

    monkeypatch.setattr(pumping, "look_up", failing)
    monkeypatch.setattr("ledger.jobs.POLL_LEASE_S", 0.1)
    (job,) = work.order()
    lose(work, job, "cut_after")
    pump.start()
    until(work, job.job_id, State.READY)
    assert "lost submits are looked for later" in caplog.text
    assert "a look failed" in caplog.text
