"""`wanbatch plan`: what a matrix asks for, what it costs and how long it takes; spends nothing."""

from pathlib import Path
from typing import Any, Final

import click

from cli.caps import caps_json, caps_lines, caps_of
from cli.credits import credits_lines, credits_of
from cli.options import as_json, planning
from cli.planning import causes_of, elsewhere_lines, plan_json, plan_lines, takes_here
from cli.progress import tell
from cli.summary import print_json
from config.settings import load_settings
from jobs.errors import BadInput
from producer.planned import Asked, planned
from producer.savedplan import SavedPlan
from producer.stored import store_of
from producer.world import choose

#: The exit code that says that there is something to buy, where it was asked for.
SOMETHING: Final = 10


@click.command("plan")
@planning
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save it: `submit --plan FILE` buys exactly this, or refuses.",
)
@click.option(
    "--exit-code", "tells", is_flag=True, help="End with 10 where there is something to buy, 0 where nothing."
)
@as_json
def command(save: Path | None, tells: bool, as_json: bool, **asked: Any) -> int:
    """Check, price and time MATRIX (a table, a campaign file, an address, or - for stdin); spends nothing."""
    wish = Asked(**asked)
    settings = load_settings(store=wish.store, provider=wish.provider)
    world = choose(settings, simulate=wish.simulate)
    store = store_of(settings)
    if save is not None and not (world.named or wish.simulate):
        hint = "Add --provider NAME, or --simulate to rehearse."
        raise BadInput("a plan that is saved to be bought names who makes it", hint=hint)
    with planned(wish, world, store, settings) as plan:
        why = causes_of(plan, store)
        left = credits_of(plan, world, store, settings)
        needs = takes_here(plan, world, store, settings)
        shared = caps_of(plan, store, settings)
        lines = [*plan_lines(plan, world, store, needs, why), *credits_lines(plan, left)]
        lines += caps_lines(shared, plan.to_buy)
        for line in [*lines, *elsewhere_lines(plan)]:
            click.echo(line, err=as_json)
        told = {**plan_json(plan, world, why, left, needs), **caps_json(shared)}
        if save is not None:
            saved = SavedPlan.of(plan, wish, store.url, told)
            try:
                save.write_text(saved.model_dump_json(indent=2) + "\n", encoding="utf-8")
            except OSError as error:
                raise BadInput(f"the plan cannot be saved to {save}: {error.strerror}") from error
            tell(f"saved: wanbatch submit --plan {save} buys exactly this")
        if as_json:
            print_json(told)
        return SOMETHING if tells and plan.to_buy else 0
