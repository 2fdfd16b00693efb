"""`wanbatch submit`: puts a matrix on the configured ledger and returns; workers elsewhere do the rest."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from cli.approval import approve
from cli.canary import first_few
from cli.options import as_json, canary, planning_or_saved, redis, share, spending
from cli.places import required_ledger_url
from cli.planning import tell_plan
from cli.progress import tell
from cli.summary import print_json
from config.settings import load_settings
from ledger.jobs import Ledger
from producer.enqueue import Submitted, hand_over
from producer.planned import Asked, planned
from producer.savedplan import SavedPlan, read_saved
from producer.stored import store_of
from producer.world import choose


@click.command("submit")
@planning_or_saved
@spending
@share
@canary
@redis
@as_json
@click.pass_context
def command(
    context: click.Context,
    /,
    plan_file: Path | None,
    budget: Decimal | None,
    yes: bool,
    weight: float | None,
    priority: int | None,
    canary: int | None,
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
    with planned(wish, world, store, settings) as wanted:
        plan = wanted.sharing(weight, priority)
        tell_plan(plan, world, store, settings)
        if saved is not None:
            saved.check(plan, store.url)
        few = first_few(plan, canary, world, store, settings)
        now = few.plan if few else plan
        approve(now, world, settings, yes=yes)
        ledger = Ledger.connect(url, store_url=store.url, found=True)
        try:
            if few:
                few.check(ledger)
            put = hand_over(now, ledger, store, settings.budget_usd, settings.submitted_by)
        finally:
            ledger.close()
    tell(said(put))
    if few:
        tell(
            "when they are there and good (wanbatch wait, report), the same command without --canary queues the others"
        )
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


def said(put: Submitted) -> str:
    """What became of the plan's jobs, in one line."""
    counted = {
        "queued": put.queued,
        "asked for before": put.known,
        "bought by another campaign": put.joined,
        "there already": put.ended,
        "withdrawn, as this plan no longer asks for them": put.withdrawn,
    }
    return ", ".join(f"{number:,} {words}" for words, number in counted.items() if number) or "no jobs"
