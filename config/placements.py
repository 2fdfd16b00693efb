"""Where ads are shown and what they take there; the figures and their sources stand in placements.toml."""

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated

from pydantic import Field, PositiveInt

from config.facts import Fact
from jobs.job import AspectRatio, Resolution


class Placement(Fact):
    """What one place takes. The first ratio and resolution are its usual ones; `length_s` is the least and, if there is
    one, the most; `duration_s` is what is set where the usual video would be too short.
    """

    title: str
    aspect_ratios: Annotated[tuple[AspectRatio, ...], Field(min_length=1)]
    resolutions: Annotated[tuple[Resolution, ...], Field(min_length=1)]
    length_s: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=2)]
    duration_s: PositiveInt | None = None
    source: str
    as_of: date

    def lasts(self, duration_s: float) -> bool:
        """Whether a video of that length is taken."""
        return self.length_s[0] <= duration_s and (len(self.length_s) == 1 or duration_s <= self.length_s[1])


@cache
def load_placements() -> Mapping[str, Placement]:
    """All of them by their names, in the order of placements.toml."""
    tables = tomllib.loads(files("config").joinpath("placements.toml").read_text(encoding="utf-8"))
    return MappingProxyType({name: Placement.model_validate(table) for name, table in tables.items()})
