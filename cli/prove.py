"""`wanbatch check --prove`: whether a submit that is repeated under its key buys nothing more, tried with one video.

What it showed is kept in the store, where the workers of that account read it.
"""

import asyncio
import sys
from decimal import Decimal

import click

from cli.progress import ask, tell
from cli.stack import Stack
from cli.summary import print_json
from config.facts import load_facts
from config.settings import Settings
from config.simulator import simulator_clock
from jobs.errors import BadInput, Refused
from jobs.job import Job
from jobs.money import from_uusd, shown
from ledger.shelf import Shelf
from producer.stored import store_of
from producer.world import World, check_money, choose
from providers.accounts import Account, open_real, open_simulated
from providers.clock import Clock
from worker.trial import Tried, cheapest, try_replay

NOT_PROVED = 3


def prove_replay(settings: Settings, *, simulate: bool, yes: bool, as_json: bool) -> int:
    """Say what it buys and for how much, ask, try, and keep what was seen; 0 when it is proved, else 3."""
    world = choose(settings, simulate=simulate, must_name="check --prove")
    if not world.facts.replay_life_s:
        others = ", ".join(name for name, facts in load_facts().items() if facts.replay_life_s)
        raise BadInput(
            f"{world.facts.title} takes no key under which a submit could be repeated: there is nothing to prove",
            hint=f"such keys are taken by: {others}",
        )
    if not world.simulated:
        return _tried(settings, world, open_real(world.buys_at), yes=yes, as_json=as_json)
    with Stack(settings, account=world.buys_at.name, simulated=True, tell=tell, work=False) as stack:
        url = stack.simulator_url or ""
        account = open_simulated(world.buys_at, url, Clock(*simulator_clock(url)))
        return _tried(settings, world, account, yes=yes, as_json=as_json)


def _tried(settings: Settings, world: World, account: Account, *, yes: bool, as_json: bool) -> int:
    job = cheapest(account)
    _approve(world, job, settings.budget_usd, yes=yes)
    tried = asyncio.run(try_replay(account, job, tell))
    trial = tried.noted(account, job)
    if trial is not None:
        Shelf(store_of(settings), simulated=world.simulated).write_trial(trial)
    if as_json:
        print_json(
            {
                "account": account.name,
                "model": account.provider.offer(job).slug,
                "verdict": tried.verdict,
                "reason": tried.reason,
                "tasks": list(tried.tasks),
                "charged_usd": None if tried.charged_usd is None else f"{tried.charged_usd:f}",
                "video_url": tried.video_url,
            }
        )
    else:
        _echo(account, job, tried)
    return 0 if tried.verdict == "proved" else NOT_PROVED


def _approve(world: World, job: Job, budget_usd: Decimal | None, *, yes: bool) -> None:
    """Say what is bought and what it costs at worst, and ask. Raises Refused, or Unconfirmed for a no."""
    price_usd = from_uusd(job.price_uusd)
    most_usd = 2 * price_usd
    tell(
        f"{world.said}: one {job.render.resolution} text-to-video of {job.render.duration_s} s, ordered twice "
        f"under one key: {shown(price_usd)}, or {shown(most_usd)} if the key does not hold "
        f"(prices of {job.price_as_of})"
    )
    check_money(world, budget_usd=budget_usd, cost_usd=most_usd)
    if not world.simulated and budget_usd is not None and budget_usd < most_usd:
        raise Refused(
            f"the budget of {shown(budget_usd)} does not cover the two videos that this may buy",
            f"--budget {most_usd}; nothing was bought",
        )
    if not world.simulated and not yes and sys.stdin.isatty():
        ask(f"Spend up to {shown(most_usd)} of real money at {world.title}?")


def _echo(account: Account, job: Job, tried: Tried) -> None:
    """For a person."""
    model = account.provider.offer(job).slug
    if tried.verdict == "proved":
        click.echo(f"proved for {model} at {account.name}: {tried.reason}")
        click.echo("from now on workers send a lost submit again under its key, instead of holding it")
    elif tried.verdict == "unclear":
        click.echo(f"not proved for {model} at {account.name}, and nothing is changed: {tried.reason}")
    else:
        click.echo(f"refuted for {model} at {account.name}: {tried.reason}")
        click.echo("lost submits are held for a person there, and never sent again by themselves")
    if tried.tasks:
        click.echo(f"tasks  {', '.join(dict.fromkeys(tried.tasks))}")
    if tried.video_url:
        click.echo(f"video  {tried.video_url}")
