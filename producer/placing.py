"""A row's `placement`: what it sets where the row says nothing, and what the row says that is not shown there."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from config.placements import Placement, load_placements
from producer.columns import DURATION_S, Wrong

PLACEMENT: Final = "placement"


def placed(cells: dict[str, str]) -> dict[str, str]:
    """The cells with what the placement sets in those that are empty."""
    found = load_placements().get(cells.get(PLACEMENT, "").lower())
    if found is None:
        return cells
    usual: dict[str, str] = {}
    if "size" not in cells:
        usual = {"aspect_ratio": found.aspect_ratios[0], "resolution": found.resolutions[0]}
    if found.duration_s is not None:
        usual["duration"] = str(found.duration_s)
    return {**usual, **cells}


def misplaced(cells: Mapping[str, str], values: Mapping[str, Any]) -> Iterator[tuple[str, str, Wrong]]:
    """Column, text and words for everything in a row that its placement does not show."""
    found = load_placements().get(values.get(PLACEMENT, ""))
    if found is None:
        return
    resolution, ratio = values.get("size", (values.get("resolution"), values.get("aspect_ratio")))
    named = {"aspect_ratio": (ratio, found.aspect_ratios), "resolution": (resolution, found.resolutions)}
    for column, (value, taken) in named.items():
        if value is not None and value not in taken:
            wrong = Wrong(
                f"{found.title} take {_listed(taken)}, not {value}{_read(found)}", "leave it empty, or use one"
            )
            where = "size" if "size" in values else column
            yield where, cells.get(where, ""), wrong
    duration_s = values.get("duration", 5)
    if not found.lasts(duration_s):
        fitting = [str(length) for length in range(DURATION_S[0], DURATION_S[1] + 1) if found.lasts(length)]
        problem = f"{found.title} last {_length(found)}, not {duration_s} s{_read(found)}"
        yield "duration", cells.get("duration", ""), Wrong(problem, f"write {fitting[0]} to {fitting[-1]}, as is sold")


def _length(found: Placement) -> str:
    least, most = found.length_s[0], found.length_s[1:]
    return f"{least} to {most[0]} s" if most else f"{least} s or more"


def _read(found: Placement) -> str:
    return f" (as of {found.as_of})"


def _listed(values: tuple[str, ...]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"
