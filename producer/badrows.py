"""The rows that were left out, with their reasons, in a file that can be mended and submitted as it is."""

import csv
import io
import shutil
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Self

from jobs.errors import BadInput, Problem
from jobs.visible import visible
from producer.columns import REASON
from producer.readers import Rows
from producer.rows import Row
from producer.tables import NO_DELIMITER

#: Problems that are kept in full; the rest is counted.
PROBLEMS_KEPT = 1000


class BadRows:
    """Collects the problems of a matrix and its bad rows; a context manager.

    Tables get a first column `_problem`, JSONL a comment line above each object; the reader passes over both. A product
    of a catalog, all of whose rows are kept, stands there once however many of its videos are bad; what is wrong with
    the template is counted once.
    """

    def __init__(self, matrix: Rows) -> None:
        self._matrix = matrix
        self._spool = tempfile.TemporaryFile("w+", encoding="utf-8", newline="", errors="surrogateescape")  # noqa: SIM115 - closed on exit
        table = matrix.format in {"csv", "tsv"}
        self._delimiter = matrix.header.delimiter if table and matrix.header.delimiter != NO_DELIMITER else ","
        self._writer = csv.writer(self._spool, delimiter=self._delimiter, lineterminator="\n")
        if matrix.format != "jsonl":
            self._writer.writerow([REASON, *(key for key in matrix.header.keys if key != REASON)])
        self._gathered: tuple[Row, dict[Problem, None]] | None = None
        self._elsewhere: set[Problem] = set()
        self.problems: list[Problem] = []
        self.problem_count = 0
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()

    def add(self, row: Row, problems: Sequence[Problem]) -> None:
        """Leave a row out."""
        before = self._gathered
        again = before is not None and before[0].origin is not None and _written(before[0]) is _written(row)
        if not again:
            self._keep()
            self.rows += 1
            self._gathered = (row, {})
        known = self._gathered[1] if self._gathered else {}
        fresh = [problem for problem in problems if problem not in known and self._is_new(problem)]
        known.update(dict.fromkeys(problems))
        self.problem_count += len(fresh)
        self.problems.extend(fresh[: max(0, PROBLEMS_KEPT - len(self.problems))])

    def _is_new(self, problem: Problem) -> bool:
        """Whether a problem is the first of its kind: what is wrong with a template's line is so in many rows."""
        new = problem not in self._elsewhere
        if new and len(self._elsewhere) < PROBLEMS_KEPT:
            self._elsewhere.add(problem)
        return new

    def _keep(self) -> None:
        """Write down the row that was gathered last."""
        if self._gathered is None:
            return
        row, problems = self._gathered
        self._gathered = None
        reason = visible("; ".join(_said(problem) for problem in problems))
        if row.origin is not None:
            self._add_records(row.origin.written(), reason)
        elif self._matrix.format == "jsonl":
            self._spool.write(f"# line {row.line}: {' '.join(reason.split())}\n{row.raw.strip()}\n")
        elif self._matrix.format == "txt":
            self._writer.writerow([reason, row.raw.strip()])
        else:
            self._add_record(row, reason)

    def write(self, stem: str) -> Path | None:
        """Write `<stem>.bad-rows.<ext>` into the current folder; None when no row was left out.

        An earlier file is never overwritten: someone may be mending it.
        """
        if not self.rows:
            return None
        self._keep()
        suffix = {"jsonl": ".jsonl", "tsv": ".tsv"}.get(self._matrix.format, ".csv")
        self._spool.flush()
        self._spool.seek(0)
        names = (f"{stem}.bad-rows{suffix}" if n == 1 else f"{stem}.bad-rows-{n}{suffix}" for n in count(1))
        path = next(path for path in map(Path.cwd().joinpath, names) if not path.exists())
        try:
            with path.open("x", encoding="utf-8", newline="", errors="surrogateescape") as out:
                shutil.copyfileobj(self._spool, out)
        except OSError as error:
            raise BadInput(f"the bad rows cannot be written to {path}: {error.strerror}") from error
        return path

    def _add_records(self, written: str, reason: str) -> None:
        """All rows of a product, the first with the reason."""
        for number, cells in enumerate(csv.reader(io.StringIO(written, newline=""))):
            self._writer.writerow(["" if number else reason, *cells])

    def _add_record(self, row: Row, reason: str) -> None:
        """A row of a table, its cells as they were; one whose quotes are broken is kept as it stands."""
        delimiter = self._matrix.header.delimiter
        try:
            raw = io.StringIO(row.raw, newline="")
            cells = next(csv.reader(raw, delimiter=delimiter, skipinitialspace=True, strict=True), [])
        except csv.Error:
            self._spool.write(self._as_it_stands(row.raw, reason))
            return
        keys = self._matrix.header.keys
        if REASON in keys:
            place = keys.index(REASON)
            cells[place : place + 1] = []
        self._writer.writerow([reason, *cells])

    def _as_it_stands(self, raw: str, reason: str) -> str:
        """A row with broken quotes, which may have swallowed whole rows: those get a cell for a reason of their own."""
        quoted = '"' + reason.replace('"', '""') + '"'
        first, *rest = raw.rstrip().splitlines()
        header = self._matrix.header
        widths = {len(cells) for cells in csv.reader(rest, delimiter=header.delimiter)}
        start = self._delimiter if widths == {len(header.keys)} else ""
        return "\n".join([quoted + self._delimiter + first, *(start + line for line in rest)]) + "\n"


def _written(row: Row) -> object:
    return row.origin.written if row.origin is not None else row


def _said(problem: Problem) -> str:
    where = f"column {problem.column}: " if problem.column else ""
    # The words in front keep a column's own name from starting a formula.
    return where + problem.problem + (f" ({problem.fix})" if problem.fix else "")
