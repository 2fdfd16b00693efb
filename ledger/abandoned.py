"""What crashed writers left in a folder: files that nobody has written to for a day."""

import time
from pathlib import Path
from typing import Final

from ledger.objects import ABANDONED_AFTER_S

#: A file whose age says when the whole of a store was last looked through.
WALKED: Final = "walked"


def sweep(folder: Path, pattern: str = "*") -> None:
    """Remove the old files of a folder; one that is not there has none."""
    for path in folder.glob(pattern):
        if path.name != WALKED and _is_old(path):
            path.unlink(missing_ok=True)


def sweep_daily(root: Path, pattern: str, notes: Path) -> None:
    """The same for a whole tree, once a day by the note kept in `notes`: it reads every folder's names."""
    note = notes / WALKED
    if notes.is_dir() and _is_old(note):
        note.touch()
        sweep(root, pattern)


def _is_old(path: Path) -> bool:
    """Whether it is a day old; what is not there any more, as its writer or another sweeper was quicker, is too."""
    try:
        return path.stat().st_mtime < time.time() - ABANDONED_AFTER_S
    except FileNotFoundError:
        return True
