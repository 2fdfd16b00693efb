"""The two short tasks that Celery carries, under names that never change. A doorbell that comes late does nothing."""

import logging
from typing import Any

from celery import Celery
from redis.exceptions import RedisError

from jobs.errors import StoreRefused, StoreUnavailable
from jobs.messages import COLLECT, SUBMIT, VERSION
from jobs.outcome import Outcome
from ledger.orders import Claim
from worker.collect import collect
from worker.submit import submit
from worker.wiring import Workshop

log = logging.getLogger(__name__)


def register(app: Celery, shop: Workshop) -> None:
    """Make the tasks known to the app; they work with this workshop."""

    @app.task(name=SUBMIT)
    def ring_submit(job_id: str, fence: str, version: int = VERSION) -> None:
        _answer(SUBMIT, submit, Claim(job_id, fence), version, shop)

    @app.task(name=COLLECT)
    def ring_collect(job_id: str, fence: str, version: int = VERSION) -> None:
        _answer(COLLECT, collect, Claim(job_id, fence), version, shop)


def _answer(task: str, step: Any, claim: Claim, version: int, shop: Workshop) -> None:
    """Do the step while the heartbeat keeps the claim; what fails here falls back to the lease."""
    if version > VERSION:
        log.warning("a doorbell of a newer version is left to a newer worker", extra={"task": task, "version": version})
        return
    shop.held.add(claim)
    try:
        outcome: Outcome = step(claim, shop)
        log.debug("step ended", extra={"task": task, "job_id": claim.job_id, "outcome": outcome})
    except (StoreUnavailable, StoreRefused) as error:
        shop.store_failed(error)
    except OSError as error:
        # Our own disk, where videos pass through on their way into the store.
        shop.store_failed(StoreRefused(f"{shop.temp}: {error}"))
    except RedisError as error:
        log.warning("the ledger went away in a step", extra={"job_id": claim.job_id, "reason": str(error)})
    finally:
        shop.held.drop(claim)
