"""The canary: a few videos of a plan, as unlike each other as can be, that are made and looked at before the others."""

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from jobs.errors import ObjectNotFound
from jobs.identity import creative_id
from jobs.job import Noun, PlanLine
from jobs.money import from_uusd
from jobs.record import JobRecord
from ledger.shelf import Shelf
from producer.plan import Plan
from producer.planfile import iter_plan

#: Videos among which those that are most unlike are chosen; it bounds time and memory.
CANDIDATES: Final = 2000


class Canary(Noun):
    """The jobs of one very plan that are made first; kept beside it, so that the same command goes on with the same."""

    version: int = 1
    plan_sha256: str
    jobs: tuple[str, ...]


class Seen(NamedTuple):
    """One video of the canary and what became of it; None while it has not ended."""

    line: PlanLine
    record: JobRecord | None

    @property
    def good(self) -> bool:
        """Whether it is there and is what was ordered."""
        video = self.record.video if self.record else None
        return self.record is not None and self.record.status == "done" and video is not None and video.verified

    @property
    def said(self) -> str:
        """The video for a person: good or not, which it is, and where it lies or what is wrong with it."""
        name = creative_id(self.line.job.job_id)
        axes = ", ".join(f"{axis}={value}" for axis, value in self.line.variant.items())
        what = "not made yet"
        if self.record is not None:
            video, error = self.record.video, self.record.error
            what = f"{self.record.status}: {error.message}" if error else self.record.status
            if video is not None:
                what = "; ".join([video.uri, *video.problems])
        return f"{'good' if self.good else 'BAD '}  {name}  " + (f"{axes}  " if axes else "") + what


def canary_of(plan: Plan, count: int, shelf: Shelf) -> Canary:
    """The canary of this very plan: the one that was begun, else so many new ones, which are noted first."""
    key = shelf.campaign_key(plan.campaign, "canary.json")
    try:
        begun = Canary.model_validate_json(shelf.store.get(key))
    except (ObjectNotFound, ValueError):
        begun = None
    if begun is not None and begun.plan_sha256 == plan.sha256:
        return begun
    canary = Canary(plan_sha256=plan.sha256, jobs=tuple(chosen(plan, count)))
    shelf.store.put(key, canary.model_dump_json().encode())
    return canary


def chosen(plan: Plan, count: int) -> list[str]:
    """The jobs to begin with: each the one that shows most of what none before it shows, or else is least like them."""
    fresh = (line for line in iter_plan(plan.path) if line.job.job_id not in plan.bought)
    # A job's id is a hash, so that the lowest are a fair draw, and the same each time.
    drawn = heapq.nsmallest(CANDIDATES, fresh, key=lambda line: line.job.job_id)
    left = [(line.job.job_id, _features(line)) for line in drawn]
    shown: set[tuple[str, str]] = set()
    picked: list[tuple[str, set[tuple[str, str]]]] = []
    while left and len(picked) < count:
        best = max(
            left, key=lambda each: (len(each[1] - shown), min((len(each[1] ^ one[1]) for one in picked), default=0))
        )
        left.remove(best)
        picked.append(best)
        shown |= best[1]
    return [job for job, _ in picked]


def canary_plan(plan: Plan, canary: Canary) -> Plan:
    """The plan with nothing to buy but the canary; what is bought already stays in it."""
    first, found, keeping = set(canary.jobs), hashlib.sha256(), 0
    partial, uusd, most_uusd, to_buy = plan.path.with_suffix(".canary"), 0, 0, 0
    with plan.path.open("rb") as lines, partial.open("wb") as out:
        for text, line in zip(lines, iter_plan(plan.path), strict=True):
            job = line.job
            if job.job_id not in first and job.job_id not in plan.bought:
                continue
            out.write(text)
            found.update(text)
            keeping += 1
            if job.job_id not in plan.bought:
                to_buy += 1
                uusd += job.price_uusd
                most_uusd += max((route.price_uusd for route in job.routes), default=job.price_uusd)
    final = partial.with_name(f"{found.hexdigest()}.jsonl")
    partial.replace(final)
    cost = from_uusd(uusd)
    return replace(
        plan,
        path=final,
        sha256=found.hexdigest(),
        variants=keeping,
        to_buy=to_buy,
        already_bought=keeping - to_buy,
        cost_low_usd=cost,
        cost_high_usd=cost,
        most_usd=from_uusd(most_uusd),
        elsewhere=[],
        routing=None,
    )


def seen(plan: Plan, canary: Canary, shelf: Shelf) -> list[Seen]:
    """The videos of the canary as they are now, in matrix order."""
    first = set(canary.jobs)
    lines = [line for line in iter_plan(plan.path) if line.job.job_id in first]
    return list(_with_records(lines, shelf))


def _with_records(lines: Sequence[PlanLine], shelf: Shelf) -> Iterator[Seen]:
    records = shelf.records(line.job.job_id for line in lines)
    return (Seen(line, record) for line, record in zip(lines, records, strict=True))


def _features(line: PlanLine) -> set[tuple[str, str]]:
    """All by which a video may be unlike another: its axes, its settings, and what goes in."""
    render = line.job.render
    settings = {
        "mode": render.mode.value, "model": render.model, "resolution": render.resolution, "shape": render.aspect_ratio,
        "duration": render.duration_s, "shots": render.shot_type, "audio": render.audio, "template": render.template,
        "track": bool(render.audio_track), "expansion": render.prompt_expansion,
    }  # fmt: skip
    return {*line.variant.items(), *line.labels.items(), *((name, str(value)) for name, value in settings.items())}
