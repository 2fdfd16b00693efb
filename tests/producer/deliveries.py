"""Campaigns of real videos as the store has them, for tests of what is delivered of them."""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from jobs.identity import job_id, variant_id
from jobs.job import FRAMES, Job, Mode, PlanLine, Render
from jobs.record import JobRecord, ManifestLine, Purchase, Video
from ledger.objects import open_store
from ledger.shelf import Shelf
from producer import manifest
from simulator.clips import clip

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Campaign:
    """A campaign whose videos lie in a folder store; `lines` is its manifest."""

    def __init__(self, folder: Path, *, name: str = "summer", simulated: bool = False) -> None:
        self.name = name
        self.shelf = Shelf(open_store(folder.as_uri()), simulated=simulated)
        self.lines: list[ManifestLine] = []

    def add(
        self, hook: str, *, status: str = "done", duration_s: int = 5, video: dict[str, Any] | None = None, **asked: Any
    ) -> ManifestLine:
        """One more video of its own; `asked` holds settings of its render and `labels`, `video` what was measured."""
        labels = asked.pop("labels", {})
        render = Render(mode=Mode.T2V, prompt=f"{hook} {len(self.lines)}", duration_s=duration_s, **asked)
        identity = variant_id(render)
        simulated = self.shelf.simulated
        job = Job(
            job_id=job_id(identity, 7, simulated=simulated), variant_id=identity, render=render, seed=7,
            seed_source="row", simulated=simulated, provider="segmind", account="segmind", price_uusd=500_000,
            price_as_of="2026-11-20",
        )  # fmt: skip
        line = PlanLine(job=job, source_lines=(len(self.lines) + 2,), variant={"hook": hook}, labels=labels)
        record = self._record(job, video or {}) if status == "done" else None
        self.lines.append(
            manifest.join(line, campaign=self.name, run_id="run-1", submitted_by="ada", record=record, live=None)
        )
        return self.lines[-1]

    def _record(self, job: Job, measured: dict[str, Any]) -> JobRecord:
        """Put a real video on the job's shelf, with its record."""
        key = self.shelf.job_key(job.job_id, "video.mp4")
        assert job.render.aspect_ratio is not None
        width, height = FRAMES[job.render.resolution, job.render.aspect_ratio]
        data = clip(1280, 720, job.render.duration_s, job.job_id, variant=0, audio=True, pad_bytes=0)
        self.shelf.store.put(key, data, content_type="video/mp4")
        facts = {
            "uri": self.shelf.store.uri(key), "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data),
            "width": width, "height": height, "duration_s": float(job.render.duration_s), "fps": 30.0, "codec": "avc1",
            "has_audio": True, "verified": True,
        }  # fmt: skip
        purchase = Purchase(
            send=1, task_id="t", request_id=None, account=job.account, submitted_at=NOON, state="succeeded",
            cost_usd=Decimal("0.50"), cost_source="provider", price_as_of="2026-11-20",
        )  # fmt: skip
        record = JobRecord(
            tool_version="1", job_id=job.job_id, status="done", attempts=1, polls=1, provider=job.provider,
            account=job.account, region=None, purchases=(purchase,), task_id="t", submitted_at=NOON,
            completed_at=NOON, stored_at=NOON, queue_wait_s=1.0, render_s=60.0,
            video=Video.model_validate(facts | measured),
        )  # fmt: skip
        self.shelf.write_record(record)
        return record
