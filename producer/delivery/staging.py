"""Files that are being written on their way to a place, and those that a killed delivery left; the next removes them.

Whoever writes one holds a lock on it, which the kernel lets go when that process ends: a file whose lock is free is
nobody's, also where several deliver to one folder.
"""

import fcntl
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from jobs.errors import StoreRefused
from ledger.objects import ObjectStore

#: How the names of such files begin in this machine's own folder, and end beside the copies.
PREFIX, SUFFIX = "wanbatch-copy-", ".copy"
#: The rights of a file that becomes a copy, less what the user takes off all files; others are the user's own.
_SHARED: Final = 0o666
_OWN: Final = 0o600


@contextmanager
def staged(place: ObjectStore, key: str) -> Iterator[Path]:
    """A local file to fill, and then to put under the key; what is left of it afterwards is removed."""
    path, lock = _locked(place, key)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        os.close(lock)


def remove_leftovers(place: ObjectStore) -> None:
    """Remove what killed deliveries left on this machine and in the place's folder; what is in use stays."""
    left = list(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))
    if (copy := place.local_path("copy")) is not None:
        with suppress(OSError):
            left += copy.parent.glob(f".*{SUFFIX}")
    for path in left:
        # Somebody else's, gone by now, on a file system without locks: it stays.
        with suppress(OSError):
            _remove_if_free(path)


def _locked(place: ObjectStore, key: str) -> tuple[Path, int]:
    """A new file and its lock; a sweeper that came in between has another one made."""
    while True:
        landing = place.landing(key)
        if landing is None:
            path, rights = Path(tempfile.gettempdir()) / f"{PREFIX}{uuid.uuid4().hex}", _OWN
        else:
            path, rights = landing.with_name(landing.name + SUFFIX), _SHARED
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, rights)
        except OSError as error:
            hint = "give this user the right to that folder, or deliver to another one"
            raise StoreRefused(f"{path.parent} cannot be written to: {error.strerror}", hint) from error
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return path, lock
        os.close(lock)


def _remove_if_free(path: Path) -> None:
    lock = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(lock)
