"""Bytes and names on a local disk, and when they are durable: a power cut takes neither a synced file nor its folder.

Paths are texts here: a job's files go through these few lines four times, and `pathlib` costs more than the calls.
"""

import os
from contextlib import suppress
from typing import Final

#: How the name of a file begins while it is written beside its place.
UNFINISHED: Final = ".tmp-"


def unfinished(target: str) -> str:
    """A new name beside a file's place. A rename out of another folder costs twice the CPU."""
    return f"{folder_of(target)}/{UNFINISHED}{os.urandom(16).hex()}"


def is_beside(path: str, target: str) -> bool:
    """Whether that is such a name for this file."""
    return path.startswith(f"{folder_of(target)}/{UNFINISHED}")


def folder_of(path: str) -> str:
    """The folder that a file lies in."""
    return path.rpartition("/")[0]


def put(target: str, data: bytes, *, if_absent: bool = False) -> bool:
    """Write and sync a file beside its place, then `give_name`; nothing else is left. Its folder is not synced yet."""
    temp = unfinished(target)
    try:
        write(temp, data)
        return give_name(temp, target, if_absent=if_absent)
    except BaseException:
        remove(temp)
        raise


def remove(path: str) -> None:
    """Remove what may be left of a file; another error is being told."""
    with suppress(OSError):
        os.unlink(path)


def write(path: str, data: bytes) -> None:
    """Write and sync a new file, making its folder where there is none."""
    new_names: list[str] = []
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileNotFoundError:
        new_names = _folders(folder_of(path))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    for folder in new_names:
        # After the file: a journal has taken the folder's name along with it, and has nothing more to write.
        sync(folder)


def give_name(temp: str, target: str, *, if_absent: bool = False) -> bool:
    """Give a synced file its name, which is durable once its folder is synced; the name of before is gone.

    With `if_absent` the file system lets one rival win, the rest get False.
    """
    if not if_absent:
        os.replace(temp, target)
        return True
    try:
        os.link(temp, target)
    except FileExistsError:
        return False
    finally:
        os.unlink(temp)
    return True


def make_folder(folder: str) -> None:
    """Make a folder and those above it; each new name is synced, or a power cut would take the objects with it."""
    if not os.path.isdir(folder):
        for parent in _folders(folder):
            sync(parent)


def _folders(folder: str) -> list[str]:
    """Make a folder and those above it; answer the folders that hold a new name, which is not synced yet."""
    above: list[str] = []
    try:
        _make(folder)
    except FileNotFoundError:
        above = _folders(folder_of(folder))
        _make(folder)
    return [*above, folder_of(folder)]


def _make(folder: str) -> None:
    try:
        os.mkdir(folder)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise


def sync(path: str) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
