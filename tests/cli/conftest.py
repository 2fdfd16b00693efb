"""A campaign as the store has it: three jobs, of which one is done, one failed, and one was never bought."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from config.settings import load_settings
from jobs.job import PlanLine
from jobs.record import JobRecord, Purchase, Trouble, Video
from ledger.campaignfile import CampaignFile
from ledger.objects import ObjectStore, open_store
from ledger.shelf import Shelf
from producer.plan import Plan
from producer.planfile import iter_plan
from producer.planned import Asked, planned
from producer.world import choose

AT = datetime(2026, 11, 21, 7, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Stored:
    """The store, its URL for the command line, the matrix, and the plan's lines."""

    store: ObjectStore
    matrix: Path
    lines: tuple[PlanLine, ...]

    @property
    def shelf(self) -> Shelf:
        """The simulated world's shelves."""
        return Shelf(self.store, simulated=True)

    def end(self, line: PlanLine, *, failed: bool = False, verified: bool = True) -> None:
        """Write the record of a job that has ended."""
        self.shelf.write_record(record(line, failed=failed, verified=verified))


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stored:
    """The campaign `simulated-spring`; the current folder is empty."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    matrix = tmp_path / "spring.csv"
    matrix.write_text("prompt,colour\na {{ colour }} kite,red|blue\na {{ colour }} boat,green\n")
    store = open_store((tmp_path / "out").as_uri())
    campaign = Stored(store, matrix, _submitted(matrix, store))
    campaign.end(campaign.lines[0])
    campaign.end(campaign.lines[1], failed=True)
    return campaign


def _submitted(matrix: Path, store: ObjectStore) -> tuple[PlanLine, ...]:
    """Plan the matrix and put the campaign on its shelf, as a submit would."""
    settings = load_settings(store=store.url)
    asked = Asked(
        matrix=matrix, template=None, provider=None, simulate=False, campaign=None, limit=None, where=(), seed_by="job",
        takes=1, price=None, skip_bad_rows=False, store=store.url,
    )  # fmt: skip
    with planned(asked, choose(settings, simulate=False), store, settings) as plan:
        shelf = Shelf(store, simulated=True)
        shelf.write_plan(plan.campaign, plan.path, plan.sha256)
        shelf.write_campaign(_facts(plan))
        return tuple(iter_plan(plan.path))


def _facts(plan: Plan) -> CampaignFile:
    return CampaignFile(
        campaign=plan.campaign, simulated=True, provider=plan.provider, account=plan.account, budget_usd=Decimal(9),
        state="running", epoch="e1", submitted_by="me@here", created_at=AT, run_id="20261121T073000-abcdef",
        plan_sha256=plan.sha256, jobs=plan.variants, source=plan.source, axes=tuple(plan.axes), labels=plan.labels,
    )  # fmt: skip


def record(line: PlanLine, *, failed: bool, verified: bool) -> JobRecord:
    """What became of a job."""
    purchase = Purchase(
        send=1, task_id="t1", request_id=None, account=line.job.account, submitted_at=AT,
        state="failed" if failed else "succeeded", cost_usd=Decimal(0) if failed else Decimal("0.625"),
        cost_source="provider", price_as_of="2026-11-01",
    )  # fmt: skip
    video = Video(
        uri="file:///v.mp4", sha256="0" * 64, bytes=10, width=1280, height=720, duration_s=5.0, fps=30.0, codec="avc1",
        has_audio=True, verified=verified, problems=() if verified else ("it is cut off",),
    )  # fmt: skip
    trouble = Trouble(kind="render_failed", code=None, message="the render failed", hint="run it again")
    return JobRecord(
        tool_version="0.1.0", job_id=line.job.job_id, status="failed" if failed else "done", attempts=1, polls=3,
        error=trouble if failed else None, provider="segmind", account=line.job.account, region=None,
        purchases=(purchase,), task_id="t1", submitted_at=AT, completed_at=AT, stored_at=AT, queue_wait_s=1.0,
        render_s=2.0, video=None if failed else video, remaining_credits=None if failed else Decimal("99.5"),
        remaining_credits_unit=None if failed else "USD credits", remaining_credits_at=None if failed else AT,
    )  # fmt: skip
