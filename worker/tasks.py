"""The two short tasks that Celery carries, under names that never change. A doorbell that comes late does nothing."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial

from celery import Celery
from redis.exceptions import RedisError

from jobs.errors import NewerVersion, StoreRefused, StoreUnavailable
from jobs.lifecycle import Move, State
from jobs.messages import COLLECT, SUBMIT, VERSION
from jobs.outcome import Outcome
from ledger.jobs import LEASE_S
from ledger.orders import Claim, Order
from worker.collect import collect
from worker.doorbells import STAY_S, Taken
from worker.submit import submit
from worker.wiring import Workshop

#: Job ids or fences of a doorbell; a single one in those of version 1.
Named = Sequence[str] | str
Step = Callable[[Claim, dict[str, str], Workshop], Outcome]

#: How each task takes a claim up.
_TAKE: dict[str, Callable[[Claim], Order]] = {
    SUBMIT: lambda claim: Order(move=Move.TAKE, to=State.CLAIMED, claim=claim, due_s=LEASE_S, new_fence=True),
    COLLECT: lambda claim: Order(move=Move.COLLECT, to=State.COLLECTING, claim=claim, due_s=LEASE_S),
}

log = logging.getLogger(__name__)


def register(app: Celery, shop: Workshop) -> None:
    """Make the tasks known to the app; they work with this workshop."""

    @app.task(name=SUBMIT, shared=False)
    def ring_submit(jobs: Named, fences: Named, version: int = 1, *_newer: object) -> None:
        answer(SUBMIT, submit, jobs, fences, version, shop)

    @app.task(name=COLLECT, shared=False)
    def ring_collect(jobs: Named, fences: Named, version: int = 1, *_newer: object) -> None:
        answer(COLLECT, collect, jobs, fences, version, shop)


@cache
def _say_once(what: str) -> None:
    """Warn of what a newer version left behind: once a process, since it comes again with every doorbell."""
    log.warning(what)


def answer(task: str, step: Step, jobs: Named, fences: Named, version: int, shop: Workshop) -> None:
    """Do the step for each claim that waits, unless enough threads do so; a worker that leaves gives claims back."""
    if version > VERSION:
        # Its claims lapse, and are rung again for whoever comes first, seconds later.
        _say_once(f"doorbells of version {version} are left to newer workers; this one knows version {VERSION}")
        return
    pairs = ((jobs, fences),) if isinstance(jobs, str) else zip(jobs, fences, strict=True)
    hands = shop.hands[task]
    until = time.monotonic() + STAY_S
    at_work = hands.join(Claim(str(job_id), str(fence)) for job_id, fence in pairs)
    try:
        while at_work and (taken := hands.next(partial(take_up, task, shop), until=until)):
            began = time.monotonic()
            _work_at(task, step, taken, shop)
            hands.took(time.monotonic() - began)
            if shop.stopping.is_set():
                _give_back(task, shop)
        at_work = False
    finally:
        if at_work:
            hands.leave()
            _give_back(task, shop)


def take_up(task: str, shop: Workshop, claims: Sequence[Claim]) -> list[Taken]:
    """Take claims up, in one trip to the ledger, and hold them; those that are gone are left out.

    Doorbells may be doubled: the first to come changes a submit's fence or a collect's state, so no two threads ever
    hold one claim.
    """
    try:
        answers = shop.ledger.take([_TAKE[task](claim) for claim in claims])
    except RedisError as error:
        log.warning("the ledger went away before a step", extra={"claims": len(claims), "reason": str(error)})
        return []
    taken = [
        Taken(Claim(claim.job_id, moved.detail), row)
        for claim, (moved, row) in zip(claims, answers, strict=True)
        # What has lapsed between the move and the reading is another one's.
        if moved.ok and row.get("fence") == moved.detail
    ]
    for one in taken:
        shop.held.add(one.claim)
    return taken


def _give_back(task: str, shop: Workshop) -> None:
    """What was claimed and not begun is free for others at once; what is only ready is rung for again by itself."""
    claims, taken = shop.hands[task].lay_down()
    if task == SUBMIT:
        orders = [Order(move=Move.RELEASE, to=State.QUEUED, claim=claim) for claim in (*taken, *claims)]
    else:
        orders = [Order(move=Move.DROP, to=State.READY, claim=claim, due_s=0.0) for claim in taken]
    for claim in taken:
        shop.held.drop(claim)
    with suppress(RedisError):
        shop.ledger.move_all(orders)


def _work_at(task: str, step: Step, taken: Taken, shop: Workshop) -> None:
    """Do the step while the heartbeat keeps the claim; what fails here falls back to the lease."""
    claim = taken.claim
    try:
        outcome = step(claim, taken.row, shop)
        log.debug("step ended", extra={"task": task, "job_id": claim.job_id, "outcome": outcome})
    except NewerVersion as error:
        _say_once(str(error))
    except (StoreUnavailable, StoreRefused) as error:
        shop.store_failed(error)
    except OSError as error:
        shop.store_failed(_disk_failed(error, shop))
    except RedisError as error:
        log.warning("the ledger went away in a step", extra={"job_id": claim.job_id, "reason": str(error)})
    finally:
        shop.held.drop(claim)


def _disk_failed(error: OSError, shop: Workshop) -> StoreRefused:
    """Our own disk, on which videos pass through on their way into the store, or lie."""
    if shop.store.local_path("x") is not None:
        return StoreRefused(f"{shop.store.url}: {error.strerror or error}", "free some space on the store's disk")
    hint = "free some space for temporary files on the worker's machine, or set TMPDIR elsewhere"
    return StoreRefused(f"{shop.temp}: {error.strerror or error}", hint)
