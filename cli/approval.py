"""May real money be spent: asked at the terminal, typed out where it is much, and refused where a slip is likely."""

import sys
from decimal import ROUND_UP, Decimal

import click

from cli.progress import ask, tell
from config.settings import Settings
from jobs.errors import Unconfirmed
from jobs.money import shown
from jobs.words import counted
from producer.craft import is_cut_off
from producer.otherstores import check_store, remember_store
from producer.plan import Plan, iter_plan
from producer.world import World, check_money


def approve(plan: Plan, world: World, settings: Settings, *, yes: bool) -> None:
    """Check that money may be spent, and ask a person at the terminal; a large sum has to be typed.

    Raises Refused, or Unconfirmed for a no.
    """
    if not plan.to_buy:
        return
    budget_usd = settings.budget_usd
    check_money(world, budget_usd=budget_usd, cost_usd=plan.most_usd)
    if not world.simulated:
        check_store(plan, settings)
    if budget_usd is not None and budget_usd < plan.cost_high_usd:
        less = f"the budget of {shown(budget_usd)} is less than {shown(plan.cost_high_usd)}"
        tell(f"{less}: it stops early, with exit code 5")
    if world.simulated:
        return
    if not yes:
        _have_it_confirmed(min(plan.most_usd, budget_usd or plan.most_usd), plan, world, settings)
    remember_store(settings.store)


def _have_it_confirmed(most: Decimal, plan: Plan, world: World, settings: Settings) -> None:
    """Ask a person; a script is refused what only a person can mean. Raises Unconfirmed, or Unconfirmed for a no."""
    if most > settings.type_above_usd:
        have_it_typed(most, world, settings.type_above_usd)
    elif sys.stdin.isatty():
        ask(f"Spend up to {shown(most)} of real money at {world.title}?")
    elif cut := _cut_off(plan):
        raise Unconfirmed(
            f"{counted(cut, 'video')} would be bought without the shots that lie after the video's end",
            "mend the rows (the warnings say which), or say --yes to buy them as they are; nothing was queued",
        )


def _cut_off(plan: Plan) -> int:
    """How many videos to make have shots that go on after their end; where nothing was warned of, none has."""
    lines = iter_plan(plan.path) if plan.warnings_count else ()
    return sum(line.job.job_id not in plan.bought and is_cut_off(line.job.render) for line in lines)


def have_it_typed(most: Decimal, world: World, above_usd: Decimal) -> None:
    """Have a person type the figure, so that a slip in a matrix is read once more. Raises Unconfirmed."""
    figure = most.quantize(Decimal("0.01"), rounding=ROUND_UP)
    words = f"this spends up to {shown(figure)} of real money at {world.title}, which is above {shown(above_usd)}"
    if not sys.stdin.isatty():
        raise Unconfirmed(words, "say --yes if a script is to spend it; nothing was queued")
    tell(words)
    typed = click.prompt(f"Type {figure} to go on", err=True, default="", show_default=False)
    if typed.strip().lstrip("$").replace(",", "") not in {f"{figure}", f"{figure.normalize():f}"}:
        raise Unconfirmed(f"`{typed.strip()}` is not {figure}", "give the same command again; nothing was queued")
