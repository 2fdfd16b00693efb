"""What killed workers leave behind, on this machine's disk and in the store; the next worker to start removes it.

A worker holds a lock in its temporary folder as long as it lives, so a folder whose lock is free is nobody's, also
where process numbers mean nothing (containers that share a disk).
"""

import fcntl
import logging
import os
import shutil
import tempfile
import time
from pathlib import Path

from jobs.errors import WanbatchError
from ledger.objects import ABANDONED_AFTER_S, ObjectStore

#: How the names of workers' temporary folders begin, and of plans that are copied out of an S3 store.
FOLDER, PLAN = "wanbatch-worker-", "wanbatch-plan-"
_LOCK = ".lock"

log = logging.getLogger(__name__)


def own_folder() -> Path:
    """A new temporary folder, and the lock in it, which the kernel lets go when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix=FOLDER))
    # Left open on purpose: to close it would be to let it go.
    fcntl.flock(os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600), fcntl.LOCK_EX)
    return folder


def sweep(store: ObjectStore) -> None:
    """Remove dead workers' folders, old copies of plans, and the store's own unfinished writes; never raises."""
    try:
        for path in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
            if _is_ours(path) and _is_nobodys(path):
                shutil.rmtree(path, ignore_errors=True)
        for path in Path(tempfile.gettempdir()).glob(f"{PLAN}*.jsonl"):
            if _is_ours(path) and _is_old(path):
                path.unlink(missing_ok=True)
        store.sweep()
    except (OSError, WanbatchError) as error:
        log.info("leftovers stay where they are", extra={"reason": str(error)})


def _is_ours(path: Path) -> bool:
    """Whether this user made it; a link is not followed, since anyone may write to a shared folder."""
    try:
        return not path.is_symlink() and path.lstat().st_uid == os.geteuid()
    except FileNotFoundError:
        return False


def _is_nobodys(folder: Path) -> bool:
    """Whether its worker has ended. One that has no lock yet may just be starting."""
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return folder.is_dir() and _is_old(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _is_old(path: Path) -> bool:
    return time.time() - path.lstat().st_mtime > ABANDONED_AFTER_S
