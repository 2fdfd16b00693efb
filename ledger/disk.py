"""Bytes and names on a local disk, durable when the call returns: a power cut takes neither a file nor its folder."""

import os
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write and sync a new file, making its folder where there is none."""
    new_names: list[Path] = []
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileNotFoundError:
        new_names = _folders(path.parent)
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


def publish(temp: Path, target: Path, *, if_absent: bool) -> bool:
    """Give a synced file its name, durably; with `if_absent` the file system lets one rival win, the rest get False."""
    try:
        return _name(temp, target, if_absent=if_absent)
    except FileNotFoundError:
        make_folder(target.parent)
        return _name(temp, target, if_absent=if_absent)


def _name(temp: Path, target: Path, *, if_absent: bool) -> bool:
    try:
        if if_absent:
            os.link(temp, target)
        else:
            temp.replace(target)
    except FileExistsError:
        return False
    sync(target.parent)
    return True


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; each new name is synced, or a power cut would take the objects with it."""
    for parent in _folders(folder):
        sync(parent)


def _folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; answer the folders that hold a new name, which is not synced yet."""
    above: list[Path] = []
    try:
        folder.mkdir(exist_ok=True)
    except FileNotFoundError:
        above = _folders(folder.parent)
        folder.mkdir(exist_ok=True)
    return [*above, folder.parent]


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
