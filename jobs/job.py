"""The nouns: what is to be rendered, the job that buys it, and the plan's line that asked for it."""

from collections.abc import Iterable
from enum import StrEnum
from operator import not_
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Model = Literal["standard", "flash"]
Resolution = Literal["720p", "1080p"]
AspectRatio = Literal["16:9", "9:16", "1:1", "4:3", "3:4"]
ShotType = Literal["single", "multi"]
SeedSource = Literal["row", "group", "job", "reroll"]
#: How an image is brought to a ratio that is not its own: by bars, by a cut, or not at all.
Fit = Literal["pad", "crop", "as_is"]

#: Frame in pixels (width, height) of each resolution and aspect ratio that Wan 2.6 renders.
#: Source: Alibaba Cloud Model Studio, Wan 2.6 text-to-video reference, read November 2026.
FRAMES: dict[tuple[Resolution, AspectRatio], tuple[int, int]] = {
    ("720p", "16:9"): (1280, 720),
    ("720p", "9:16"): (720, 1280),
    ("720p", "1:1"): (960, 960),
    ("720p", "4:3"): (1088, 832),
    ("720p", "3:4"): (832, 1088),
    ("1080p", "16:9"): (1920, 1080),
    ("1080p", "9:16"): (1080, 1920),
    ("1080p", "1:1"): (1440, 1440),
    ("1080p", "4:3"): (1632, 1248),
    ("1080p", "3:4"): (1248, 1632),
}

#: Seeds are whole numbers from 0 to this one; -1 ("random") is refused, since it could not be repeated.
SEED_MAX = 2_147_483_647


class Noun(BaseModel):
    """A frozen value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Mode(StrEnum):
    """What the provider starts from."""

    T2V = "t2v"
    """text alone"""
    I2V = "i2v"
    """an image, which also sets the frame's shape"""
    R2V = "r2v"
    """one to three reference videos or images"""


class Render(Noun):
    """All that decides what the video looks and sounds like; its hash is the variant's identity.

    `audio_track` is the sound to follow, `audio` whether there is any sound. `aspect_ratio` is None in i2v, where
    the image decides. `take` counts from 1.
    """

    mode: Mode
    model: Model = "standard"
    prompt: str
    negative_prompt: str = ""
    image: str | None = None
    references: tuple[str, ...] = ()
    audio_track: str | None = None
    resolution: Resolution = "720p"
    aspect_ratio: AspectRatio | None = "16:9"
    duration_s: int = 5
    audio: bool = True
    shot_type: ShotType = "single"
    prompt_expansion: bool = True
    watermark: bool = False
    template: str | None = None
    take: int = 1

    @property
    def frame(self) -> tuple[int, int] | None:
        """Width and height in pixels; None where the image decides."""
        return None if self.aspect_ratio is None else FRAMES[self.resolution, self.aspect_ratio]

    @property
    def size(self) -> str | None:
        """`1280*720`, as most providers spell it; None where the image decides."""
        return None if self.frame is None else f"{self.frame[0]}*{self.frame[1]}"


class Route(Noun):
    """One of the accounts at which a job may be bought; the fields are those of a job."""

    provider: str
    account: str
    region: str | None = None
    price_uusd: int
    price_as_of: str


class Job(Noun):
    """A variant with its seed: the unit that is bought, once.

    `account` names the key and world it is bought with (`segmind`, `simulated-segmind`); `price_uusd` is the high
    price in micro-USD that is reserved before buying, `price_as_of` the day of the price list it comes from. Where it
    has a choice, `routes` are all its accounts, whoever asks least first, and the job is as that one makes it.
    """

    job_id: str
    variant_id: str
    render: Render
    seed: int
    seed_source: SeedSource
    simulated: bool
    provider: str
    account: str
    region: str | None = None
    price_uusd: int
    price_as_of: str
    priority: int = 0
    routes: tuple[Route, ...] = Field((), exclude_if=not_)

    def at(self, account: str) -> "Job":
        """The job as that account makes it, if it is one of its routes."""
        route = next((each for each in self.routes if each.account == account), None)
        return self if route is None else self.model_copy(update=dict(route))

    @property
    def lane(self) -> str:
        """What each account asks, for the ledger; empty where there is no choice."""
        return lane_text((each.account, each.price_uusd) for each in self.routes)


def lane_text(routes: Iterable[tuple[str, int]]) -> str:
    """Accounts and what each asks, in micro-USD, as the ledger's scripts read them."""
    return "\n".join(f"{account} {price_uusd}" for account, price_uusd in routes)


class Fitted(Noun):
    """What a row asked of its image's shape, and the SHA-256 of the file from which another image was made.

    That is None where the image went in as it is; `aspect_ratio` is None where the row named none.
    """

    how: Fit | None = None
    aspect_ratio: AspectRatio | None = None
    original_sha256: str | None = None


class PlanLine(Noun):
    """One job as a campaign's plan asks for it: the job, and what only this campaign says of it.

    `source_lines` are all the matrix lines that ask for this very video; `variant` holds the axis columns,
    `labels` every other column that is no setting; `written` holds, by their addresses in the store, how the matrix
    spells files that lie there; `contents` holds, by their addresses on the web, what files were found to hold, as
    `media:<sha256>.<ending>`; `fitted` what was asked of the image's shape, if anything was. A line without files is
    written as it always was.
    """

    job: Job
    source_lines: tuple[int, ...]
    variant: dict[str, str] = {}
    labels: dict[str, str] = {}
    written: dict[str, str] = Field({}, exclude_if=not_)
    contents: dict[str, str] = Field({}, exclude_if=not_)
    fitted: Fitted | None = Field(None, exclude_if=not_)
