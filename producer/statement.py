"""A provider's invoice or usage export, as a table: which task, how much, in what, and when."""

import contextlib
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from jobs.errors import BadInput, Problem
from producer.encoding import detect, open_source
from producer.readers import first_line, not_text
from producer.rows import CELL_MAX
from producer.tables import delimiter_of

#: What providers call these columns, in small letters without signs.
TASK: Final = ("taskid", "requestid", "generationid", "predictionid", "jobid", "id")
AMOUNT: Final = ("costusd", "amountusd", "cost", "amount", "charge", "price", "total", "credits", "usd")
UNIT: Final = ("currency", "unit")
TIME: Final = ("createdat", "submittedat", "timestamp", "datetime", "time", "date", "created", "at")
#: Problems that are told; beyond this many only their number is.
TOLD: Final = 100
_PLAIN: Final = re.compile(r"[^a-z0-9]")
_MONEY: Final = re.compile(r"^[^\d.+-]*([+-]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)\D*$")


_UNIX: Final = re.compile(r"\d{9,13}(?:\.\d+)?")
#: Digits of Unix seconds until the year 2286; more are milliseconds.
UNIX_DIGITS: Final = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the statement; `unit` is empty and `at` None where it does not say."""

    number: int
    task_id: str
    amount: Decimal
    unit: str
    at: datetime | None


def read_statement(path: Path, *, task: str | None = None, amount: str | None = None) -> list[Line]:
    """Read it whole. `task` and `amount` name columns where they cannot be told. BadInput names every bad line."""
    csv.field_size_limit(CELL_MAX)
    file = open_source(path)
    with file:
        encoding = detect(file, str(path))
        text = io.TextIOWrapper(file, encoding.codec, newline="")
        try:
            first = first_line(text)
            text.seek(0)
            reader = csv.reader(text, delimiter=delimiter_of(first), skipinitialspace=True)
            return list(_lines(reader, path, task, amount))
        except UnicodeDecodeError as error:
            raise not_text(str(path), encoding, error) from error
        except csv.Error as error:
            raise BadInput(f"{path} cannot be read as a table: {error}", hint="save it again as CSV") from error


def _lines(reader: Iterator[list[str]], path: Path, task: str | None, amount: str | None) -> Iterator[Line]:
    header = next((row for row in reader if any(row)), [])
    at = {
        "task": _column(header, path, task, TASK, "--task", "the provider's task"),
        "amount": _column(header, path, amount, AMOUNT, "--amount", "what was charged"),
    }
    unit, time = _found(header, UNIT), _found(header, TIME)
    problems: list[Problem] = []
    bad = 0
    for row in reader:
        number = int(getattr(reader, "line_num", 0))
        cells = dict(enumerate(row))
        if not any(row):
            continue
        try:
            task_id = cells.get(at["task"], "").strip()
            if not task_id:
                raise ValueError("it names no task")
            money = _money(cells.get(at["amount"], ""))
            when = None if time is None else _instant(cells.get(time, ""))
        except ValueError as error:
            bad += 1
            if len(problems) < TOLD:
                fix = "mend the line, or take it out"
                problems.append(Problem(str(path), number, "", ",".join(row)[:80], str(error), fix))
            continue
        if not bad:
            yield Line(number, task_id, money, "" if unit is None else cells.get(unit, "").strip(), when)
    if bad:
        raise BadInput(f"{path} cannot be set against anything: {bad:,} lines cannot be read", problems, count=bad)


def _column(header: Sequence[str], path: Path, given: str | None, usual: Sequence[str], flag: str, what: str) -> int:
    place = _found(header, usual) if given is None else _found(header, (_plain(given),))
    if place is None:
        columns = ", ".join(header)[:300] or "none"
        raise BadInput(f"{path} has no column that says {what}", hint=f"name it: {flag} COLUMN; it has {columns}")
    return place


def _found(header: Sequence[str], names: Sequence[str]) -> int | None:
    plain = [_plain(name) for name in header]
    return next((plain.index(name) for name in names if name in plain), None)


def _plain(name: str) -> str:
    return _PLAIN.sub("", name.lower())


def _money(text: str) -> Decimal:
    """`0.625`, `$1,250.00`, `0.6250 USD`; charges are as often written below zero as above."""
    match = _MONEY.match(text.strip())
    if match:
        with contextlib.suppress(InvalidOperation):
            return abs(Decimal(match[1].replace(",", "")))
    raise ValueError(f"`{text.strip()[:40]}` is no amount such as 1,250.50")


def _instant(text: str) -> datetime | None:
    """An ISO 8601 time or date, one of a mail's header, or Unix seconds or milliseconds; None for an empty cell.

    UTC where it names no zone. What cannot be read is a problem: what the statement is about would be anybody's guess.
    """
    told = re.sub(r"\s*(?:UTC|GMT)$", "+00:00", text.strip())
    if not told:
        return None
    if _UNIX.fullmatch(told):
        return datetime.fromtimestamp(float(told) / (1000 if len(told.partition(".")[0]) > UNIX_DIGITS else 1), UTC)
    for reader in (datetime.fromisoformat, parsedate_to_datetime):
        with contextlib.suppress(ValueError):
            read = reader(told)
            return read if read.tzinfo else read.replace(tzinfo=UTC)
    raise ValueError(f"`{text.strip()[:40]}` is no time such as 2026-11-29 14:03:22")
