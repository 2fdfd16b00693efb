"""APIMart's idempotency keys: the same key and body never buy twice, and another body under a key is refused.

A key holds only beside the header that fixes the answer's version. A refused order leaves its key free. That keys do
not expire, and are as long-lived as their tasks, is not documented.
"""

import hashlib
import re
from collections.abc import Iterable

from starlette.requests import Request

from simulator.forms import Words
from simulator.renders import Task

VERSION = "2026-07-27"
#: Seconds after which to ask again for an order that is on its way.
RETRY_AFTER_S = 1
IN_PROGRESS = Words(409, "idempotency_in_progress", "A request with this Idempotency-Key is still being processed")
REUSED = Words(409, "idempotency_key_reused", "This Idempotency-Key was used with another request body")
MALFORMED = Words(400, "invalid_idempotency_key", "Idempotency-Key must be 1 to 191 visible ASCII characters")
_KEY = re.compile(r"[\x21-\x7e]{1,191}")


class Keys:
    """Every key with the task that it bought, and the keys of orders that are on their way."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        """Remember what was bought before a restart."""
        self._bought: dict[tuple[str, str], Task] = {}
        self._open: set[tuple[str, str]] = set()
        for task in tasks:
            self.keep(task)

    def keep(self, task: Task) -> None:
        """Remember a purchase under its key, where it has one."""
        if "idempotency_key" in task.notes:
            self._bought[task.account, task.notes["idempotency_key"]] = task

    def bought(self, account: str, key: str) -> Task | None:
        """What this key has bought."""
        return self._bought.get((account, key))

    def begin(self, account: str, key: str) -> bool:
        """Note that an order is on its way; False where one is already."""
        if (account, key) in self._open:
            return False
        self._open.add((account, key))
        return True

    def end(self, account: str, key: str) -> None:
        """Note that it is over."""
        self._open.discard((account, key))


def key_of(request: Request) -> str | None:
    """The key of a request, None where none counts."""
    return request.headers.get("idempotency-key") if versioned(request) else None


def well_formed(key: str) -> bool:
    """Whether this may be a key."""
    return _KEY.fullmatch(key) is not None


def versioned(request: Request) -> bool:
    """Whether the client asks for the fixed version of the answer."""
    return request.headers.get("x-apimart-response-version") == VERSION


def digest(body: bytes) -> str:
    """What tells one body from another."""
    return hashlib.sha256(body).hexdigest()
