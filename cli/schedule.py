"""`wanbatch schedule`: campaigns refreshed by the clock, within budgets, which ask where a run would be unusual."""

import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
from redis.exceptions import RedisError

from cli.options import as_json, places, share
from cli.places import required_ledger_url
from cli.planning import tell_plan
from cli.progress import ask, tell
from cli.scheduled import carry_out, desk_for, is_alone, sourced
from cli.summary import print_json
from config.settings import Settings, load_settings
from jobs.errors import BadInput, StoreUnavailable
from jobs.money import shown
from producer.names import is_name
from producer.planned import planned
from producer.schedules.book import Book
from producer.schedules.cron import read_cron
from producer.schedules.schedule import Ran, Schedule, read_wish
from producer.stored import store_of

#: Seconds between two looks at the clock.
LOOK_EVERY_S: Final = 5.0
#: Seconds by which a run may be late before it counts as missed.
MISSED_AFTER_S: Final = 600.0
#: Seconds that runs get to end when the scheduler is told to.
LEAVE_WITHIN_S: Final = 20.0
#: Instants that `add` foretells.
FORETOLD: Final = 3
#: Exit codes of a run, by its outcome.
CODES: Final = {"bad": 3, "asks": 3, "overlap": 3, "refused": 4, "money": 5}


@click.group("schedule")
def command() -> None:
    """Campaigns that are refreshed by the clock; `serve` is what keeps watch."""


@command.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--cron", metavar="FIELDS", help='When: "0 2 * * *" is every night at two. In place of the file\'s.')
@click.option("--timezone", metavar="PLACE", help="On whose clock, such as Europe/Berlin. In place of the file's.")
@share
@click.option("--name", help="The schedule's name (default: the file's).")
@click.option("--yes", is_flag=True, help="Do not ask before real money is promised.")
@places
def add(
    file: Path,
    cron: str | None,
    timezone: str | None,
    weight: float | None,
    priority: int | None,
    name: str | None,
    yes: bool,
    store: str | None,
    redis: str | None,
) -> None:
    """Add the schedule in FILE (TOML). Says what its first run would buy and when it comes; nothing is bought yet."""
    wish = read_wish(file).sharing(weight, priority)
    name = name or file.stem
    if not is_name(name):
        raise BadInput(f"`{name}` is no name for a schedule", hint="use letters, digits, dots, hyphens and underscores")
    fields, zone = cron or wish.cron, timezone or wish.timezone
    if not fields or not zone:
        missing = "when it runs" if not fields else "on whose clock"
        raise BadInput(f"{file} does not say {missing}", hint='--cron "0 2 * * *" --timezone Europe/Berlin')
    when = read_cron(fields, zone)
    desk = desk_for(wish, store=store, redis=redis)
    with (
        sourced(wish, desk.settings) as asked,
        planned(asked, desk.world, store_of(desk.settings), desk.settings) as plan,
    ):
        tell_plan(plan, desk.world, store_of(desk.settings), desk.settings)
    comes = ", ".join(f"{one.astimezone(when.zone):%a %Y-%m-%d %H:%M %Z}" for one in when.coming(_now(), FORETOLD))
    tell(f"runs {when.text} in {zone}: {comes}, ...")
    if not desk.world.simulated and not yes:
        most, month = shown(wish.budget_per_run_usd), shown(wish.budget_per_month_usd)
        ask(f"Let it spend up to {most} a run and {month} a month unasked?")
    schedule = Schedule.model_validate(
        {**wish.model_dump(), "name": name, "cron": when.text, "timezone": zone, "added_at": _now(), "added_by": _who()}
    )
    if not desk.book.add(schedule):
        hint = f"`wanbatch schedule remove {name}` first (its history stays), or give another --name"
        raise BadInput(f"there is a schedule {name!r} already", hint=hint)
    click.echo(name)


@command.command("list")
@places
@as_json
def list_(store: str | None, redis: str | None, as_json: bool) -> None:
    """Every schedule: when it comes next, and how its last run ended."""
    book = _book(store, redis)
    told = [_facts(book, schedule) for name in book.names() if (schedule := book.read(name))]
    if as_json:
        print_json({"schedules": told})
        return
    for each in told:
        state = "paused" if each["paused"] else f"next {each['next_local']}"
        click.echo(f"{each['name']}  {each['cron']} {each['timezone']}  {state}  campaign {each['campaign']}")
        if each["last"]:
            click.echo(f"  last {each['last']['at']}: {each['last']['outcome']}: {each['last']['words']}")
    if not told:
        click.echo("no schedules: `wanbatch schedule add nightly.toml` adds one")


@command.command("run")
@click.argument("name")
@click.option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S"]), help="Which run it is (UTC); by default one of now.")
@click.option("--yes", is_flag=True, help="Buy, however much it is within the budgets.")
@places
def run(name: str, at: datetime | None, yes: bool, store: str | None, redis: str | None) -> int:
    """Make a run of NAME now, and wait for its end."""
    schedule = _found(_book(store, redis), name)
    desk = desk_for(schedule, store=store, redis=redis)
    instant = at.replace(tzinfo=UTC) if at else _now().replace(microsecond=0)
    while at is None and not desk.book.claim(name, instant, _who()):
        # Runs are told apart by their seconds.
        instant += timedelta(seconds=1)
    ran = carry_out(schedule, instant, desk, approved=yes)
    if ran is None:
        ran = Ran(at=instant, began_at=_now(), ended_at=_now(), outcome="overlap", words="the run before still goes on")
        if at is None:
            desk.book.end(name, ran)
    click.echo(f"{ran.outcome}: {ran.words}")
    return CODES.get(ran.outcome, 0)


def _halting(word: str, *, paused: bool) -> None:
    @command.command(word, help=f"{word.capitalize()} NAME: {'no run begins' if paused else 'runs begin again'}.")
    @click.argument("name")
    @places
    def halt(name: str, store: str | None, redis: str | None) -> None:
        book = _book(store, redis)
        # What was due meanwhile is not made up for.
        book.change(_found(book, name).model_copy(update={"paused": paused, "added_at": _now()}))
        click.echo(f"{name}: {'paused' if paused else 'goes on'}")


_halting("pause", paused=True)
_halting("resume", paused=False)


@command.command("remove")
@click.argument("name")
@places
def remove(name: str, store: str | None, redis: str | None) -> None:
    """Forget NAME. A run that goes on is not stopped, and history and videos stay."""
    book = _book(store, redis)
    _found(book, name)
    book.remove(name)
    click.echo(f"{name}: removed")


@command.command("history")
@click.argument("name")
@places
@as_json
def history(name: str, store: str | None, redis: str | None, as_json: bool) -> None:
    """How NAME's runs have ended, the newest first."""
    runs = list((book := _book(store, redis)).history(name))
    if not runs:
        _found(book, name)
    if as_json:
        print_json({"schedule": name, "runs": [ran.model_dump(mode="json") for ran in runs]})
        return
    for ran in runs:
        told = f"{ran.outcome:8}  {ran.bought:,} bought, {shown(ran.spent_usd)}  {ran.words}"
        click.echo(f"{ran.at:%Y-%m-%d %H:%M} UTC  {told}")
    if not runs:
        click.echo(f"{name} has not run yet")


@command.command("serve")
@places
def serve(store: str | None, redis: str | None) -> None:
    """Keep watch and begin what is due, until told to end. Several may run: each run is begun once."""
    settings = load_settings(store=store, redis=redis)
    required_ledger_url(settings, "schedule serve")
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    watch = Watchman(settings)
    tell(f"watching {', '.join(watch.book.names()) or 'for schedules'} in {settings.store}")
    try:
        while not over.is_set():
            watch.look(_now())
            over.wait(LOOK_EVERY_S)
    finally:
        watch.leave()


class Watchman:
    """Begins runs as they fall due, each in a process of its own, and takes up those whose watchman has died."""

    def __init__(self, settings: Settings) -> None:
        self.book = Book(store_of(settings))
        self._settings = settings
        self._runs: dict[str, subprocess.Popen[bytes]] = {}

    def look(self, now: datetime) -> None:
        """Begin what is due at that instant."""
        self._runs = {name: run for name, run in self._runs.items() if run.poll() is None}
        try:
            for name in self.book.names():
                if (schedule := self.book.read(name)) is not None and not schedule.paused:
                    self._attend(schedule, now)
        except (StoreUnavailable, RedisError) as error:
            tell(f"the store or the ledger is away, and nothing begins meanwhile: {error}")

    def leave(self) -> None:
        """End the runs; what they have bought goes on, and who watches next takes them up."""
        for run in self._runs.values():
            run.terminate()
        ends = time.monotonic() + LEAVE_WITHIN_S
        for run in self._runs.values():
            try:
                run.wait(max(0.0, ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                run.kill()
                run.wait()

    def _attend(self, schedule: Schedule, now: datetime) -> None:
        name, begun = schedule.name, self.book.begun(schedule.name)
        free = name not in self._runs and is_alone(self._settings.redis_url or "", name)
        for at, ended in begun[-1:]:
            if not ended and free:
                self._begin(name, at, "goes on where its watchman left it")
                return
        since = max([schedule.added_at, *(at for at, _ in begun)])
        due = read_cron(schedule.cron, schedule.timezone).last(since, now)
        if due is None or not self.book.claim(name, due, _who()):
            return
        late_s = (now - due).total_seconds()
        if late_s > MISSED_AFTER_S and schedule.missed == "skip":
            self._pass_over(name, due, "skipped", f"missed by {timedelta(seconds=round(late_s))}, and not made up for")
        elif not free:
            self._pass_over(name, due, "overlap", "the run before still goes on")
        else:
            self._begin(name, due, "begins")

    def _begin(self, name: str, at: datetime, how: str) -> None:
        tell(f"{name}: the run of {at:%Y-%m-%d %H:%M} UTC {how}")
        words = ["schedule", "run", name, "--at", f"{at:%Y-%m-%dT%H:%M:%S}", "--store", self._settings.store]
        env = os.environ | {"WANBATCH_REDIS": self._settings.redis_url or ""}
        self._runs[name] = subprocess.Popen(
            [sys.executable, "-m", "cli.app", *words], stdin=subprocess.DEVNULL, stdout=sys.stderr, env=env
        )

    def _pass_over(self, name: str, at: datetime, outcome: str, words: str) -> None:
        tell(f"{name}: the run of {at:%Y-%m-%d %H:%M} UTC is passed over: {words}")
        ran = {"at": at, "began_at": _now(), "ended_at": _now(), "outcome": outcome, "words": words}
        self.book.end(name, Ran.model_validate(ran))


def _facts(book: Book, schedule: Schedule) -> dict[str, Any]:
    when = read_cron(schedule.cron, schedule.timezone)
    last: Iterator[Ran] = book.history(schedule.name)
    coming = when.coming(_now(), 1)[0]
    return {
        "name": schedule.name,
        "campaign": schedule.campaign,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "paused": schedule.paused,
        "next": None if schedule.paused else coming.isoformat(),
        "next_local": f"{coming.astimezone(when.zone):%a %Y-%m-%d %H:%M %Z}",
        "last": next((ran.model_dump(mode="json") for ran in last), None),
    }


def _found(book: Book, name: str) -> Schedule:
    schedule = book.read(name)
    if schedule is None:
        raise BadInput(f"there is no schedule {name!r}", hint=f"there are {', '.join(book.names()) or 'none yet'}")
    return schedule


def _book(store: str | None, redis: str | None) -> Book:
    return Book(store_of(load_settings(store=store, redis=redis)))


def _now() -> datetime:
    return datetime.now(UTC)


def _who() -> str:
    return f"{os.environ.get('USER', 'somebody')}@{platform.node()}"
