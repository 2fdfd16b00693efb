"""Looking and fetching, against a real ledger, store and simulator: every end is recorded, good or bad."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from jobs.job import PlanLine
from jobs.lifecycle import State
from jobs.outcome import Done, Retry, Stop, Wait
from jobs.record import JobRecord, ManifestLine
from producer.manifest import join
from providers.contract import Failed, Kind, Rejected
from tests.workbench import CAMPAIGN, Workbench
from worker import collect as collecting
from worker import poll
from worker.outbox import Outbox

#: Fields of a Segmind record that nothing can fill, each for its reason.
EMPTY_AT_SEGMIND = {
    "error": "it went well",
    "prompt_expanded": "Segmind does not tell it",
    "seed_reported": "nor the seed",
    "route_reason": "its campaign has one account",
}


def meet(work: Workbench, on: str, then: str, times: int = 1) -> None:
    """Put a fault in the simulator's line."""
    work.simulator.tell("/_simulator/next", {"on": on, "then": then, "times": times})


@pytest.fixture
def weather(work: Workbench) -> Iterator[Callable[..., None]]:
    """Change the simulator's weather for this test."""
    changed: dict[str, Any] = {}

    def change(**sky: float) -> None:
        changed.update(sky)
        work.simulator.tell("/_simulator/weather", sky)

    yield change
    work.simulator.tell("/_simulator/weather", dict.fromkeys(changed, 0.0))


def rendered(work: Workbench, **changes: Any) -> str:
    """One job whose render has ended; answers its id."""
    (job,) = work.order(**changes)
    _, outcome = work.submit()
    assert outcome == Done()
    work.watch(job.job_id)
    return job.job_id


def test_a_good_end_fills_every_field(work: Workbench) -> None:
    """The video is verified and stored; its record tells all that is known, and nothing is null without a reason."""
    job = rendered(work, duration_s=10)
    assert work.collect(job) == Done()
    record = work.record(job)
    empty = {name for name in JobRecord.model_fields if getattr(record, name) is None}
    assert empty == set(EMPTY_AT_SEGMIND)
    assert (record.status, record.attempts, record.region) == ("done", 1, "global")
    assert record.polls >= 1
    assert record.video is not None
    assert record.video.verified
    assert all(value is not None for value in record.video.model_dump().values())
    stored = work.shop.store.get(work.shelf.job_key(job, "video.mp4"))
    assert (record.video.sha256, record.video.bytes) == (hashlib.sha256(stored).hexdigest(), len(stored))
    assert (record.video.width, record.video.height, record.video.codec) == (1280, 720, "avc1")
    assert record.submitted_at < record.completed_at <= record.stored_at  # type: ignore[operator]
    (purchase,) = record.purchases
    assert (purchase.state, purchase.cost_usd, purchase.cost_source) == ("succeeded", Decimal("1.25"), "provider")
    assert (purchase.cost_native, purchase.task_id) == (purchase.cost_native, record.task_id)
    assert record.remaining_credits is not None
    assert work.money() == (0, 0, 1_250_000)
    assert work.state(job) == "done"
    assert not {"job", "result", "owed"} & set(work.row(job)), "what is on the shelf no longer burdens the ledger"


def test_the_manifest_line_of_a_good_end_is_full(work: Workbench) -> None:
    """The plan's row joined with the record: each null field of the line has its reason."""
    (job,) = work.order()
    work.submit()
    work.watch(job.job_id)
    work.collect(job.job_id)
    line = join(
        PlanLine(job=job, source_lines=(2,)), campaign=CAMPAIGN, run_id="r", submitted_by="ada",
        record=work.record(job.job_id), live=None,
    )  # fmt: skip
    empty = {name for name in ManifestLine.model_fields if getattr(line, name) is None}
    not_in_this_job = {"template", "image", "audio_track", "parent_job_id", "verdict", "ai_disclosure"}
    assert empty == set(EMPTY_AT_SEGMIND) | not_in_this_job
    assert (line.cost_usd, line.cost_source, line.status) == (Decimal("0.625"), "provider", "done")
    assert json.loads(line.model_dump_json())["cost_usd"] == "0.625"


def test_the_other_dialect_ends_well_too(fast_simulator: Any, open_worker: Callable[..., Workbench]) -> None:
    """DashScope tells no money: the cost is the price list's, and its balance stays unknown."""
    work = open_worker(fast_simulator, "simulated-dashscope")
    job = rendered(work)
    assert work.collect(job) == Done()
    record = work.record(job)
    assert record.video is not None
    assert record.video.verified
    (purchase,) = record.purchases
    assert purchase.cost_source == "price_table"
    assert purchase.cost_usd is not None
    assert record.remaining_credits is None
    told = work.ledger.status(CAMPAIGN)
    assert told is not None
    assert told.spent_usd == purchase.cost_usd


def test_collecting_twice_is_the_same_object(work: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker died between the record and the ledger: the next one stores the very same, and it counts once."""
    job = rendered(work)
    with monkeypatch.context() as dying:
        dying.setattr(Outbox, "move", lambda _box, _order: None)
        work.collect(job)
    first = work.record(job)
    assert (work.state(job), work.money()) == ("collecting", (625_000, 0, 0))
    assert work.collect(job) == Done()
    again = work.record(job)
    assert again == first.model_copy(update={"stored_at": again.stored_at})
    assert (work.state(job), work.money()) == ("done", (0, 0, 625_000))


@pytest.mark.parametrize("then", ["truncated", "html", "garbage"])
def test_a_broken_file_is_fetched_again(work: Workbench, then: str) -> None:
    """Once broken may be the network's fault: the second file is good, and nothing is marked."""
    job = rendered(work)
    meet(work, "clip", then)
    assert isinstance(work.collect(job), Wait)
    assert work.state(job) == "ready"
    assert work.collect(job) == Done()
    video = work.record(job).video
    assert video is not None
    assert video.verified


@pytest.mark.parametrize("then", ["truncated", "html", "garbage"])
def test_a_file_that_stays_broken_is_kept_and_marked(work: Workbench, then: str) -> None:
    """It was paid for, so it is stored with what is wrong, and counted apart from the good ones."""
    job = rendered(work)
    meet(work, "clip", then, times=3)
    outcomes = [work.collect(job) for _ in range(3)]
    assert outcomes[-1] == Done()
    record = work.record(job)
    assert record.status == "done"
    assert record.video is not None
    assert not record.video.verified
    assert record.video.problems
    told = work.ledger.status(CAMPAIGN)
    assert told is not None
    assert told.unverified == 1
    assert work.money()[2] == 625_000


@pytest.mark.parametrize("then", ["cut_after", "reset_after", "cut_before", "500"])
def test_a_download_that_breaks_off_is_tried_again(work: Workbench, then: str) -> None:
    """Half a file is not stored, and no attempt is spent on it."""
    job = rendered(work)
    meet(work, "clip", then)
    assert isinstance(work.collect(job), Retry)
    assert not work.shop.store.exists(work.shelf.job_key(job, "video.mp4"))
    assert work.collect(job) == Done()
    assert work.record(job).attempts == 1
    assert list(work.shop.temp.glob("*.mp4")) == [], "no temporary file is left"


def test_an_expired_link_is_asked_for_again(work: Workbench) -> None:
    """A dead link is not fetched for ever: the provider is asked for a fresh one."""
    job = rendered(work)
    meet(work, "clip", "expired")
    assert isinstance(work.collect(job), Retry)
    row = work.row(job)
    assert (row["state"], "result" in row) == ("rendering", False)
    work.watch(job)
    assert work.collect(job) == Done()
    assert work.record(job).status == "done"


def test_a_file_that_never_comes_was_still_paid_for(work: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """At last the job fails, with the cost that the provider told, and the task to ask it for."""
    monkeypatch.setattr(collecting, "FETCHES_BEFORE_LOST", 2)
    job = rendered(work)
    meet(work, "clip", "500", times=2)
    work.collect(job)
    assert work.collect(job) == Done()
    record = work.record(job)
    assert (record.status, record.video) == ("failed", None)
    assert record.error is not None
    assert record.error.kind == "video_lost"
    assert str(record.task_id) in record.error.hint
    (purchase,) = record.purchases
    assert (purchase.cost_usd, purchase.cost_source) == (Decimal("0.625"), "provider")
    assert work.money() == (0, 0, 625_000)


def test_a_failed_render_is_bought_once_more(work: Workbench, weather: Callable[..., None]) -> None:
    """It was not billed: the second one is good, and the record shows both."""
    (job,) = work.order()
    weather(p_failed=1.0)
    work.submit()
    work.watch(job.job_id)
    assert work.state(job.job_id) == "queued"
    assert work.money() == (0, 0, 0)
    weather(p_failed=0.0)
    work.submit()
    work.watch(job.job_id)
    work.collect(job.job_id)
    record = work.record(job.job_id)
    assert (record.status, record.attempts) == ("done", 2)
    assert [(each.send, each.state, str(each.cost_usd)) for each in record.purchases] == [
        (1, "failed", "0"),
        (2, "succeeded", "0.625"),
    ]
    assert work.receipt(job.job_id, 2) == "accepted"


def test_a_render_that_fails_twice_has_failed(work: Workbench, weather: Callable[..., None]) -> None:
    """Bought again at most once; nothing was billed, and the record says so."""
    (job,) = work.order()
    weather(p_failed=1.0)
    for _ in range(2):
        work.submit()
        work.watch(job.job_id)
    assert work.state(job.job_id) == "ready"
    work.collect(job.job_id)
    record = work.record(job.job_id)
    assert (record.status, record.attempts, record.video) == ("failed", 2, None)
    assert record.error is not None
    assert record.error.kind == "render_failed"
    assert [(each.state, each.cost_usd, each.cost_source) for each in record.purchases] == [
        ("failed", Decimal(0), "provider")
    ] * 2
    assert work.money() == (0, 0, 0)
    assert len(work.bought(job)) == 2


def test_a_refused_content_is_never_bought_again(work: Workbench) -> None:
    """The provider finds it in the render: refused, not failed, and one purchase."""
    (job,) = work.order(prompt="something forbidden")
    work.submit()
    work.watch(job.job_id)
    assert work.state(job.job_id) == "ready"
    work.collect(job.job_id)
    assert (work.state(job.job_id), work.record(job.job_id).status) == ("refused", "refused")
    assert len(work.bought(job)) == 1


@pytest.mark.parametrize("then", ["429", "500", "503", "html", "garbage", "truncated", "cut_after", "reset_before"])
def test_a_look_without_news_waits(work: Workbench, then: str) -> None:
    """Whatever the provider does with a question, the render goes on and no attempt is spent."""
    (job,) = work.order()
    work.submit()
    # A question that is cut off is asked once more at once by the client itself.
    meet(work, "status", then, times=2 if "_" in then else 1)
    assert work.look(job.job_id).ok
    row = work.row(job.job_id)
    assert (row["state"], row["polls"], row["attempts"]) == ("rendering", "1", "1")
    work.watch(job.job_id)
    assert work.collect(job.job_id) == Done()


def test_past_its_deadline_a_render_has_failed(work: Workbench) -> None:
    """Nobody waits for ever: what it cost is unknown, so all of its reservation counts as spent."""
    (job,) = work.order()
    work.submit()
    work.redis.hset(f"wb:j:{job.job_id}", "look_ms", 1_800_000)
    meet(work, "status", "503")
    assert work.look(job.job_id).ok
    assert work.state(job.job_id) == "ready"
    work.collect(job.job_id)
    record = work.record(job.job_id)
    assert record.error is not None
    assert (record.status, record.error.message) == ("failed", "no end after 1800 s of the provider's time")
    assert str(record.task_id) in record.error.hint
    (purchase,) = record.purchases
    assert (purchase.state, purchase.cost_usd, purchase.cost_source) == ("unknown", None, "unknown")
    assert work.money() == (0, 0, 625_000)


def test_a_clock_set_forward_ends_no_render(work: Workbench) -> None:
    """What was submitted an hour ago by a wrong clock, and hardly asked after, is waited for."""
    (job,) = work.order()
    work.submit()
    long_ago = str(int((time.time() - 3600) * 1000))
    work.redis.hset(f"wb:j:{job.job_id}", "submitted_ms", long_ago)
    meet(work, "status", "503")
    assert work.look(job.job_id).ok
    assert work.state(job.job_id) == "rendering"
    work.watch(job.job_id)
    assert work.collect(job.job_id) == Done()


def test_a_failure_that_may_have_been_billed_is_not_bought_again(work: Workbench) -> None:
    """Only where the provider says that it was not billed may it be bought once more."""
    (job,) = work.order()
    work.submit()
    due = work.lease(job.job_id)
    for billed in (None, True):
        order = poll._failed(due, Failed(Rejected(Kind.RENDER_FAILED, "it broke"), billed=billed))
        assert order.to is State.READY
    assert poll._failed(due, Failed(Rejected(Kind.RENDER_FAILED, "it broke"), billed=False)).to is State.QUEUED


def test_a_leaving_worker_hands_its_download_on(work: Workbench) -> None:
    """No fetch is counted against the video, and the next worker may begin at once."""
    job = rendered(work)
    work.shop.stopping.set()
    assert isinstance(work.collect(job), Stop)
    assert (work.state(job), work.row(job)["fetches"]) == ("ready", "0")
    work.shop.stopping.clear()
    assert work.collect(job) == Done()
