"""What tests of the ledger share: a stock of jobs, each state within reach, and an auditor who checks the books."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
import redis

from jobs.budgets import budget_names
from jobs.lifecycle import HOLDS_SLOT, MOVES, Move, State
from ledger import scripts
from ledger.gates import Limited, Policy, policy
from ledger.jobs import Ledger
from ledger.lots import Lot
from ledger.orders import Claim, Order
from tests.services import Valkey

STORE = "file:///store"
ACCOUNT = "simulated-segmind"
WORKERS = 8
T = TypeVar("T")

#: Which of the campaign's sums holds the money of a job in each state.
MONEY = {
    State.CLAIMED: "reserved",
    State.SUBMITTING: "reserved",
    State.RENDERING: "reserved",
    State.READY: "reserved",
    State.COLLECTING: "reserved",
    State.UNKNOWN: "doubt",
}
#: States in which somebody must come back: a job that stands here and is not due is lost.
MUST_BE_DUE = (State.CLAIMED, State.SUBMITTING, State.RENDERING, State.READY, State.COLLECTING, State.UNKNOWN)


@dataclass(frozen=True)
class Rate:
    """A window of a limit."""

    count: int
    window_s: float


def gates(
    *, submits: Sequence[Rate] = (), polls: Sequence[Rate] = (), slots: int | None = None, longest_s: float = 1000.0
) -> Policy:
    """The gates of an account; without a word nothing is limited."""
    return policy(Limited(submits, slots), polls=polls, longest_render_s=longest_s)


FREE = gates()


@dataclass
class Bench:
    """A ledger with a campaign in it, and hands that move its jobs. `redis` looks behind the ledger's back."""

    ledger: Ledger
    redis: Any
    account: str = ACCOUNT
    _seq: int = field(default=0)

    def stock(
        self, campaign: str, count: int, *, price: int = 100, budget: int | None = None, labels: Mapping[str, str] = {}
    ) -> list[str]:
        """Open the campaign, with those labels, and queue so many new jobs in it; answers their ids."""
        facts = {"simulated": "1", "budgets": budget_names(labels, "ada", simulated=True)}
        self.ledger.open_campaign(campaign, self.account, budget_uusd=budget, facts=facts)
        rows = [(f"{campaign}-{self._seq + n}", self._seq + n, price, "{}", "queued") for n in range(count)]
        self._seq += count
        for at in range(0, count, 500):
            self.ledger.enqueue(campaign, [Lot(self.account, rows[at : at + 500])])
        return [row[0] for row in rows]

    def claim(self, most: int = 1, gate: Policy = FREE, *, most_waiting: int = 10**6) -> list[Claim]:
        """Claim from the account."""
        return self.ledger.claim(self.account, gate, most=most, most_waiting=most_waiting)

    def reach(self, state: State) -> Claim:
        """One job of the queue, brought to that state; answers who holds it."""
        (claim,) = self.claim()
        if state is State.CLAIMED:
            return claim
        assert self.ledger.send(claim, FREE, token="t", send=1)[:2] == ("go", "")
        if state is State.SUBMITTING:
            return claim
        if state is State.UNKNOWN:
            self.do(Move.LOSE, State.UNKNOWN, claim, due_s=1000)
            return claim
        self.do(Move.ACCEPT, State.RENDERING, claim, due_s=1000, answered=True, set={"task": "task-1"})
        if state is State.RENDERING:
            return claim
        self.do(Move.FINISH, State.READY, claim, due_s=1000)
        if state is State.READY:
            return claim
        self.do(Move.COLLECT, State.COLLECTING, claim, due_s=1000)
        return claim

    def do(self, move: Move, to: State, claim: Claim, **more: Any) -> None:
        """A move that must succeed."""
        moved = self.ledger.move(Order(move=move, to=to, claim=claim, **more))
        assert moved.ok, f"{move} of {claim}: found {moved.detail}"

    def state(self, job_id: str) -> str:
        """Where the job stands."""
        return self.ledger.job(job_id)["state"]

    def now_due(self, job_id: str) -> None:
        """Let the job's lease run out, or its time come, this instant."""
        assert self.redis.zadd(f"wb:due:{self.account}", {job_id: 1}, xx=True, ch=True) == 1

    def money(self, campaign: str) -> tuple[int, int, int]:
        """Reserved, in doubt and spent, in micro-USD."""
        held = self.redis.hmget(f"wb:c:{campaign}", "reserved", "doubt", "spent")
        return tuple(int(each or 0) for each in held)  # type: ignore[return-value]

    def audit(self) -> None:
        """Fail with everything that does not add up in the whole ledger."""
        assert list(faults(self.redis)) == []


class Clock:
    """Redis's clock as the scripts see it: it can be set without waiting for it."""

    NOW = "return t[1] * 1000 + math.floor(t[2] / 1000)"

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._plain = scripts.part
        self.shift_ms = 0
        patch.setattr(scripts, "part", self._part)

    def set(self, client: Any, at: str) -> None:
        """It is now that instant (ISO 8601, UTC)."""
        seconds, micros = client.time()
        self.move(int(datetime.fromisoformat(f"{at}Z").timestamp() * 1000) - seconds * 1000 - micros // 1000)

    def move(self, shift_ms: int) -> None:
        """It goes wrong by so much."""
        self.shift_ms = shift_ms
        scripts.script.cache_clear()

    def now(self, client: Any) -> datetime:
        """What time it is."""
        seconds, micros = client.time()
        return datetime.fromtimestamp(seconds + micros / 1e6, UTC) + timedelta(milliseconds=self.shift_ms)

    def _part(self, name: str) -> str:
        text = self._plain(name)
        assert name != "ground" or self.NOW in text
        return text.replace(self.NOW, f"{self.NOW} + {self.shift_ms}")


@contextmanager
def settable_clock() -> Iterator[Clock]:
    """A clock to set; afterwards time is what it was."""
    with pytest.MonkeyPatch.context() as patch:
        yield Clock(patch)
    scripts.script.cache_clear()


def open_bench(valkey: Valkey) -> Bench:
    """A ledger founded on an empty Valkey."""
    return Bench(
        Ledger.connect(valkey.url, store_url=STORE, found=True),
        redis.Redis(port=valkey.port, decode_responses=True),
    )


def close_bench(bench: Bench) -> None:
    """Let the connections go."""
    bench.ledger.close()
    bench.redis.close()


def race(work: Callable[[Ledger], T], valkey: Valkey) -> list[T]:
    """The same work by eight workers at once, each with a connection of its own."""
    ledgers = [Ledger.connect(valkey.url, store_url=STORE) for _ in range(WORKERS)]
    start = threading.Barrier(WORKERS)

    def one(ledger: Ledger) -> T:
        start.wait()
        return work(ledger)

    with ThreadPoolExecutor(WORKERS) as pool:
        answers = list(pool.map(one, ledgers))
    for ledger in ledgers:
        ledger.close()
    return answers


def faults(client: Any) -> Iterator[str]:
    """Every sum, queue, slot and due time that does not follow from where the jobs stand."""
    jobs, campaigns = _hashes(client, "wb:j:"), _hashes(client, "wb:c:")
    for name, held in campaigns.items():
        mine = {one: job for one, job in jobs.items() if name in job["campaigns"].split("\n")}
        bought = {one: job for one, job in jobs.items() if job["campaigns"].split("\n")[0] == name}
        yield from _counts(f"campaign {name}", held, mine)
        if int(held.get("held", "0")) != sum("held" in job for job in mine.values()):
            yield f"campaign {name} counts {held.get('held')} held jobs, and its jobs tell otherwise"
        yield from _sums(name, held, bought)
        yield from _queue(client, name, held, bought)
    yield from _shared(client, jobs)
    for account in {job["account"] for job in jobs.values()} | client.smembers("wb:accounts"):
        here = {one: job for one, job in jobs.items() if job["account"] == account}
        yield from _counts(f"account {account}", client.hgetall(f"wb:a:{account}"), here)
        yield from _places(client, account, here)
        yield from _sent(client, account, here)


def _shared(client: Any, jobs: dict[str, dict[str, str]]) -> Iterator[str]:
    """The sums of budgets that campaigns share, for each day and month in which something was claimed."""
    sets, real = client.hgetall("wb:sets"), Counter[tuple[str, str]]()
    for purse, what, uusd in _in_purses(client, jobs):
        date, number = purse.split()
        real.update({(f"{when}:{name}", what): uusd for name in sets[number].split("\t") for when in (date, date[:7])})
    for place, sums in _hashes(client, "wb:b:").items():
        for what in ("reserved", "doubt"):
            if int(sums.get(what, "0")) != real.pop((place, what), 0):
                yield f"the budget {place} has {sums}, and its jobs tell otherwise of {what}"
    yield from (f"{place} misses {uusd} {what}" for (place, what), uusd in real.items() if uusd)


def _in_purses(client: Any, jobs: dict[str, dict[str, str]]) -> Iterator[tuple[str, str, int]]:
    """What jobs and sends that were given up hold, by the purse of their claim."""
    for job in jobs.values():
        held = MONEY.get(State(job["state"]))
        if held and "purse" in job:
            yield job["purse"], held, int(job["price"])
    for key in client.keys("wb:watch:*"):
        for watched in map(json.loads, client.hvals(key)):
            if watched["purse"]:
                yield watched["purse"], "doubt", watched["doubt_uusd"]


def _hashes(client: Any, beginning: str) -> dict[str, dict[str, str]]:
    """All hashes whose keys begin so, by the rest of their keys, in two questions."""
    keys, pipe = client.keys(f"{beginning}*"), client.pipeline(transaction=False)
    for key in keys:
        pipe.hgetall(key)
    return {key.removeprefix(beginning): held for key, held in zip(keys, pipe.execute(), strict=True)}


def _counts(whose: str, held: dict[str, str], jobs: dict[str, dict[str, str]]) -> Iterator[str]:
    told = {name[2:]: int(count) for name, count in held.items() if name.startswith("n:") and int(count)}
    real = Counter(job["state"] for job in jobs.values())
    if told != real:
        yield f"{whose} counts {told}, and its jobs stand {dict(real)}"


def _sums(name: str, held: dict[str, str], bought: dict[str, dict[str, str]]) -> Iterator[str]:
    for sum_name in ("reserved", "doubt"):
        real = sum(int(job["price"]) for job in bought.values() if MONEY.get(State(job["state"])) == sum_name)
        if sum_name == "doubt":
            # What sends that a person gave up may have cost.
            real += sum(int(job.get("doubted", "0")) for job in bought.values())
        if int(held.get(sum_name, "0")) != real:
            yield f"campaign {name} has {held.get(sum_name)} {sum_name}, and its jobs {real}"


def _queue(client: Any, name: str, held: dict[str, str], bought: dict[str, dict[str, str]]) -> Iterator[str]:
    lanes = {"", *client.smembers(f"wb:lanes:{name}"), *(job.get("lane", "") for job in bought.values())}
    for lane in sorted(lanes):
        queued = {one for one, job in bought.items() if job["state"] == "queued" and job.get("lane", "") == lane}
        if set(client.zrange(f"wb:q:{name}:{lane}" if lane else f"wb:q:{name}", 0, -1)) != queued:
            yield f"the queue of {name} {lane} is not its queued jobs"
        waits = queued and held["state"] == "running" and "parked_kind" not in held and not held.get("short")
        for account in (client.hkeys(f"wb:lane:{lane}") if lane else [held["account"]]) if waits else ():
            if client.zscore(f"wb:turns:{account}", name) is None and not _stands_apart(client, name):
                yield f"{name} has queued jobs and no turn at {account}: they would never be bought"


def _stands_apart(client: Any, name: str) -> bool:
    """Whether a campaign waits for money under way of a cap."""
    return any(client.zscore(key, name) is not None for key in client.keys("wb:waits:*"))


def _sent(client: Any, account: str, jobs: dict[str, dict[str, str]]) -> Iterator[str]:
    """Jobs whose POST is on the wire or was lost, and the claims on tasks."""
    sent = {one for one, job in jobs.items() if job["state"] in (State.SUBMITTING, State.UNKNOWN)}
    if client.smembers(f"wb:sent:{account}") != sent:
        yield f"account {account}: its sent jobs are not those that are submitting or unknown"
    for one, job in jobs.items():
        owner = client.hget(f"wb:tasks:{account}", job["task"]) if "task" in job else one
        if owner not in (one, None):
            yield f"{one} has the task {job['task']}, and so has {owner}"


def _places(client: Any, account: str, jobs: dict[str, dict[str, str]]) -> Iterator[str]:
    due = set(client.zrange(f"wb:due:{account}", 0, -1))
    for one, job in jobs.items():
        if job["state"] in MUST_BE_DUE and one not in due:
            yield f"{one} is {job['state']} and never due: nobody comes back to it"
    # An unknown job that has outlived the longest render holds its slot no more.
    holding = {one for one, job in jobs.items() if job["state"] in HOLDS_SLOT}
    surely = {one for one in holding if jobs[one]["state"] != "unknown"}
    if not surely <= client.smembers(f"wb:slots:{account}") <= holding:
        yield f"account {account}: slots are not held by the jobs that hold one"


def targets(state: State) -> list[tuple[Move, State]]:
    """The moves of `Ledger.move` that lead out of a state, with their ends; a cancel needs a cancelled campaign."""
    elsewhere = {Move.CANCEL, Move.CLAIM, Move.SEND, Move.RECALL, Move.WITHDRAW, Move.RENEW, Move.RETRY}
    return [
        (move, end)
        for move, (starts, ends, _) in MOVES.items()
        if state in starts and move not in elsewhere
        for end in ends
    ]
