"""Temporary folders that are held by a lock: what a killed process leaves behind, the next one removes.

A lock lasts as long as its process, so a folder whose lock is free is nobody's, also where process numbers mean nothing
(containers that share a disk).
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ledger.objects import ABANDONED_AFTER_S

#: How the names of the temporary folders of workers, and of plans in the making, begin.
WORKER: Final = "wanbatch-worker-"
PLAN: Final = "wanbatch-plan-"
_LOCK: Final = ".lock"


def own_folder(prefix: str) -> tuple[Path, int]:
    """A new temporary folder, and its lock, which is let go when it is closed or this process ends."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    # The lock has its name only once it is held: nobody finds it free.
    lock = os.open(folder / f"{_LOCK}.new", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    (folder / f"{_LOCK}.new").rename(folder / _LOCK)
    return folder, lock


@contextmanager
def held_folder(prefix: str) -> Iterator[Path]:
    """A temporary folder for as long as the block lasts. Those that killed processes have left are removed first."""
    with suppress(OSError):
        remove_left(prefix)
    folder, lock = own_folder(prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def remove_left(prefix: str) -> None:
    """Remove this user's folders whose process has ended."""
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        if _is_ours(path) and _is_nobodys(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_ours(path: Path) -> bool:
    """Whether this user made it; a link is not followed, since anyone may write to a shared folder."""
    try:
        return not path.is_symlink() and path.lstat().st_uid == os.geteuid()
    except FileNotFoundError:
        return False


def _is_nobodys(folder: Path) -> bool:
    """Whether its process has ended. One that has no lock yet may just be starting."""
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return folder.is_dir() and time.time() - folder.lstat().st_mtime > ABANDONED_AFTER_S
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
