"""An account at which the videos of a plan may be bought, as planning sees it."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple, Self

from config.accounts import AccountFacts
from config.facts import ProviderFacts
from jobs.job import Render, Route
from jobs.money import to_uusd
from producer.columns import Wrong
from producer.matrix import Rest, Trouble
from providers.accounts import title
from providers.provider import Provider
from providers.registry import provider, sellers

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

    def is_meant(self, named: str | None) -> bool:
        """Whether a row that names this provider, or none, may be bought here."""
        return named is None or named in {self.provider.name, self.account.bare}

    def complaints(self, render: Render) -> Iterator[Trouble]:
        """Everything for which its provider would not make it, and who else would."""
        found = self.provider.complaints(render)
        others = sellers(render, self.provider.name) if found else []
        elsewhere = f"; {' or '.join(others)} can make it as it is" if others else ""
        for each in found:
            yield Trouble(each.column, each.text, Wrong(each.problem, each.fix + elsewhere))

    def ask(self, low_usd: Decimal, high_usd: Decimal, *, named: bool) -> Ask:
        """What it asks."""
        return Ask(self, to_uusd(low_usd), to_uusd(high_usd), named)


def besides(rest: Rest, at: Sequence[Seller]) -> list[Trouble]:
    """What none of these sells of the cells that could be read, in a row that has other troubles."""
    found = dict[Trouble, None]()
    for seller in at:
        if seller.is_meant(rest.provider):
            troubles = [trouble for trouble in seller.complaints(rest.render) if trouble.column in rest.columns]
            if not troubles:
                return []
            found.update(dict.fromkeys(troubles))
    return list(found)
