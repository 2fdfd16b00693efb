"""What killed processes leave behind, on this machine's disk and in the store; the next worker to start removes it."""

import logging

from jobs.errors import WanbatchError
from ledger.folders import PLAN, WORKER, remove_left
from ledger.objects import ObjectStore

log = logging.getLogger(__name__)


def sweep(store: ObjectStore) -> None:
    """Remove dead workers' and planners' folders, and the store's own unfinished writes; never raises."""
    try:
        remove_left(WORKER)
        remove_left(PLAN)
        store.sweep()
    except (OSError, WanbatchError) as error:
        log.info("leftovers stay where they are", extra={"reason": str(error)})
