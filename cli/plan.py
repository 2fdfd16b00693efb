"""`wanbatch plan`: what a matrix asks for, what it costs and how long it takes; spends nothing."""

from typing import Any

import click

from cli.options import as_json, planning
from cli.planning import plan_json, plan_lines
from cli.summary import print_json
from config.settings import load_settings
from producer.planned import Asked, planned
from producer.stored import store_of
from producer.world import choose


@click.command("plan")
@planning
@as_json
def command(as_json: bool, **asked: Any) -> None:
    """Check, price and time MATRIX (a table, a campaign file, an address, or - for stdin); spends nothing."""
    wish = Asked(**asked)
    settings = load_settings(store=wish.store, provider=wish.provider)
    world = choose(settings, simulate=wish.simulate)
    store = store_of(settings)
    with planned(wish, world, store, settings) as plan:
        for line in plan_lines(plan, world, store, settings):
            click.echo(line, err=as_json)
        if as_json:
            print_json(plan_json(plan, settings))
