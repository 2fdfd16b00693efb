"""The plan on disk: one job a line in matrix order, immutable and named by its content.

Rows stream through; of a job only its id, its kind and a repeat's lines stay in memory.
"""

import hashlib
import os
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
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
        self._lines = array("q")
        self._repeats: dict[int, list[int]] = {}
        self._named: list[tuple[int, int]] = []
        #: Place of each job in the plan, by its id.
        self.places: dict[str, int] = {}
        #: Which kind of video each job is, by its place.
        self.kinds = array("l")
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
        job, row = line.job, line.source_lines[0]
        place = self.places.setdefault(job.job_id, len(self.kinds))
        if place < len(self.kinds):
            self._repeat(place, row)
            return False
        self.kinds.append(kind)
        self._lines.append(row)
        self._file.write(_text(line))
        return True

    def named_repeats(self) -> Repeats:
        """The repeats so far."""
        return Repeats(self.repeats, tuple(self._named))

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

    def _repeat(self, place: int, row: int) -> None:
        self.repeats += 1
        first = self._lines[place]
        if len(self._named) < REPEATS_NAMED:
            self._named.append((first, row))
        rows = self._repeats.setdefault(place, [])
        if row != first and row not in rows[-1:]:
            rows.append(row)

    def _merge(self) -> None:
        """Copy the plan, giving the repeated jobs all their lines."""
        merged = self._path.with_suffix(".merged")
        with self._path.open("rb") as old, merged.open("wb", buffering=BUFFER_BYTES) as new:
            for place, text in enumerate(old):
                rows = self._repeats.get(place)
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
