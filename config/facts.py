"""What is known of each provider: prices, sizes, limits, times. The figures and their sources stand in providers.toml;
here is their shape, so that a slip in that file is found at start and not in a bill.
"""

import math
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from jobs.backoff import Cadence
from jobs.errors import BadInput
from jobs.job import AspectRatio, Mode, Model, Resolution, ShotType
from jobs.media import Kind
from jobs.pace import AS_DOCUMENTED, LATE_S, LONGEST, SURE, Pace

#: Native currency to dollars a second, by resolution; a resolution that is missing has no known price.
PriceTable = Mapping[str, Mapping[Resolution, Decimal]]


class Fact(BaseModel):
    """A frozen value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Window(Fact):
    """At most `count` requests in any `window_s` seconds of the provider's clock."""

    count: PositiveInt
    window_s: PositiveFloat


class Ramp(Fact):
    """How quickly a rate may grow: after `quiet_s` without a submit from the share `first` to all within `over_s`."""

    first: float = Field(gt=0, le=1)
    over_s: PositiveFloat
    quiet_s: PositiveFloat


class ModelLimits(Fact):
    """What one model at an account may do beside what the account may."""

    submits: tuple[Window, ...] = ()
    slots: PositiveInt | None = None


class Limits(Fact):
    """What one account may do. No window, or no `slots`, means that no limit is known or set.

    Where the provider documents none, the windows are chosen, and not `documented`. `models` have limits of their own
    by the name that the provider sells them under; below `credit_floor`, in its own unit, nothing is bought. `own`
    names what the account's owner has set: what the provider tells only lowers it.
    """

    submits: tuple[Window, ...] = ()
    polls: tuple[Window, ...] = ()
    slots: PositiveInt | None = None
    ramp: Ramp | None = None
    models: Mapping[str, ModelLimits] = {}
    credit_floor: NonNegativeFloat | None = None
    turns: Literal["videos", "money"] = "videos"
    own: frozenset[str] = frozenset()
    documented: bool = True
    polls_share_submit_limit: Literal["yes", "no", "unknown"]

    def told(self, pace: Pace) -> Self:
        """The limits as the provider has corrected them; those of the account's owner are only lowered.

        `count_now` and `slots_now` in gates.lua say the same.
        """
        submits, slots = self.submits, self.slots
        if pace.submits is not None and submits:
            share = pace.submits / submits[0].count
            share = min(1.0, share) if "submits" in self.own else share
            submits = tuple(
                window.model_copy(update={"count": max(1, math.floor(window.count * share + 0.5))})
                for window in submits
            )
        if pace.slots is not None and "slots" not in self.own:
            slots = pace.slots
        elif pace.slots is not None and slots is not None:
            slots = min(slots, pace.slots)
        return self.model_copy(update={"submits": submits, "slots": slots})


class Region(Fact):
    """Where a provider is reached: scheme, host and prefix, without the version. `usd_per_unit` values its currency.

    `other_urls` are further hosts, by what they are for.
    """

    base_url: str
    other_urls: Mapping[str, str] = {}
    currency: str
    usd_per_unit: Decimal


class MediaLimit(Fact):
    """What a file of one kind may be: its formats by their bytes; the least and the most pixels a side, and seconds.

    None is no limit; `alpha` says whether see-through parts of an image are taken.
    """

    formats: tuple[str, ...]
    most_bytes: PositiveInt
    px: tuple[PositiveInt, PositiveInt] | None = None
    alpha: bool = True
    length_s: tuple[PositiveFloat, PositiveFloat] | None = None


#: How a stored file reaches a provider: in the order itself, by the provider's upload door, or as a link to the store.
Way = Literal["data", "upload", "link"]
#: The ways that a provider takes for the files of a column, the best first; `link` needs no word, any URL is one.
Ways = Mapping[str, tuple[Literal["data", "upload"], ...]]


class Offer(Fact):
    """One model that the provider sells for a mode, what it takes, and its price for a second of video.

    `regions` empty means all; `audio_switch`, `watermark`, `template` and `expansion_switch` say whether that
    column can be obeyed; no `negative_limit` (0) means no negative prompt, no `reference_images_max` videos only.
    `input_s_max` is the most input seconds that are billed beside the output; `hand_over` stands
    for the provider's own where the model differs.
    """

    mode: Mode
    model: Model = "standard"
    slug: str
    regions: tuple[str, ...] = ()
    resolutions: tuple[Resolution, ...]
    aspect_ratios: tuple[AspectRatio, ...] = ()
    durations_s: tuple[PositiveInt, ...]
    prompt_required: bool = True
    prompt_limit: PositiveInt
    negative_limit: NonNegativeInt
    shot_types: tuple[ShotType, ...] = ("single", "multi")
    audio_track: bool = True
    audio_switch: bool = False
    watermark: bool = False
    template: bool = False
    expansion_switch: bool = True
    references_max: NonNegativeInt = 0
    reference_videos_max: NonNegativeInt = 0
    reference_images_max: NonNegativeInt = 0
    input_s_max: NonNegativeInt = 0
    hand_over: Ways | None = None
    per_second: PriceTable = {}
    per_second_silent: PriceTable = {}


class ProviderFacts(Fact):
    """All that is known of one provider. Seconds are the provider's own; prices are of `price_as_of`."""

    name: str
    title: str
    key_variables: tuple[str, ...]
    #: The variable of the secret that signs its webhooks; None where they are signed otherwise, or not at all.
    webhook_secret_variable: str | None = None
    docs_url: str
    default_region: str
    regions: Mapping[str, Region]
    #: Where the simulator serves each host below its one address; `base` is the base URL's.
    simulated_paths: Mapping[str, str] = {}
    price_as_of: date
    price_source: str
    limits: Limits
    cadence: Cadence
    typical_render_s: PositiveFloat
    longest_render_s: PositiveFloat
    url_life_s: PositiveFloat
    status_life_s: PositiveFloat
    unknown_settle_s: PositiveFloat
    #: For how long a submit may be repeated under its key without buying twice; 0 where it takes no key. It is made use
    #: of only where a person has proved it (`check --prove`).
    replay_life_s: NonNegativeFloat = 0
    #: What goes in, by its kind.
    media: Mapping[Kind, MediaLimit] = {}
    #: How stored files reach it, by column; the largest that goes into the order itself; how long an upload is there.
    hand_over: Ways = {}
    most_data_bytes: PositiveInt = 1_000_000
    upload_life_s: PositiveFloat = 3600
    offers: tuple[Offer, ...]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        """Refuse names that point nowhere and a deadline beyond the life of the status."""
        wanted = {self.default_region, *(region for offer in self.offers for region in offer.regions)}
        if unknown := wanted - set(self.regions):
            raise ValueError(f"no such region: {', '.join(sorted(unknown))}")
        if self.cadence.deadline_s > self.status_life_s:
            raise ValueError("the deadline is later than the provider's memory of a task")
        return self

    def region(self, name: str | None = None) -> Region:
        """The region of that name, the default one for None; BadInput names the known ones."""
        found = self.regions.get(name or self.default_region)
        if found is None:
            known = ", ".join(self.regions)
            raise BadInput(f'{self.title} has no region "{name}"', hint=f"its regions are: {known}")
        return found

    def eta_s(self, to_buy: int, pace: Pace = AS_DOCUMENTED) -> float:
        """Seconds (its own) until the last of so many videos is there, by the slower of its rate and its slots."""
        if not to_buy:
            return 0.0
        limits, render_s = self.limits.told(pace), pace.render_s or self.typical_render_s
        paces = [pace.sends(to_buy) * window.window_s / window.count for window in limits.submits]
        if limits.slots is not None:
            paces.append(to_buy * render_s / limits.slots)
        return max(paces, default=0.0) + render_s

    def can_end(self, within_s: float) -> float:
        """How many videos can be begun so that all of them, the longest too, end within so many seconds (its own)."""
        begin_s = within_s - LONGEST * self.typical_render_s - LATE_S
        if begin_s <= 0:
            return 0.0
        most = [SURE * window.count * begin_s / window.window_s for window in self.limits.submits]
        if self.limits.slots is not None:
            most.append(SURE * self.limits.slots * (begin_s + self.typical_render_s) / self.typical_render_s)
        return min(most, default=math.inf)

    def pace_per_s(self) -> float:
        """Videos a second (its own), once it is at work, by the slower of its rate and its slots."""
        paces = [window.count / window.window_s for window in self.limits.submits]
        if self.limits.slots is not None:
            paces.append(self.limits.slots / self.typical_render_s)
        return min(paces, default=math.inf)

    def sold(self, region: str | None = None) -> tuple[Offer, ...]:
        """The offers of a region."""
        return tuple(one for one in self.offers if not one.regions or (region or self.default_region) in one.regions)

    def offer(self, mode: Mode, model: Model, region: str | None = None) -> Offer | None:
        """What the region sells for that mode and model; None when it sells nothing."""
        here = region or self.default_region
        alike = (each for each in self.offers if each.mode == mode and each.model == model)
        return next((each for each in alike if not each.regions or here in each.regions), None)

    def way(self, offer: Offer, column: str, size_bytes: int, *, linked: bool) -> Way | None:
        """How a stored file of that size gets to the provider; None where there is no way."""
        ways = self.hand_over if offer.hand_over is None else offer.hand_over
        for way in ways.get(column, ()):
            if way == "upload" or size_bytes <= self.most_data_bytes:
                return way
        return "link" if linked else None

    def second_usd(
        self, offer: Offer, resolution: Resolution, *, audio: bool = True, region: str | None = None
    ) -> Decimal | None:
        """Dollars for one billed second; None when the price list does not say."""
        place = self.region(region)
        table = offer.per_second if audio or not offer.audio_switch else offer.per_second_silent
        native = table.get(place.currency, {}).get(resolution)
        return None if native is None else native * place.usd_per_unit

    def urls(self, region: str | None = None, simulator_url: str | None = None) -> tuple[str, Mapping[str, str]]:
        """Base URL and other URLs, of the provider or of its dialect on a simulator."""
        place = self.region(region)
        if simulator_url is None:
            return place.base_url, place.other_urls
        below = f"{simulator_url.rstrip('/')}/{self.name}"
        others = {purpose: below + self.simulated_paths.get(purpose, "") for purpose in place.other_urls}
        return below + self.simulated_paths.get("base", ""), others


@cache
def load_facts() -> Mapping[str, ProviderFacts]:
    """The facts of every provider by its name, in the order of providers.toml."""
    return read_facts(files("config").joinpath("providers.toml").read_text(encoding="utf-8"))


def read_facts(text: str) -> Mapping[str, ProviderFacts]:
    """The facts in a TOML text; ValueError (pydantic's) names the field that is wrong."""
    tables: dict[str, Any] = tomllib.loads(text)
    usd_per_unit = {"USD": "1", **tables.pop("fx")["usd_per_unit"]}
    media = tables.pop("media", {})
    for name, table in tables.items():
        table["name"] = name
        own = table.get("media", {})
        table["media"] = {kind: {**limit, **own.get(kind, {})} for kind, limit in media.items()}
        for region in table["regions"].values():
            region["usd_per_unit"] = usd_per_unit[region["currency"]]
    return MappingProxyType({name: ProviderFacts.model_validate(table) for name, table in tables.items()})
