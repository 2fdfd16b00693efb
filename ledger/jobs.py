"""The ledger: where every job stands, in one Redis. A method is one script, so a move happens whole or not at all.

The client never retries by itself: a claim or a token whose answer was lost is not asked for twice. Moves may be
repeated freely, since a script gives the recorded answer to a token it has seen.
"""

import json
import math
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobs.errors import LedgerRefused
from jobs.record import LiveJob
from ledger import health, scripts
from ledger.campaigns import CampaignStatus, read_status
from ledger.gates import LEAVES_WITHIN_S, Able, Policy
from ledger.instants import Instants
from ledger.live import LIVE_FIELDS, read_live
from ledger.lots import Lot
from ledger.orders import Ask, Claim, Due, Leave, Moved, Order, Paid, Told, read_claims, read_dues, read_moved, read_row
from ledger.standing import elsewhere, read_standing
from ledger.trips import Trips

#: The version of the ledger's keys; it rises when an older worker could misread them.
VERSION = 2
#: Seconds. A worker that was not heard of for so long is dead: its leases fall due.
LEASE_S = 5.0
#: Seconds. A doorbell that found no free thread by then is rung again under a new claim.
CLAIM_LEASE_S = 5.0
#: Seconds for one poll; the heartbeat stretches those that take longer.
POLL_LEASE_S = 5.0
#: Seconds of rate tokens that are claimed ahead of their time, so that a thread is at hand when one comes free: a tick,
#: a doorbell that waits to be full, an intent and a connection lie between.
LOOK_AHEAD_S = 1.0


class Ledger:
    """One Redis, one store, one epoch."""

    def __init__(self, client: "redis.Redis", *, epoch: str, store_url: str) -> None:
        # The client decodes every answer to text, which its types cannot say.
        self._redis: Any = client
        self.trips = Trips(client)
        self.epoch = epoch
        self.store_url = store_url
        self._instants = Instants()
        #: Why this ledger is left alone since the last look; empty when it is ours.
        self.strange = ""

    @classmethod
    def connect(cls, redis_url: str, *, store_url: str, found: bool = False) -> Self:
        """The ledger at that URL; with `found` it is founded where Redis is empty.

        Raises LedgerRefused when Redis is unreachable, may evict keys, is a cluster, or serves another store.
        """
        client = redis.Redis.from_url(
            redis_url,
            decode_responses=True,
            socket_timeout=10,
            socket_connect_timeout=5,
            health_check_interval=30,
            retry=Retry(NoBackoff(), 0),
        )
        ledger = cls(client, epoch="", store_url=store_url)
        try:
            health.await_loaded(client)
            health.check_fit(client)
            ledger.epoch, store, version = _found(ledger.trips, store_url, secrets.token_hex(4) if found else "")
        except redis.RedisError as error:
            # The client's words name host and port, never the password.
            raise LedgerRefused(
                f"the ledger cannot be used: {error}",
                "check --redis (WANBATCH_REDIS), and that the server runs; nothing was bought",
            ) from None
        if store and store != store_url:
            ledger.close()
            raise LedgerRefused(
                f"this ledger belongs to the store {store}, not to {store_url}",
                f"use --store {store}, or a Redis (or database number) of its own for the other store",
            )
        if version > VERSION:
            ledger.close()
            raise LedgerRefused(
                f"this ledger was founded by a newer wanbatch (version {version}, and this one knows {VERSION})",
                "upgrade wanbatch on this machine; nothing was bought",
            )
        return ledger

    @property
    def client(self) -> Any:
        """The connection, for the other files of this room; it decodes every answer to text."""
        return self._redis

    def close(self) -> None:
        """Let the connections go."""
        self.trips.close()
        self._redis.close()

    def is_founded(self) -> bool:
        """Look again which ledger this is: founded since, recovered under a new epoch, or emptied (then False).

        False too where a newer wanbatch founded it, or another store's: both are left alone, and `strange` says why.
        """
        epoch, store, version = _found(self.trips, self.store_url)
        self.strange = ""
        if version > VERSION:
            self.strange = f"a newer wanbatch founded this ledger (version {version}, and this one knows {VERSION})"
        elif store not in {"", self.store_url}:
            self.strange = f"this ledger belongs to the store {store} now"
        elif not epoch and self.epoch:
            self.strange = "this ledger has been emptied: `wanbatch recover --all` rebuilds it from the store"
        if self.strange:
            return False
        self.epoch = epoch
        return bool(epoch)

    def call(self, script: str, *args: str | int) -> Any:
        """Run one of the scripts under this ledger's epoch."""
        return scripts.run(self.trips, script, self.epoch, *args)

    def open_campaign(self, name: str, account: str, *, budget_uusd: int | None, facts: Mapping[str, str]) -> bool:
        """Open a campaign or take it up again; True when it is new."""
        budget = "" if budget_uusd is None else str(budget_uusd)
        pairs = [text for pair in facts.items() for text in pair]
        return bool(scripts.run(self.trips, "campaign", self.epoch, name, account, budget, *pairs))

    def enqueue(self, campaign: str, lots: Iterable[Lot]) -> str:
        """Put jobs in, a lot at a time; the next lot is made while Redis takes one. Answers a letter a job."""
        calls = ((self.epoch, campaign, lot.account, lot.text(), lot.lane) for lot in lots)
        return "".join(scripts.stream(self.trips, "enqueue", calls))

    def withdraw(self, campaign: str, job_ids: Sequence[str]) -> int:
        """Take queued jobs that a newer plan no longer asks for out; answers how many."""
        return int(scripts.run(self.trips, "withdraw", self.epoch, campaign, *job_ids))

    def claim(self, account: str, policy: Policy, *, most: int, most_waiting: int) -> list[Claim]:
        """Admit up to `most` queued jobs: slot and money are taken, and no more than the rate will let out soon."""
        return read_claims(*scripts.run_all(self.trips, [self._claim(account, policy, most, most_waiting)]))

    def lease(self, account: str, policy: Policy, *, most: int, rings: int) -> list[Due]:
        """Take what is due on the account, and mend what dead workers left."""
        return read_dues(*scripts.run_all(self.trips, [self._lease(account, policy, most, rings)]))

    def visit(
        self, orders: Sequence[Order], asks: Sequence[Ask] = (), paid: Sequence[Paid] = ()
    ) -> tuple[list[Moved], list[Told]]:
        """Note receipts and make moves, then on each account take what is due and admit jobs, all in one round trip.

        The answers are in the order of what was asked. All of it may be repeated: a claim that nobody heard of lapses.
        """
        commands = [scripts.call("paid", self.epoch, job_id, send) for job_id, send in paid]
        commands += [scripts.call("move", order.text(self.epoch)) for order in orders]
        for ask in asks:
            commands.append(self._lease(ask.account, ask.policy, ask.most_due, ask.most_collects))
            commands.append(self._claim(ask.account, ask.policy, ask.most_claims, ask.most_waiting))
        answers = scripts.run_all(self.trips, commands)[len(paid) :]
        moved, rest = list(map(read_moved, answers[: len(orders)])), answers[len(orders) :]
        return moved, [Told(read_dues(due), read_claims(flat)) for due, flat in zip(rest[::2], rest[1::2], strict=True)]

    def send(self, claim: Claim, policy: Policy, *, token: str, send: int, late: str = "", told: str = "") -> Leave:
        """Take the rate token and move to submitting, or say how long to wait or why to stop.

        `send` is the number under which the store has the intent; it need not be the claim's. `late` is a grant of this
        very send that is given back, as no byte left in its time; `told` the instant that the last answer told.
        """
        leave = self.ask_gate("send", *claim, token, int(LEASE_S * 1000), policy.submits, send, late, told)
        # Where nothing is counted, no instant is better than another.
        return leave if policy.counted else leave._replace(not_before=0.0, not_after=math.inf)

    def ask_gate(self, script: str, *args: str | int) -> Leave:
        """Ask a script for an instant to send at."""
        asked = time.monotonic()
        word, *details = scripts.run(self.trips, script, self.epoch, *args)
        if word == "stop":
            return Leave(word, details[0])
        if word == "wait":
            return Leave(word, wait_s=float(details[0]) / 1000, told=details[1])
        self._instants.seen(float(details[1]) / 1000, asked=asked)
        grant_s = float(details[0]) / 1000
        earliest, latest = self._instants.bounds(grant_s)
        return Leave(word, not_before=latest, not_after=earliest + LEAVES_WITHIN_S, grant=details[0])

    def move(self, order: Order) -> Moved:
        """Carry out one move; a repeat of the same order is told what the first one did."""
        return read_moved(scripts.run(self.trips, "move", order.text(self.epoch)))

    def take(self, orders: Sequence[Order]) -> list[tuple[Moved, dict[str, str]]]:
        """Carry out moves and read the jobs behind them, in one round trip; an empty job where nothing moved."""
        commands: list[tuple[str | int, ...]] = []
        for order in orders:
            commands += scripts.call("move", order.text(self.epoch)), ("HGETALL", f"wb:j:{order.claim.job_id}")
        answers = scripts.run_all(self.trips, commands)
        pairs = zip(map(read_moved, answers[::2]), answers[1::2], strict=True)
        return [(moved, read_row(row) if moved.ok else {}) for moved, row in pairs]

    def move_all(self, orders: Sequence[Order]) -> list[Moved]:
        """Carry out many moves in one round trip; the answers are in the orders' order."""
        return self.visit(orders)[0]

    def _lease(self, account: str, policy: Policy, most: int, rings: int) -> tuple[str | int, ...]:
        return scripts.call(
            "lease", self.epoch, account, most, int(POLL_LEASE_S * 1000), policy.polls, int(CLAIM_LEASE_S * 1000),
            rings, policy.longest_ms,
        )  # fmt: skip

    def _claim(self, account: str, policy: Policy, most: int, most_waiting: int) -> tuple[str | int, ...]:
        return scripts.call(
            "claim", self.epoch, account, most, int(CLAIM_LEASE_S * 1000), policy.admission, int(LOOK_AHEAD_S * 1000),
            most_waiting,
        )  # fmt: skip

    def renew(self, worker: str, claims: Iterable[Claim], able: Mapping[str, Able] = MappingProxyType({})) -> None:
        """A worker's heartbeat: it lives, serves accounts that are able to so much, and leases what it holds."""
        flat = [text for claim in claims for text in claim]
        scripts.run(self.trips, "renew", self.epoch, worker, int(LEASE_S * 1000), json.dumps(dict(able)), *flat)

    def hold(
        self,
        account: str,
        *,
        hold_s: float = 0.0,
        park: str = "",
        reason: str = "",
        down_s: float | None = None,
        remember: Mapping[str, str] | None = None,
    ) -> None:
        """Let the account wait (a 429 halves its rate), or park it until a person acts, or remember its balance.

        `down_s` says that its provider could not be reached, and for how long.
        """
        pairs = [text for pair in (remember or {}).items() for text in pair]
        down = "" if down_s is None else int(down_s * 1000)
        scripts.run(self.trips, "hold", self.epoch, account, math.ceil(hold_s * 1000), park, reason, down, *pairs)

    def accounts(self) -> set[str]:
        """Accounts that jobs were ever queued for."""
        return set(self._redis.smembers("wb:accounts"))

    def leave(self, worker: str) -> None:
        """This worker goes: it no longer counts as living."""
        health.content(self._redis, worker)
        self._redis.zrem("wb:workers", worker)

    def workers(self) -> list[str]:
        """Workers that were heard of in the last seconds; a name ends in `/<threads>`."""
        seconds, micros = self._redis.time()
        since = seconds * 1000 + micros // 1000 - int(LEASE_S * 1000)
        return list(self._redis.zrangebyscore("wb:workers", since, "+inf"))

    def job(self, job_id: str) -> dict[str, str]:
        """Every field of a job; empty when the ledger does not know it."""
        return dict(self._redis.hgetall(f"wb:j:{job_id}"))

    def fields(self, job_ids: Sequence[str], *names: str) -> list[list[str | None]]:
        """The named fields of many jobs, in their order; None where there is none."""
        pipe = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipe.hmget(f"wb:j:{job_id}", *names)
        return list(pipe.execute()) if job_ids else []

    def live(self, job_ids: Sequence[str], *, parked: bool = False) -> dict[str, LiveJob]:
        """Where jobs stand, by their ids; `parked` says that their campaign is not buying."""
        rows = zip(job_ids, self.fields(job_ids, *LIVE_FIELDS), strict=True)
        read = ((job_id, read_live(row, parked=parked)) for job_id, row in rows)
        return {job_id: one for job_id, one in read if one is not None}

    def counts(self, account: str) -> dict[str, int]:
        """How many of an account's jobs stand in each state."""
        held = self._redis.hgetall(f"wb:a:{account}")
        return {name[2:]: int(count) for name, count in held.items() if name.startswith("n:")}

    def status(self, campaign: str) -> CampaignStatus | None:
        """The campaign now; None when the ledger does not know it."""
        held, queues, accounts, buyers = read_standing(self._redis, campaign)
        if not held:
            return None
        meta, troubles = self._redis.hgetall("wb:meta"), health.troubles(self._redis)
        told = {"meta": meta, "troubles": troubles, "elsewhere": elsewhere(self._redis, buyers, meta), "queues": queues}
        return health.served(self._redis, read_status(campaign, held, accounts, store=self.store_url, **told))

    def campaigns(self) -> list[str]:
        """Names of all campaigns, newest first."""
        return list(self._redis.zrevrange("wb:campaigns", 0, -1))


def _found(trips: Trips, store_url: str, epoch: str = "") -> tuple[str, str, int]:
    """Which ledger this Redis holds (epoch, store, version), founded first when an epoch is given."""
    found, store, version = scripts.run(trips, "found", epoch, store_url, VERSION)
    return found, store, int(version or VERSION)
