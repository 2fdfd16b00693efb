"""`wanbatch run`: from a matrix to its videos, with every service that takes brought up here and ended again."""

from decimal import Decimal
from typing import Any

import click

from cli.approval import approve
from cli.balance import with_balance
from cli.canary import FirstFew, first_few, goes_on
from cli.following import follow, told_to_end
from cli.message import Messages
from cli.options import as_json, canary, planning, redis, share, spending
from cli.planning import tell_plan
from cli.progress import tell
from cli.results import Results, write_results
from cli.stack import Stack
from cli.submit import said
from cli.summary import print_json, status_json, stored_json, stored_needs
from config.settings import Settings, load_settings
from jobs.lifecycle import State
from jobs.money import shown
from ledger.campaigns import CampaignStatus
from ledger.jobs import Ledger
from ledger.objects import ObjectStore
from ledger.shelf import Shelf
from producer.enqueue import hand_over
from producer.plan import Plan
from producer.planned import Asked, planned
from producer.stored import Campaign, found, store_of
from producer.watch import BAD_ENDS, Progress, ended_code, next_step
from producer.world import World, choose


@click.command("run")
@planning
@spending
@share
@canary
@redis
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), metavar="X", help="Simulated clock (default 60).")
@as_json
def command(
    budget: Decimal | None,
    yes: bool,
    weight: float | None,
    priority: int | None,
    canary: int | None,
    redis: str | None,
    speed: float | None,
    as_json: bool,
    **asked: Any,
) -> int:
    """Plan MATRIX (a table, a campaign file, an address, or - for stdin), make its videos, and wait for the end.

    It leaves manifest and gallery. Without --provider nothing is bought: a simulator answers. The same command goes on
    after an interruption.
    """
    wish = Asked(**asked)
    settings = load_settings(
        store=wish.store, provider=wish.provider, redis=redis, budget_usd=budget, simulator_speed=speed
    )
    world = choose(settings, simulate=wish.simulate)
    store = store_of(settings)
    messages = Messages(settings, store)
    with told_to_end(), planned(wish, world, store, settings) as wanted:
        plan = wanted.sharing(weight, priority)
        tell_plan(plan, world, store, settings)
        done = _finished(plan, store)
        if done:
            return _tell_finished(done, as_json=as_json)
        few = first_few(plan, canary, world, store, settings)
        approve(few.plan if few else plan, world, settings, yes=yes)
        return _Run(world, settings, store, messages, yes=yes, as_json=as_json).make(plan, few)


def _finished(plan: Plan, store: ObjectStore) -> Campaign | None:
    """The campaign, when this very plan has been submitted and the store has the end of each of its jobs."""
    shelf = Shelf(store, simulated=plan.simulated)
    file = shelf.campaign(plan.campaign) if not plan.to_buy else None
    return Campaign(file, shelf) if file and file.plan_sha256 == plan.sha256 else None


def _tell_finished(campaign: Campaign, *, as_json: bool) -> int:
    """Renew the papers of a campaign that needs nothing more; no service is started."""
    results = write_results(campaign, None, None)
    tell("all of it is there already: nothing was started, nothing was bought")
    sums = results.sums
    states = {State(status): number for status, number in sums.states.items()}
    code = ended_code(states, unverified=sums.unverified, parked_kind=None)
    if as_json:
        print_json({**stored_json(campaign, sums), "manifest": results.manifest, "report": results.report})
    else:
        for need in (*stored_needs(sums), next_step(code)):
            if need:
                click.echo(f"! {need}")
        _echo_papers(results)
    return code


class _Run:
    """A run with all services of its own: it hands plans over, follows them to their end, and writes the papers."""

    def __init__(
        self, world: World, settings: Settings, store: ObjectStore, messages: Messages, *, yes: bool, as_json: bool
    ) -> None:
        self._world, self._settings, self._store, self._messages = world, settings, store, messages
        self._yes = yes
        self._as_json = as_json

    def make(self, plan: Plan, few: FirstFew | None) -> int:
        """Make the plan's videos, after the first few, where that was asked for; answers the exit code."""
        world = self._world
        with Stack(self._settings, account=",".join(world.names), simulated=world.simulated, tell=tell) as stack:
            ledger = Ledger.connect(stack.redis_url, store_url=self._store.url, found=True)
            try:
                if few is not None:
                    few.check(ledger)
                    end, results = self._made(few.plan, ledger, stack)
                    tell(f"gallery   {results.report}")
                    if not goes_on(few, few.looked_at(), world, self._settings, yes=self._yes):
                        return self._told(end, ledger, results) or BAD_ENDS
                end, results = self._made(plan, ledger, stack)
                return self._told(end, ledger, results)
            finally:
                ledger.close()

    def _made(self, plan: Plan, ledger: Ledger, stack: Stack) -> tuple[Progress, Results]:
        tell(said(hand_over(plan, ledger, self._store, self._settings.budget_usd, self._settings.submitted_by)))

        def look(status: CampaignStatus) -> None:
            stack.watch()
            self._messages.look(status, ledger)

        end = with_balance(follow(ledger, plan.campaign, each_look=look), ledger, self._settings, stack.simulator_url)
        results = write_results(found(self._store, plan.campaign), ledger, end.status)
        return end, results

    def _told(self, end: Progress, ledger: Ledger, results: Results) -> int:
        self._messages.ended(end.status, ledger, results)
        if self._as_json:
            shape = status_json(end.status, end.eta_s)
            print_json({**shape, "manifest": results.manifest, "report": results.report})
        else:
            _echo_end(end, results)
        return end.exit_code or 0


def _echo_end(end: Progress, results: Results) -> None:
    """The last words of a run: what there is, what it cost, what a person has to do, and where everything lies."""
    status, sums = end.status, results.sums
    simulated = " (simulated: nothing was bought)" if status.simulated else ""
    counts = ", ".join(f"{number:,} {name}" for name, number in sums.states.items())
    click.echo(f"{status.campaign}: {counts}; spent {shown(status.spent_usd)}{simulated}")
    for need in (*status.needs, next_step(end.exit_code or 0)):
        if need:
            click.echo(f"! {need}")
    _echo_papers(results)


def _echo_papers(results: Results) -> None:
    """Where manifest and gallery lie."""
    click.echo(f"manifest  {results.manifest}\ngallery   {results.report}")
