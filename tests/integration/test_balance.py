"""What is left on an account whose jobs' answers do not tell it: asked seldom, carried by the records that follow."""

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from jobs.messages import SUBMIT, VERSION
from jobs.outcome import Done
from ledger.balance import Balances
from providers.clock import REAL
from providers.contract import Answer, Call, CheckReading, Endpoint, Finished
from providers.segmind import Segmind
from tests.services import Simulator, free_ports
from tests.workbench import CAMPAIGN, Workbench
from worker.balance import Inquiry
from worker.collect import collect
from worker.posting import NoAnswer
from worker.pump import Pump
from worker.submit import submit
from worker.tasks import answer
from worker.wire import Asker


class Silent(Segmind):
    """Segmind, were its answers to say nothing of what is left."""

    def finished(self, task: dict[str, Any], answer: Answer, task_id: str, at: Endpoint) -> CheckReading:
        """The same without the balance."""
        reading = super().finished(task, answer, task_id, at)
        return replace(reading, balance=None) if isinstance(reading, Finished) else reading


class Recorder(Asker):
    """The pump's client, which keeps what it was asked to call."""

    def __init__(self) -> None:
        super().__init__()
        self.called: list[str] = []

    async def ask(self, call: Call) -> Answer | NoAnswer:
        """The same, noted."""
        self.called.append(call.url)
        return await super().ask(call)


@pytest.fixture
def silent(fast_simulator: Simulator, open_worker: Callable[..., Workbench]) -> Workbench:
    """A worker whose account's answers never tell what is left; its minutes are real ones."""
    work = open_worker(fast_simulator)
    account = work.counter.account
    account = replace(account, provider=Silent(account.facts, account.region))
    work.shop.counters[work.account] = replace(work.counter, account=account)
    return work


def real_minutes(work: Workbench) -> None:
    """Let the provider's minutes be ours: at the simulator's speed one is a tenth of a second."""
    account = replace(work.counter.account, clock=REAL)
    work.shop.counters[work.account] = replace(work.counter, account=account)


def settled(work: Workbench) -> str:
    """One job that has come to its end; answers its id."""
    (job,) = work.order()
    assert work.submit()[1] == Done()
    work.watch(job.job_id)
    assert work.collect(job.job_id) == Done()
    return job.job_id


def inquire(work: Workbench, *inquiries: Inquiry) -> list[str]:
    """One tick of so many workers' pumps, until all their questions are answered; what was called."""

    async def tick() -> list[str]:
        asker = Recorder()
        for inquiry in inquiries:
            work.shop.untold.add(work.account)
            inquiry.look_after(asker)
            assert not work.shop.untold
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))
        await asker.close()
        return asker.called

    return asyncio.run(tick())


def test_the_next_record_carries_what_was_seen(silent: Workbench) -> None:
    """The first settle makes the pump ask; later records and the status tell it, with the time at which it was seen."""
    with ThreadPoolExecutor(2) as pool:

        def ring(task: str, _account: str, claims: Any) -> None:
            step = submit if task == SUBMIT else collect
            for claim in claims:
                pool.submit(answer, task, step, [claim.job_id], [claim.fence], VERSION, silent.shop)

        pump = Pump(silent.shop, ring)
        pump.start()
        try:
            (first,) = silent.order()
            until = time.monotonic() + 30
            while (seen := Balances(silent.ledger).seen(silent.account)) is None:
                assert time.monotonic() < until, silent.row(first.job_id)
                silent.shop.stopping.wait(0.02)
            (second,) = silent.order()
            while silent.state(second.job_id) != "done":
                assert time.monotonic() < until, silent.row(second.job_id)
                silent.shop.stopping.wait(0.02)
        finally:
            silent.shop.stopping.set()
            pump.stop()
    record = silent.record(second.job_id)
    assert record.remaining_credits is not None
    assert record.remaining_credits_unit == "USD credits"
    assert record.remaining_credits_at is not None
    assert record.stored_at is not None
    assert seen[2] <= record.remaining_credits_at <= record.stored_at
    told = silent.ledger.status(CAMPAIGN)
    assert told is not None
    assert told.credits_remaining is not None
    assert told.credits_unit == "USD credits"
    assert silent.record(first.job_id).remaining_credits is None, "a settle waits for no balance"


def test_one_worker_asks_once_a_minute(silent: Workbench) -> None:
    """However many jobs settle, and whichever worker they settle at, the next question goes out a minute later."""
    real_minutes(silent)
    settled(silent)
    mine, other = Inquiry(silent.shop), Inquiry(silent.shop)
    door = f"{silent.counter.account.endpoint.base_url}/v1/get-user-credits"
    assert inquire(silent, mine, other, mine) == [door]
    assert 0 < silent.redis.pttl(f"wb:asked:{silent.account}") <= 60_000
    assert inquire(silent, Inquiry(silent.shop)) == []
    silent.redis.delete(f"wb:asked:{silent.account}")
    assert inquire(silent, Inquiry(silent.shop)) == [], "it was seen less than a minute ago"
    minute_ago = int(time.time() * 1000) - 61_000
    silent.redis.hset(f"wb:a:{silent.account}", "credits_ms", minute_ago)
    assert inquire(silent, Inquiry(silent.shop)) == [door]


def test_what_an_answer_tells_is_not_asked_for(work: Workbench) -> None:
    """Segmind's results tell what is left, so nothing is due when its jobs settle."""
    settled(work)
    assert work.shop.untold == set()
    assert Balances(work.ledger).seen(work.account) is not None


def test_an_older_sighting_never_takes_the_place_of_a_newer_one(work: Workbench) -> None:
    """Two jobs end one after the other and are collected the other way round: what the later answer told stays."""
    first, second = work.order(count=2)
    for job in (first, second):
        assert work.submit()[1] == Done()
        work.watch(job.job_id)
    told = {job.job_id: Decimal(json.loads(work.row(job.job_id)["result"])["credits"]) for job in (first, second)}
    assert told[first.job_id] > told[second.job_id]
    for job in (second, first):
        assert work.collect(job.job_id) == Done()
    seen = Balances(work.ledger).seen(work.account)
    assert seen is not None
    assert (seen[0], seen[2]) == (told[second.job_id], work.record(second.job_id).completed_at)
    Balances(work.ledger).remember(work.account, "1", "USD credits", seen[2].timestamp() - 1)
    assert Balances(work.ledger).seen(work.account) == seen


def test_a_failed_job_tells_what_was_seen_last(work: Workbench) -> None:
    """A failure's answer tells no balance, so its record carries the last one that was seen."""
    settled(work)
    seen = Balances(work.ledger).seen(work.account)
    assert seen is not None
    work.simulator.tell("/_simulator/weather", {"p_refused": 1.0})
    try:
        (job,) = work.order()
        assert work.submit()[1] == Done()
        work.watch(job.job_id)
    finally:
        work.simulator.tell("/_simulator/weather", {"p_refused": 0.0})
    assert work.collect(job.job_id) == Done()
    record = work.record(job.job_id)
    assert record.status != "done"
    assert (record.remaining_credits, record.remaining_credits_unit, record.remaining_credits_at) == seen
    assert work.shop.untold == {work.account}


def test_a_refusal_is_no_error_and_is_not_repeated_soon(silent: Workbench) -> None:
    """A key that may buy but not ask is asked about again after ten minutes at the earliest; the settles go on."""
    real_minutes(silent)
    before = settled(silent)
    key = silent.counter.account.endpoint.key
    silent.at(key="may-not-ask")
    inquiry = Inquiry(silent.shop)
    assert len(inquire(silent, inquiry)) == 1
    assert silent.redis.pttl(f"wb:asked:{silent.account}") > 500_000
    assert inquire(silent, inquiry, Inquiry(silent.shop)) == []
    assert Balances(silent.ledger).seen(silent.account) is None
    silent.at(key=key)
    after = settled(silent)
    assert {silent.record(job).remaining_credits for job in (before, after)} == {None}


def test_a_provider_that_cannot_be_reached_is_asked_a_minute_later(silent: Workbench) -> None:
    """No answer is no error, and a doubled question would help nobody."""
    real_minutes(silent)
    settled(silent)
    silent.at(base_url=f"http://127.0.0.1:{free_ports(1)[0]}")
    inquiry = Inquiry(silent.shop)
    assert len(inquire(silent, inquiry)) == 1
    assert inquire(silent, inquiry) == []
    assert Balances(silent.ledger).seen(silent.account) is None
