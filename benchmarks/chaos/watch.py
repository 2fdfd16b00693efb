"""A watcher behind the ledger's back: how long it takes until all that a dead worker held is in good hands again.

A kill is over when every job that was under way at that instant has moved, or carries a new fence; with unknowns, when
those whose answer was lost have been cleared up too.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import redis

from benchmarks.chaos.cast import ACCOUNT
from jobs.lifecycle import ENDS, State

LOOK_S = 0.1
#: States in which somebody has to come back to the job.
UNDER_WAY = frozenset({State.CLAIMED, State.SUBMITTING, State.RENDERING, State.READY, State.COLLECTING})
#: State, fence, sends and task of a job.
Stand = tuple[str | None, str | None, str | None, str | None]


@dataclass(slots=True)
class Kill:
    """One kill: when, what was under way, and what of it has not been taken up yet."""

    at: float
    held: dict[str, Stand]
    #: Jobs whose purchase was on its way at the kill.
    sending: frozenset[str]
    unknown: set[str] = field(default_factory=set)
    recovered_s: float | None = None
    #: The job that was taken up last, as it stood at the kill.
    last: Stand | None = None
    cleared_s: float | None = None


class Watch(threading.Thread):
    """Looks at every job that has not ended, ten times a second."""

    def __init__(self, client: Any) -> None:
        super().__init__(name="watch", daemon=True)
        self.live: dict[str, Stand] = {}
        self.kills: list[Kill] = []
        #: Jobs that were ever unknown, with the send that was lost.
        self.unknown: dict[str, str | None] = {}
        #: Those of them that were on their way at a kill.
        self.lost_by_kills: set[str] = set()
        self.ended = 0
        self._redis = client
        self._lock = threading.Lock()
        self._over = threading.Event()

    def follow(self, job_ids: Iterable[str]) -> None:
        """Look at these jobs too, until they end."""
        with self._lock:
            self.live.update(dict.fromkeys(job_ids, (None, None, None, None)))

    def killed(self, number: int = 1) -> None:
        """So many workers have just been killed."""
        now = time.monotonic()
        with self._lock:
            stands = self._stands()
        # A job that is ready, and for which nobody has rung, is in nobody's hands: it waits for its turn.
        rung = self._rung()
        held = {
            job: stand
            for job, stand in stands.items()
            if stand[0] in UNDER_WAY and (stand[0] != State.READY or job in rung)
        }
        sending = frozenset(job for job, stand in held.items() if stand[0] in {State.CLAIMED, State.SUBMITTING})
        self.kills += [Kill(now, dict(held), sending) for _ in range(number)]

    def forget(self) -> None:
        """The ledger is about to be lost: kills that are not over cannot be followed any more."""
        with self._lock:
            self.kills = [kill for kill in self.kills if kill.cleared_s is not None]

    def count(self, state: State) -> int:
        """Jobs that stood in this state at the last look."""
        return sum(stand[0] == state for stand in list(self.live.values()))

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()

    def run(self) -> None:
        """Look until told to stop; a ledger that is away is looked at later."""
        while not self._over.wait(LOOK_S):
            try:
                with self._lock:
                    stands = self._stands()
                    self._note(stands)
            except redis.RedisError:
                continue

    def _stands(self) -> dict[str, Stand]:
        jobs = list(self.live)
        pipe = self._redis.pipeline(transaction=False)
        for job in jobs:
            pipe.hmget(f"wb:j:{job}", "state", "fence", "sends", "task")
        return {job: tuple(stand) for job, stand in zip(jobs, pipe.execute() if jobs else [], strict=True)}

    def _rung(self) -> set[str]:
        """Jobs for which somebody has been rung who has not begun yet."""
        return set(self._redis.zrange(f"wb:rung:{ACCOUNT}", 0, -1))

    def _note(self, stands: dict[str, Stand]) -> None:
        now = time.monotonic()
        rung = self._rung()
        for job, stand in stands.items():
            self.live[job] = stand
            if stand[0] == State.UNKNOWN:
                self.unknown.setdefault(job, stand[2])
        for kill in self.kills:
            if kill.cleared_s is None:
                self._recover(kill, stands, rung, now)
        for job, stand in stands.items():
            if stand[0] in ENDS:
                del self.live[job]
                self.ended += 1

    def _recover(self, kill: Kill, stands: dict[str, Stand], rung: set[str], now: float) -> None:
        """Strike out what has moved on since the kill, or is back in line."""
        for job, was in list(kill.held.items()):
            stand = stands.get(job)
            if stand is None or stand[:2] != was[:2] or (stand[0] == State.READY and job not in rung):
                kill.last = kill.held.pop(job)
                if stand is not None and stand[0] == State.UNKNOWN and job in kill.sending:
                    kill.unknown.add(job)
                    self.lost_by_kills.add(job)
        if not kill.held and kill.recovered_s is None:
            kill.recovered_s = now - kill.at
        kill.unknown = {job for job in kill.unknown if stands.get(job, ("",))[0] == State.UNKNOWN}
        if kill.recovered_s is not None and not kill.unknown:
            kill.cleared_s = now - kill.at
