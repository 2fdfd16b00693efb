"""Everything that the dialects share: the clock, the weather, the bank, the limits, the counts and the links."""

import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from starlette.requests import Request

from simulator.bank import MICRO, Bank, masked
from simulator.clock import Clock
from simulator.journal import Journal
from simulator.limits import Grant, Limit, Limits
from simulator.links import Links
from simulator.options import Options
from simulator.renders import Order, Task
from simulator.shelf import Shelf, Upload
from simulator.tally import Tally
from simulator.weather import Fault, Sky
from simulator.webhooks import Calls


class FailureWords(Protocol):
    """How a dialect words the two ways in which a render ends badly: `(code, message)`."""

    failed: tuple[str, str]
    refused: tuple[str, str]


class World:
    """One simulated world behind all dialects, read back from its journal where there is one."""

    def __init__(self, options: Options, *, real: Callable[[], float] = time.time) -> None:
        """Build the world and, with a journal, remember. `real` is the real time in seconds since 1970.

        Raises:
            JournalRefused: the journal is in use or damaged.
        """
        self.options = options
        self.sky = Sky(options.weather, seed=options.seed)
        self.limits = Limits()
        self.links = Links(options.seed)
        self.shelf = Shelf()
        self.tallies: dict[str, Tally] = defaultdict(Tally)
        self.calls = Calls()
        self.journal = Journal(options.journal) if options.journal else None
        self.bank = Bank(round(options.balance_usd * MICRO), self._write)
        self._asked: Counter[str] = Counter()
        self._bought: Counter[str] = Counter()
        self.clock = Clock(options.speed, resume_at=self._remember(), real=real)
        self.clock.promise = self._promise if self.journal and options.speed != 1 else None

    def now(self) -> float:
        """Simulated seconds since 1970, with everything that is over by then settled."""
        now = self.clock.now()
        self.bank.settle(now)
        return now

    def submit_key(self, provider: str, body: bytes) -> str:
        """A name for this submit that is the same in every run: what is asked, and for which time."""
        digest = _digest(provider, body)
        self._asked[digest] += 1
        return f"{digest}#{self._asked[digest]}"

    def accept(
        self, provider: str, account: str, model: str, body: dict[str, Any], order: Order, words: FailureWords,
        *, task_id: str, opens_at: float, notes: dict[str, str],
    ) -> Task:  # fmt: skip
        """Sell a render: its fate is drawn and written down before this returns.

        It waits in the queue until `opens_at` at least; `notes` are what the dialect will need of its submit.
        """
        now = self.clock.now()
        digest = _digest(provider, json.dumps(body, sort_keys=True).encode())
        self._bought[digest] += 1
        key = f"{digest}#{self._bought[digest]}"
        starts_at = max(now, opens_at) + self.sky.weather.queue_s
        ends_at, failure = starts_at + self.sky.render_s(key), order.broken or self._failure(key, words)
        if order.deadline_s is not None and now + order.deadline_s < ends_at:
            ends_at, failure = now + order.deadline_s, ("deadline", "the order's own deadline has passed")
        task = Task(
            task_id=task_id, provider=provider, account=account, model=model, input=body, key=key, order=order,
            at=now, starts_at=starts_at, ends_at=ends_at, failure=failure, notes=notes,
        )  # fmt: skip
        self.bank.accept(task)
        tally = self.tallies[provider]
        tally.counts["accepted"] += 1
        tally.peak_in_flight = max(tally.peak_in_flight, self.bank.account(provider, account).in_flight)
        self.calls.expect(task.ends_at + self.sky.weather.webhook_delay_s, task)
        return task

    def take(self, provider: str, account: str, limits: Sequence[Limit]) -> Grant:
        """Count one request against documented limits, unless limits are lifted.

        The first one's grant, or that of the one that is over; a request that is over one of them uses none of them up.
        """
        now = self.clock.now()
        if self.options.no_limits:
            return Grant(passed=True, remaining=limits[0].count, reset_at=now + limits[0].window_s, limit=limits[0])
        grants: list[Grant] = []
        for limit in limits:
            grant = self.limits.take(provider, account, limit, now)
            if not grant.passed:
                self.tallies[provider].counts["throttled"] += 1
                for given in grants:
                    self.limits.give_back(provider, account, given.limit)
                return grant
            grants.append(grant)
        return grants[0]

    def refused_word(self, prompt: str) -> bool:
        """Whether the content check refuses this prompt for a word in it."""
        return bool(self.options.refuse_word) and self.options.refuse_word.lower() in prompt.lower()

    def visible(self, task: Task, now: float) -> bool:
        """Whether a task shows in lists yet."""
        return now >= task.at + self.sky.weather.late_history_s

    def video_url(self, request: Request, task: Task, expires_at: float, fault: Fault | None = None) -> str:
        """A link to the finished video that dies at `expires_at`, or is dead already where the weather says so."""
        draw = f"{task.key}:{task.results}"
        if (fault and fault.then == "expired") or self.sky.happens(self.sky.weather.p_expired_link, "expired", draw):
            expires_at = task.at
        return self.links.url(f"{request.scope['scheme']}://{request.headers['host']}", task.task_id, expires_at)

    def shelve(self, request: Request, data: bytes, media_type: str, dies_at: float) -> str:
        """Keep an uploaded file until `dies_at`; the link to it. No journal keeps it."""
        name = self.shelf.put(Upload(data, media_type, dies_at))
        return f"{request.scope['scheme']}://{request.headers['host']}/shelf/{name}"

    def close(self) -> None:
        """Write down the time and give the journal back."""
        if self.journal is not None:
            self.clock.promise = None
            self.journal.append({"kind": "stopped", "at": self.clock.now()})
            self.journal.close()
            self.journal = None

    def _failure(self, key: str, words: FailureWords) -> tuple[str, str] | None:
        weather = self.sky.weather
        if self.sky.happens(weather.p_refused, "refused", key):
            return words.refused
        return words.failed if self.sky.happens(weather.p_failed, "failed", key) else None

    def _write(self, entry: dict[str, Any]) -> None:
        if self.journal is not None:
            self.journal.append(entry)

    def _promise(self, until: float) -> None:
        self._write({"kind": "clock", "until": until})

    def _remember(self) -> float | None:
        """Read the journal back; the simulated time at which the clock goes on, or None for a new world."""
        resume_at: float | None = None
        takers: dict[str, Callable[[dict[str, Any]], float]] = {
            "clock": lambda entry: float(entry["until"]),
            "stopped": lambda entry: float(entry["at"]),
        }
        for entry in self.journal.replay() if self.journal else ():
            if (taker := takers.get(entry["kind"])) is not None:
                resume_at = taker(entry)
                continue
            self.bank.restore(entry)
            if entry["kind"] == "accepted":
                self._bought[entry["key"].split("#")[0]] += 1
        for task in self.bank.tasks.values():
            if task.state == "rendering":
                self.calls.expect(task.ends_at + self.sky.weather.webhook_delay_s, task)
        return resume_at


def account_of(key: str | None) -> str | None:
    """The account's name for a valid key; every key that starts with `sim-` is one."""
    return masked(key) if key and key.startswith("sim-") and len(key) > len("sim-") else None


def _digest(provider: str, body: bytes) -> str:
    return hashlib.blake2b(provider.encode() + b":" + body, digest_size=12).hexdigest()
