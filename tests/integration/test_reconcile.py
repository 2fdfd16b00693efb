"""Submits whose answer was lost, on a real ledger, store and simulator: the provider's purchase list is the judge."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from jobs.job import Job
from jobs.lifecycle import Move, State
from jobs.outcome import Done, Unknown
from jobs.record import JobRecord
from ledger.gates import unlimited
from ledger.lost import LostSends
from ledger.orders import Claim, Order
from tests.lost import decided, finish, foreign_intent, lose, meet, seek, seek_until, twin
from tests.services import Simulator
from tests.workbench import CAMPAIGN, Workbench
from worker import lookup, reconcile

ACCOUNTS = ("simulated-segmind", "simulated-dashscope")


@pytest.fixture(autouse=True)
def fair_weather(fast_simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is on the wire for long here; and what a test does to the weather is over after it."""
    monkeypatch.setattr(lookup, "ON_THE_WIRE_S", 0.2)
    yield
    fast_simulator.tell("/_simulator/weather", {"late_history_s": 0, "p_failed": 0, "render_mean_s": 60})


@pytest.fixture(params=ACCOUNTS)
def desk(request: pytest.FixtureRequest, fast_simulator: Simulator, open_worker: Callable[..., Workbench]) -> Workbench:
    """A worker at each provider in turn."""
    return open_worker(fast_simulator, request.param)


@pytest.mark.parametrize("then", ["cut_after", "504_after", "garbage", "html"])
def test_a_lost_answer_is_adopted(desk: Workbench, then: str) -> None:
    """The task that was bought is found in the provider's list, finished and paid; nothing is bought again."""
    (job,) = desk.order()
    lose(desk, job, then)
    assert desk.money() == (0, job.price_uusd, 0)
    seek_until(desk, decided(desk, job))
    row, (purchase,) = desk.row(job.job_id), desk.bought(job)
    assert (row["state"], row["task"]) == ("rendering", purchase["task_id"])
    assert desk.money() == (job.price_uusd, 0, 0)
    finish(desk, job)
    assert [each.task_id for each in desk.record(job.job_id).purchases] == [purchase["task_id"]]
    assert desk.receipt(job.job_id) == "accepted"
    assert len(desk.bought(job)) == 1


def test_what_was_never_bought_is_proved_by_two_looks_and_bought_once(desk: Workbench) -> None:
    """The first look proves nothing; one after the settle time does, and the next send buys."""
    (job,) = desk.order()
    lose(desk, job, "cut_before")
    first = seek(desk)
    assert (first.waiting, first.absent) == ({job.job_id: "the provider's list shows no task of it"}, [])
    seek_until(desk, decided(desk, job))
    assert desk.state(job.job_id) == State.QUEUED
    assert desk.money() == (0, 0, 0)
    assert desk.receipt(job.job_id) == "absent"
    desk.submit()
    finish(desk, job)
    assert len(desk.bought(job)) == 1
    assert [each.send for each in desk.record(job.job_id).purchases] == [2]


def ended(work: Workbench, job: Job, status: str) -> None:
    """The record that another ledger wrote of it, from another account."""
    at = datetime.now(UTC)
    work.shelf.write_record(
        JobRecord.model_validate(
            {
                "tool_version": "0", "job_id": job.job_id, "status": status, "attempts": 1, "polls": 1,
                "provider": "dashscope", "account": "another", "region": None, "purchases": (), "task_id": "t",
                "submitted_at": at, "completed_at": at, "stored_at": at, "queue_wait_s": 0, "render_s": 1,
            }
        )
    )  # fmt: skip


@pytest.mark.parametrize("receipt", [{}, {"outcome": "accepted", "task_id": "theirs"}])
def test_a_send_at_another_account_stands_until_its_record(work: Workbench, receipt: dict[str, str]) -> None:
    """Its task cannot be asked for here, and that no list shows it proves nothing: it is neither polled nor bought."""
    (job,) = work.order()
    foreign_intent(work, job.job_id, "another", **receipt)
    assert isinstance(work.submit()[1], Unknown)
    assert list(seek(work).waiting) == [job.job_id]
    work.redis.hincrby(f"wb:j:{job.job_id}", "sent_ms", -60_000)
    for _ in range(2):
        assert seek(work).held == {job.job_id: "another ledger buys it at another; its record is awaited"}
    assert (work.state(job.job_id), work.money()) == (State.UNKNOWN, (0, job.price_uusd, 0))
    ended(work, job, "done")
    seek(work)
    assert (work.state(job.job_id), work.money(), work.bought(job)) == (State.DONE, (0, 0, 0), [])


def test_a_send_that_failed_at_another_account_lets_this_one_buy(work: Workbench) -> None:
    """The other ledger's record says that no video came of it."""
    (job,) = work.order()
    foreign_intent(work, job.job_id, "another", outcome="accepted", task_id="theirs")
    work.submit()
    ended(work, job, "failed")
    assert seek(work).absent == [job.job_id]
    assert work.submit()[1] == Done()
    assert (work.row(job.job_id)["sends"], len(work.bought(job))) == ("2", 1)


def test_one_look_however_late_proves_nothing(desk: Workbench) -> None:
    """A worker that comes back after a day looks twice, too."""
    (job,) = desk.order()
    lose(desk, job, "cut_before")
    desk.redis.hincrby(f"wb:j:{job.job_id}", "sent_ms", -60_000)
    assert seek(desk).absent == []
    assert seek(desk).absent == [job.job_id]


def test_a_list_that_shows_late_rows_is_waited_for(desk: Workbench) -> None:
    """The task is there and the list does not show it yet: it is not bought again in the meantime."""
    desk.simulator.tell("/_simulator/weather", {"late_history_s": 500})
    (job,) = desk.order()
    lose(desk, job, "cut_after")
    assert seek(desk).waiting
    assert desk.state(job.job_id) == State.UNKNOWN
    seek_until(desk, decided(desk, job))
    assert desk.state(job.job_id) == State.RENDERING
    assert len(desk.bought(job)) == 1


def test_a_list_that_does_not_answer_proves_nothing(desk: Workbench) -> None:
    """However often: only whole lists count."""
    (job,) = desk.order()
    lose(desk, job, "cut_before")
    desk.redis.hincrby(f"wb:j:{job.job_id}", "sent_ms", -60_000)
    for then in ("500", "html", "garbage", "429"):
        meet(desk, then, on="list")
        assert seek(desk).waiting == {job.job_id: "the provider's list of tasks did not answer"}, then
    assert desk.state(job.job_id) == State.UNKNOWN


def test_what_the_list_has_forgotten_is_held(desk: Workbench) -> None:
    """A send that is older than the list goes back: that no task is shown proves nothing, however often one looks."""
    (job,) = desk.order()
    lose(desk, job, "cut_before")
    memory_s = desk.counter.account.clock.ours_s(desk.counter.account.provider.memory_s)
    desk.redis.hincrby(f"wb:j:{job.job_id}", "sent_ms", -int((memory_s + 600) * 1000))
    for _ in range(3):
        assert "older than the provider's list" in seek(desk).held[job.job_id]
    status = desk.ledger.status(CAMPAIGN)
    assert status is not None
    assert (status.held, status.settled) == (1, True)


def test_what_is_held_for_long_keeps_nothing_else_from_being_decided(work: Workbench) -> None:
    """A list that goes back to an old held submit may be too long to read: today's are looked for without it."""
    (old,) = work.order()
    lose(work, old, "cut_before")
    work.redis.hincrby(f"wb:j:{old.job_id}", "sent_ms", -30 * 86_400_000)
    assert old.job_id in seek(work).held
    (new,) = work.order()
    lose(work, new, "cut_after")
    looked = seek(work)
    assert looked.adopted == [new.job_id]
    assert looked.held == {}, "it was not looked for"
    assert old.job_id in seek(work).held


def test_a_provider_without_a_list_holds_for_a_person(work: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be proved where nothing can be asked."""
    monkeypatch.setattr(type(work.counter.account.provider), "memory_s", 0.0)
    (job,) = work.order()
    lose(work, job, "cut_after")
    assert seek(work).held == {job.job_id: "the provider has no list of its tasks"}
    assert work.state(job.job_id) == State.UNKNOWN


def test_segmind_tells_twins_apart_by_their_seeds(work: Workbench) -> None:
    """Two videos of one prompt, both lost, one of them bought: each job gets what is its own."""
    (bought,) = work.order()
    absent = twin(work, bought, seed=8)
    lose(work, bought, "cut_after")
    lose(work, absent, "cut_before")
    seek_until(work, decided(work, bought, absent))
    assert (work.state(bought.job_id), work.state(absent.job_id)) == (State.RENDERING, State.QUEUED)
    (purchase,) = work.bought(bought)
    assert purchase["input"]["seed"] == bought.seed
    assert work.row(bought.job_id)["task"] == purchase["task_id"]


def test_dashscope_never_crosses_twins(fast_simulator: Simulator, open_worker: Callable[..., Workbench]) -> None:
    """Its list tells no seed: two lost twins are held, and the reason says what a person has to look at."""
    work = open_worker(fast_simulator, "simulated-dashscope")
    (one,) = work.order()
    other = twin(work, one, seed=8)
    lose(work, one, "cut_after")
    lose(work, other, "cut_after")
    seek_until(work, lambda: work.redis.hget(f"wb:c:{CAMPAIGN}", "held") == "2")
    assert "look alike to the provider" in work.row(one.job_id)["look"]
    status = work.ledger.status(CAMPAIGN)
    assert status is not None
    assert status.settled
    assert "`wanbatch retry spring --unknown`" in status.needs[0]
    assert work.money() == (0, 2 * one.price_uusd, 0)


def test_a_twin_that_is_rendering_is_no_candidate(desk: Workbench) -> None:
    """A task that a job has is never another's, however alike they look."""
    (mine,) = desk.order()
    desk.submit()
    other = twin(desk, mine, seed=8)
    lose(desk, other, "cut_before")
    seek_until(desk, decided(desk, other))
    assert desk.state(other.job_id) == State.QUEUED
    finish(desk, mine)


def test_a_twin_on_the_wire_is_waited_for(desk: Workbench) -> None:
    """While a look-alike is being submitted its task may be in the list already, and nobody's yet."""
    (lost,) = desk.order()
    other = twin(desk, lost, variant_id="another take")
    lose(desk, lost, "cut_before")
    claim = desk.claim()
    assert desk.ledger.send(claim, unlimited(desk.counter.policy), token="t", send=1)[0] == "go"
    call = desk.counter.account.provider.submit_call(other, desk.counter.account.endpoint, "other:1")
    desk.shop.wire.post(call)
    assert seek(desk).waiting == {lost.job_id: "a submit that looks alike is on the wire"}
    assert desk.row(lost.job_id)["misses"].endswith(":0")
    desk.redis.zadd(f"wb:due:{desk.account}", {other.job_id: 1})
    desk.ledger.lease(desk.account, desk.counter.policy, most=9, rings=9)
    assert desk.state(other.job_id) == State.UNKNOWN


def test_k_lost_submits_of_one_body_get_k_tasks(work: Workbench) -> None:
    """Takes with one seed send one body: each gets a task, whichever, and one that bought nothing gets none."""
    (one,) = work.order()
    two, three = twin(work, one, variant_id="take 2"), twin(work, one, variant_id="take 3")
    lose(work, one, "cut_after")
    lose(work, two, "cut_before")
    lose(work, three, "cut_after")
    seek_until(work, decided(work, one, two, three))
    states = [work.state(job.job_id) for job in (one, two, three)]
    assert sorted(states) == [State.QUEUED, State.RENDERING, State.RENDERING]
    tasks = {work.row(job.job_id).get("task") for job in (one, two, three)} - {None}
    assert tasks == {each["task_id"] for each in work.bought(one)}


def test_more_tasks_than_submits_are_for_a_person(work: Workbench) -> None:
    """Somebody else bought the very same with this account: whose is whose cannot be proved."""
    (job,) = work.order()
    lose(work, job, "cut_after")
    account = work.counter.account
    work.shop.wire.post(account.provider.submit_call(job, account.endpoint, "job:1"))
    looked = seek(work)
    assert "more tasks look like it than were submitted" in looked.held[job.job_id]


def test_a_receipt_is_asked_before_the_provider(desk: Workbench) -> None:
    """A worker that reached the store and not the ledger has told all there is to know."""
    (job,) = desk.order()
    lose(desk, job, "cut_after")
    (purchase,) = desk.bought(job)
    row = desk.row(job.job_id)
    desk.shelf.write_receipt(lookup.receipt(job.job_id, row, "accepted", task_id=purchase["task_id"]))
    meet(desk, "500", on="list")
    assert seek(desk).adopted == [job.job_id]
    (other,) = desk.order()
    lose(desk, other, "cut_before")
    desk.shelf.write_receipt(lookup.receipt(other.job_id, desk.row(other.job_id), "rejected"))
    assert seek(desk).absent == [other.job_id]


def test_a_claimed_task_is_not_adopted_again(work: Workbench) -> None:
    """Not even on the word of a receipt."""
    (job,) = work.order()
    lose(work, job, "cut_before")
    work.redis.hset(f"wb:tasks:{work.account}", "task-1", "somebody else")
    work.shelf.write_receipt(lookup.receipt(job.job_id, work.row(job.job_id), "accepted", task_id="task-1"))
    assert seek(work).adopted == []
    assert work.state(job.job_id) == State.UNKNOWN


def test_a_late_answer_beats_the_look(work: Workbench) -> None:
    """The worker was only slow: its own answer counts, and the look finds nothing left to decide."""
    (job,) = work.order()
    claim = lose(work, job, "cut_after")
    held = Claim(claim.job_id, work.row(job.job_id)["fence"])
    (purchase,) = work.bought(job)
    accept = Order(
        move=Move.ACCEPT,
        to=State.RENDERING,
        claim=held,
        due_s=1,
        answered=True,
        task=purchase["task_id"],
        set={"task": purchase["task_id"]},
    )
    assert work.ledger.move(accept).ok
    looked = seek(work)
    assert (looked.adopted, looked.waiting, looked.held) == ([], {}, {})
    assert work.state(job.job_id) == State.RENDERING


def test_a_task_that_turns_up_too_late_is_surplus(work: Workbench) -> None:
    """Proved absent, bought anew, and then the first task shows after all: it is told, counted and paid, once."""
    work.simulator.tell("/_simulator/weather", {"late_history_s": 2000})
    (job,) = work.order()
    lose(work, job, "cut_after")
    seek_until(work, decided(work, job))
    assert work.state(job.job_id) == State.QUEUED
    work.submit()
    finish(work, job)
    work.simulator.tell("/_simulator/weather", {"late_history_s": 0})
    seek(work)
    seek(work)
    status = work.ledger.status(CAMPAIGN)
    assert status is not None
    assert (status.surplus, status.spent_usd) == (1, Decimal("1.25"))
    assert "ask for a refund" in status.needs[0]
    record = work.record(job.job_id)
    assert [each.state for each in record.purchases] == ["succeeded", "surplus"]
    assert record.record_revision == 2
    assert {each.task_id for each in record.purchases} == {each["task_id"] for each in work.bought(job)}
    assert sum(each.cost_usd or 0 for each in record.purchases) == Decimal("1.25")


def test_a_surplus_is_in_the_record_of_a_job_that_has_not_ended_yet(work: Workbench) -> None:
    """It turns up while the second purchase renders: the record has both from the start."""
    work.simulator.tell("/_simulator/weather", {"late_history_s": 2000})
    (job,) = work.order()
    lose(work, job, "cut_after")
    seek_until(work, decided(work, job))
    work.submit()
    work.simulator.tell("/_simulator/weather", {"late_history_s": 0})
    assert seek(work).surplus == [job.job_id]
    live = work.ledger.live([job.job_id])[job.job_id]
    assert [each.state for each in live.purchases] == ["rendering", "surplus"]
    finish(work, job)
    assert [each.state for each in work.record(job.job_id).purchases] == ["succeeded", "surplus"]
    assert work.money() == (0, 0, 1_250_000)


def test_what_was_freed_is_not_looked_for_for_ever(work: Workbench) -> None:
    """A few looks, each after twice the wait, and then no more."""
    (job,) = work.order()
    lose(work, job, "cut_before")
    seek_until(work, decided(work, job))
    lost = LostSends(work.ledger)
    assert [each.name for each in lost.watched(work.account)] == [f"{job.job_id}:1"]
    for _ in range(6):
        seek(work)
    assert lost.watched(work.account) == []
    assert work.redis.zcard(f"wb:freed:{work.account}") == 0


def test_one_worker_at_a_time_looks(work: Workbench) -> None:
    """A second one finds the account taken, and for a second afterwards, so that lists are not asked for twice."""
    (job,) = work.order()
    lose(work, job, "cut_before")
    seek(work)
    other = LostSends(work.ledger)
    assert not other.begin(work.account)
    assert 0 < work.redis.pttl(f"wb:looking:{work.account}") <= 1000


def test_a_list_that_falls_silent_keeps_no_other_worker_from_looking(
    work: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one worker waits in vain for the provider's list, the next one may ask it too."""
    monkeypatch.setattr(reconcile, "SILENT_S", 0.1)
    (job,) = work.order()
    lose(work, job, "cut_after")
    meet(work, "hang_before", on="list")
    other = LostSends(work.ledger)
    with ThreadPoolExecutor() as pool:
        silent = pool.submit(seek, work)
        while not work.redis.exists(f"wb:looking:{work.account}"):
            assert not silent.done()
        while not other.begin(work.account):
            assert not silent.done()
            work.shop.stopping.wait(0.05)
        assert silent.result().waiting == {job.job_id: "the provider's list of tasks did not answer"}
    seek_until(work, decided(work, job))
    assert work.state(job.job_id) == State.RENDERING


def test_the_pump_is_told_of_lost_submits_once(work: Workbench) -> None:
    """One row a look stands for all lost sends of the account, and they keep their fences."""
    jobs = work.order(count=3)
    for job in jobs:
        lose(work, job, "cut_before")
    fences = [work.row(job.job_id)["fence"] for job in jobs]
    for job in jobs:
        work.redis.zadd(f"wb:due:{work.account}", {job.job_id: 1})
    rows = work.ledger.lease(work.account, work.counter.policy, most=9, rings=9)
    assert [row.state for row in rows] == ["unknown"]
    assert [work.row(job.job_id)["fence"] for job in jobs] == fences
    work.ledger.hold(work.account)
    assert work.ledger.lease(work.account, work.counter.policy, most=9, rings=9) == []
