"""The tables that a campaign file names: the rows that are multiplied, and the columns that axes are taken from."""

import difflib
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Self

from jobs.errors import BadInput, Problem
from producer.campaigns.campaignfile import CampaignToml, FileColumn
from producer.campaigns.laws import VALUES_KEPT
from producer.catalogs.opening import open_sheet
from producer.catalogs.shapes import plain
from producer.catalogs.sheet import Sheet
from producer.columns import FREE_TEXT, REASON, Wrong, guessed, resolve
from producer.encoding import open_source
from producer.tomlfile import FILES, seen_from


class Base(NamedTuple):
    """A row to multiply: its line, its cells by column, one value each, and those of them that its `|` part."""

    line: int
    cells: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


class BaseRows:
    """The rows of a campaign's table; without one a single row that says nothing. A context manager.

    `names` holds the column as it is written by its key, `axes` the columns in which some cell holds a `|`, `count` how
    many rows there are, `values` those of the columns that rules ask for; `known` is whether the table could be opened.
    """

    def __init__(self, file: CampaignToml, watched: frozenset[str]) -> None:
        self._sheet: Sheet | None = None
        self.doubt: Problem | None = None
        self._defaults = file.said.defaults
        self.name = file.name
        self.line = file.line("axes")
        self.names: dict[str, str] = {}
        self.problems: list[Problem] = []
        self.known = True
        self.axes: set[str] = set()
        self.values: dict[str, set[str]] = {column: set() for column in watched}
        self.count = 1
        self._near: Path | None = None
        self._base = file.path.absolute().parent
        if file.said.rows is None:
            return
        path = file.path.parent / file.said.rows
        try:
            self._sheet = _opened(path, file, ("rows",))
        except BadInput as error:
            if not error.problems:
                raise
            self.known = False
            self.problems.extend(error.problems)
            return
        self.doubt = self._sheet.doubt
        self.name = str(path)
        folder = path.absolute().parent
        self._near = None if folder == self._base else folder
        self._keys = self._resolved(self._sheet.names)
        try:
            self.count = self._scan()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[Base]:
        """The rows from the top, as often as wanted; a row whose cells hold a `|` is several."""
        if self._sheet is None:
            yield Base(self.line, {})
            return
        for record in self._sheet:
            if record.problems:
                yield Base(record.line, {}, record.problems)
                continue
            cells = {key: text for name, text in record.cells.items() if (key := self._keys[name]) != REASON}
            if self._near is not None:
                cells |= {key: seen_from(self._base, self._near, cells[key]) for key in FILES if key in cells}
            parts = {key: _parts(text) for key, text in cells.items() if "|" in text and key not in FREE_TEXT}
            for values in itertools.product(*parts.values()):
                yield Base(record.line, {**cells, **dict(zip(parts, values, strict=True))})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._sheet is not None:
            self._sheet.close()

    def _resolved(self, names: tuple[str, ...]) -> dict[str, str]:
        """The key of each column; what is wrong with its name goes to the problems."""
        keys: dict[str, str] = {}
        for name in names:
            key, wrong = resolve(name)
            if wrong is None and key in self.names:
                wrong = Wrong(
                    f"the table has the column `{key}` twice, as `{self.names[key]}` and `{name}`", "rename one"
                )
            if wrong is not None:
                self.problems.append(Problem(self.name, 1, name, name, wrong.problem, wrong.fix))
                key = guessed(name) or key
            keys[name] = key if key not in self.names else name
            if key != REASON:
                self.names.setdefault(keys[name], name)
        return keys

    def _scan(self) -> int:
        count = 0
        for base in self:
            count += 1
            for column, seen in self.values.items():
                if len(seen) < VALUES_KEPT:
                    seen.add(base.cells.get(column) or self._defaults.get(column, ""))
        for record in self._sheet or ():
            self.axes.update(self._keys[name] for name, text in record.cells.items() if "|" in text)
        self.axes -= FREE_TEXT
        return count


def file_values(column: FileColumn, file: CampaignToml, axis: str) -> tuple[str, ...]:
    """The values of an axis out of another table: each once, empty cells passed over. Raises BadInput."""
    keys = ("axes", axis)
    sheet = _opened(file.path.parent / column.file, file, keys)
    try:
        name = next((name for name in sheet.names if plain(name) == plain(column.column)), None)
        if name is None:
            close = difflib.get_close_matches(column.column, sheet.names, n=1, cutoff=0.6)
            fix = f"did you mean `{close[0]}`?" if close else "its columns: " + ", ".join(sheet.names[:30])
            problem = file.problem(keys, column.column, f"{column.file} has no column `{column.column}`", fix)
            raise file.refusal([problem])
        if sheet.doubt is not None:
            raise BadInput(f"{column.file} is not UTF-8, as the values of an axis have to be", [sheet.doubt])
        values: dict[str, None] = {}
        for record in sheet:
            if record.problems:
                raise BadInput(f"{column.file} cannot be read", list(record.problems))
            if text := record.cells.get(name, "").strip():
                values[text] = None
    finally:
        sheet.close()
    if not values:
        problem = file.problem(keys, column.column, f"the column `{name}` of {column.file} is empty", "fill it")
        raise file.refusal([problem])
    return tuple(values)


def _opened(path: Path, file: CampaignToml, keys: tuple[str, ...]) -> Sheet:
    if not path.is_file():
        problem = file.problem(
            keys, str(path), f"there is no file {path}", "paths count from the campaign file's folder"
        )
        raise file.refusal([problem])
    source = open_source(path)
    try:
        return open_sheet(source, str(path))
    except BaseException:
        source.close()
        raise


def _parts(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split("|") if part.strip())) or ("",)
