"""A row as it was written, and the physical lines that it was read from."""

import io
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, Self

from jobs.errors import BadInput, Problem

#: Characters in one cell or one line; a prompt has a few thousand, so more is a quote that was never closed.
CELL_MAX = 1 << 20


#: What a refresh does with the seed: the one before, the next one, or one that follows from the video as ever.
Seeds = Literal["keep", "rotate", "fresh"]
SEEDS: Final[tuple[Seeds, ...]] = ("keep", "rotate", "fresh")


class Place(NamedTuple):
    """Where a cell was written: the file, the line, and the column as it is called there."""

    file: str
    line: int
    column: str


class Origin(NamedTuple):
    """What is known of a row that was not written as one: out of a catalog and a template.

    `written` gives its lines as CSV; `literal` are columns whose text is taken as it stands, `|` and all; `optional`
    are fields that a prompt may call though they are empty; `places` says where each cell comes from; `notes` are what
    a person should know of the row, which nothing is refused for.
    """

    written: Callable[[], str]
    literal: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    places: Mapping[str, Place] = {}
    notes: tuple[Problem, ...] = ()


class Survey(NamedTuple):
    """What a whole matrix says about its columns: all of them, and which are axes."""

    columns: frozenset[str]
    axes: frozenset[str]


class Removed(NamedTuple):
    """Rows that a campaign's own rule, or its sample, leaves out; `left_out` is None where nobody has counted."""

    what: str
    file: str
    line: int
    why: str
    left_out: int | None


class Refresh(NamedTuple):
    """What a campaign says of refreshes: the columns by which a video is known again, those whose change buys it anew
    (None: whatever changes it), and what becomes of its seed.
    """

    key: tuple[str, ...]
    on: tuple[str, ...] | None
    seeds: Seeds


class Row(NamedTuple):
    """One row as it was written.

    `line` is the physical line on which it starts, `cells` its text by column key (see `columns.resolve`), `raw` the
    row as it stands in the file. A row that could not be read has problems and no cells; a product may have both.
    """

    line: int
    cells: dict[str, str]
    raw: str
    problems: tuple[Problem, ...] = ()
    origin: Origin | None = None


class Lines:
    """The file's physical lines; it remembers those of the row that is being read."""

    def __init__(self, text: io.TextIOWrapper, name: str) -> None:
        self.text = text
        self.name = name
        self.taken: list[str] = []
        self.count = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self.text.readline(CELL_MAX)
        if not line:
            raise StopIteration
        if len(line) == CELL_MAX:
            fix = "break it up; a quote that is never closed, or a file that is no table, looks like this"
            problem = Problem(
                self.name, self.count + 1, "", line[:80], f"the line is over {CELL_MAX:,} characters", fix
            )
            raise BadInput(f"{self.name} cannot be read as a table", [problem])
        self.count += 1
        self.taken.append(line)
        return line

    def take(self) -> str:
        """The lines read since the last call, as they stand in the file."""
        raw = "".join(self.taken)
        self.taken.clear()
        return raw
