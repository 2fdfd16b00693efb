"""The journal: one JSON line for each thing that a provider must not forget, handed to the OS before the answer leaves.

A killed simulator has lost nothing that it answered for; only a torn last line, never answered for, is dropped.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class JournalRefused(Exception):
    """The journal cannot be used: another simulator holds it, or a line inside it is damaged."""


class Journal:
    """An append-only file of JSON objects, held by one process at a time."""

    def __init__(self, path: Path) -> None:
        """Open and lock the file, and make it where it is missing.

        Raises:
            JournalRefused: another running simulator writes to it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            words = f"{path} belongs to another running simulator; end it or name another --journal"
            raise JournalRefused(words) from None

    def append(self, entry: dict[str, Any]) -> None:
        """Write one entry; when this returns, a kill of the process no longer loses it."""
        os.write(self._file, json.dumps(entry, separators=(",", ":")).encode() + b"\n")

    def replay(self) -> Iterator[dict[str, Any]]:
        """Every entry from the first one on; a torn last line is cut off the file.

        Raises:
            JournalRefused: a damaged line that is not the last one.
        """
        end = 0
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    os.truncate(self._file, end)
                    return
                try:
                    yield json.loads(line)
                except ValueError:
                    raise JournalRefused(f"{self._path}:{number}: not a line of a simulator's journal") from None
                end += len(line)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)
