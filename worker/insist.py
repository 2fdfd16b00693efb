"""A move that must reach the ledger: repeated while Redis is away, since the same order twice changes nothing."""

import logging
import time

from redis.exceptions import RedisError

from jobs.backoff import retry_wait_s
from ledger.jobs import Ledger
from ledger.orders import Moved, Order

#: Seconds of trying; after that the lease decides what the job is.
INSIST_S = 30.0

log = logging.getLogger(__name__)


def insist(ledger: Ledger, order: Order) -> Moved | None:
    """Carry out the order, again and again while Redis does not answer; None when it never did."""
    give_up = time.monotonic() + INSIST_S
    failures = 0
    while True:
        try:
            return ledger.move(order)
        except RedisError as error:
            failures += 1
            log.warning("a move waits for the ledger", extra={"job_id": order.claim.job_id, "reason": str(error)})
            wait_s = retry_wait_s(failures, 0.5, first_s=0.1, cap_s=2.0)
            if time.monotonic() + wait_s > give_up:
                return None
            time.sleep(wait_s)
