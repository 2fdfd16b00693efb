"""The manifest: every job of a plan on one line, in JSON and in a table, with money that is never guessed."""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import jobs
from jobs.errors import BadInput
from jobs.identity import job_id, variant_id
from jobs.job import Job, Mode, PlanLine, Render
from jobs.record import (
    JobRecord,
    LiveJob,
    ManifestLine,
    NativeAmount,
    Purchase,
    Trouble,
    Video,
    manifest_schema,
)
from producer import manifest

SCHEMA = Path(str(jobs.__file__)).parent / "manifest.schema.json"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

RENDER = Render(mode=Mode.T2V, prompt="A lighthouse at dusk", references=("s3://in/a.mp4", "s3://in/b.mp4"))


def plan_line(render: Render = RENDER, **changes: Any) -> PlanLine:
    """A plan's line for a simulated job that would cost 50 cents."""
    variant = variant_id(render)
    job = Job(
        job_id=job_id(variant, 7, simulated=True),
        variant_id=variant,
        render=render,
        seed=7,
        seed_source="row",
        simulated=True,
        provider="segmind",
        account="simulated-segmind",
        price_uusd=500_000,
        price_as_of="2026-11-20",
    )
    return PlanLine.model_validate({"job": job, "source_lines": (2, 9), "variant": {"hook": "calm"}, **changes})


def purchase(cost_usd: str | None = "0.50", **changes: Any) -> Purchase:
    """A purchase that went well."""
    fields = {
        "send": 1,
        "task_id": "task-1",
        "request_id": None,
        "account": "simulated-segmind",
        "submitted_at": NOON,
        "state": "succeeded",
        "cost_usd": cost_usd,
        "cost_source": "provider",
        "price_as_of": "2026-11-20",
    }
    return Purchase.model_validate(fields | changes)


VIDEO = Video(
    uri="file:///out/video.mp4",
    sha256="0" * 64,
    bytes=9,
    width=1280,
    height=720,
    duration_s=5.0,
    fps=30.0,
    codec="h264",
    has_audio=True,
    verified=False,
    problems=("short", "silent"),
)


def record(line: PlanLine, *purchases: Purchase, **changes: Any) -> JobRecord:
    """The record of a job that is done."""
    fields = {
        "tool_version": "9.9.9",
        "job_id": line.job.job_id,
        "status": "done",
        "attempts": 1,
        "polls": 5,
        "provider": "segmind",
        "account": "simulated-segmind",
        "region": "eu",
        "purchases": purchases,
        "task_id": "task-1",
        "submitted_at": NOON,
        "completed_at": NOON,
        "stored_at": NOON,
        "queue_wait_s": 1.5,
        "render_s": 60.25,
        "remaining_credits": Decimal("-1.5"),
        "video": VIDEO,
    }
    return JobRecord.model_validate(fields | changes)


def joined(line: PlanLine, was: JobRecord | None = None, live: LiveJob | None = None) -> ManifestLine:
    """The line of a campaign named summer."""
    return manifest.join(line, campaign="summer", run_id="run-1", submitted_by="ada", record=was, live=live)


def done_line() -> ManifestLine:
    """A finished job with two purchases, one known in the provider's own unit."""
    line = plan_line(labels={"sku": "A-1"})
    second = purchase(
        "0.25", send=2, cost_source="price_table", cost_native=NativeAmount(amount=Decimal(3), unit="CNY")
    )
    return joined(line, record(line, purchase(), second))


def table(
    *lines: ManifestLine, axes: tuple[str, ...] = ("hook",), labels: tuple[str, ...] = ("sku",)
) -> list[dict[str, str]]:
    """The lines as a CSV reader sees them."""
    out = io.StringIO(newline="")
    manifest.write_csv(lines, out, axes=axes, labels=labels)
    return list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))


class TestJoin:
    """What was asked, with what became of it."""

    def test_a_job_nobody_has_seen_is_queued(self) -> None:
        """A plan's line without record and ledger says queued, and knows no cost."""
        line = joined(plan_line())
        assert (line.status, line.cost_usd, line.cost_source, line.video) == ("queued", None, "unknown", None)
        assert (line.cost_usd_estimated, line.size, line.record_revision) == (Decimal("0.50"), "1280*720", 0)
        assert line.tool_version == manifest.tool_version()

    def test_the_record_wins_over_the_ledger(self) -> None:
        """A record is an end; what the ledger still believes does not matter."""
        line = plan_line()
        ended = joined(line, record(line, purchase()), LiveJob(status="rendering"))
        assert (ended.status, ended.region, ended.tool_version, ended.polls) == ("done", "eu", "9.9.9", 5)

    def test_the_ledger_tells_of_a_job_under_way(self) -> None:
        """Attempts, task and trouble of a job that has not ended come from the ledger."""
        trouble = Trouble(kind="answer_lost", code=None, message="cut", hint="reconcile")
        live = LiveJob(status="unknown", error=trouble, attempts=2, task_id="t", submitted_at=NOON)
        line = joined(plan_line(), live=live)
        assert (line.status, line.error, line.attempts, line.task_id) == ("unknown", trouble, 2, "t")

    def test_two_campaigns_share_a_record_and_keep_their_own_words(self) -> None:
        """The same video in two campaigns is one purchase and two lines."""
        one, other = plan_line(variant={"hook": "calm"}), plan_line(variant={"angle": "left"}, source_lines=(4,))
        shared = record(one, purchase())
        assert joined(one, shared).video == joined(other, shared).video
        assert joined(other, shared).variant == {"angle": "left"}

    @pytest.mark.parametrize("name", ManifestLine.model_fields)
    def test_every_field_is_always_there(self, name: str) -> None:
        """Nothing is left out of a line: what is unknown is null."""
        assert name in json.loads(joined(plan_line()).model_dump_json())


class TestCost:
    """Money is added up exactly or not at all."""

    def test_the_cost_is_the_sum_and_as_good_as_its_weakest_part(self) -> None:
        """Two purchases cost what both cost; one from the price table makes the sum so."""
        assert (done_line().cost_usd, done_line().cost_source) == (Decimal("0.75"), "price_table")

    def test_one_unknown_cost_makes_the_sum_unknown(self) -> None:
        """Unknown money is unknown, never 0."""
        lost = purchase(None, state="unknown", cost_source="unknown")
        assert manifest.cost_of([purchase(), lost], settled=True) == (None, "unknown")

    def test_a_refused_job_cost_nothing(self) -> None:
        """A job that ended with nothing accepted was not billed."""
        assert manifest.cost_of([], settled=True) == (Decimal(0), "provider")


class TestJsonLines:
    """One JSON object a line, as the schema says."""

    def test_what_is_written_is_read_back(self, tmp_path: Path) -> None:
        """A manifest survives the file, unusual line ends in prompts included."""
        lines = [done_line(), joined(plan_line(Render(mode=Mode.T2V, prompt="a\u2028b\x85c\nd\r")))]
        path = tmp_path / "manifest.jsonl"
        with path.open("w", encoding="utf-8", newline="\n") as out:
            assert manifest.write_jsonl(lines, out) == 2
        assert list(manifest.read_jsonl(path)) == lines

    def test_a_broken_line_is_named(self, tmp_path: Path) -> None:
        """The error says the file, the line and the field."""
        path = tmp_path / "manifest.jsonl"
        good = done_line().model_dump_json()
        path.write_text(good + "\n" + good.replace('"polls":5', '"polls":"many"') + "\n", encoding="utf-8")
        with pytest.raises(BadInput, match=rf"{path}:2: polls: "):
            list(manifest.read_jsonl(path))

    def test_the_shipped_schema_is_current(self) -> None:
        """`manifest.schema.json` says what the code writes; after a change, write `manifest_schema()` to it."""
        assert json.loads(SCHEMA.read_text(encoding="utf-8")) == manifest_schema()

    @pytest.mark.parametrize("line", [done_line(), joined(plan_line())], ids=["done", "queued"])
    def test_lines_fit_the_schema(self, line: ManifestLine) -> None:
        """An independent validator accepts what is written; money is a string of dollars, times are UTC."""
        written = json.loads(line.model_dump_json())
        jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(written)
        assert written["cost_usd"] in {"0.75", None}
        assert written["submitted_at"] in {"2026-11-21T12:00:00Z", None}


class TestCsv:
    """The same fields as a table."""

    def test_the_header_is_the_same_for_every_line(self) -> None:
        """Nested fields, axes and labels have their columns, whether a line fills them or not."""
        full, empty = table(done_line(), joined(plan_line()))
        assert full.keys() == empty.keys()
        assert {"variant.hook", "labels.sku", "video.uri", "purchases.cost_native.unit", "error.hint"} <= full.keys()

    def test_cells_say_what_the_json_says(self) -> None:
        """Lists are joined by `;`, null is empty, booleans and times are spelt as in JSON."""
        row = table(done_line())[0]
        assert row["source_lines"] == "2;9"
        assert row["references.uri"] == "s3://in/a.mp4;s3://in/b.mp4"
        assert (row["purchases.cost_usd"], row["purchases.cost_native.unit"]) == ("0.50;0.25", ";CNY")
        assert (row["simulated"], row["negative_prompt"], row["verdict.value"]) == ("true", "", "")
        assert (row["submitted_at"], row["video.problems"]) == ("2026-11-21T12:00:00Z", "short;silent")

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
    def test_no_cell_is_a_formula(self, start: str) -> None:
        """Text that a spreadsheet would run starts with a quotation mark; a number below zero stays a number."""
        hostile = start + "cmd|'/c calc'!A1"
        line = plan_line(Render(mode=Mode.T2V, prompt=hostile), variant={"hook": hostile}, labels={"sku": hostile})
        row = table(joined(line, record(line)))[0]
        assert row["prompt"] == row["variant.hook"] == row["labels.sku"] == "'" + hostile
        assert row["remaining_credits"] == "-1.5"

    def test_a_column_that_the_header_lacks_is_no_silent_loss(self) -> None:
        """A line with an axis that was not named is refused with the axis' name."""
        with pytest.raises(ValueError, match="hook"):
            table(joined(plan_line()), axes=())
