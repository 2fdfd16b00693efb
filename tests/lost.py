"""What tests of lost submits share: a workbench's hands that lose an answer, look for it, and see what became of it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from jobs.job import Job
from jobs.lifecycle import State
from ledger.lots import Lot
from ledger.orders import Claim
from ledger.shelf import Intent, Receipt
from tests.workbench import CAMPAIGN, Workbench
from worker.lookup import Looked
from worker.reconcile import look_up
from worker.wire import Asker


def meet(work: Workbench, then: str, *, on: str = "submit", times: int = 1) -> None:
    """Put a fault in the simulator's line."""
    work.simulator.tell("/_simulator/next", {"on": on, "then": then, "times": times})


def lose(work: Workbench, job: Job, then: str) -> Claim:
    """Submit the job, and lose the answer so."""
    meet(work, then)
    claim, _ = work.submit()
    assert claim.job_id == job.job_id
    assert work.state(job.job_id) == State.UNKNOWN
    return claim


def foreign_intent(work: Workbench, job_id: str, account: str | None = None, **receipt: str) -> None:
    """Another ledger over the same store has meant to buy the job's first send, at the worker's account or another."""
    now = datetime.now(UTC)
    at = account or work.account
    work.shelf.write_intent(
        Intent(job_id=job_id, send=1, token="theirs", account=at, epoch="e", written_at=now, send_by=now, worker="w")
    )
    if receipt:
        told = {"job_id": job_id, "send": 1, "token": "theirs", "answered_at": now, **receipt}
        work.shelf.write_receipt(Receipt.model_validate(told))


def seek(work: Workbench) -> Looked:
    """Look once, now."""

    async def once() -> Looked | None:
        asker = Asker()
        try:
            return await look_up(work.counter, asker, work.shop)
        finally:
            await asker.close()

    work.redis.delete(f"wb:looking:{work.account}")
    looked = asyncio.run(once())
    assert looked is not None
    return looked


def seek_until(work: Workbench, true: Callable[[], bool]) -> None:
    """Look until that is so."""
    for _ in range(100):
        seek(work)
        if true():
            return
        work.shop.stopping.wait(0.1)
    raise AssertionError("it never came to be")


def decided(work: Workbench, *jobs: Job) -> Callable[[], bool]:
    """Whether these jobs are unknown no more."""
    return lambda: all(work.state(job.job_id) != State.UNKNOWN for job in jobs)


def twin(work: Workbench, job: Job, **changes: object) -> Job:
    """Another job that looks much like this one, in the same campaign."""
    name = f"{job.job_id}-{'-'.join(map(str, changes.values()))}"
    other = job.model_copy(update={"job_id": name, **changes})
    work.ledger.enqueue(
        CAMPAIGN, [Lot(work.account, [(name, 10**6, job.price_uusd, other.model_dump_json(), "queued")])]
    )
    return other


def finish(work: Workbench, job: Job) -> None:
    """Watch the render and collect the video."""
    work.watch(job.job_id)
    work.collect(job.job_id)
    assert work.state(job.job_id) == State.DONE
