"""One run of a schedule: read the source afresh, plan, ask where it would buy unusually much, buy, report.

It holds to the budgets of the run and of the month; alone, since two at once could each spend them.
"""

import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Final

import redis
from redis.exceptions import LockError, RedisError

from cli.balance import with_balance
from cli.following import follow
from cli.message import Messages
from cli.places import required_ledger_url
from cli.planning import tell_plan
from cli.progress import tell
from cli.results import write_results
from cli.stack import running_simulator
from cli.submit import said
from config.settings import Settings, load_settings
from jobs.errors import BadInput, BudgetMissing, ProviderNotNamed, WanbatchError
from jobs.lifecycle import State
from jobs.money import shown
from jobs.words import counted
from ledger.campaigns import CampaignStatus
from ledger.jobs import Ledger
from ledger.objects import open_store, pieces
from producer.enqueue import hand_over
from producer.plan import Plan
from producer.planned import Asked, planned
from producer.schedules.book import Book
from producer.schedules.cron import read_cron
from producer.schedules.schedule import Ran, Schedule, Wish
from producer.stored import found, s3_options, store_of
from producer.world import World, check_key, choose

#: Seconds for which a run that has died keeps the next one out, and between two signs of a living one.
ALONE_S: Final = 30.0
RENEW_S: Final = 10.0
#: Runs whose median says what is usual, and how many times that is still taken for usual.
USUAL_RUNS: Final = 7
USUAL_TIMES: Final = 3
#: Outcomes of runs that have bought what they were to buy.
MADE: Final = frozenset({"done", "nothing", "bad"})
#: With which command a run that has bought nothing goes on, by its outcome; a month's budget is not raised by one.
_WAY_ON: Final = {"refused": "wanbatch schedule run {name}", "asks": "wanbatch schedule run {name} --yes", "money": ""}
LEAST_USD: Final = Decimal("0.000001")
#: The exit code of a settled campaign that stopped for money.
MONEY: Final = 5


@dataclass(frozen=True, slots=True)
class Desk:
    """What a run needs beside its schedule."""

    settings: Settings
    world: World
    book: Book
    messages: Messages


def desk_for(schedule: Wish, *, store: str | None, redis: str | None) -> Desk:
    """The settings, the world and the book for a schedule. Raises what stands against spending."""
    # A provider out of the environment does not count: what spends money by itself is named where it is written down.
    if schedule.provider is None and not schedule.simulate:
        raise ProviderNotNamed(
            "this schedule does not say who makes its videos",
            'write provider = "segmind" into it to buy (see `wanbatch providers`), or simulate = true to rehearse',
        )
    settings = load_settings(store=store, redis=redis, provider=schedule.provider)
    world = choose(settings, simulate=schedule.simulate, must_name="schedule")
    if not world.simulated and (schedule.budget_per_run_usd is None or schedule.budget_per_month_usd is None):
        raise BudgetMissing(
            f"this schedule would spend real money at {world.title} without a budget",
            "write budget_per_run_usd = ... and budget_per_month_usd = ... into its file",
        )
    check_key(world)
    objects = store_of(settings)
    return Desk(settings, world, Book(objects), Messages(settings, objects))


def carry_out(schedule: Schedule, at: datetime, desk: Desk, *, approved: bool) -> Ran | None:
    """Make the run of that instant, and write down how it ended; None while an earlier run goes on."""
    began = datetime.now(UTC)
    with _alone(required_ledger_url(desk.settings, "schedule"), schedule.name) as alone:
        if not alone:
            return None
        run = _Run(schedule, at, began, desk)
        try:
            ran = run.made(approved=approved)
        except (WanbatchError, RedisError) as error:
            words = "; ".join(filter(None, (getattr(error, "message", str(error)), getattr(error, "hint", ""))))
            ran = Ran(at=at, began_at=began, ended_at=datetime.now(UTC), outcome="refused", words=words)
        desk.book.end(schedule.name, ran)
    if ran.outcome in _WAY_ON and not run.reported:
        way_on = _WAY_ON[ran.outcome].format(name=schedule.name) or None
        desk.messages.needs(schedule.campaign, ran.words, way_on, simulated=desk.world.simulated)
    return ran


@contextmanager
def sourced(wish: Wish, settings: Settings) -> Iterator[Asked]:
    """What is to be planned; a source in S3 lies on this machine as long as the block."""
    with tempfile.TemporaryDirectory(prefix="wanbatch-source-") as folder:
        matrix: Path | str = wish.matrix if wish.matrix.lower().startswith("http") else Path(wish.matrix)
        if wish.matrix.lower().startswith("s3://"):
            matrix = _out_of_s3(wish.matrix, Path(folder), settings)
        elif isinstance(matrix, Path) and not matrix.is_file():
            raise BadInput(f"there is no file {matrix}", hint="paths in a schedule's file count from its folder")
        template = Path(wish.template) if wish.template else None
        if template is not None and not template.is_file():
            raise BadInput(f"there is no template {template}", hint="paths in a schedule's file count from its folder")
        yield Asked(
            matrix=matrix,
            template=template,
            provider=wish.provider,
            simulate=wish.simulate,
            campaign=wish.campaign,
            limit=None,
            where=(),
            seed_by=wish.seed_by,
            takes=wish.takes,
            price=wish.price,
            skip_bad_rows=wish.skip_bad_rows,
            store=settings.store,
            deadline=wish.deadline,
        )


class _Run:
    """One run, from its source to its report."""

    def __init__(self, schedule: Schedule, at: datetime, began: datetime, desk: Desk) -> None:
        self._schedule, self._at, self._began, self._desk = schedule, at, began, desk
        #: Whether the campaign's own message of its end has been sent: then nobody is told another thing.
        self.reported = False

    def made(self, *, approved: bool) -> Ran:
        """Plan and buy, unless it has to be asked for."""
        desk, store = self._desk, store_of(self._desk.settings)
        with ExitStack() as held:
            asked = held.enter_context(sourced(self._schedule, desk.settings))
            wanted = held.enter_context(planned(asked, desk.world, store, desk.settings))
            plan = wanted.sharing(self._schedule.weight, self._schedule.priority)
            tell_plan(plan, desk.world, store, desk.settings)
            if not approved and (why := self._unusual(plan)):
                return self._ended("asks", f"{why}; nothing was bought", plan)
            url = required_ledger_url(desk.settings, "schedule")
            ledger = Ledger.connect(url, store_url=store.url, found=True)
            held.callback(ledger.close)
            before = ledger.status(plan.campaign)
            budget_usd = self._budget_usd()
            if budget_usd is not None and budget_usd <= 0 and plan.to_buy:
                month = shown(self._schedule.budget_per_month_usd)
                words = f"the month's budget of {month} is spent; nothing was bought"
                more = f"`wanbatch schedule remove {self._schedule.name}`, and add its file with a larger one"
                return self._ended("money", f"{words}; for more {more}", plan)
            held_usd = _committed_usd(before)
            # Without anything left, the least amount there is: none would be no limit.
            most = None if budget_usd is None else max(held_usd + budget_usd, LEAST_USD)
            # What has been asked about, or may change as it likes, is the same campaign, however little is left of it.
            again = bool(self._ran_well())
            tell(said(hand_over(plan, ledger, store, most, desk.settings.submitted_by, again=again)))
            look = lambda status: desk.messages.look(status, ledger)  # noqa: E731 - one call
            simulator = desk.settings.simulator_url or running_simulator(desk.settings.store)
            end = with_balance(follow(ledger, plan.campaign, each_look=look), ledger, desk.settings, simulator)
            results = write_results(found(store, plan.campaign), ledger, end.status)
            desk.messages.ended(end.status, ledger, results)
            self.reported = True
            return self._told(plan, before, end.status, end.exit_code or 0)

    def _told(self, plan: Plan, before: CampaignStatus | None, after: CampaignStatus, code: int) -> Ran:
        spent = after.spent_usd - (before.spent_usd if before else 0)
        bought = _done(after) - _done(before) if before else plan.to_buy - (plan.variants - _done(after))
        if code:
            words = "; ".join(after.needs) or "not all of it is well: the gallery says of each what happened"
            return self._ended("money" if code == MONEY else "bad", words, plan, max(bought, 0), spent)
        if not plan.to_buy:
            return self._ended("nothing", f"all {counted(plan.variants, 'video')} are there", plan)
        return self._ended("done", f"bought {counted(plan.to_buy, 'video')}", plan, plan.to_buy, spent)

    def _ended(self, outcome: str, words: str, plan: Plan, bought: int = 0, spent: Decimal = Decimal(0)) -> Ran:
        return Ran.model_validate(
            {
                "at": self._at, "began_at": self._began, "ended_at": datetime.now(UTC), "outcome": outcome,
                "words": words, "variants": plan.variants, "bought": bought, "spent_usd": spent,
            }
        )  # fmt: skip

    def _ran_well(self) -> list[Ran]:
        """The runs that have bought what they were to buy, the newest first."""
        return [ran for ran in self._desk.book.history(self._schedule.name) if ran.outcome in MADE]

    def _unusual(self, plan: Plan) -> str:
        """Why a run that would buy so much asks first; empty where it is usual, and for the first run of all."""
        made = self._ran_well()
        if not made or not plan.to_buy:
            return ""
        would = f"it would buy {plan.to_buy:,} of {counted(plan.variants, 'video')} ({shown(plan.cost_high_usd)})"
        share = plan.to_buy / plan.variants
        if share > self._schedule.max_change:
            return f"{would}, {share:.0%} of them, and up to {self._schedule.max_change:.0%} is usual"
        last = [ran.bought for ran in made[:USUAL_RUNS]]
        usual = statistics.median(last)
        if len(last) == USUAL_RUNS and 0 < usual * USUAL_TIMES < plan.to_buy and self._schedule.max_change < 1:
            return f"{would}, and the last {USUAL_RUNS} runs bought {usual:g} (median)"
        return ""

    def _budget_usd(self) -> Decimal | None:
        """What this run may spend: its own budget, and no more than is left of the month's; None without any."""
        schedule = self._schedule
        most = [] if schedule.budget_per_run_usd is None else [schedule.budget_per_run_usd]
        if schedule.budget_per_month_usd is not None:
            zone = read_cron(schedule.cron, schedule.timezone).zone
            local = self._at.astimezone(zone)
            most.append(
                schedule.budget_per_month_usd - self._desk.book.spent_usd(schedule, (local.year, local.month), zone)
            )
        return min(most, default=None)


def _committed_usd(before: CampaignStatus | None) -> Decimal:
    """What the campaign has spent or promised before this run."""
    return Decimal(0) if before is None else before.spent_usd + before.reserved_usd + before.in_doubt_usd


def _done(status: CampaignStatus | None) -> int:
    return status.states.get(State.DONE, 0) if status else 0


def _out_of_s3(uri: str, folder: Path, settings: Settings) -> Path:
    bucket, _, key = uri[len("s3://") :].partition("/")
    if not key:
        raise BadInput(f"{uri} names no object", hint="write s3://bucket/path/file.csv")
    path = folder / PurePosixPath(key).name
    with path.open("wb") as file:
        file.writelines(pieces(open_store(f"s3://{bucket}", s3=s3_options(settings)), key))
    return path


@contextmanager
def _alone(redis_url: str, name: str) -> Iterator[bool]:
    """Whether nobody else makes a run of that schedule now; while the block lasts, nobody begins one."""
    client = redis.Redis.from_url(redis_url)
    lock = client.lock(f"wb:schedule:{name}", timeout=ALONE_S, thread_local=False)
    if not lock.acquire(blocking=False):
        client.close()
        yield False
        return
    over = threading.Event()

    def renew() -> None:
        while not over.wait(RENEW_S):
            try:
                lock.reacquire()
            except (LockError, RedisError):
                # A second run may begin beside this one: each video is still bought once, only a budget may be shared.
                tell(f"schedule {name}: its lock is lost, as the ledger went away")

    renewing = threading.Thread(target=renew, daemon=True)
    renewing.start()
    try:
        yield True
    finally:
        over.set()
        renewing.join()
        try:
            lock.release()
        except (LockError, RedisError):
            tell(f"schedule {name}: its lock was lost before the run ended")
        client.close()


def is_alone(redis_url: str, name: str) -> bool:
    """Whether no run of that schedule is going on."""
    client = redis.Redis.from_url(redis_url)
    try:
        return not client.exists(f"wb:schedule:{name}")
    finally:
        client.close()
