"""A folder for a benchmark, apart from where others on the same disk delete their files."""

import contextlib
import fcntl
import os
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

#: Ask for a file's flags, set them, and the flag of a folder whose subfolders have nothing to do with each other
#: (ext4; `chattr +T`): each of them begins on a part of the disk of its own.
GET_FLAGS, SET_FLAGS, TOP = 0x80086601, 0x40086602, 0x00020000


@contextlib.contextmanager
def apart(prefix: str) -> Iterator[Path]:
    """A new folder as long as the block lasts.

    Without a journal ext4 passes over every file that was deleted beside a new one minutes ago, which made files six
    times as dear for whoever ran second. Other file systems have no such flag, and no need of it.
    """
    with tempfile.TemporaryDirectory(prefix=prefix) as above:
        with contextlib.suppress(OSError):
            _set_top(above)
        # A part of the disk is found by the name: another one for every run.
        yield Path(tempfile.mkdtemp(dir=above, prefix=prefix))


def _set_top(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        (flags,) = struct.unpack("l", fcntl.ioctl(handle, GET_FLAGS, bytes(8)))
        fcntl.ioctl(handle, SET_FLAGS, struct.pack("l", flags | TOP))
    finally:
        os.close(handle)
