"""`wanbatch check`: is everything here that a run needs? Each line says ok, warn or fail, and what to do."""

import secrets
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import click
import redis as redis_client

from cli import valkey
from cli.options import as_json, places, spending
from cli.places import ledger_url
from cli.prove import prove_replay
from cli.stack import running_simulator
from cli.summary import print_json
from config.accounts import SIMULATED, AccountFacts, Accounts
from config.receiver import receives
from config.settings import Settings, load_settings, masked_url, nearest_file, provider_key
from config.simulator import simulator_clock
from jobs.errors import BadInput, Refused, WanbatchError
from jobs.money import in_unit
from ledger.jobs import Ledger
from ledger.objects import ObjectStore
from ledger.shelf import Shelf
from producer.fetch import balance
from producer.stored import store_of
from producer.world import accounts_named
from providers.accounts import open_real


class Finding(NamedTuple):
    """One thing that was looked at: how it is, what was seen, and what to do about it."""

    verdict: Literal["ok", "warn", "fail"]
    what: str
    seen: str
    to_do: str = ""


@click.command("check")
@places
@click.option(
    "--provider", metavar="NAME", help="Ask only these providers, or accounts (commas between); their keys must be set."
)
@click.option(
    "--prove", is_flag=True, help="Buy one cheap video, sent twice under one key: is a repeat safe there? Asks first."
)
@click.option("--simulate", is_flag=True, help="With --prove: try it at the simulator.")
@spending
@as_json
def command(
    store: str | None,
    redis: str | None,
    provider: str | None,
    prove: bool,
    simulate: bool,
    budget: Decimal | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Look at settings, ledger, store, keys and balances; buys nothing but with --prove.

    Exit code 4 when something must be mended; with --prove 3 when it could not be proved.
    """
    settings = load_settings(store=store, redis=redis, provider=provider, budget_usd=budget)
    if prove:
        return prove_replay(settings, simulate=simulate, yes=yes, as_json=as_json)
    if simulate or yes or budget is not None:
        raise BadInput("--simulate, --budget and --yes go with --prove only; `wanbatch check` alone buys nothing")
    found = []
    for finding in findings(settings):
        found.append(finding)
        if not as_json:
            click.echo(f"{finding.verdict:<5} {finding.what:<10} {finding.seen}")
            if finding.to_do:
                click.echo(f"{'':<16} {finding.to_do}")
    if as_json:
        print_json({"findings": [finding._asdict() for finding in found]})
    return Refused.exit_code if any(finding.verdict == "fail" for finding in found) else 0


def findings(settings: Settings) -> Iterator[Finding]:
    """Everything, in the order in which a run would need it."""
    file = nearest_file()
    yield Finding("ok", "settings", f"from {file}, WANBATCH_* and flags" if file else "from WANBATCH_* and flags")
    store = store_of(settings)
    yield _store(store)
    yield from _ledger(settings, store)
    yield _simulator(settings)
    if settings.webhook_url:
        yield _webhooks(settings.webhook_url)
    known = Accounts(settings.limits, settings.region)
    named = accounts_named(settings.provider, settings, simulated=False) if settings.provider else ()
    for each in named or known.every(simulated=False):
        yield _account(each, named=bool(named))
        yield from _replay(each, known, store, named=bool(named))


def _store(store: ObjectStore) -> Finding:
    """Write, read and remove a small object, and try whether rivals are told apart."""
    key = f"check-{secrets.token_hex(8)}"
    try:
        store.put(key, b"{}")
        same = store.get(key) == b"{}"
        store.delete(key)
        alone = store.probe_if_absent()
    except WanbatchError as error:
        return Finding("fail", "store", f"{store.url}: {error.message}", error.hint)
    if not same:
        return Finding("fail", "store", f"{store.url} gives back other bytes than were put", "use another --store")
    if not alone:
        return Finding(
            "warn",
            "store",
            f"{store.url} works, but ignores If-None-Match",
            "the ledger's claims guard alone then: never let two ledgers use this store",
        )
    return Finding("ok", "store", f"{store.url}: put, get, delete and If-None-Match work")


def _ledger(settings: Settings, store: ObjectStore) -> Iterator[Finding]:
    """The configured or running ledger; else whether one can be embedded."""
    url = ledger_url(settings)
    if url is None:
        yield _embedded()
        return
    try:
        Ledger.connect(url, store_url=store.url).close()
        client = redis_client.Redis.from_url(url, decode_responses=True, socket_timeout=5)
        info: dict[str, Any] = client.info()
        synced = _appendfsync(client)
        client.close()
    except WanbatchError as error:
        yield Finding("fail", "ledger", f"{masked_url(url)}: {error.message}", error.hint)
        return
    version = f"{'Valkey' if 'valkey_version' in info else 'Redis'} {info.get('valkey_version', info['redis_version'])}"
    seen = f"{masked_url(url)}: {version}, noeviction, no cluster"
    if not info.get("aof_enabled"):
        yield Finding("warn", "ledger", f"{seen}, but no append-only file", "set appendonly yes, appendfsync always")
    elif synced not in {"always", None}:
        yield Finding("warn", "ledger", f"{seen}, but appendfsync {synced}", "set appendfsync always")
    else:
        yield Finding("ok", "ledger", f"{seen}, append-only file")


def _appendfsync(client: "redis_client.Redis") -> str | None:
    """How often the append-only file is synced; None where the server does not tell."""
    try:
        return client.config_get("appendfsync").get("appendfsync")
    except redis_client.RedisError:
        return None


def _embedded() -> Finding:
    """Whether `run` could bring a ledger of its own."""
    found = valkey.servers()
    if not found:
        return Finding(
            "fail", "ledger", "none configured, and no valkey-server or redis-server here", "set WANBATCH_REDIS"
        )
    path, version = found[0]
    return Finding("ok", "ledger", f"none configured; `run` embeds {path} ({version[0]}.{version[1]})")


def _simulator(settings: Settings) -> Finding:
    """The simulator that a simulated run would use."""
    url = settings.simulator_url or running_simulator(settings.store)
    if url is None:
        return Finding(
            "ok", "simulator", f"none runs; `run` starts one, {settings.simulator_speed:g} times faster than life"
        )
    try:
        speed, _epoch = simulator_clock(url)
    except Refused:
        return Finding(
            "fail",
            "simulator",
            f"nothing answers at {url}",
            "start `wanbatch simulate`, or unset WANBATCH_SIMULATOR_URL",
        )
    return Finding("ok", "simulator", f"{url}, {speed:g} times faster than life")


def _webhooks(url: str) -> Finding:
    """The receiver of webhooks, at the address that providers are told."""
    if receives(url):
        return Finding("ok", "webhooks", f"a receiver answers at {url}")
    to_do = "start `wanbatch webhooks` where that address leads, or unset WANBATCH_WEBHOOK_URL; polls make up for it"
    return Finding("warn", "webhooks", f"no receiver answers at {url}, as seen from here", to_do)


def _account(each: AccountFacts, *, named: bool) -> Finding:
    """The account's key, and what is left on it."""
    if provider_key(each.facts) is None:
        to_do = f"export {each.facts.key_variables[0]}=... (see {each.facts.docs_url})"
        return Finding("fail" if named else "warn", each.name, "no key is set: it can only be simulated", to_do)
    try:
        left, why = balance(open_real(each))
    except WanbatchError as error:
        return Finding("fail", each.name, error.message, error.hint)
    if left is None:
        return Finding("warn", each.name, f"a key is set; balance unknown: {why}", "the first purchase will tell")
    return Finding("ok", each.name, f"a key is set; {in_unit(left.remaining, left.unit)} left")


def _replay(each: AccountFacts, known: Accounts, store: ObjectStore, *, named: bool) -> Iterator[Finding]:
    """Whether a lost submit may be sent again under its key, where the provider takes one."""
    if not each.facts.replay_life_s:
        return
    tried = False
    rehearsed = known.called(f"{SIMULATED}{each.name}") or each
    for simulated, account in ((False, each), (True, rehearsed)):
        for trial in Shelf(store, simulated=simulated).trials(account.name).values():
            tried = tried or not simulated
            when = f"{trial.model}{' (simulated)' if simulated else ''}, tried {trial.tried_at:%Y-%m-%d %H:%M} UTC"
            if trial.proved:
                yield Finding("ok", each.name, f"lost submits are sent again under their key: {when}: {trial.reason}")
            else:
                yield Finding("warn", each.name, f"lost submits are held, as keys do not hold: {when}: {trial.reason}")
    if not tried and named:
        to_do = (
            f"`wanbatch check --provider {each.name} --prove` tries it with one cheap video, and says its price first"
        )
        yield Finding("ok", each.name, "lost submits are held: that a repeat is safe has not been proved", to_do)
