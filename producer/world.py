"""Whose money: which provider, simulated or real, and what must be said before real money is spent.

Spending is asked for by name. Pure decisions; the commands print and obey.
"""

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from config.accounts import AccountFacts, Accounts
from config.facts import ProviderFacts
from config.settings import Settings, provider_key
from jobs.errors import BadInput, BudgetMissing, KeyMissing, ProviderNotNamed
from jobs.money import shown
from providers.accounts import title

#: The dialect that a simulation speaks when no provider is named.
USUAL = "segmind"


@dataclass(frozen=True, slots=True)
class World:
    """The accounts that make the videos, the first named first, whether they are simulated, and whether anyone named
    them.
    """

    accounts: tuple[AccountFacts, ...]
    simulated: bool
    named: bool = True

    @property
    def buys_at(self) -> AccountFacts:
        """The account that was named first."""
        return self.accounts[0]

    @property
    def facts(self) -> ProviderFacts:
        """What is known of the first account's provider, with its own key and limits."""
        return self.buys_at.facts

    @property
    def region(self) -> str | None:
        """The first account's region, where it is not the usual one."""
        return self.buys_at.region

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the accounts that buy."""
        return tuple(account.name for account in self.accounts)

    @property
    def title(self) -> str:
        """The accounts for a person."""
        return " and ".join(title(account) for account in self.accounts)

    @property
    def said(self) -> str:
        """Simulated or real, and who, as the first line of every plan has it."""
        if self.simulated:
            dialects = " and ".join(dict.fromkeys(account.facts.name for account in self.accounts))
            return f"SIMULATED, buys nothing (in the dialect of {dialects})"
        return f"REAL MONEY at {self.title}"


def choose(settings: Settings, *, simulate: bool, must_name: str = "") -> World:
    """The world that was asked for. Naming none simulates, unless `must_name` holds a command that refuses that."""
    if must_name and not simulate and not settings.provider:
        raise ProviderNotNamed(
            f"`wanbatch {must_name}` spends only when it is asked to by name",
            "add --provider NAME to buy (see `wanbatch providers`), or --simulate to rehearse",
        )
    simulated = simulate or not settings.provider
    found = accounts_named(settings.provider or USUAL, settings, simulated=simulated)
    return World(found, simulated, named=bool(settings.provider))


def accounts_named(names: str, settings: Settings, *, simulated: bool) -> tuple[AccountFacts, ...]:
    """The accounts of a list such as `segmind,dashscope`; the region that is set holds for those that have it.

    BadInput for a stranger, and for a region that nobody has.
    """
    wanted = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    here, usual = Accounts(settings.limits, settings.region), Accounts(settings.limits)
    plain = [usual.named(name, simulated=simulated) for name in wanted]
    if not plain:
        raise BadInput(f"{names!r} names no provider", hint="`wanbatch providers` lists them")
    if not any(settings.region in account.facts.regions for account in plain):
        return tuple(here.named(name, simulated=simulated) for name in wanted)
    return tuple(
        (here if settings.region in account.facts.regions else usual).named(name, simulated=simulated)
        for name, account in zip(wanted, plain, strict=True)
    )


def check_money(world: World, *, budget_usd: Decimal | None, cost_usd: Decimal) -> None:
    """Refuse a purchase with real money that has no budget, or no key. Simulated ones need neither."""
    if world.simulated:
        return
    if budget_usd is None:
        paste = cost_usd.quantize(Decimal("0.01"), rounding=ROUND_UP) or Decimal("0.01")
        raise BudgetMissing(
            f"this spends up to {shown(paste)} of real money at {world.title}, and no budget was named",
            f"say how much it may spend: --budget {paste} (it stops there); nothing was bought",
        )
    check_key(world)


def check_key(world: World) -> None:
    """Refuse a real purchase without the provider's key."""
    for account in () if world.simulated else world.accounts:
        if provider_key(account.facts) is None:
            names = account.facts.key_variables
            raise KeyMissing(
                f"no key for {title(account)}: {' or '.join(names)} is not set",
                f"export {names[0]}=..., or leave --provider out to simulate; nothing was bought",
            )
