"""The plan on disk: one job a line in matrix order, immutable and named by its content.

Rows stream through; of a job only its id, its kind and a repeat's lines stay in memory.
"""

import hashlib
import os
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Self

from jobs.job import PlanLine

#: Bytes gathered before they are written.
BUFFER_BYTES = 1 << 20

#: Repeats that are named one by one; the rest is counted.
REPEATS_NAMED = 100


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows that ask for a video which an earlier row asks for: how many, and the first as (earlier line, line)."""

    count: int
    first: tuple[tuple[int, int], ...]


class PlanWriter:
    """A plan in the making. Left by an exception, or without `finish`, it leaves no file behind."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix="plan-", suffix=".partial")
        self._path = Path(name)
        self._file = os.fdopen(handle, "wb", buffering=BUFFER_BYTES)
        self._lines = array("I")
        self._repeats: dict[str, list[int]] = {}
        self._named: list[tuple[str, int]] = []
        #: The ids of the jobs in the order of the plan, as keys, and which kind of video each of them is.
        self.ids: dict[str, None] = {}
        self.kinds = array("I")
        self.repeats = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def add(self, line: PlanLine, kind: int) -> bool:
        """Write a job, or note that it is already there. Answers whether it was new."""
        job_id, row = line.job.job_id, line.source_lines[0]
        if job_id in self.ids:
            self._repeat(job_id, row)
            return False
        self.ids[job_id] = None
        self.kinds.append(kind)
        self._lines.append(row)
        self._file.write(_text(line))
        return True

    def named_repeats(self) -> Repeats:
        """The repeats so far."""
        named = {job_id for job_id, _ in self._named}
        places = zip(self.ids, self._lines, strict=True) if named else ()
        first = {job_id: row for job_id, row in places if job_id in named}
        return Repeats(self.repeats, tuple((first[job_id], row) for job_id, row in self._named))

    def finish(self) -> tuple[Path, str]:
        """The finished plan `<sha256>.jsonl` beside where it was written, and its SHA-256 in hex."""
        self._file.close()
        if self._repeats:
            self._merge()
        with self._path.open("rb") as plan:
            sha256 = hashlib.file_digest(plan, "sha256").hexdigest()
        final = self._path.with_name(f"{sha256}.jsonl")
        self._path.replace(final)
        return final, sha256

    def _repeat(self, job_id: str, row: int) -> None:
        self.repeats += 1
        if len(self._named) < REPEATS_NAMED:
            self._named.append((job_id, row))
        rows = self._repeats.setdefault(job_id, [])
        if row not in rows[-1:]:
            rows.append(row)

    def _merge(self) -> None:
        """Copy the plan, giving the repeated jobs all their lines."""
        merged = self._path.with_suffix(".merged")
        with self._path.open("rb") as old, merged.open("wb", buffering=BUFFER_BYTES) as new:
            for first, job_id, text in zip(self._lines, self.ids, old, strict=True):
                rows = [row for row, _ in groupby(row for row in self._repeats.get(job_id, ()) if row != first)]
                if not rows:
                    new.write(text)
                    continue
                line = PlanLine.model_validate_json(text)
                both = line.model_copy(update={"source_lines": (*line.source_lines, *rows)})
                new.write(_text(both))
        merged.replace(self._path)


def _text(line: PlanLine) -> bytes:
    return line.model_dump_json().encode() + b"\n"


def iter_plan(path: Path) -> Iterator[PlanLine]:
    """The lines of a plan, in matrix order."""
    with path.open("rb") as lines:
        for line in lines:
            yield PlanLine.model_validate_json(line)
