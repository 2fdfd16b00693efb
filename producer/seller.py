"""An account at which the videos of a plan may be bought, as planning sees it."""

from decimal import Decimal
from typing import NamedTuple, Self

from config.accounts import AccountFacts
from config.facts import ProviderFacts
from jobs.job import Route
from jobs.money import to_uusd
from providers.accounts import title
from providers.provider import Provider
from providers.registry import provider

#: What stands for the day of the price list where a person named the price.
NAMED = "--price"


class Ask(NamedTuple):
    """What an account asks for a video, at the least and at the most, and whether a person said so."""

    seller: "Seller"
    low_uusd: int
    high_uusd: int
    named: bool

    def route(self) -> Route:
        """This account as one of a job's routes; its fields are those of a job."""
        account = self.seller.account
        day = NAMED if self.named else account.facts.price_as_of.isoformat()
        return Route(
            provider=account.facts.name,
            account=account.name,
            region=account.region,
            price_uusd=self.high_uusd,
            price_as_of=day,
        )


class Seller(NamedTuple):
    """An account, and its provider's dialect."""

    account: AccountFacts
    provider: Provider

    @classmethod
    def of(cls, account: AccountFacts) -> Self:
        """The account, with the dialect that it speaks."""
        return cls(account, provider(account.facts.name, account.region))

    @property
    def name(self) -> str:
        """The account's name."""
        return self.account.name

    @property
    def facts(self) -> ProviderFacts:
        """What is known of the provider, with the account's own limits."""
        return self.account.facts

    @property
    def title(self) -> str:
        """The account for a person."""
        return title(self.account)

    def ask(self, low_usd: Decimal, high_usd: Decimal, *, named: bool) -> Ask:
        """What it asks."""
        return Ask(self, to_uusd(low_usd), to_uusd(high_usd), named)
