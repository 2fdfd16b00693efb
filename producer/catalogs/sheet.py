"""A catalog's file as records: named cells, each with its line, whatever the file is written in."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from jobs.errors import BadInput, Problem
from producer.columns import REASON
from producer.tables import exported_twice

#: Records that are looked at for the names of the columns where no header says them.
NAMES_FROM = 1000
#: Between the values of one cell that a feed or an object gives several times.
SEVERAL = "\n"


class Record(NamedTuple):
    """One row of a catalog: its line (an item's first one), and its text by the column's name as it is written.

    Empty cells are left out. A row that could not be read has problems and no cells.
    """

    line: int
    cells: dict[str, str]
    problems: tuple[Problem, ...] = ()


class Sheet(Protocol):
    """An open catalog: the file's name, what was guessed of its text, and the names of its columns.

    Iterating gives its records from the top, as often as wanted. `feed` tells that the file is XML.
    """

    name: str
    doubt: Problem | None
    names: tuple[str, ...]
    feed: bool

    def __iter__(self) -> Iterator[Record]:
        """Records in file order; raises BadInput where the file stops making sense."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def column_names(cells: Sequence[str], file: str, line: int) -> tuple[str, ...]:
    """The names in a header, each once: a second `color` is `color (2)`, one without a name `column 7`."""
    names = list(cells)
    while len(names) > 1 and not names[-1].strip():
        names.pop()
    if len(names) == 1 and (inner := exported_twice(names[0])):
        what = f"every row is one quoted cell, with {inner} columns inside"
        problem = Problem(file, line, "", names[0][:200], what, "remove the outer quotes, or export the table again")
        raise BadInput(f"{file} was exported twice", [problem])
    found: dict[str, None] = {}
    for at, written in enumerate(names, start=1):
        name = " ".join(written.split()) or f"column {at}"
        count = 1
        while (own := name if count == 1 else f"{name} ({count})") in found:
            count += 1
        found[own] = None
    return tuple(found)


def record(line: int, values: Sequence[str], names: Sequence[str], raw: str, file: str) -> Record | None:
    """The cells of one row; None for a blank one. Missing last cells are empty; one too many is a problem."""
    cells = list(values)
    while len(cells) > len(names) and not cells[-1].strip():
        cells.pop()
    if len(cells) > len(names):
        what = f"the row has {len(cells)} cells where the header has {len(names)}"
        fix = "put a cell that holds the delimiter in quotes"
        return Record(line, {}, (Problem(file, line, "", raw[:200], what, fix),))
    kept = {name: text for name, cell in zip(names, cells, strict=False) if (text := cell.strip()) and name != REASON}
    return Record(line, kept) if kept else None
