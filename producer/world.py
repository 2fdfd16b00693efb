"""Whose money: which provider, simulated or real, and what must be said before real money is spent.

Spending is asked for by name. Pure decisions; the commands print and obey.
"""

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from config.accounts import AccountFacts, Accounts
from config.facts import ProviderFacts
from config.settings import Settings, provider_key
from jobs.errors import BudgetMissing, KeyMissing, ProviderNotNamed
from providers.accounts import title

#: The dialect that a simulation speaks when no provider is named.
USUAL = "segmind"


@dataclass(frozen=True, slots=True)
class World:
    """The account that makes the videos, whether it is only simulated, and whether anyone named it."""

    buys_at: AccountFacts
    simulated: bool
    named: bool = True

    @property
    def facts(self) -> ProviderFacts:
        """What is known of the provider, with the account's own key and limits."""
        return self.buys_at.facts

    @property
    def region(self) -> str | None:
        """The region, where it is not the usual one."""
        return self.buys_at.region

    @property
    def account(self) -> str:
        """The name of the account that buys."""
        return self.buys_at.name

    @property
    def title(self) -> str:
        """The account for a person."""
        return title(self.buys_at)

    @property
    def said(self) -> str:
        """Simulated or real, and who, as the first line of every plan has it."""
        if self.simulated:
            return f"SIMULATED, buys nothing (in the dialect of {self.facts.name})"
        return f"REAL MONEY at {self.title}"


def choose(settings: Settings, *, simulate: bool, must_name: str = "") -> World:
    """The world that was asked for. Naming none simulates, unless `must_name` holds a command that refuses that."""
    if must_name and not simulate and not settings.provider:
        raise ProviderNotNamed(
            f"`wanbatch {must_name}` spends only when it is asked to by name",
            "add --provider NAME to buy (see `wanbatch providers`), or --simulate to rehearse",
        )
    simulated = simulate or not settings.provider
    known = Accounts(settings.limits, settings.region)
    found = known.named(settings.provider or USUAL, simulated=simulated)
    return World(found, simulated, named=bool(settings.provider))


def check_money(world: World, *, budget_usd: Decimal | None, cost_usd: Decimal) -> None:
    """Refuse a purchase with real money that has no budget, or no key. Simulated ones need neither."""
    if world.simulated:
        return
    if budget_usd is None:
        paste = cost_usd.quantize(Decimal("0.01"), rounding=ROUND_UP) or Decimal("0.01")
        raise BudgetMissing(
            f"this spends up to ${paste} of real money at {world.title}, and no budget was named",
            f"say how much it may spend: --budget {paste} (it stops there); nothing was bought",
        )
    check_key(world)


def check_key(world: World) -> None:
    """Refuse a real purchase without the provider's key."""
    if world.simulated or provider_key(world.facts):
        return
    names = world.facts.key_variables
    raise KeyMissing(
        f"no key for {world.title}: {' or '.join(names)} is not set",
        f"export {names[0]}=..., or leave --provider out to simulate; nothing was bought",
    )
