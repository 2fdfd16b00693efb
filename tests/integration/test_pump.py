"""The pump with its short tasks, without Celery between them: jobs come to their end, however doorbells behave."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jobs.job import Job
from jobs.lifecycle import ENDS
from jobs.messages import COLLECT, SUBMIT, VERSION
from ledger import jobs as ledger_jobs
from ledger.orders import Claim
from tests.workbench import Workbench
from worker import poll
from worker import pump as pumping
from worker.collect import collect
from worker.pump import Pump
from worker.submit import submit
from worker.tasks import answer

Rung = list[tuple[str, Claim]]
#: How doorbells travel: what of those that were rung arrives.
Post = Callable[[str, Sequence[Claim]], Sequence[Claim]]


@pytest.fixture
def run(work: Workbench) -> Iterator[Callable[[Post], Rung]]:
    """Start the pump with threads that answer its doorbells; all that was rung is kept. It ends with the test."""
    pool, rung, pumps = ThreadPoolExecutor(4), Rung(), []

    def begin(post: Post) -> Rung:
        def ring(task: str, account: str, claims: Sequence[Claim]) -> None:
            assert account == work.account
            rung.extend((task, claim) for claim in claims)
            step = submit if task == SUBMIT else collect
            for claim in post(task, claims):
                pool.submit(answer, task, step, [claim.job_id], [claim.fence], VERSION, work.shop)

        pumps.append(Pump(work.shop, ring))
        pumps[-1].start()
        return rung

    yield begin
    work.shop.stopping.set()
    for pump in pumps:
        pump.stop()
    pool.shutdown()


def whole(_: str, claims: Sequence[Claim]) -> Sequence[Claim]:
    """Every doorbell arrives."""
    return claims


def await_ends(work: Workbench, jobs: Sequence[Job], deadline_s: float = 30.0) -> None:
    """Wait until all of them have ended."""
    ids, until = [job.job_id for job in jobs], time.monotonic() + deadline_s
    while not all(state in ENDS for (state,) in work.ledger.fields(ids, "state")):
        assert time.monotonic() < until, work.ledger.counts(work.account)
        time.sleep(0.02)


def bought_once(work: Workbench, jobs: Sequence[Job]) -> None:
    """Each job was bought exactly once, and its video is there."""
    prompts = Counter(str(each["input"].get("prompt")) for each in work.simulator.purchases())
    assert {prompts[job.render.prompt] for job in jobs} == {1}
    assert {work.record(job.job_id).status for job in jobs} == {"done"}


def test_jobs_come_to_their_end(work: Workbench, run: Callable[[Post], Rung]) -> None:
    """Queued in, done out, each bought once, and no limit of the provider was broken."""
    before = len(work.simulator.violations())
    jobs = work.order(count=20)
    run(whole)
    await_ends(work, jobs)
    bought_once(work, jobs)
    assert len(work.simulator.violations()) == before
    assert work.money() == (0, 0, 20 * 625_000)


def test_the_pump_stands_by_before_the_first_campaign(work: Workbench, run: Callable[[Post], Rung]) -> None:
    """Jobs that come while it runs are found."""
    run(whole)
    jobs = work.order(count=3)
    await_ends(work, jobs)
    bought_once(work, jobs)


def test_doubled_doorbells_do_nothing(work: Workbench, run: Callable[[Post], Rung]) -> None:
    """Each arrives three times: the ledger lets one of them through."""
    jobs = work.order(count=8)
    run(lambda _, claims: [*claims, *claims, *claims])
    await_ends(work, jobs)
    bought_once(work, jobs)


def test_lost_doorbells_are_rung_again(
    work: Workbench, run: Callable[[Post], Rung], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of every job and task is lost; a claim that nobody took up lapses, and comes to a thread anew."""
    monkeypatch.setattr(ledger_jobs, "CLAIM_LEASE_S", 0.3)
    lost: set[tuple[str, str]] = set()

    def losing(task: str, claims: Sequence[Claim]) -> Sequence[Claim]:
        arrives = [claim for claim in claims if (task, claim.job_id) in lost]
        lost.update((task, claim.job_id) for claim in claims)
        return arrives

    jobs = work.order(count=5)
    rung = run(losing)
    await_ends(work, jobs)
    bought_once(work, jobs)
    assert {task for task, _ in lost} == {SUBMIT, COLLECT}
    # Not for all: a thread that is at work by then needs no doorbell.
    assert max(Counter((task, claim.job_id) for task, claim in rung).values()) >= 2


def test_a_look_that_breaks_does_not_stop_the_others(
    work: Workbench, run: Callable[[Post], Rung], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake of ours in one look is told, and its lease brings the job back."""
    monkeypatch.setattr(ledger_jobs, "POLL_LEASE_S", 0.3)
    broken, real = threading.Event(), poll.look

    async def look(*given: Any) -> object:
        if not broken.is_set():
            broken.set()
            raise ZeroDivisionError
        return await real(*given)

    monkeypatch.setattr(pumping, "look", look)
    jobs = work.order(count=3)
    run(whole)
    await_ends(work, jobs)
    bought_once(work, jobs)
    assert "a look failed" in caplog.text


def test_a_leaving_pump_claims_nothing_more(work: Workbench, run: Callable[[Post], Rung]) -> None:
    """It is out within three seconds, counts as no living worker, and what it looked at is due for others."""
    jobs = work.order(count=2)
    pump = Pump(work.shop, lambda *_: None)
    pump.start()
    until = time.monotonic() + 10
    while not work.ledger.workers():
        assert time.monotonic() < until
        time.sleep(0.01)
    began = time.monotonic()
    work.shop.stopping.set()
    pump.stop()
    assert time.monotonic() - began < 3
    assert work.ledger.workers() == []
    work.shop.stopping.clear()
    work.redis.hdel(f"wb:a:{work.account}", "hold_ms")
    for claim in jobs:
        work.redis.zadd(f"wb:due:{work.account}", {claim.job_id: 1}, xx=True)
    run(whole)
    await_ends(work, jobs)
    bought_once(work, jobs)


def test_nothing_is_claimed_while_the_store_is_away(work: Workbench, run: Callable[[Post], Rung]) -> None:
    """After a failure of the store no new job is rung for until it has had a rest."""
    work.shop._store_well_at = time.monotonic() + 0.5
    jobs = work.order(count=2)
    rung = run(whole)
    while not work.shop.store_is_well():
        assert rung == []
        time.sleep(0.02)
    await_ends(work, jobs)
    bought_once(work, jobs)
