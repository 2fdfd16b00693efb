"""The simulated clock: it runs `speed` times faster than life, and is never seen to run backwards.

Everything that a provider would date is dated by it: render times, rate windows, reset headers, expiries.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

#: Real seconds that one promise covers. After a kill, simulated time goes on at the end of the last promise.
LEASE_S = 1.0


class Clock:
    """Simulated seconds since 1970: `epoch + (real - epoch) * speed`. With speed 1 it is the real time.

    Before it shows a time beyond the last promised one, it promises the next stretch through `promise`; a journal keeps
    that, and `resume_at` then starts a later clock where no earlier answer can contradict it.
    """

    def __init__(
        self, speed: float = 1.0, *, resume_at: float | None = None, real: Callable[[], float] = time.time
    ) -> None:
        self.speed = speed
        self.epoch = _epoch(speed, real(), resume_at)
        self.promise: Callable[[float], None] | None = None
        self._promised = float("-inf")
        self._real = real

    def now(self) -> float:
        """Simulated seconds since 1970."""
        now = self.epoch + (self._real() - self.epoch) * self.speed
        if self.promise is not None and now > self._promised:
            self._promised = now + LEASE_S * self.speed
            self.promise(self._promised)
        return now


def _epoch(speed: float, real: float, resume_at: float | None) -> float:
    """The epoch that makes the clock show `resume_at` at the real time `real`."""
    if resume_at is None or speed == 1:
        return real
    return (real * speed - resume_at) / (speed - 1)


def iso(simulated_s: float) -> str:
    """The instant as `2026-11-21T07:10:00.123Z`."""
    return utc(simulated_s).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc(simulated_s: float) -> datetime:
    """The instant as an aware datetime."""
    return datetime.fromtimestamp(simulated_s, UTC)


def since(name: str, text: str) -> float:
    """Seconds since 1970 of an ISO-8601 instant, which is UTC where it names no offset.

    Raises:
        ValueError: the field of that name is none.
    """
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name} must be an ISO-8601 date") from None
    return (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()
