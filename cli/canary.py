"""A canary in a run: made, looked at and shown; then the others are made, a person is asked, or it stops."""

import sys
from collections.abc import Sequence
from dataclasses import replace

import click

from cli.approval import have_it_typed
from cli.progress import tell
from config.settings import Settings
from jobs.errors import CampaignConflict
from jobs.money import shown
from jobs.words import counted
from ledger.jobs import Ledger
from ledger.objects import ObjectStore
from ledger.shelf import Shelf
from producer.canary import Canary, Seen, canary_of, canary_plan, seen
from producer.otherstores import check_store
from producer.plan import Plan
from producer.world import World, check_money


class FirstFew:
    """The canary of a run: its own plan, with which the run begins."""

    def __init__(self, plan: Plan, canary: Canary, shelf: Shelf) -> None:
        self.whole = plan
        self.plan = canary_plan(plan, canary)
        self._canary = canary
        self._shelf = shelf

    def check(self, ledger: Ledger) -> None:
        """Raise CampaignConflict where the campaign is under way with other videos: a canary would take them out."""
        file, status = self._shelf.campaign(self.plan.campaign), ledger.status(self.plan.campaign)
        if file is None or status is None or file.plan_sha256 == self.plan.sha256:
            return
        if status.ended < status.total:
            raise CampaignConflict(
                f"{counted(status.total - status.ended, 'video')} of {self.plan.campaign!r} are under way already, and "
                "a canary comes first",
                "leave --canary out, or let them end; nothing was queued",
            )

    def looked_at(self) -> list[Seen]:
        """What became of it."""
        return seen(self.whole, self._canary, self._shelf)


def first_few(plan: Plan, count: int | None, world: World, store: ObjectStore, settings: Settings) -> FirstFew | None:
    """The canary, where one was asked for and the plan has more to make than it; None where all of it goes at once.

    Raises Refused where the whole could not be paid, or is in another store: then there is no use in a canary.
    """
    if count is None:
        return None
    shelf = Shelf(store, simulated=plan.simulated)
    file = shelf.campaign(plan.campaign)
    if file is not None and file.plan_sha256 == plan.sha256:
        tell("the canary was passed before, and the campaign went on: so does this run")
        return None
    if plan.to_buy <= count:
        tell(f"a canary of {count:,} is all of it")
        return None
    check_money(world, budget_usd=settings.budget_usd, cost_usd=plan.most_usd)
    if not world.simulated:
        check_store(plan, settings)
    few = FirstFew(plan, canary_of(plan, count, shelf), shelf)
    first = f"{counted(few.plan.to_buy, 'video')} of {plan.to_buy:,}, as unlike as there are"
    tell(f"the canary first: {first}" if few.plan.to_buy else "the canary is made already")
    return few


def goes_on(few: FirstFew, found: Sequence[Seen], world: World, settings: Settings, *, yes: bool) -> bool:
    """Show the canary and decide: on with --yes, asked at a terminal, else not; never with one that is not good."""
    for each in found:
        tell(f"  {each.said}")
    bad = sum(not each.good for each in found)
    if bad:
        tell(f"{bad} of {counted(len(found), 'canary video')} not good: the others were not queued")
        return False
    rest = replace(
        few.whole,
        to_buy=few.whole.to_buy - few.plan.to_buy,
        cost_high_usd=few.whole.cost_high_usd - few.plan.cost_high_usd,
        most_usd=few.whole.most_usd - few.plan.most_usd,
    )
    tell(f"the canary is good; {counted(rest.to_buy, 'video')} to go, {shown(rest.cost_high_usd)}")
    if yes:
        return True
    if not sys.stdin.isatty():
        tell("nobody is at a terminal to say yes: look at them, and give the same command with --yes")
        return False
    if not world.simulated and rest.most_usd > settings.type_above_usd:
        have_it_typed(rest.most_usd, world, settings.type_above_usd)
        return True
    return click.confirm(f"Go on with the other {rest.to_buy:,}?", err=True)
