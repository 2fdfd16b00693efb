"""What this process has uploaded to providers, so that a file goes up once as long as it is there."""

import threading
import time
from dataclasses import dataclass, field
from typing import Final

#: Uploads that are remembered; beyond that the dead ones are let go.
MOST_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class Uploads:
    """What this process has uploaded, by account and file, and until when (monotonic seconds) it is there."""

    _links: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)
    _busy: dict[tuple[str, str], threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def alone(self, account: str, uri: str) -> threading.Lock:
        """A lock that lets one thread at a time upload the file."""
        with self._lock:
            return self._busy.setdefault((account, uri), threading.Lock())

    def link(self, account: str, uri: str) -> str | None:
        """Where the file was uploaded to, while it is there."""
        link, until = self._links.get((account, uri), ("", 0.0))
        return link if time.monotonic() < until else None

    def keep(self, account: str, uri: str, link: str, life_s: float) -> None:
        """Remember an upload."""
        now = time.monotonic()
        with self._lock:
            if len(self._links) >= MOST_REMEMBERED:
                self._links = {key: held for key, held in self._links.items() if held[1] > now}
                self._busy = {key: lock for key, lock in self._busy.items() if key in self._links or lock.locked()}
            self._links[account, uri] = (link, now + life_s)
