"""The two short tasks that Celery carries, under names that never change. A doorbell that comes late does nothing."""

import logging
from functools import cache
from typing import Any

from celery import Celery
from redis.exceptions import RedisError

from jobs.errors import NewerVersion, StoreRefused, StoreUnavailable
from jobs.messages import COLLECT, SUBMIT, VERSION
from jobs.outcome import Outcome
from ledger.orders import Claim
from worker.collect import collect
from worker.submit import submit
from worker.wiring import Workshop

log = logging.getLogger(__name__)


def register(app: Celery, shop: Workshop) -> None:
    """Make the tasks known to the app; they work with this workshop."""

    @app.task(name=SUBMIT, shared=False)
    def ring_submit(job_id: str, fence: str, version: int = VERSION, *_newer: object) -> None:
        _answer(SUBMIT, submit, Claim(job_id, fence), version, shop)

    @app.task(name=COLLECT, shared=False)
    def ring_collect(job_id: str, fence: str, version: int = VERSION, *_newer: object) -> None:
        _answer(COLLECT, collect, Claim(job_id, fence), version, shop)


@cache
def _say_once(what: str) -> None:
    """Warn of what a newer version left behind: once a process, since it comes again with every doorbell."""
    log.warning(what)


def _answer(task: str, step: Any, claim: Claim, version: int, shop: Workshop) -> None:
    """Do the step while the heartbeat keeps the claim; what fails here falls back to the lease."""
    if version > VERSION:
        # Its claim lapses, and it is rung again for whoever comes first, seconds later.
        _say_once(f"doorbells of version {version} are left to newer workers; this one knows version {VERSION}")
        return
    shop.held.add(claim)
    try:
        outcome: Outcome = step(claim, shop)
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
