"""What was asked of each dialect, counted."""

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

#: Real seconds over which the poll rate is averaged.
RATE_WINDOW_S = 10


@dataclass(slots=True)
class Tally:
    """The counts of one dialect. `polls_per_s` is per real second, over the last ten whole ones."""

    counts: Counter[str] = field(default_factory=Counter)
    peak_in_flight: int = 0
    _seconds: deque[list[int]] = field(default_factory=lambda: deque(maxlen=RATE_WINDOW_S + 1))

    def poll(self) -> None:
        """Count one poll."""
        self.counts["polls"] += 1
        second = int(time.monotonic())
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += 1
        else:
            self._seconds.append([second, 1])

    def facts(self) -> dict[str, Any]:
        """The counts by name."""
        this = int(time.monotonic())
        recent = sum(count for second, count in self._seconds if this - RATE_WINDOW_S <= second < this)
        names = ("submits", "accepted", "polls", "lists", "throttled", "faults", "webhooks", "webhooks_refused")
        return {
            **{name: self.counts[name] for name in names},
            "peak_in_flight": self.peak_in_flight,
            "polls_per_s": recent / RATE_WINDOW_S,
        }
