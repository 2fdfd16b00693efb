"""How the claims that doorbells bring are shared out among a worker's threads.

A message costs more CPU than a short step, so a doorbell carries as many claims as one thread works through in an
instant, by what the last steps took: many where a provider answers at once, one where a step takes long. A task has
only so many of the threads; a doorbell that finds them all at work leaves its claims with them and is answered.
Claims that wait here are in nobody's hands: their leases run out, and the ledger rings anew.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock

from ledger.orders import Claim

#: Seconds in which one thread works through the claims of one doorbell.
BELL_S = 0.25
#: Claims that one doorbell carries at most.
MOST_CLAIMS = 32
#: Weight of the last step in the mean of what steps take.
LAST_STEP = 0.2


@dataclass(slots=True)
class Hands:
    """One task's claims that wait in this worker, and how many of its threads are at them: never more than `most`."""

    most: int
    _step_s: float = BELL_S
    _claims: deque[Claim] = field(default_factory=deque)
    _busy: int = 0
    _lock: Lock = field(default_factory=Lock)

    def join(self, claims: Iterable[Claim]) -> bool:
        """Add what a doorbell brought; True when its thread is to work, and then takes `next` until there is none."""
        with self._lock:
            self._claims.extend(claims)
            if self._busy >= self.most:
                return False
            self._busy += 1
            return True

    def next(self) -> Claim | None:
        """The claim that has waited longest; without one this thread is at work no longer."""
        with self._lock:
            if self._claims:
                return self._claims.popleft()
            # In one breath with the look: a claim that comes later finds a thread missing, and brings its own.
            self._busy -= 1
            return None

    def leave(self) -> None:
        """This thread breaks off in the middle."""
        with self._lock:
            self._busy -= 1

    def lay_down(self) -> list[Claim]:
        """All that waits, which nobody here will work at."""
        with self._lock:
            rest = list(self._claims)
            self._claims.clear()
            return rest

    def took(self, step_s: float) -> None:
        """A step lasted so long."""
        self._step_s += LAST_STEP * (step_s - self._step_s)

    @property
    def claims_a_bell(self) -> int:
        """How many claims a doorbell should carry."""
        return max(1, min(MOST_CLAIMS, int(BELL_S / max(self._step_s, 1e-6))))
