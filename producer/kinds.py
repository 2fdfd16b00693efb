"""Kinds of videos: renders that cost the same, since nothing that has a price differs. A campaign has few of them."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from jobs.errors import PriceMissing
from jobs.job import Job, Render
from jobs.money import from_uusd, to_uusd, usd_text
from jobs.rendertimes import kind_of
from producer.seller import Ask, Seller
from providers.provider import Provider
from providers.registry import PROVIDERS, facts, provider

#: The accounts that a job names which has no choice.
_NOBODY: Final[frozenset[str]] = frozenset()


class Kind(NamedTuple):
    """One of the renders that cost the same wherever they may be bought, and what each account asks for it, whoever
    asks least first.
    """

    render: Render
    asks: tuple[Ask, ...]
    #: The fields of a job that say so.
    sold: Mapping[str, Any]

    @property
    def best(self) -> Ask:
        """What the account asks that asks least."""
        return self.asks[0]


class Cost(NamedTuple):
    """What videos cost at a provider: how many of them it makes, and what those cost at the least and at the most.

    The sums are None where a price is not known; `price_as_of` is the day of its price list.
    """

    provider: str
    title: str
    makes: int
    low_usd: Decimal | None
    high_usd: Decimal | None
    price_as_of: str

    def json(self) -> dict[str, object]:
        """The cost as `plan --json` has it."""
        told = {"makes": self.makes, "low": usd_text(self.low_usd), "high": usd_text(self.high_usd)}
        return {**told, "price_as_of": self.price_as_of}


class Kinds:
    """The kinds of one plan, in the order in which they turned up, priced at the accounts that may buy them."""

    def __init__(self, sellers: Sequence[Seller], named_usd: Decimal | None) -> None:
        self._sellers = sellers
        self._named_usd = named_usd
        self._numbers: dict[tuple[object, ...], int] = {}
        #: The render that was asked for last, at whom, and its number: each is asked for when it is named and written.
        self._last: tuple[Render | None, frozenset[str], int] = (None, _NOBODY, 0)
        self.found: list[Kind] = []

    def number(self, job: Job) -> int:
        """Which kind a job is."""
        return self._number(job.render, frozenset([route.account for route in job.routes]))

    def of(self, render: Render, sellers: Sequence[Seller]) -> Kind:
        """The kind of a render that these make. Raises PriceMissing where nobody knows a price: unknown is not 0."""
        names = frozenset([seller.name for seller in sellers]) if len(self._sellers) > 1 else _NOBODY
        return self.found[self._number(render, names)]

    def _number(self, render: Render, names: frozenset[str]) -> int:
        if self._last[0] is render and self._last[1] == names:
            return self._last[2]
        key = (_key(render), names)
        number = self._numbers.get(key)
        if number is None:
            asks = [self._priced(render, seller) for seller in self._sellers if not names or seller.name in names]
            asks.sort(key=lambda ask: ask.high_uusd)
            routes = tuple(ask.route() for ask in asks)
            sold = {**dict(routes[0]), "routes": routes if len(self._sellers) > 1 else ()}
            self.found.append(Kind(render, tuple(asks), sold))
            number = self._numbers[key] = len(self.found) - 1
        self._last = (render, names, number)
        return number

    def _priced(self, render: Render, seller: Seller) -> Ask:
        prices = _prices_usd(seller.provider, render)
        named = prices is None
        if prices is None:
            prices = _prices_usd(seller.provider, render, self._named_usd)
        if prices is None:
            raise PriceMissing(
                f"no price is known for {render.mode} {render.model} {render.resolution} at {seller.account.bare}",
                "look it up in your account there, and name it in dollars for a second of video: --price 0.10; "
                "nothing was queued",
            )
        return seller.ask(*prices, named=named)


def cost_here(kinds: Sequence[Kind], counts: Mapping[int, int]) -> tuple[Decimal, Decimal]:
    """The least and the most that so many videos of each kind cost where they cost least."""
    low = sum(kinds[number].best.low_uusd * count for number, count in counts.items())
    high = sum(kinds[number].best.high_uusd * count for number, count in counts.items())
    return from_uusd(low), from_uusd(high)


def lengths(kinds: Sequence[Kind], counts: Mapping[int, int]) -> dict[str, int]:
    """How many of the renders there are of each kind that is expected to last alike."""
    found: Counter[str] = Counter()
    for number, count in counts.items():
        found[kind_of(kinds[number].render)] += count
    return dict(found)


def costs_elsewhere(kinds: Sequence[Kind], counts: Mapping[int, int], besides: Collection[str]) -> list[Cost]:
    """What the same videos would cost at every other provider, in its usual region; words may be too long there."""
    return [cost for name in PROVIDERS if name not in besides and (cost := _cost(name, kinds, counts)).makes]


def _cost(name: str, kinds: Sequence[Kind], counts: Mapping[int, int]) -> Cost:
    seller, known = provider(name), facts(name)
    makes, low, high, unknown = 0, 0, 0, False
    for number, count in counts.items():
        render = kinds[number].render.model_copy(update={"prompt": "a", "negative_prompt": ""})
        if seller.complaints(render):
            continue
        makes += count
        prices = _prices_usd(seller, render)
        if prices is None:
            unknown = True
        else:
            low, high = low + count * to_uusd(prices[0]), high + count * to_uusd(prices[1])
    day = known.price_as_of.isoformat()
    sums = (None, None) if unknown else (from_uusd(low), from_uusd(high))
    return Cost(name, known.title, makes, sums[0], sums[1], day)


def _prices_usd(seller: Provider, render: Render, named_usd: Decimal | None = None) -> tuple[Decimal, Decimal] | None:
    """The least and the most: without and with all input that may be billed beside the video's own seconds."""
    high = seller.price_usd(render, named_usd=named_usd)
    offer = seller.facts.offer(render.mode, render.model, seller.region)
    if high is None or offer is None:
        return None
    return high * render.duration_s / (render.duration_s + offer.input_s_max), high


def _key(render: Render) -> tuple[object, ...]:
    """All that may decide a price."""
    return (
        render.mode, render.model, render.resolution, render.aspect_ratio, render.duration_s, render.audio,
        render.references, render.audio_track, render.shot_type, render.template, render.watermark,
        render.prompt_expansion,
    )  # fmt: skip
