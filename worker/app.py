"""The worker process: Celery on threads for the short tasks, and the pump as a step of its boot."""

import gc
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from celery import Celery, bootsteps
from celery.worker import state
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from config.celery_app import TASKS, make_app, queue
from config.settings import Settings
from jobs.messages import Doorbell
from ledger.health import await_writes, takes_writes
from ledger.orders import Claim
from worker.leftovers import sweep
from worker.pump import Pump
from worker.tasks import register
from worker.wiring import Workshop, build

#: Seconds. A worker that ends sooner has a fault that beginning anew does not mend.
LIVED_S = 3.0

log = logging.getLogger(__name__)


def serve(settings: Settings) -> int:
    """Work until told to stop (SIGTERM, SIGINT); answers the exit code. Raises WanbatchError if it cannot begin.

    Celery gives up when Redis is full or read-only, as after a failover; then this process begins anew.
    """
    shop, began = build(settings), time.monotonic()
    threading.Thread(target=sweep, args=(shop.store,), name="sweep", daemon=True).start()
    try:
        app = make_app(settings.redis_url or "")
        register(app, shop)
        pump = Pump(shop, _ringer(app, shop))
        app.steps["worker"].add(_pump_step(pump, shop))
        queues = [queue(task, account) for account in shop.counters for task in TASKS]
        worker = app.Worker(
            pool="threads",
            concurrency=settings.threads,
            queues=queues,
            hostname=f"wanbatch@{shop.name.replace('/', '-')}",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
            loglevel=settings.log_level.upper(),
        )
        # What stands by now stays: to look through it for garbage, again and again, takes as long as twenty jobs.
        gc.freeze()
        worker.start()
        code = int(worker.exitcode or 0)
    finally:
        shop.wire.close()
        shutil.rmtree(shop.temp, ignore_errors=True)
    if code and state.should_stop is None and state.should_terminate is None:
        _begin_anew(shop, lived_s=time.monotonic() - began)
    return code


def _begin_anew(shop: Workshop, lived_s: float) -> None:
    """Become a new worker under the same process id once the ledger takes writes; return if that would not help."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    if lived_s < LIVED_S and takes_writes(shop.ledger.client):
        return
    log.warning("Celery gave up; this worker begins anew when the ledger takes writes")
    await_writes(shop.ledger.client)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command line, no shell


def _ringer(app: Celery, shop: Workshop) -> Any:
    """Rings doorbells in one batch, each for as many claims as a thread works through in an instant.

    A batch that fails is rung again when the claims lapse.
    """

    def ring(task: str, account: str, claims: Sequence[Claim]) -> None:
        pool: Any = app.producer_pool  # kombu's batch() is younger than its type stubs
        where = queue(task, account)
        try:
            with pool.acquire(block=True) as producer, producer.batch():
                size = shop.hands[task].claims_a_bell
                for at in range(0, len(claims), size):
                    jobs, fences = zip(*claims[at : at + size], strict=True)
                    bell = Doorbell(list(jobs), list(fences))
                    app.send_task(task, bell, queue=where, producer=producer, ignore_result=True, retry=False)
        except (KombuError, RedisError, OSError) as error:
            log.warning("doorbells were not rung", extra={"task": task, "claims": len(claims), "reason": str(error)})

    return ring


def _pump_step(pump: Pump, shop: Workshop) -> type:
    """The pump's place in Celery's boot: started after the pool, stopped before it."""

    class PumpStep(bootsteps.StartStopStep):
        requires = ("celery.worker.components:Pool",)

        def start(self, _worker: object) -> None:
            pump.start()

        def stop(self, _worker: object) -> None:
            shop.stopping.set()
            pump.stop()

        def terminate(self, worker: object) -> None:
            self.stop(worker)

    return PumpStep
