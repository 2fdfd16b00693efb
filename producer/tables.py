"""Rows of CSV and TSV, by the standard library: what a spreadsheet writes is read, what would be misread is told."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from jobs.errors import BadInput, Problem
from producer.columns import PROMPT, REASON, Wrong, canonical, guessed, no_prompt, resolve
from producer.rows import CELL_MAX, Lines, Row

#: Splits nothing: the delimiter of a table with one column, whose prose may hold commas.
NO_DELIMITER = "\x1f"

#: Words in a column's name; a longer one is prose.
NAME_WORDS = 3


class Header(NamedTuple):
    """A table's header, understood: what splits its cells, the key of each column, and the lines as written.

    With `problems` it cannot be used; its keys are then what was most likely meant, so that the rows can be looked at.
    """

    delimiter: str
    keys: tuple[str, ...]
    raw: str
    problems: tuple[Problem, ...] = ()


def delimiter_of(header: str, *, prefer_tab: bool = False) -> str:
    """What separates the columns: a candidate that finds the prompt's, else the one that finds most of them."""
    best, best_score = NO_DELIMITER, (0, 1)
    for candidate in ("\t", ",", ";") if prefer_tab else (",", ";", "\t"):
        names = next(csv.reader([header], delimiter=candidate, skipinitialspace=True), [])
        score = (sum(canonical(name) == PROMPT for name in names), len(names))
        if len(names) > 1 and score > best_score:
            best, best_score = candidate, score
    return best


def read_header(lines: Lines, first: str, *, prefer_tab: bool) -> Header:
    """The header, which is or follows the line `first`; BadInput where its rows could not even be looked at."""
    if first.lower().startswith("sep=") and len(first) == len("sep=") + 1:
        # Excel's own way of naming the delimiter: a line above the header.
        delimiter = first[-1]
    else:
        delimiter = delimiter_of(first, prefer_tab=prefer_tab)
    line, names = header_record(csv_reader(lines, delimiter), lines)
    keys, problems = _keys(names, line, lines.name)
    return Header(delimiter, keys, lines.take(), tuple(problems))


def records(lines: Lines, header: Header) -> Iterator[Row]:
    """Rows of a table from its top. Blank ones are passed over; one of the wrong width is a problem, never shifted."""
    reader = csv_reader(lines, header.delimiter)
    header_record(reader, lines)
    lines.take()
    while True:
        line = lines.count + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raw = lines.take()
            yield Row(line, {}, raw, (broken(lines.name, line, raw, error),))
        else:
            row = _row(values, line, lines, header.keys)
            if row is not None:
                yield row


def csv_reader(lines: Iterable[str], delimiter: str) -> Any:
    """The lines' records; a quote that spreadsheets would not write raises csv.Error."""
    csv.field_size_limit(CELL_MAX)
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)


def header_record(reader: Any, lines: Lines) -> tuple[int, list[str]]:
    """The first record that is not blank, a `#` comment or Excel's `sep=`, with its line."""
    while True:
        lines.take()
        line = lines.count + 1
        try:
            cells: list[str] = next(reader)
        except StopIteration:
            hint = "Start with a line of column names."
            raise BadInput(f"{lines.name} holds no header", hint=hint) from None
        except csv.Error as error:
            problem = broken(lines.name, line, "", error)
            raise BadInput(f"{lines.name} has a header that cannot be read", [problem]) from error
        top = cells[0].strip().lower() if cells else ""
        if any(cell.strip() for cell in cells) and not top.startswith(("#", "sep=")):
            return line, cells


def _keys(names: Sequence[str], line: int, file: str) -> tuple[tuple[str, ...], list[Problem]]:
    while len(names) > 1 and not names[-1].strip():
        names = names[:-1]
    if len(names) == 1 and (inner := exported_twice(names[0])):
        what = f"every row is one quoted cell, with {inner} columns inside"
        problem = Problem(file, line, "", names[0][:200], what, "remove the outer quotes, or export the table again")
        raise BadInput(f"{file} was exported twice", [problem])
    problems = []
    keys: dict[str, str] = {}
    for at, name in enumerate(names, start=1):
        key, wrong = resolve(name) if name.strip() else (f"column {at}", None)
        if wrong is None and key in keys:
            both = f"`{keys[key].strip()}` and `{name.strip()}`"
            wrong = Wrong("the header has this column twice, as " + both, "rename one of them")
        if wrong is not None:
            problems.append(Problem(file, line, name.strip(), name, wrong.problem, wrong.fix))
            key = guessed(name) or key
        keys.setdefault(key if key not in keys else f"column {at}", name)
    if PROMPT not in keys:
        wrong = no_prompt(names)
        problems.append(Problem(file, line, "", ",".join(names)[:200], wrong.problem, wrong.fix))
        raise BadInput(f"{file} has a header that cannot be used", problems)
    return tuple(keys), problems


def exported_twice(name: str) -> int:
    """How many columns hide in a single quoted header cell; 0 when it is a name or prose."""
    inner = (name.splitlines() or [""])[0]
    cells = next(csv.reader([inner], delimiter=delimiter_of(inner)), [])
    names = all(0 < len(cell.split()) <= NAME_WORDS for cell in cells)
    return len(cells) if len(cells) > 1 and (names or PROMPT in map(canonical, cells)) else 0


def _row(values: list[str], line: int, lines: Lines, keys: tuple[str, ...]) -> Row | None:
    """The record as a row; None when it is blank."""
    raw = lines.take()
    while len(values) > len(keys) and not values[-1].strip():
        values.pop()
    if not any(values):
        return None
    if len(values) != len(keys):
        return Row(line, {}, raw, (ragged(lines.name, line, raw, len(values), len(keys)),))
    cells = {key: value.strip() for key, value in zip(keys, values, strict=True)}
    cells.pop(REASON, None)
    return Row(line, cells, raw) if any(cells.values()) else None


def broken(file: str, line: int, raw: str, error: csv.Error) -> Problem:
    """What to say of a row that the reader gave up on."""
    fix = 'close the quote; a quote inside a quoted cell is written twice: ""'
    if "field larger" in str(error):
        fix = f"a cell holds at most {CELL_MAX:,} characters; most likely a quote above is never closed"
    return Problem(file, line, "", raw[:200], f"the row cannot be read ({error})", fix)


def ragged(file: str, line: int, raw: str, count: int, width: int) -> Problem:
    """What to say of a row whose cells are not as many as the columns."""
    many = f"{count} cell" + ("" if count == 1 else "s")
    fix = "put a cell that holds the delimiter in quotes" if count > width else "fill the row up with empty cells"
    return Problem(file, line, "", raw[:200], f"the row has {many} where the header has {width}", fix)
