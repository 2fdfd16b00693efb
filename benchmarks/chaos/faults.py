"""The faults, all played from outside: through the proxies, by signals, or at the simulator's back office."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.chaos.cast import Stage, Worker
from benchmarks.chaos.proxies import FREEZE_S, Fate, Moment, Mood, Proxy, Trigger
from benchmarks.chaos.watch import Watch

#: Seconds that a planted fault waits for its request; then it is taken away, and counts for nothing.
FIRES_WITHIN_S = 5.0
#: Seconds that a stopped worker sleeps: past its lease, within the time in which it may still send.
SLEEP_S = 7.0
#: Seconds in which a worker that is told to end must have ended.
LEAVES_WITHIN_S = 30.0
#: Seconds in which a new worker must be at work.
BEGINS_WITHIN_S = 60.0
#: Seconds in which a lost ledger must be rebuilt; a busy disk makes it slow, and a session is too long to end for that.
RECOVERED_WITHIN_S = 600.0
#: Seconds in which what a worker said before it died arrives, unless its line is frozen.
LAST_WORDS_S = 1.0
#: Seconds for which a store fails.
STORE_AWAY_S = 3.0


@dataclass(slots=True)
class Director:
    """Plays faults on a stage, and counts what was done."""

    stage: Stage
    watch: Watch
    dice: random.Random
    played: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    left_late: int = 0
    #: Seconds that each rebuilding of a lost ledger took.
    rebuilt_s: list[float] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def kill_at(self, server: str, name: str, moment: Moment) -> None:
        """Kill -9 of the worker whose nth such request comes by, or whose answer does."""
        fate = Fate.RST if moment == "request" else Fate.FIN
        if (worker := self._plant(server, name, moment, fate, lambda one: one.actor.tell(signal.SIGKILL))) is not None:
            self._mourn([worker])

    def kill_at_random(self, count: int) -> None:
        """Kill -9 of so many workers, at any instant."""
        workers = self._workers(count)
        time.sleep(self.dice.random())
        for worker in workers:
            worker.actor.tell(signal.SIGKILL)
        self._mourn(workers)

    def dismiss(self) -> None:
        """SIGTERM: it gives its work back and goes."""
        worker = self._worker()
        worker.actor.tell(signal.SIGTERM)
        if worker.actor.ended(LEAVES_WITHIN_S) is None:
            self.left_late += 1
            worker.actor.tell(signal.SIGKILL)
            worker.actor.ended(5)
        worker.start()

    def cut_at(self, server: str, name: str, moment: Moment, fate: Fate) -> None:
        """One line ends, or falls silent, at the nth such request or its answer."""
        self._plant(server, name, moment, fate, lambda _: None)

    def sleep_at(self, server: str, name: str) -> None:
        """SIGSTOP of a worker at the answer that lets it send, past its lease; then it wakes up."""

        def stop(worker: Worker) -> None:
            worker.actor.tell(signal.SIGSTOP)
            worker.asleep_until = time.monotonic() + SLEEP_S

        self._plant(server, name, "answer", Fate.PASS, stop)

    def kill_valkey(self) -> None:
        """Kill -9 of Valkey; it comes back from its log."""
        self.stage.valkey.tell(signal.SIGKILL)
        self.stage.valkey.ended(5)
        time.sleep(self.dice.random() * 2)
        self.stage.valkey.start()
        self.stage.await_valkey()

    def flush(self) -> None:
        """FLUSHALL under living workers: the ledger is gone, and `recover` builds it anew from the store."""
        self.watch.forget()
        self.stage.redis.flushall()
        began = time.monotonic()
        ended = self.stage.command("recover", "--all", within_s=RECOVERED_WITHIN_S)
        self.rebuilt_s.append(time.monotonic() - began)
        if ended.returncode:
            self.complaints.append(f"recover ended with {ended.returncode}: {ended.stderr}")

    def cut_all(self, server: str, fate: Fate) -> None:
        """Every line to one server ends."""
        self.stage.cut(server, fate)

    def spoil_store(self, mood: Mood) -> None:
        """The store answers 503, resets or stalls for a while."""
        for worker in self.stage.workers:
            worker.proxies["store"].mood = mood
        time.sleep(FREEZE_S if mood == "stall" else STORE_AWAY_S)
        for worker in self.stage.workers:
            worker.proxies["store"].mood = "well"

    def script(self, on: str, then: str, most: int) -> None:
        """The provider's next answers of a kind go wrong."""
        self.stage.tell("/_simulator/next", {"on": on, "then": then, "times": self.dice.randint(1, most)})

    def double_doorbells(self) -> None:
        """Every doorbell that waits rings twice."""
        client = self.stage.redis
        for key in self._bells(client):
            waiting = client.lrange(key, 0, -1)
            if waiting:
                client.lpush(key, *waiting)

    def drop_doorbells(self) -> None:
        """Every doorbell that waits is lost."""
        client = self.stage.redis
        for key in self._bells(client):
            client.delete(key)

    def wake(self) -> None:
        """Wake the workers that have slept long enough, and replace those that have died."""
        for worker in self.stage.workers:
            if worker.asleep_until and time.monotonic() >= worker.asleep_until:
                worker.asleep_until = 0.0
                worker.actor.tell(signal.SIGCONT)
            if not worker.actor.runs():
                self.played["a worker ended by itself"] += 1
                worker.start()

    def _worker(self) -> Worker:
        return self._workers(1)[0]

    def _workers(self, count: int) -> list[Worker]:
        """So many workers that are at work; one who has just been put there is waited for."""
        gives_up = time.monotonic() + BEGINS_WITHIN_S
        while len(ready := [worker for worker in self.stage.workers if worker.works()]) < count:
            if time.monotonic() > gives_up:
                raise SystemExit(f"{count} workers are not at work within {BEGINS_WITHIN_S} s: see their logs")
            time.sleep(0.05)
            self.wake()
        return self.dice.sample(ready, count)

    def _plant(
        self, server: str, name: str, moment: Moment, fate: Fate, act: Callable[[Worker], None]
    ) -> Worker | None:
        """Wait for the nth such request of any worker; answers whose it was, None when it did not come in time."""
        met: list[Worker] = []

        def at(proxy: Proxy) -> None:
            met.extend(one for one in self.stage.workers if one.proxies[server] is proxy)
            act(met[0])

        self._workers(1)
        trigger = Trigger(name, self.dice.randint(1, 3), moment, fate, at)
        for worker in self.stage.workers:
            worker.proxies[server].trigger = trigger
        fired = trigger.fired.wait(FIRES_WITHIN_S)
        for worker in self.stage.workers:
            worker.proxies[server].trigger = None
        self.played[f"{'at' if fired else 'never at'} {name} {moment}"] += 1
        return met[0] if fired else None

    def _mourn(self, workers: Iterable[Worker]) -> None:
        """Count the dead, and put others in their place."""
        dead, at = list(workers), time.monotonic()
        for worker in dead:
            worker.actor.ended(5)
        while any(proxy.busy for worker in dead for proxy in worker.proxies.values()):
            if time.monotonic() > at + LAST_WORDS_S:
                break
            time.sleep(0.005)
        self.watch.killed(at)
        self.kills += len(dead)
        for worker in dead:
            worker.start()

    def _bells(self, client: Any) -> list[str]:
        return [
            key
            for key in client.scan_iter("wb:celery:*", count=1000)
            if key.endswith(self.stage.account) and "_kombu" not in key
        ]
