"""A refresh: which change of a row buys its video anew, and with which seed; by a key that rows keep."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, Final

from jobs.errors import BadInput
from jobs.identity import derived_seed, job_id
from jobs.job import Job, PlanLine
from jobs.media import media_of
from producer.contents import Names
from producer.matrix import SETTINGS
from producer.rows import Refresh

#: Columns that hold files.
FILES: Final = ("image_url", "reference_urls", "audio_url")

#: Opens what is known of the videos of the campaign of that name, a file like a plan; None where nothing is.
LastPlan = Callable[[str], AbstractContextManager[Path | None]]


def no_plan(_campaign: str) -> AbstractContextManager[Path | None]:
    """Nothing is known."""
    return nullcontext(None)


class Earlier:
    """The videos that are known by their key, read from their file when they are asked for.

    BadInput where a key stands for two videos, then or now: it could bring the wrong one.
    """

    def __init__(self, refresh: Refresh, plan: Path | None) -> None:
        self._refresh = refresh
        self._file: BinaryIO | None = plan.open("rb") if plan is not None else None
        self._at: dict[bytes, int] = {}
        self._now: dict[bytes, str] = {}
        if self._file is not None:
            for at, line in _placed(self._file):
                self._at.setdefault(self._key(line), at)

    def close(self) -> None:
        """Let go of the plan."""
        if self._file is not None:
            self._file.close()

    def refreshed(self, line: PlanLine, names: Names, usable: Callable[[Job], Job | None]) -> PlanLine:
        """The line with the job that it is to have: the one before, if nothing that counts has changed, else its own
        with the seed that a refresh gives it. `names` are those of its files; `usable` gives an earlier job as this
        plan may have it, or None.
        """
        key = self._key(line)
        if self._now.setdefault(key, line.job.job_id) != line.job.job_id:
            named = ", ".join(f"{column}={_value(line, column)}" for column in self._refresh.key)
            raise BadInput(
                f"two videos have the key {named}, the second in line {line.source_lines[0]}",
                hint="Name as many columns in `key` as tell them apart; nothing was queued.",
            )
        before = self._line(key)
        if before is None:
            return line
        if not self._same(before, line, names):
            return line.model_copy(update={"job": self._reseeded(line.job, before.job)})
        if names.has(line.job.render, before.job.variant_id):
            # The very same video: if it is not bought yet, its files are where they are now.
            job = usable(before.job.model_copy(update={"render": line.job.render}))
            kept: dict[str, Any] = {}
        else:
            job = usable(before.job)
            kept = {"written": before.written, "contents": _contents(before, line, names), "fitted": before.fitted}
        if job is not None:
            return line.model_copy(update={"job": job, **kept})
        return line.model_copy(update={"job": self._reseeded(line.job, before.job)})

    def _same(self, before: PlanLine, line: PlanLine, names: Names) -> bool:
        if self._refresh.on is None:
            return names.has(line.job.render, before.job.variant_id)
        return all(
            _alike(before, line, column, names) if column in FILES else _value(before, column) == _value(line, column)
            for column in self._refresh.on
        )

    def _reseeded(self, job: Job, before: Job) -> Job:
        if self._refresh.seeds == "fresh" or job.seed_source == "row":
            return job
        seed = before.seed if self._refresh.seeds == "keep" else derived_seed(f"after={before.seed}")
        identity = job_id(job.variant_id, seed, simulated=job.simulated)
        return job.model_copy(update={"seed": seed, "seed_source": "group", "job_id": identity})

    def _line(self, key: bytes) -> PlanLine | None:
        at = self._at.get(key)
        if at is None or self._file is None:
            return None
        self._file.seek(at)
        return PlanLine.model_validate_json(self._file.readline())

    def _key(self, line: PlanLine) -> bytes:
        return key_of(line, self._refresh.key)


@contextmanager
def earlier(refresh: Refresh | None, campaign: str, last: LastPlan) -> Iterator[Earlier | None]:
    """The videos that a campaign knows, where it says what a refresh is."""
    if refresh is None:
        yield None
        return
    with last(campaign) as plan:
        found = Earlier(refresh, plan)
        try:
            yield found
        finally:
            found.close()


def _placed(file: BinaryIO) -> Iterator[tuple[int, PlanLine]]:
    at = 0
    for text in file:
        yield at, PlanLine.model_validate_json(text)
        at += len(text)


def key_of(line: PlanLine, columns: Sequence[str]) -> bytes:
    """What a video is known by: what it has in these columns, and which take it is."""
    words = "\0".join([*(_value(line, column) for column in columns), str(line.job.render.take)])
    return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _alike(before: PlanLine, line: PlanLine, column: str, names: Names) -> bool:
    """Whether the files of a column hold what they held, whatever they are called."""
    theirs = [uri for each, uri in media_of(before.job.render) if each == column]
    ours = [uri for each, uri in media_of(line.job.render) if each == column]
    return len(theirs) == len(ours) and all(
        names.stands(our, before.contents.get(their, their)) for our, their in zip(ours, theirs, strict=True)
    )


def _contents(before: PlanLine, line: PlanLine, names: Names) -> dict[str, str]:
    """What the files of the earlier video hold; where only their addresses were known, by what is there now."""
    now = {
        their: names.contents[our]
        for (_, their), (_, our) in zip(media_of(before.job.render), media_of(line.job.render), strict=False)
        if our in names.contents and names.stands(our, their)
    }
    return now | before.contents


def _value(line: PlanLine, column: str) -> str:
    """What a line has in a column: the user's own words, else the setting that was ordered."""
    own = line.variant.get(column, line.labels.get(column))
    if own is not None:
        return own
    render = line.job.render
    if column == "image_url":
        return line.written.get(render.image or "", render.image or "")
    if column == "reference_urls":
        return ";".join(line.written.get(uri, uri) for uri in render.references)
    if column == "prompt":
        return render.prompt
    return str(getattr(render, SETTINGS[column])) if column in SETTINGS else ""
