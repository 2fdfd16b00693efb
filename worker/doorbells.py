"""How claims travel in doorbells, and how they are shared out among a worker's threads (docs/decisions/0012, 0020).

A message costs more CPU than a short step: a doorbell carries what one thread works through in an instant, by the last
steps, and is rung only for what the threads at work cannot do in such an instant. A task has so many threads at most.
Until one takes claims up, they are in nobody's hands: their leases run out, and the ledger rings anew.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Condition
from typing import NamedTuple

from ledger.orders import Claim

#: Seconds in which one thread works through the claims of one doorbell: so long a claim may wait for others.
BELL_S = 0.25
#: Seconds after which threads none of which has come for more are taken to hang.
HANG_S = 1.0
#: Seconds that a claim waits at most for its doorbell to be full.
FULL_WITHIN_S = 0.5
#: Seconds after which a thread leaves what is still to do to others: a doorbell of the other task may wait for it.
STAY_S = 2.0
#: Seconds for which a thread that has worked waits for more before it leaves: a doorbell is dearer, and comes later.
#: Less than `HANG_S`, or it would be taken for one that hangs.
LINGER_S = 0.5
#: Claims that one doorbell carries at most.
MOST_CLAIMS = 32
#: Weight of the last step in the mean of what steps take.
LAST_STEP = 0.2

#: Rings doorbells of one task for claims of one account.
Ring = Callable[[str, str, Sequence[Claim]], None]


class Taken(NamedTuple):
    """A claim that this worker has taken up: nobody else works at it as long as it is held."""

    claim: Claim
    row: dict[str, str]


@dataclass(slots=True)
class Hands:
    """One task's claims that wait in this worker, and how many of its threads are at them: never more than `most`.

    The last `lingering` of them wait for more for a moment, which keeps them from the other task.
    """

    most: int
    lingering: int = 0
    _step_s: float = BELL_S
    _claims: deque[Claim] = field(default_factory=deque)
    _taken: deque[Taken] = field(default_factory=deque)
    _busy: int = 0
    #: Monotonic seconds at which a thread last came for more.
    _came: float = 0.0
    _lock: Condition = field(default_factory=Condition)

    def join(self, claims: Iterable[Claim]) -> bool:
        """Add what a doorbell brought; True when its thread is to work, and then takes `next` until there is none."""
        with self._lock:
            self._claims.extend(claims)
            if self._busy >= self.most:
                return False
            self._busy += 1
            return True

    def share(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Leave claims with the threads at work, a bell's worth for each; the rest is answered, and wants a doorbell.

        Nothing is left with threads none of which has come for more in an instant: their steps hang.
        """
        with self._lock:
            at_work = self._busy if time.monotonic() - self._came < HANG_S else 0
            size = self.claims_a_bell
            room = max(0, at_work * size - len(self._claims) - len(self._taken))
            left = claims[:room]
            self._claims.extend(left)
            # A thread for each bell's worth, and none for nothing.
            self._lock.notify(-(-len(left) // size))
        return claims[room:]

    def next(self, take: Callable[[Sequence[Claim]], Iterable[Taken]], *, until: float) -> Taken | None:
        """What has waited longest; as many claims as a bell carries are taken up by one call of `take`.

        Without any this thread is at work no longer, nor past `until` (monotonic) where others are.
        """
        while True:
            with self._lock:
                self._came = time.monotonic()
                if self._busy > 1 and self._came > until:
                    self._busy -= 1
                    # Whoever waits for more goes on: what is taken up is held, and nobody rings for it.
                    self._lock.notify(1)
                    return None
                if not self._taken and not self._claims and self._busy <= self.lingering:
                    self._lock.wait_for(lambda: self._taken or self._claims, LINGER_S)
                    self._came = time.monotonic()
                if self._taken:
                    return self._taken.popleft()
                if not self._claims:
                    # In one breath with the look: a claim that comes later finds a thread missing, and brings its own.
                    self._busy -= 1
                    return None
                claims = [self._claims.popleft() for _ in range(min(len(self._claims), self.claims_a_bell))]
            taken = take(claims)
            with self._lock:
                self._taken.extend(taken)

    def leave(self) -> None:
        """This thread breaks off in the middle."""
        with self._lock:
            self._busy -= 1

    def lay_down(self) -> tuple[list[Claim], list[Claim]]:
        """All that waits, which nobody here will work at: claims, and those that had been taken up."""
        with self._lock:
            claims, taken = list(self._claims), [one.claim for one in self._taken]
            self._claims.clear()
            self._taken.clear()
            return claims, taken

    def took(self, step_s: float) -> None:
        """A step lasted so long."""
        self._step_s += LAST_STEP * (step_s - self._step_s)

    @property
    def claims_a_bell(self) -> int:
        """How many claims a doorbell should carry."""
        return max(1, min(MOST_CLAIMS, int(BELL_S / max(self._step_s, 1e-6))))


class Bells:
    """Claims on their way into doorbells: a bell is rung when it is full, else when the last one is an instant ago."""

    def __init__(self, ring: Ring, hands: Mapping[str, Hands]) -> None:
        self._ring = ring
        self._hands = hands
        self._waiting: defaultdict[tuple[str, str], list[Claim]] = defaultdict(list)
        #: Monotonic seconds at which each kind of bell was rung last.
        self._rung: defaultdict[tuple[str, str], float] = defaultdict(float)

    def add(self, task: str, account: str, claims: Iterable[Claim]) -> None:
        """These want a doorbell of that task."""
        self._waiting[task, account] += claims

    def ring(self, *, last: bool = False) -> None:
        """Ring for what has waited long enough; for everything when it is the last time."""
        now = time.monotonic()
        for (task, account), claims in self._waiting.items():
            if not last:
                claims[:] = self._hands[task].share(claims)
            size, quiet_s = self._hands[task].claims_a_bell, now - self._rung[task, account]
            ready = len(claims) if last or quiet_s >= FULL_WITHIN_S else len(claims) // size * size
            if ready:
                self._rung[task, account] = now
                self._ring(task, account, claims[:ready])
                del claims[:ready]
