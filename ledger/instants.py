"""Where Redis's clock stands on our own monotonic one, as tightly as round trips have shown.

A script that answers its instant was run between our question and its answer; what many of them say together narrows
the difference of the clocks to a part of the shortest trip, so that an instant of Redis can be met to a millisecond.
"""

import time
from dataclasses import dataclass
from typing import Final

#: Seconds by which the two clocks may drift apart in a second.
DRIFT: Final = 0.0002


@dataclass(frozen=True, slots=True)
class _Bracket:
    """Redis's clock less ours lies between these, in seconds, as it was seen at `at` on ours."""

    least: float
    most: float
    at: float


class Instants:
    """What this process knows of one Redis's clock; any thread may ask and tell."""

    def __init__(self) -> None:
        # One whole value in one step: threads need no lock for it.
        self._known: _Bracket | None = None

    def seen(self, redis_s: float, *, asked: float) -> None:
        """Redis read its clock in a call that began at `asked` on our monotonic clock and has ended just now."""
        now, known = time.monotonic(), self._known
        least, most = redis_s - now, redis_s - asked
        if known is not None:
            drift = (now - known.at) * DRIFT
            # Where one of the clocks was set, the last word counts alone.
            if known.least - drift <= most and least <= known.most + drift:
                least, most = max(least, known.least - drift), min(most, known.most + drift)
        self._known = _Bracket(least, most, now)

    def bounds(self, redis_s: float) -> tuple[float, float]:
        """Between which of our instants that one of Redis lies. Only after `seen`."""
        if self._known is None:
            raise RuntimeError("Redis's clock was never seen")
        return redis_s - self._known.most, redis_s - self._known.least
