"""The manifest: one line for each job that a plan asks for, with what became of it, as JSON lines or as a CSV.

Lines are made and written one at a time, so that a campaign of any size needs the memory of one line.
"""

import csv
import functools
import importlib.metadata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO, get_args

from pydantic import ValidationError

from jobs.errors import BadInput, Problem
from jobs.identity import creative_id
from jobs.job import Fitted, Job, Noun, PlanLine
from jobs.media import stored_parts
from jobs.money import from_uusd
from jobs.record import CostSource, JobRecord, LiveJob, ManifestLine, Media, Purchase, StartImage

#: From the weakest to the strongest: a sum is as good as its weakest part.
COST_SOURCES: tuple[CostSource, ...] = ("unknown", "price_table", "provider")

#: A text cell that starts with one of these would be run as a formula by a spreadsheet.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

#: What a job that has not ended cannot know yet.
NOT_YET = LiveJob(status="queued")


@functools.cache
def tool_version() -> str:
    """The version of this installation, for lines of jobs that have no record of their own yet."""
    return importlib.metadata.version("wanbatch")


def join(
    line: PlanLine,
    *,
    campaign: str,
    run_id: str,
    submitted_by: str | None,
    record: JobRecord | None,
    live: LiveJob | None,
) -> ManifestLine:
    """What the campaign asked, with what became of it: the record where the job has ended, else the ledger's view.

    With neither the job counts as queued. Raises nothing for jobs of other campaigns: a record is shared by all
    who want the same video.
    """
    became = _ended(line.job, record) if record else _under_way(line.job, live or NOT_YET)
    return ManifestLine.model_validate(
        {
            "campaign": campaign,
            "run_id": run_id,
            "submitted_by": submitted_by,
            "source_lines": line.source_lines,
            "variant": line.variant,
            "labels": line.labels,
            **_asked(line),
            **became,
        }
    )


def _asked(line: PlanLine) -> dict[str, Any]:
    """The fields that the plan alone decides."""
    job, render = line.job, line.job.render
    wanted = render.model_dump(exclude={"image", "references", "audio_track"})
    shape = line.fitted.aspect_ratio if line.fitted else None
    return wanted | {
        "aspect_ratio": render.aspect_ratio or shape,
        "size": render.size,
        "job_id": job.job_id,
        "variant_id": job.variant_id,
        "creative_id": creative_id(job.job_id),
        "simulated": job.simulated,
        "seed": job.seed,
        "seed_source": job.seed_source,
        "image": _image(render.image, line) if render.image else None,
        "references": tuple(_media(uri, line) for uri in render.references),
        "audio_track": _media(render.audio_track, line) if render.audio_track else None,
        "parent_job_id": None,
        "verdict": None,
        "ai_disclosure": None,
    }


def _media(uri: str, line: PlanLine) -> Media:
    """A file as the matrix spells it, with its SHA-256 where it is kept in the store."""
    sha256, _ = stored_parts(line.contents.get(uri, uri)) or (None, None)
    return Media(uri=line.written.get(uri, uri), sha256=sha256)


def _image(uri: str, line: PlanLine) -> StartImage:
    """The image, with how it was brought to the row's ratio."""
    fitted = line.fitted or Fitted()
    return StartImage(**dict(_media(uri, line)), fit=fitted.how, original_sha256=fitted.original_sha256)


def _ended(job: Job, record: JobRecord) -> dict[str, Any]:
    """The fields of a job that has a record."""
    shared = JobRecord.model_fields.keys() - {"record_version", "job_id"}
    fields = {name: getattr(record, name) for name in shared}
    cost_usd, cost_source = cost_of(record.purchases, settled=True)
    estimated_usd = from_uusd(job.at(record.account).price_uusd)
    return fields | {"cost_usd": cost_usd, "cost_source": cost_source, "cost_usd_estimated": estimated_usd}


def _under_way(job: Job, live: LiveJob) -> dict[str, Any]:
    """The fields of a job that the ledger still holds, or has never seen; what only a record knows is null."""
    unknown_yet = (
        "buyer",
        "prompt_expanded",
        "seed_reported",
        "completed_at",
        "stored_at",
        "queue_wait_s",
        "render_s",
        "video",
    )
    credit = ("remaining_credits", "remaining_credits_unit", "remaining_credits_at")
    cost_usd, cost_source = cost_of(live.purchases, settled=live.status == "cancelled")
    there = job.at(live.account or job.account)
    return {
        **dict.fromkeys((*unknown_yet, *credit)),
        **{name: getattr(live, name) for name in LiveJob.model_fields},
        "record_revision": 0,
        "tool_version": tool_version(),
        "provider": there.provider,
        "account": there.account,
        "region": there.region,
        "cost_usd_estimated": from_uusd(there.price_uusd),
        "cost_usd": cost_usd,
        "cost_source": cost_source,
    }


def cost_of(purchases: Sequence[Purchase], *, settled: bool) -> tuple[Decimal | None, CostSource]:
    """The dollars that a job's purchases cost together, and how well that is known.

    None as soon as the cost of one of them is unknown. With no purchase it is 0 for a job that has ended (nothing
    was accepted, so nothing was billed) and None for one that has not.
    """
    if not purchases:
        return (Decimal(0), "provider") if settled else (None, "unknown")
    known = [purchase.cost_usd for purchase in purchases if purchase.cost_usd is not None]
    if len(known) < len(purchases):
        return None, "unknown"
    weakest = min((purchase.cost_source for purchase in purchases), key=COST_SOURCES.index)
    return sum(known, Decimal(0)), weakest


def write_jsonl(lines: Iterable[ManifestLine], out: TextIO) -> int:
    """Write one JSON object a line and return how many; `out` is text, UTF-8."""
    written = 0
    for line in lines:
        out.write(line.model_dump_json())
        out.write("\n")
        written += 1
    return written


def read_jsonl(path: Path) -> Iterator[ManifestLine]:
    """Yield the lines of a manifest; raise BadInput that names the file, the line and the field that does not fit."""
    with path.open(encoding="utf-8", newline="\n") as file:
        for number, text in enumerate(file, start=1):
            try:
                yield ManifestLine.model_validate_json(text)
            except ValidationError as error:
                problem = _problem(path, number, text, error)
                raise BadInput(f"This is no manifest of ours.\n{problem}", [problem]) from error


def _problem(path: Path, number: int, text: str, error: ValidationError) -> Problem:
    """The first thing that is wrong in a line, in the words that the other readers use."""
    detail = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in detail["loc"])
    return Problem(
        file=str(path),
        line=number,
        column=field,
        text=text[:200],
        problem=detail["msg"],
        fix="make the manifest again with `wanbatch manifest CAMPAIGN -o FILE`",
    )


def write_csv(lines: Iterable[ManifestLine], out: TextIO, *, axes: Sequence[str], labels: Sequence[str]) -> int:
    """Write the same fields as a table and return how many lines; `out` is text, UTF-8, opened with `newline=""`.

    `axes` and `labels` name the campaign's own columns (`variant.NAME`, `labels.NAME`), so that the header is known
    before the first line. Nested fields are `parent.child`, lists are joined by `;`, null is an empty cell. Text that
    a spreadsheet would run as a formula gets a leading `'`. Raises ValueError for a line with another axis or label.
    """
    paths = columns(axes, labels)
    writer = csv.writer(out)
    writer.writerow(".".join(path) for path in paths)
    written = 0
    for line in lines:
        strange = [*(line.variant.keys() - set(axes)), *(line.labels.keys() - set(labels))]
        if strange:
            raise ValueError(f"job {line.job_id} has columns that the header lacks: {', '.join(sorted(strange))}")
        writer.writerow([cell(_reach(line, path)) for path in paths])
        written += 1
    return written


def columns(axes: Sequence[str], labels: Sequence[str]) -> list[tuple[str, ...]]:
    """The paths of the CSV's columns, in the manifest's own order: `("video", "uri")` heads as `video.uri`."""
    own = {"variant": axes, "labels": labels}
    paths: list[tuple[str, ...]] = []
    for path in _leaves(ManifestLine):
        paths += [(*path, name) for name in own[path[0]]] if path[0] in own else [path]
    return paths


def _leaves(noun: type[Noun]) -> Iterator[tuple[str, ...]]:
    for name, field in noun.model_fields.items():
        inner = _noun_in(field.annotation)
        if inner is None:
            yield (name,)
        else:
            yield from ((name, *path) for path in _leaves(inner))


def _noun_in(annotation: Any) -> type[Noun] | None:
    """The noun that a field holds, alone, optional or in a tuple; None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, Noun):
        return annotation
    return next(filter(None, map(_noun_in, get_args(annotation))), None)


def _reach(value: Any, path: Sequence[str]) -> Any:
    """The value at the path; a list gives a list of what each of its items has there."""
    for depth, name in enumerate(path):
        if value is None:
            return None
        if isinstance(value, tuple):
            return [_reach(item, path[depth:]) for item in value]
        value = value.get(name) if isinstance(value, dict) else getattr(value, name)
    return value


def cell(value: Any) -> str:
    """A value as a cell of a CSV: lists joined by `;`, null empty, and no text that a spreadsheet would run."""
    if isinstance(value, list | tuple):
        text = ";".join(map(_plain, value))
        return _unarmed(text) if any(isinstance(item, str) for item in value) else text
    return _unarmed(value) if isinstance(value, str) else _plain(value)


def _plain(value: Any) -> str:
    """One value as the JSON has it, without quotes."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)


def _unarmed(text: str) -> str:
    return "'" + text if text.startswith(FORMULA_STARTS) else text
