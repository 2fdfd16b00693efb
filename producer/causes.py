"""Why videos are to be bought: what has changed since the campaign's last plan, column by column."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from jobs.words import counted
from ledger.shelf import plan_ids
from producer.matrix import SETTINGS

#: Videos that are compared with those of the last plan; of more only their number is told.
COMPARED_MAX: Final = 20_000
#: Columns that are named of a video in which several have changed.
COLUMNS_NAMED: Final = 3

#: Videos that are asked for no more, and are named: on the terminal, each by so many columns, and in JSON.
GONE_SHOWN: Final = 5
COLUMNS_SHOWN: Final = 4
GONE_KEPT: Final = 100

Why = Literal["new", "changed", "replaced", "waiting", "uncompared"]

#: What the files of a column are called.
_FILES: Final = {"image_url": "the image", "reference_urls": "a file", "audio_url": "the sound"}


class Cause(NamedTuple):
    """Why some videos are to be bought: they are new, these columns of theirs have changed, a file holds something else
    under its old address, the last plan has them and they are not bought yet, or there are too many to say.
    """

    why: Why
    columns: tuple[str, ...] = ()

    def said(self, number: int) -> str:
        """The cause with the number of its videos, for a person."""
        if self.why == "replaced":
            (column,) = self.columns
            return f"{number:,} because {_FILES[column]} of `{column}` changed under the same address"
        if self.why == "changed":
            named = ", ".join(f"`{column}`" for column in self.columns[:COLUMNS_NAMED])
            more = "" if len(self.columns) <= COLUMNS_NAMED else ", ..."
            return f"{number:,} because {named}{more} changed"
        words = {"new": "new", "waiting": "asked for before and not there yet", "uncompared": "not compared"}
        return f"{number:,} {words[self.why]}"


@dataclass(frozen=True, slots=True)
class Causes:
    """All causes with the number of videos of each, the most frequent first; and how many videos of the last plan are
    asked for no more, not even changed, with the columns of the first of them.
    """

    counts: tuple[tuple[Cause, int], ...]
    gone: int = 0
    gone_first: tuple[Mapping[str, str], ...] = ()

    def json(self) -> list[dict[str, Any]]:
        """The causes as `plan --json` has them."""
        return [{"cause": cause.why, "columns": list(cause.columns), "count": number} for cause, number in self.counts]

    def said(self) -> Iterator[str]:
        """The causes for a person, if there is anything to tell."""
        if any(cause.why != "new" for cause, _ in self.counts):
            yield "to make: " + "; ".join(cause.said(number) for cause, number in self.counts)
        if self.gone:
            yield f"{counted(self.gone, 'video')} of the last plan no longer asked for; what is bought of them stays:"
            for cells in self.gone_first[:GONE_SHOWN]:
                yield "  " + ", ".join(f"{column}={text}" for column, text in [*cells.items()][:COLUMNS_SHOWN])
            if self.gone > GONE_SHOWN:
                yield "  ..."


class _Line(NamedTuple):
    """What is compared of a plan's line: its own columns, all cells, their hashes, the words, its key or place, and the
    addresses of its files, whose cells have what they hold.
    """

    own: dict[str, str]
    cells: dict[str, str]
    hashes: dict[str, int]
    whole: int
    words: tuple[str, str]
    place: tuple[str, ...]
    addresses: dict[str, str]


def causes(plan: Path, bought: AbstractSet[str], before: Path | None, key: Sequence[str] = ()) -> Causes:
    """Why each video of a plan that is not bought is to be bought, beside the campaign's last plan, if there is one.

    Videos are known again by the columns of the key; without one by what else is the same, or where they stand.
    """
    old = set(plan_ids(before)) if before is not None else set[str]()
    wanted = set(plan_ids(plan))
    gone = old - wanted
    counts: Counter[Cause] = Counter()
    counts[Cause("waiting")] = len((wanted & old) - bought)
    fresh = wanted - old - bought
    earlier = _Earlier(_lines(before, gone, key) if before is not None else iter(()), keyed=bool(key))
    if not gone:
        counts[Cause("new")] = len(fresh)
    else:
        compared = 0
        for line in _lines(plan, fresh, key):
            counts[earlier.cause(line)] += 1
            compared += 1
        counts[Cause("uncompared")] = len(fresh) - compared
    found = tuple((cause, number) for cause, number in counts.most_common() if number)
    return Causes(found, len(gone) - len(earlier.used), tuple(earlier.left()))


class _Earlier:
    """The lines of the last plan that this one does not have, each of which explains one new line at most."""

    def __init__(self, lines: Iterator[_Line], *, keyed: bool) -> None:
        self._keyed = keyed
        self._whole: dict[int, list[_Line]] = {}
        self._but_one: dict[tuple[str, int], list[_Line]] = {}
        self._placed: dict[tuple[str, ...], _Line] = {}
        self._lines = list(lines)
        self.used: set[int] = set()
        for line in self._lines:
            self._whole.setdefault(line.whole, []).append(line)
            self._placed[line.place] = line
            for column, each in line.hashes.items():
                self._but_one.setdefault((column, line.whole - each), []).append(line)

    def cause(self, line: _Line) -> Cause:
        """Why there is this line: the fewest columns in which it differs from one that was there before."""
        if self._keyed:
            return self._there(line) or Cause("new")
        for twin in self._free(self._whole.get(line.whole, [])):
            return Cause("changed", _worded(line, twin))
        for column, each in line.hashes.items():
            rest = line.whole - each
            for twin in self._free(self._but_one.get((column, rest), []) or self._whole.get(rest, [])):
                return _changed((column,), line, twin)
        return self._there(line) or Cause("new")

    def _there(self, line: _Line) -> Cause | None:
        """The columns in which it differs from the line with its key, or in its place; None where there was none."""
        there = self._placed.get(line.place)
        for twin in self._free([there] if there else []):
            columns = sorted(
                column
                for column in line.cells.keys() | twin.cells.keys()
                if line.cells.get(column) != twin.cells.get(column)
            )
            return _changed(tuple(columns) or _worded(line, twin), line, twin)
        return None

    def left(self) -> Iterator[Mapping[str, str]]:
        """The user's own columns of the first lines that explain nothing."""
        return islice((line.own for line in self._lines if id(line) not in self.used), GONE_KEPT)

    def _free(self, lines: list[_Line]) -> Iterator[_Line]:
        for line in lines:
            if id(line) not in self.used:
                self.used.add(id(line))
                yield line
                return


def _changed(columns: tuple[str, ...], line: _Line, twin: _Line) -> Cause:
    """The change of these columns; of one with files, whether its addresses have changed, too."""
    same = [line.addresses.get(column) for column in columns] == [twin.addresses.get(column) for column in columns]
    return Cause("replaced" if same and len(columns) == 1 and columns[0] in _FILES else "changed", columns)


def _worded(line: _Line, twin: _Line) -> tuple[str, ...]:
    """What differs where all cells are the same: the words that a template makes of them, or the seed."""
    columns = [
        column
        for column, ours, theirs in zip(("prompt", "negative_prompt"), line.words, twin.words, strict=True)
        if ours != theirs
    ]
    return tuple(columns or ["seed"])


def _lines(plan: Path, wanted: AbstractSet[str], key: Sequence[str]) -> Iterator[_Line]:
    """Those lines of a plan that are wanted, the first of them."""
    row, nth, kept = 0, 0, 0
    with plan.open(encoding="utf-8") as lines:
        for text in lines:
            line = json.loads(text)
            first = line["source_lines"][0]
            row, nth = first, nth + 1 if first == row else 0
            if line["job"]["job_id"] in wanted:
                yield _line(line, key, (str(row), str(nth)))
                kept += 1
                if kept == COMPARED_MAX:
                    return


def _line(line: Mapping[str, Any], key: Sequence[str], place: tuple[str, ...]) -> _Line:
    render = line["job"]["render"]
    cells = {column: str(render[field]) for column, field in SETTINGS.items() if column != "negative_prompt"}
    files = {
        "image_url": [render["image"]],
        "reference_urls": render["references"],
        "audio_url": [render["audio_track"]],
    }
    cells |= {column: str([line.get("contents", {}).get(uri, uri) for uri in uris]) for column, uris in files.items()}
    addresses = {column: str([line.get("written", {}).get(uri, uri) for uri in uris]) for column, uris in files.items()}
    cells["takes"] = str(render["take"])
    own = {**line["variant"], **line["labels"]}
    cells |= own
    if line["job"]["seed_source"] == "row":
        cells["seed"] = str(line["job"]["seed"])
    if key:
        place = (*(cells.get(column, "") for column in key), cells["takes"])
    hashes = {column: hash((column, text)) for column, text in cells.items()}
    words = (render["prompt"], render["negative_prompt"])
    return _Line(own, cells, hashes, sum(hashes.values()), words, place, addresses)
