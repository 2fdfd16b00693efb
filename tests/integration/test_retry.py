"""`wanbatch retry`, on a real ledger, store and simulator: what may be paid twice is counted, and nothing is lost."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from jobs.job import Job, PlanLine
from jobs.lifecycle import State
from producer import retry
from tests.lost import decided, finish, foreign_intent, lose, seek, seek_until, twin
from tests.services import Simulator
from tests.workbench import CAMPAIGN, Workbench
from worker import lookup


@pytest.fixture(autouse=True)
def fair_weather(fast_simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is on the wire for long here; and what a test does to the weather is over after it."""
    monkeypatch.setattr(lookup, "ON_THE_WIRE_S", 0.2)
    yield
    fast_simulator.tell("/_simulator/weather", {"late_history_s": 0, "p_failed": 0})


def lines(*jobs: Job) -> list[PlanLine]:
    """A plan that asks for these jobs."""
    return [PlanLine(job=job, source_lines=(n,)) for n, job in enumerate(jobs, 2)]


def fail(work: Workbench) -> Job:
    """A job that failed twice, and so for good."""
    (job,) = work.order()
    work.simulator.tell("/_simulator/weather", {"p_failed": 1})
    for _ in range(2):
        work.submit()
        work.watch(job.job_id)
    work.collect(job.job_id)
    work.simulator.tell("/_simulator/weather", {"p_failed": 0})
    assert work.state(job.job_id) == State.FAILED
    return job


def test_a_failed_job_is_bought_anew(work: Workbench) -> None:
    """Its record is set aside, the new purchase joins the old ones, and the new record is the next revision."""
    job = fail(work)
    (again,) = retry.failed(lines(job), work.ledger, work.shelf)
    assert again.twice_uusd == 0, "neither of the failures was billed"
    assert retry.retry_failed(again, work.ledger, work.shelf)
    assert work.state(job.job_id) == State.QUEUED
    assert work.shelf.record(job.job_id) is None
    work.submit()
    finish(work, job)
    record = work.record(job.job_id)
    assert (record.status, record.record_revision, record.attempts) == ("done", 2, 3)
    assert [(each.send, each.state) for each in record.purchases] == [(1, "failed"), (2, "failed"), (3, "succeeded")]
    kept = work.shelf.record(job.job_id, 1)
    assert kept is not None
    assert kept.status == "failed"
    assert work.money() == (0, 0, job.price_uusd)


def test_a_retry_that_broke_off_goes_on(work: Workbench) -> None:
    """After the record was set aside, and before the ledger was told: the same command finds what it needs."""
    job = fail(work)
    work.shelf.set_aside(work.record(job.job_id))
    (again,) = retry.failed(lines(job), work.ledger, work.shelf)
    assert retry.retry_failed(again, work.ledger, work.shelf)
    assert not retry.retry_failed(again, work.ledger, work.shelf), "a second time changes nothing"
    work.submit()
    finish(work, job)
    assert [each.send for each in work.record(job.job_id).purchases] == [1, 2, 3]
    assert len(work.bought(job)) == 3


def test_a_failure_that_only_the_store_knows_is_bought_under_a_new_send(work: Workbench) -> None:
    """A ledger that met the job as ended knows no send of it: the next one must not follow an old receipt."""
    job = fail(work)
    for field in ("sends", "fence", "job", "purchases", "attempts"):
        work.redis.hdel(f"wb:j:{job.job_id}", field)
    (again,) = retry.failed(lines(job), work.ledger, work.shelf)
    retry.retry_failed(again, work.ledger, work.shelf)
    work.submit()
    finish(work, job)
    assert [each.send for each in work.record(job.job_id).purchases] == [1, 2, 3]


def test_a_refusal_for_content_is_no_failure(work: Workbench) -> None:
    """It would be refused again: nothing of it is offered."""
    (job,) = work.order("a forbidden shoe")
    work.submit()
    work.watch(job.job_id)
    work.collect(job.job_id)
    assert work.state(job.job_id) == State.REFUSED
    assert list(retry.failed(lines(job), work.ledger, work.shelf)) == []


@pytest.fixture
def twins(fast_simulator: Simulator, open_worker: Callable[..., Workbench]) -> tuple[Workbench, Job, Job]:
    """Two look-alikes at DashScope, both lost: one was bought, one not, and nobody can tell which. Both are held."""
    work = open_worker(fast_simulator, "simulated-dashscope")
    (one,) = work.order()
    other = twin(work, one, seed=8)
    lose(work, one, "cut_after")
    lose(work, other, "cut_before")
    seek_until(work, lambda: work.redis.hget(f"wb:c:{CAMPAIGN}", "held") == "2")
    return work, one, other


def test_a_held_job_is_bought_anew_and_its_doubt_stays(twins: tuple[Workbench, Job, Job]) -> None:
    """The new purchase reserves its own money; what the lost submit may have cost is still counted beside it."""
    work, one, other = twins
    price = one.price_uusd
    again = list(retry.held(lines(one, other), work.ledger))
    assert [(each.job.job_id, each.twice_uusd) for each in again] == [(one.job_id, price), (other.job_id, price)]
    assert all(retry.retry_held(each, work.ledger, work.shelf) for each in again)
    assert not retry.retry_held(again[0], work.ledger, work.shelf), "a second time changes nothing"
    assert work.money() == (0, 2 * price, 0)
    work.submit()
    work.submit()
    assert work.money() == (2 * price, 2 * price, 0)
    finish(work, one)
    finish(work, other)
    assert work.money() == (0, 2 * price, 2 * price)


def test_what_another_account_may_have_made_is_no_doubt_of_this_campaign(work: Workbench) -> None:
    """A person buys it here as well: it cost this campaign nothing before, and is not looked for at this account."""
    (job,) = work.order()
    foreign_intent(work, job.job_id, "another")
    work.submit()
    work.redis.hincrby(f"wb:j:{job.job_id}", "sent_ms", -60_000)
    seek(work)
    (again,) = retry.held(lines(job), work.ledger)
    assert retry.retry_held(again, work.ledger, work.shelf)
    assert work.money() == (0, 0, 0)
    work.submit()
    finish(work, job)
    assert work.money() == (0, 0, job.price_uusd)


def test_the_doubt_is_settled_when_the_lost_task_is_found(twins: tuple[Workbench, Job, Job]) -> None:
    """One of the two submits had bought after all: it is surplus; the other's doubt is given back."""
    work, one, other = twins
    for each in retry.held(lines(one, other), work.ledger):
        retry.retry_held(each, work.ledger, work.shelf)
    for job in (one, other):
        work.submit()
        finish(work, job)
    seek_until(work, lambda: work.money() == (0, 0, 3 * one.price_uusd))
    status = work.ledger.status(CAMPAIGN)
    assert status is not None
    assert (status.surplus, status.in_doubt_usd) == (1, Decimal(0))
    known = {each.task_id for job in (one, other) for each in work.record(job.job_id).purchases}
    assert known == {each["task_id"] for each in work.bought(one)}


def test_jobs_still_looked_for_are_left_alone(work: Workbench) -> None:
    """Only what cannot be proved is offered to a person."""
    (job,) = work.order()
    lose(work, job, "cut_before")
    seek(work)
    assert list(retry.held(lines(job), work.ledger)) == []
    seek_until(work, decided(work, job))
