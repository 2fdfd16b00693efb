"""`python -m worker.alive`: whether a worker on this machine is alive, for a container's health check.

The worker's own heartbeat in the ledger answers, not the process list: a worker that hangs has stopped beating.
"""

import platform
import sys

from config.settings import Settings, load_settings
from jobs.errors import WanbatchError
from ledger.jobs import Ledger


def alive(settings: Settings) -> str | None:
    """Why this machine has no living worker, in a sentence; None when it has one.

    Before the first campaign a ledger is not founded and takes no heartbeats: then its answering is enough.
    Raises LedgerRefused when the ledger cannot be used.
    """
    ledger = Ledger.connect(settings.redis_url or "", store_url=settings.store)
    try:
        here = f"{platform.node()}-"
        if not ledger.epoch or any(name.startswith(here) for name in ledger.workers()):
            return None
        return f"no worker on {platform.node()} has been heard of in the last seconds"
    finally:
        ledger.close()


if __name__ == "__main__":
    try:
        sys.exit(alive(load_settings()))
    except WanbatchError as error:
        sys.exit(str(error))
