"""`wanbatch submit`: puts a matrix on the configured ledger and returns; workers elsewhere do the rest."""

import sys
from decimal import Decimal
from typing import Any

import click

from cli.options import as_json, planning, redis, spending
from cli.places import required_ledger_url
from cli.planning import plan_lines
from cli.progress import tell
from cli.summary import print_json
from config.settings import load_settings
from ledger.jobs import Ledger
from producer.enqueue import Submitted, hand_over
from producer.plan import Plan
from producer.planned import Asked, planned
from producer.stored import store_of
from producer.world import World, check_money, choose


@click.command("submit")
@planning
@spending
@redis
@as_json
def command(budget: Decimal | None, yes: bool, redis: str | None, as_json: bool, **asked: Any) -> None:
    """Plan MATRIX, put its jobs on the configured ledger, print the campaign's name and return."""
    wish = Asked(**asked)
    settings = load_settings(store=wish.store, provider=wish.provider, redis=redis, budget_usd=budget)
    world = choose(settings, simulate=wish.simulate, must_name="submit")
    url = required_ledger_url(settings, "submit")
    store = store_of(settings)
    with planned(wish, world, store, settings) as plan:
        for line in plan_lines(plan, world, store, settings):
            tell(line)
        approve(plan, world, settings.budget_usd, yes=yes)
        ledger = Ledger.connect(url, store_url=store.url, found=True)
        try:
            put = hand_over(plan, ledger, store, settings.budget_usd)
        finally:
            ledger.close()
    tell(said(put))
    if as_json:
        print_json({"campaign": plan.campaign, "run_id": put.run_id, "queued": put.queued, "withdrawn": put.withdrawn})
    else:
        click.echo(plan.campaign)


def approve(plan: Plan, world: World, budget_usd: Decimal | None, *, yes: bool) -> None:
    """Check that money may be spent, and ask a person at the terminal. Raises Refused, or Abort for a no."""
    if not plan.to_buy:
        return
    check_money(world, budget_usd=budget_usd, cost_usd=plan.cost_high_usd)
    if budget_usd is not None and budget_usd < plan.cost_high_usd:
        tell(f"the budget of ${budget_usd} is less than ${plan.cost_high_usd}: it stops early, with exit code 5")
    if not world.simulated and not yes and sys.stdin.isatty():
        most = min(plan.cost_high_usd, budget_usd or plan.cost_high_usd)
        click.confirm(f"Spend up to ${most} of real money at {world.facts.title}?", abort=True, err=True)


def said(put: Submitted) -> str:
    """What became of the plan's jobs, in one line."""
    counted = {
        "queued": put.queued,
        "under way already": put.known,
        "bought by another campaign": put.joined,
        "there already": put.ended,
        "withdrawn, as this plan no longer asks for them": put.withdrawn,
    }
    return ", ".join(f"{number:,} {words}" for words, number in counted.items() if number) or "no jobs"
