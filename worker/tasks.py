"""The two short tasks that Celery carries, under names that never change. A doorbell that comes late does nothing."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache

from celery import Celery
from redis.exceptions import RedisError

from jobs.errors import NewerVersion, StoreRefused, StoreUnavailable
from jobs.lifecycle import Move, State
from jobs.messages import COLLECT, SUBMIT, VERSION
from jobs.outcome import Outcome
from ledger.orders import Claim, Order
from worker.collect import collect
from worker.submit import submit
from worker.wiring import Workshop

#: Job ids or fences of a doorbell; a single one in those of version 1.
Named = Sequence[str] | str
Step = Callable[[Claim, Workshop], Outcome]

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
    at_work = hands.join(Claim(str(job_id), str(fence)) for job_id, fence in pairs)
    try:
        while at_work and (claim := hands.next()):
            began = time.monotonic()
            _take_up(task, step, claim, shop)
            hands.took(time.monotonic() - began)
            if shop.stopping.is_set():
                _give_back(task, hands.lay_down(), shop)
        at_work = False
    finally:
        if at_work:
            hands.leave()


def _give_back(task: str, claims: Sequence[Claim], shop: Workshop) -> None:
    """What was claimed and not taken up is free for others at once; what is ready is rung for again by itself."""
    if task == SUBMIT and claims:
        with suppress(RedisError):
            shop.ledger.move_all([Order(move=Move.RELEASE, to=State.QUEUED, claim=claim) for claim in claims])


def _take_up(task: str, step: Step, claim: Claim, shop: Workshop) -> None:
    """Do the step while the heartbeat keeps the claim; what fails here falls back to the lease."""
    shop.held.add(claim)
    try:
        outcome = step(claim, shop)
        log.debug("step ended", extra={"task": task, "job_id": claim.job_id, "outcome": outcome})
    except NewerVersion as error:
        _say_once(str(error))
    except (StoreUnavailable, StoreRefused) as error:
        shop.store_failed(error)
    except OSError as error:
        # Our own disk, where videos pass through on their way into the store.
        hint = "free some space for temporary files on the worker's machine, or set TMPDIR elsewhere"
        shop.store_failed(StoreRefused(f"{shop.temp}: {error.strerror or error}", hint))
    except RedisError as error:
        log.warning("the ledger went away in a step", extra={"job_id": claim.job_id, "reason": str(error)})
    finally:
        shop.held.drop(claim)
