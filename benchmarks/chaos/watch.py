"""A watcher behind the ledger's back: how long it takes until all that a dead worker held is in good hands again.

A kill is over when every job that was under way at that instant has moved, carries a new fence, is back in line, or has
had its lease renewed since, which only the living do; with unknowns, when the sends that died with it are decided too.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import redis

from jobs.lifecycle import ENDS, State
from ledger.jobs import LEASE_S

LOOK_S = 0.1
#: States in which somebody has to come back to the job.
UNDER_WAY = frozenset({State.CLAIMED, State.SUBMITTING, State.RENDERING, State.READY, State.COLLECTING})
#: What the ledger says of a send whose worker did not come back to it.
DIED = "the worker died while it was sending"


class Stand(NamedTuple):
    """Where a job stands; texts as the ledger has them."""

    state: str | None = None
    fence: str | None = None
    sends: str | None = None
    sent_ms: str | None = None
    trouble: str | None = None
    held: str | None = None

    def lost(self, send: str | None) -> bool:
        """Whether that send's answer was lost, and neither the programme nor a person's turn has come to decide it."""
        return self.state == State.UNKNOWN and self.sends == send and self.held is None


class Look(NamedTuple):
    """One look at all jobs that are followed: where they stand, when they fall due, and who has been rung for.

    `at_ms` is Redis's own clock, as are the due times.
    """

    at_ms: int
    stands: Mapping[str, Stand]
    due_ms: Mapping[str, float]
    rung: frozenset[str]


@dataclass(slots=True)
class Kill:
    """One kill of one worker or more: when, what was under way, and what of it nobody has taken up yet."""

    at: float
    at_ms: int
    held: dict[str, Stand]
    #: Sends that were on their way at the kill, of all workers, by job.
    submitting: dict[str, str | None]
    #: Those that nobody came back to, by job.
    died: dict[str, str | None] = field(default_factory=dict)
    #: Jobs that are unknown since, though they were not in `submitting` at the kill.
    strange: list[str] = field(default_factory=list)
    recovered_s: float | None = None
    #: The job that was taken up last, and the one decided last.
    last: str = ""
    last_decided: str = ""
    cleared_s: float | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more can come of it."""
        return self.cleared_s is not None

    @property
    def undecided(self) -> bool:
        """Whether it waits for sends that were lost with it."""
        return self.recovered_s is not None and not self.over


class Watch(threading.Thread):
    """Looks at every job that has not ended, ten times a second."""

    def __init__(self, client: Any, account: str) -> None:
        super().__init__(name="watch", daemon=True)
        self.live: dict[str, Stand] = {}
        self.kills: list[Kill] = []
        #: Kills whose ledger was lost before they were over.
        self.unfollowed = 0
        #: Jobs that were ever unknown, with the send that was lost.
        self.unknown: dict[str, str | None] = {}
        self.ended = 0
        #: What became of each job: instants of the monotonic clock, and where it stood from then on.
        self.stories: dict[str, list[tuple[float, Stand]]] = {}
        self._redis = client
        self._account = account
        self._lock = threading.Lock()
        self._over = threading.Event()

    def follow(self, job_ids: Iterable[str]) -> None:
        """Look at these jobs too, until they end."""
        with self._lock:
            self.live.update(dict.fromkeys(job_ids, Stand()))

    def killed(self, at: float) -> None:
        """Workers have been killed at that instant of the monotonic clock; what they said last has arrived."""
        with self._lock:
            look = self._look()
            # A job that is ready, and for which nobody has rung, is in nobody's hands: it waits for its turn.
            held = {
                job: stand
                for job, stand in look.stands.items()
                if stand.state in UNDER_WAY and (stand.state != State.READY or job in look.rung)
            }
            submitting = {job: stand.sends for job, stand in held.items() if stand.state == State.SUBMITTING}
            self.kills.append(Kill(at, look.at_ms, held, submitting))

    def forget(self) -> None:
        """The ledger is about to be lost: kills that are not over cannot be followed any more."""
        with self._lock:
            self.unfollowed += sum(not kill.over for kill in self.kills)
            self.kills = [kill for kill in self.kills if kill.over]

    def count(self, state: State) -> int:
        """Jobs that stood in this state at the last look; unknown ones that a person has to decide do not count."""
        return sum(stand.state == state and stand.held is None for stand in list(self.live.values()))

    def waits(self) -> bool:
        """Whether some job has neither ended nor been left to a person."""
        return any(stand.held is None for stand in list(self.live.values()))

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()

    def run(self) -> None:
        """Look until told to stop; a ledger that is away is looked at later."""
        while not self._over.wait(LOOK_S):
            try:
                with self._lock:
                    self._note(self._look())
            except redis.RedisError:
                continue

    def _look(self) -> Look:
        jobs = list(self.live)
        pipe = self._redis.pipeline(transaction=False)
        pipe.time()
        pipe.zrange(f"wb:due:{self._account}", 0, -1, withscores=True)
        pipe.zrange(f"wb:rung:{self._account}", 0, -1)
        for job in jobs:
            pipe.hmget(f"wb:j:{job}", *Stand._fields)
        (seconds, micros), due, rung, *rows = pipe.execute()
        stands = {job: Stand(*row) for job, row in zip(jobs, rows, strict=True)}
        return Look(seconds * 1000 + micros // 1000, stands, dict(due), frozenset(rung))

    def _note(self, look: Look) -> None:
        now = time.monotonic()
        for job, stand in look.stands.items():
            if stand != self.live[job]:
                self.stories.setdefault(job, []).append((now, stand))
            self.live[job] = stand
            if stand.state == State.UNKNOWN:
                self.unknown.setdefault(job, stand.sends)
        for kill in self.kills:
            if not kill.over:
                _recover(kill, look, now)
        for job, stand in look.stands.items():
            if stand.state in ENDS:
                del self.live[job]
                self.ended += 1


def _recover(kill: Kill, look: Look, now: float) -> None:
    """Strike out what somebody has taken up since the kill, or what is back in line."""
    for job, was in list(kill.held.items()):
        stand = look.stands.get(job, Stand())
        back = stand.state == State.READY and job not in look.rung
        # The dead renew nothing: a lease that ends later than one taken at the kill is in living hands.
        living = look.due_ms.get(job, 0.0) > kill.at_ms + LEASE_S * 1000
        if (stand.state, stand.fence) != (was.state, was.fence) or back or living:
            del kill.held[job]
            kill.last = job
            if stand.state == State.UNKNOWN and stand.trouble == DIED and stand.sends == was.sends:
                _count_unknown(kill, job, stand)
    if not kill.held and kill.recovered_s is None:
        kill.recovered_s = now - kill.at
    open_sends = [job for job, send in kill.died.items() if look.stands.get(job, Stand()).lost(send)]
    if open_sends:
        kill.last_decided = open_sends[-1]
    if kill.recovered_s is not None and not open_sends:
        kill.cleared_s = now - kill.at


def _count_unknown(kill: Kill, job: str, stand: Stand) -> None:
    """A send died: it was on its way at the kill, or left after it."""
    if job in kill.submitting:
        kill.died[job] = stand.sends
    elif int(stand.sent_ms or 0) <= kill.at_ms:
        kill.strange.append(job)
