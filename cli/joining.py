"""One service, many runs: the first run on a store owns the ledger and the simulator, later ones join them.

Two file locks decide, since the kernel drops them with the process: `owner.lock` is held by the owner alone,
`users.lock` is shared by those who joined. `connection.json` (0600) says how to connect.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from jobs.errors import StoreRefused, WanbatchError

#: Seconds that a joining run waits for an owner that is starting or ending.
JOIN_WITHIN_S: Final = 60.0
#: Seconds between two looks at a lock.
LOOK_EVERY_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Berth:
    """A place in a running service: as its owner, who ends it, or as one who joined."""

    folder: Path
    owner: bool
    _lock: IO[str] = field(repr=False)

    def announce(self, url: str) -> None:
        """Tell later runs how to connect; only the owner does, once the service is ready."""
        new = self.folder / "connection.json.new"
        write_private(new, json.dumps({"url": url, "pid": os.getpid()}))
        new.replace(self.folder / "connection.json")

    def await_users(self, tell: Callable[[str], None]) -> None:
        """Wait until nobody who joined uses the service; from then on nobody can join it."""
        with (self.folder / "users.lock").open("a") as users:
            if not _locked(users, fcntl.LOCK_EX):
                tell(
                    "another run still uses the services of this one; waiting for it to end (Ctrl-C ends both at once)"
                )
                fcntl.flock(users, fcntl.LOCK_EX)

    def leave(self) -> None:
        """Give the place up; the owner does so after the service has ended."""
        if self.owner:
            (self.folder / "connection.json").unlink(missing_ok=True)
        self._lock.close()


def enter(folder: Path) -> tuple[Berth, str | None]:
    """Take a place: as the owner (no URL yet: start the service, then announce it), or in what runs (its URL)."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        hint = "give this user the right to that folder, or name another --store; nothing was bought"
        raise StoreRefused(f"the folder {folder} cannot be made: {error.strerror}", hint) from error
    deadline = time.monotonic() + JOIN_WITHIN_S
    while time.monotonic() < deadline:
        lock = (folder / "owner.lock").open("a")
        if _locked(lock, fcntl.LOCK_EX):
            (folder / "connection.json").unlink(missing_ok=True)
            return Berth(folder, owner=True, _lock=lock), None
        lock.close()
        users = (folder / "users.lock").open("a")
        if _locked(users, fcntl.LOCK_SH) and (url := connection(folder)):
            return Berth(folder, owner=False, _lock=users), url
        users.close()
        time.sleep(LOOK_EVERY_S)
    raise WanbatchError(
        f"another run holds {folder} and has not been ready for {JOIN_WITHIN_S:g} s",
        "look at the logs in that folder, end that run, then repeat the command",
    )


def connection(folder: Path) -> str | None:
    """The URL of the service that runs now; None when none does (a file left by a killed owner counts as none)."""
    try:
        url = json.loads((folder / "connection.json").read_text(encoding="utf-8"))["url"]
        with (folder / "owner.lock").open("a") as lock:
            return None if _locked(lock, fcntl.LOCK_SH) else str(url)
    except (FileNotFoundError, ValueError, KeyError):
        return None


def write_private(file: Path, text: str) -> None:
    """Write a file that only this user may read, from its first moment."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(text, encoding="utf-8")


def _locked(file: IO[str], kind: int) -> bool:
    """Try to lock; say whether it worked."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
