"""The one place that builds: everything that a worker's steps are given, out of the settings."""

import logging
import os
import platform
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis

from config.accounts import Accounts
from config.facts import ProviderFacts
from config.settings import Settings, s3_keys, webhook_secret
from config.simulator import simulator_clock
from jobs.backoff import Cadence
from jobs.errors import KeyMissing, LedgerRefused, Refused, WanbatchError
from jobs.identity import send_mark
from jobs.job import Job
from jobs.messages import COLLECT, SUBMIT
from ledger import health
from ledger.folders import WORKER, own_folder
from ledger.gates import Able, Limited, Policy, policy
from ledger.jobs import Ledger
from ledger.objects import ObjectStore, S3Options, open_store
from ledger.orders import Claim
from ledger.shelf import Shelf
from providers.accounts import Account, open_real, open_simulated
from providers.clock import Clock
from providers.contract import Call
from providers.webhooks import About, Addresses
from worker.doorbells import Hands
from worker.outbox import Outbox
from worker.patience import Patience
from worker.uploads import Uploads
from worker.wire import Wire

#: Seconds in which an ended video is fetched and stored, where it is asked whether it would be there in time.
HOME_S = 1.0
#: Seconds for which nothing new is claimed after the store failed.
STORE_AWAY_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Counter:
    """An account with what the gates and the polls make of its facts, in our own seconds."""

    account: Account
    policy: Policy
    cadence: Cadence
    patience: Patience
    #: Where the provider is asked to call when a render has ended; None where it is not asked.
    addresses: Addresses | None = None

    @property
    def name(self) -> str:
        """The account's name, which the ledger counts by."""
        return self.account.name

    def able(self) -> Able:
        """What the account can do, as far as is known by now."""
        render_s, longest_s, learned = self.patience.lasts_s()
        ours_ms = self.account.clock.ours_s(1000)
        longest_ms = int(longest_s * ours_ms + HOME_S * 1000)
        return Able(self.policy.admission, int(render_s * ours_ms), longest_ms, learned)

    def submit_call(self, order: Job, send: int, token: str) -> Call:
        """The POST that buys, under the send's own name, with the wish to be called where there is a receiver."""
        provider, at = self.account.provider, self.account.endpoint
        call = provider.submit_call(order, at, send_mark(order.job_id, send, token))
        if self.addresses is None or provider.webhook is None:
            return call
        return provider.webhook.asked(call, self.addresses.of(About(self.name, order.job_id, send)))


@dataclass(slots=True)
class Held:
    """The claims in this worker's hands right now; its heartbeat keeps their leases alive."""

    _claims: set[Claim] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, claim: Claim) -> None:
        """From now on the heartbeat renews it."""
        with self._lock:
            self._claims.add(claim)

    def drop(self, claim: Claim) -> None:
        """The heartbeat lets it be."""
        with self._lock:
            self._claims.discard(claim)

    def now(self) -> list[Claim]:
        """All of them at this instant."""
        with self._lock:
            return list(self._claims)


@dataclass(slots=True)
class Workshop:
    """What the steps work with. `stopping` is set once the worker was told to go.

    `untold` holds the accounts whose jobs have just settled without being told what is left: the pump asks.
    """

    settings: Settings
    ledger: Ledger
    store: ObjectStore
    wire: Wire
    counters: dict[str, Counter]
    temp: Path
    name: str
    hands: dict[str, Hands]
    held: Held = field(default_factory=Held)
    uploads: Uploads = field(default_factory=Uploads)
    outbox: Outbox = field(default_factory=Outbox)
    stopping: threading.Event = field(default_factory=threading.Event)
    untold: set[str] = field(default_factory=set)
    _store_well_at: float = 0.0

    def shelf(self, *, simulated: bool) -> Shelf:
        """The shelves of one world."""
        return Shelf(self.store, simulated=simulated)

    def store_failed(self, error: WanbatchError) -> None:
        """The store did not take something: nothing new is claimed for a while, and leases bring the job back."""
        was_well, self._store_well_at = self.store_is_well(), time.monotonic() + STORE_AWAY_S
        if was_well:
            log.warning("the store does not serve; nothing new is bought for a while", extra={"reason": error.message})
            with suppress(redis.RedisError):
                why = f"the store does not serve, so nothing new is bought: {error.message}"
                health.complain(self.ledger.client, self.name, f"{why}; {error.hint}" if error.hint else why)

    def store_is_well(self) -> bool:
        """Whether the store has not failed just now."""
        return time.monotonic() >= self._store_well_at


def build(settings: Settings, ledger: Ledger | None = None) -> Workshop:
    """Everything a worker needs, at a ledger that is open already or at the configured one.

    Raises LedgerRefused, StoreRefused or KeyMissing with what to do.
    """
    if ledger is None and settings.redis_url is None:
        raise LedgerRefused(
            "a worker needs a ledger of its own to stand by, and none is configured",
            "give --redis URL (WANBATCH_REDIS), or use `wanbatch run`, which embeds one",
        )
    store = open_store(settings.store, s3=s3_options(settings))
    ledger = ledger or Ledger.connect(settings.redis_url or "", store_url=store.url)
    # Its lock is left open on purpose: it lasts as long as the worker.
    temp, _ = own_folder(WORKER)
    name = f"{platform.node()}-{os.getpid()}/{settings.threads}"
    # Half of the threads at most fetch videos, so that the others can buy.
    hands = {name: Hands(settings.threads // part, settings.threads // 4) for name, part in ((SUBMIT, 1), (COLLECT, 2))}
    return Workshop(settings, ledger, store, Wire(), _counters(settings), temp, name, hands)


def s3_options(settings: Settings) -> S3Options:
    """How to reach an S3 store, as the settings say; keys come from the secrets folder, else the usual AWS chain."""
    key, secret = s3_keys()
    return S3Options(endpoint_url=settings.s3_endpoint, region=settings.s3_region, access_key=key, secret_key=secret)


def _counters(settings: Settings) -> dict[str, Counter]:
    """The accounts that this worker can serve: real ones whose key is set, simulated ones if there is a simulator.

    Raises Refused where two accounts are one.
    """
    known = Accounts(settings.limits, settings.region)
    accounts: list[Account] = []
    for each in known.every(simulated=False):
        with suppress(KeyMissing):
            accounts.append(open_real(each))
    check_keys(accounts)
    if settings.simulator_url:
        clock = Clock(*simulator_clock(settings.simulator_url))
        accounts += [open_simulated(each, settings.simulator_url, clock) for each in known.every(simulated=True)]
    served = [account for account in accounts if settings.serves(account.name)]
    return {account.name: counter(account, addresses(settings)) for account in served}


def check_keys(accounts: Iterable[Account]) -> None:
    """Refuse two names for one key of one provider: its limits and its tasks would be counted apart."""
    seen: dict[tuple[str, str], str] = {}
    for account in accounts:
        other = seen.setdefault((account.facts.name, account.endpoint.key), account.name)
        if other != account.name:
            raise Refused(
                f"the accounts {other} and {account.name} have the same key, and one key is one account",
                "give each its own key, or take one of them out of the limits file; nothing was bought",
            )


def addresses(settings: Settings) -> Addresses | None:
    """Where the receiver of webhooks is reached; None where there is none."""
    if settings.webhook_url is None or settings.webhook_secret is None:
        return None
    return Addresses(settings.webhook_url, settings.webhook_secret.get_secret_value().encode())


def counter(account: Account, receiver: Addresses | None = None) -> Counter:
    """The account with its limits and cadence in our own seconds; its provider is asked for webhooks where it can prove
    them and there is a receiver.
    """
    facts, ours_s = account.facts, account.clock.ours_s
    limits = facts.limits
    gates = policy(
        Limited(limits.submits, limits.slots, limits.own, limits.ramp),
        polls=limits.polls,
        floor=limits.credit_floor,
        money=limits.turns == "money",
        models={
            f"{offer.mode}/{offer.model}": Limited(own.submits, own.slots, limits.own, key=f":{offer.slug}")
            for offer in facts.sold(account.region)
            if (own := limits.models.get(offer.slug)) is not None
        },
        longest_render_s=facts.longest_render_s,
        speed=account.clock.speed,
    )
    first_s, growth, cap_s, deadline_s = facts.cadence
    cadence = Cadence(ours_s(first_s), growth, ours_s(cap_s), ours_s(deadline_s))
    called = receiver if account.provider.webhook is not None and can_be_proved(facts) else None
    return Counter(account, gates, cadence, Patience(account, called=called is not None), called)


def can_be_proved(facts: ProviderFacts) -> bool:
    """Whether webhooks that need a shared secret have it."""
    return facts.webhook_secret_variable is None or webhook_secret(facts) is not None
