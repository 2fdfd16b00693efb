"""`wanbatch submit`: puts a matrix on the configured ledger and returns; workers elsewhere do the rest."""

import sys
from decimal import ROUND_UP, Decimal
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from cli.options import as_json, planning_or_saved, redis, spending
from cli.places import required_ledger_url
from cli.planning import plan_lines
from cli.progress import tell
from cli.summary import print_json
from config.settings import Settings, load_settings
from jobs.errors import Unconfirmed
from ledger.jobs import Ledger
from producer.enqueue import Submitted, hand_over
from producer.plan import Plan
from producer.planned import Asked, planned
from producer.savedplan import SavedPlan, read_saved
from producer.stored import store_of
from producer.world import World, check_money, choose


@click.command("submit")
@planning_or_saved
@spending
@redis
@as_json
@click.pass_context
def command(
    context: click.Context,
    /,
    plan_file: Path | None,
    budget: Decimal | None,
    yes: bool,
    redis: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Plan MATRIX, put its jobs on the configured ledger, print the campaign's name and return."""
    saved = None if plan_file is None else read_saved(plan_file)
    _agree(context, asked, saved)
    wish = saved.wish() if saved else Asked(**asked)
    settings = load_settings(store=wish.store, provider=wish.provider, redis=redis, budget_usd=budget)
    world = choose(settings, simulate=wish.simulate, must_name="submit")
    url = required_ledger_url(settings, "submit")
    store = store_of(settings)
    with planned(wish, world, store, settings) as plan:
        for line in plan_lines(plan, world, store, settings):
            tell(line)
        if saved is not None:
            saved.check(plan, store.url)
        approve(plan, world, settings, yes=yes)
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


def _agree(context: click.Context, asked: dict[str, Any], saved: SavedPlan | None) -> None:
    """Refuse words beside a saved plan, which has its own, and neither of the two."""
    if saved is None:
        if asked["matrix"] is None:
            raise click.UsageError("Missing argument 'MATRIX', or --plan FILE with a plan that was saved.", context)
        return
    given = [name for name in asked if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        words = ", ".join("MATRIX" if name == "matrix" else "--" + name.replace("_", "-") for name in given)
        raise click.UsageError(f"a saved plan says it all: leave {words} out.", context)


def approve(plan: Plan, world: World, settings: Settings, *, yes: bool) -> None:
    """Check that money may be spent, and ask a person at the terminal; a large sum has to be typed.

    Raises Refused, or Abort for a no.
    """
    if not plan.to_buy:
        return
    budget_usd = settings.budget_usd
    check_money(world, budget_usd=budget_usd, cost_usd=plan.cost_high_usd)
    if budget_usd is not None and budget_usd < plan.cost_high_usd:
        tell(f"the budget of ${budget_usd} is less than ${plan.cost_high_usd}: it stops early, with exit code 5")
    if world.simulated or yes:
        return
    most = min(plan.cost_high_usd, budget_usd or plan.cost_high_usd)
    if most > settings.type_above_usd:
        _have_it_typed(most, world, settings.type_above_usd)
    elif sys.stdin.isatty():
        click.confirm(f"Spend up to ${most} of real money at {world.facts.title}?", abort=True, err=True)


def _have_it_typed(most: Decimal, world: World, above_usd: Decimal) -> None:
    """Have a person type the figure, so that a slip in a matrix is read once more. Raises Unconfirmed."""
    figure = most.quantize(Decimal("0.01"), rounding=ROUND_UP)
    words = f"this spends up to ${figure:,} of real money at {world.facts.title}, which is above ${above_usd:,}"
    if not sys.stdin.isatty():
        raise Unconfirmed(words, "say --yes if a script is to spend it; nothing was queued")
    tell(words)
    typed = click.prompt(f"Type {figure} to go on", err=True, default="", show_default=False)
    if typed.strip().lstrip("$").replace(",", "") not in {f"{figure}", f"{figure.normalize():f}"}:
        raise Unconfirmed(f"`{typed.strip()}` is not {figure}", "give the same command again; nothing was queued")


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
