"""May real money be spent: asked at the terminal, and typed out where it is much."""

import sys
from decimal import ROUND_UP, Decimal

import click

from cli.progress import tell
from config.settings import Settings
from jobs.errors import Unconfirmed
from producer.plan import Plan
from producer.world import World, check_money


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
        have_it_typed(most, world, settings.type_above_usd)
    elif sys.stdin.isatty():
        click.confirm(f"Spend up to ${most} of real money at {world.facts.title}?", abort=True, err=True)


def have_it_typed(most: Decimal, world: World, above_usd: Decimal) -> None:
    """Have a person type the figure, so that a slip in a matrix is read once more. Raises Unconfirmed."""
    figure = most.quantize(Decimal("0.01"), rounding=ROUND_UP)
    words = f"this spends up to ${figure:,} of real money at {world.facts.title}, which is above ${above_usd:,}"
    if not sys.stdin.isatty():
        raise Unconfirmed(words, "say --yes if a script is to spend it; nothing was queued")
    tell(words)
    typed = click.prompt(f"Type {figure} to go on", err=True, default="", show_default=False)
    if typed.strip().lstrip("$").replace(",", "") not in {f"{figure}", f"{figure.normalize():f}"}:
        raise Unconfirmed(f"`{typed.strip()}` is not {figure}", "give the same command again; nothing was queued")
