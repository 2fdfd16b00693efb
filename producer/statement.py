"""A provider's invoice or usage export, as a table: which task, how much, in what, and when."""

import contextlib
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from jobs.errors import BadInput, Problem
from jobs.words import counted
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
#: What stands where a task's id would, in lines of another kind: totals, balances, nothing.
NO_TASK: Final = (
    "",
    "total",
    "subtotal",
    "grandtotal",
    "sum",
    "balance",
    "openingbalance",
    "closingbalance",
    "na",
    "none",
    "null",
)
_PLAIN: Final = re.compile(r"[^a-z0-9]")
_MONEY: Final = re.compile(
    r"^(?P<below>[-\u2212(])?[^\d.+-]*(?P<amount>[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)\D*$"
)
_UNIX: Final = re.compile(r"\d{9,13}(?:\.\d+)?")
#: Digits of Unix seconds until the year 2286; more are milliseconds.
UNIX_DIGITS: Final = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the statement, below zero for a refund; `unit` is empty and `at` None where it does not say."""

    number: int
    task_id: str
    amount: Decimal
    unit: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Apart:
    """A line that names no task: a top-up, a total, a fee.

    `amount` is below zero where it is on the other side than charges, and None where it cannot be read.
    """

    number: int
    text: str
    amount: Decimal | None
    unit: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What can be set against purchases, and the lines that stand apart."""

    lines: list[Line]
    apart: list[Apart]


def read_statement(path: Path, *, task: str | None = None, amount: str | None = None) -> Statement:
    """Read it whole. `task` and `amount` name columns where they cannot be told. BadInput names every bad line.

    Charges are as often written below zero as above: what most of them are counts as charged, the rest as refunded.
    """
    csv.field_size_limit(CELL_MAX)
    file = open_source(path)
    with file:
        try:
            encoding = detect(file, str(path))
        except BadInput as error:
            raise BadInput(error.message, hint="A statement is a table as CSV, a line a task.") from error
        text = io.TextIOWrapper(file, encoding.codec, newline="")
        try:
            first = first_line(text)
            text.seek(0)
            reader = csv.reader(text, delimiter=delimiter_of(first), skipinitialspace=True)
            return _statement(_lines(reader, path, task, amount), path)
        except UnicodeDecodeError as error:
            raise not_text(str(path), encoding, error) from error
        except csv.Error as error:
            raise BadInput(f"{path} cannot be read as a table: {error}", hint="save it again as CSV") from error


def _statement(read: Iterator[Line | Apart], path: Path) -> Statement:
    lines, apart = list[Line](), list[Apart]()
    for each in read:
        if isinstance(each, Line):
            lines.append(each)
        else:
            apart.append(each)
    if apart and not lines:
        raise BadInput(f"no line of {path} names a task", hint="name the column that does: --task COLUMN")
    if sum(line.amount < 0 for line in lines) > sum(line.amount > 0 for line in lines):
        lines = [replace(line, amount=-line.amount) for line in lines]
        apart = [replace(each, amount=None if each.amount is None else -each.amount) for each in apart]
    return Statement(lines, apart)


def _lines(reader: Iterator[list[str]], path: Path, task: str | None, amount: str | None) -> Iterator[Line | Apart]:
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
        cells = {place: text.strip() for place, text in enumerate(row)}
        if not any(cells.values()):
            continue
        task_id, charged = cells.get(at["task"], ""), cells.get(at["amount"], "")
        in_unit = "" if unit is None else cells.get(unit, "")
        if _plain(task_id) in NO_TASK:
            text = ", ".join(text for place, text in cells.items() if text and place not in (at["amount"], unit))
            yield Apart(number, text, _amount(charged), in_unit)
            continue
        try:
            money, when = _money(charged), None if time is None else _instant(cells.get(time, ""))
        except ValueError as error:
            bad += 1
            if len(problems) < TOLD:
                fix = "mend the line, or take it out"
                problems.append(Problem(str(path), number, "", ",".join(row)[:80], str(error), fix))
            continue
        if not bad:
            yield Line(number, task_id, money, in_unit, when)
    if bad:
        said = f"{path} cannot be set against anything: {counted(bad, 'line')} cannot be read"
        raise BadInput(said, problems, count=bad)


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
    """`0.625`, `$1,250.00`, `0.6250 USD`, `-$3`, `(3.00)`."""
    if match := _MONEY.match(text):
        with contextlib.suppress(InvalidOperation):
            amount = Decimal(match["amount"].replace(",", ""))
            return -amount if match["below"] else amount
    raise ValueError(f"`{text[:40]}` is no amount such as 1,250.50")


def _amount(text: str) -> Decimal | None:
    with contextlib.suppress(ValueError):
        return _money(text)
    return None


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
