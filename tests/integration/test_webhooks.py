"""Webhooks at a worker's steps, on a real ledger, store and simulator: what is asked for, what a call brings about."""

from collections.abc import Callable

import pytest

from jobs.job import Job
from jobs.lifecycle import State
from jobs.rendertimes import cell_s, kind_of
from ledger.hints import Hint, give_hint
from ledger.orders import Due
from ledger.rendertimes import read_times
from providers.webhooks import About
from tests.lost import finish, lose, seek
from tests.services import Simulator
from tests.workbench import Workbench

#: Nobody listens there: calls are made by hand here.
NOBODY = "http://127.0.0.1:9/hooks"


@pytest.fixture
def desk(
    request: pytest.FixtureRequest,
    fast_simulator: Simulator,
    open_worker: Callable[..., Workbench],
    monkeypatch: pytest.MonkeyPatch,
) -> Workbench:
    """A worker at the account that a test names, which asks to be called."""
    monkeypatch.setenv("WANBATCH_WEBHOOK_SECRET", "a secret of these tests")
    monkeypatch.setenv("WANBATCH_WEBHOOK_URL", NOBODY)
    monkeypatch.setenv("REPLICATE_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    return open_worker(fast_simulator, request.param)


def due(desk: Workbench) -> list[Due]:
    """What is due now."""
    return desk.ledger.lease(desk.account, desk.counter.policy, most=5, rings=5)


def asked(desk: Workbench) -> int:
    """Questions after renders that the provider has counted."""
    polls: int = desk.simulator.ask("/_simulator/stats")[desk.account.removeprefix("simulated-")]["polls"]
    return polls


def call(desk: Workbench, job: Job, task_id: str | None = None, *, delivery: str = "d1") -> str:
    """A proved call about the job's first send."""
    return give_hint(desk.ledger, Hint(desk.account, job.job_id, 1, f"{job.job_id}-{delivery}", task_id), 600)


@pytest.mark.parametrize("desk", ["simulated-replicate", "simulated-fal"], indirect=True)
def test_a_call_has_a_render_looked_at_at_once(desk: Workbench) -> None:
    """The order names where to call; the one look comes with the call, and its length is learned by it."""
    (job,) = desk.order()
    desk.submit()
    (bought,) = desk.bought(job)
    assert desk.counter.addresses is not None
    where = desk.counter.addresses.of(About(desk.account, job.job_id, 1))
    if desk.account == "simulated-replicate":
        assert bought["input"]["webhook"] == where
    while desk.bought(job)[0]["state"] == "rendering":
        desk.shop.stopping.wait(0.01)
    assert due(desk) == []
    assert call(desk, job) == "looked at"
    (found,) = due(desk)
    before = asked(desk)
    assert desk.look(job.job_id).ok
    assert asked(desk) - before == 1
    assert (desk.state(job.job_id), desk.row(job.job_id)["polls"]) == (State.READY, "1")
    # What is remembered is no longer than it was told of after, though the look was planned for much later.
    age_s = desk.counter.account.clock.theirs_s(int(found.look_ms) / 1000)
    (times,) = read_times(desk.ledger, desk.account, [kind_of(job.render)])
    assert [cell_s(length) < age_s + 60 for length in times] == [True]


@pytest.mark.parametrize("desk", ["simulated-replicate", "simulated-fal"], indirect=True)
@pytest.mark.parametrize("failed", [0, 1])
def test_a_call_that_comes_too_soon_is_no_end(desk: Workbench, failed: int) -> None:
    """What has not ended goes on, and its end, good or bad, is found as without the call."""
    desk.simulator.tell("/_simulator/weather", {"render_mean_s": 600, "p_failed": failed})
    (job,) = desk.order()
    desk.submit()
    desk.simulator.tell("/_simulator/weather", {"render_mean_s": 60, "p_failed": 0})
    assert call(desk, job) == "looked at"
    assert desk.look(job.job_id).ok
    assert (desk.state(job.job_id), desk.row(job.job_id)["polls"]) == (State.RENDERING, "1")
    while desk.bought(job)[0]["state"] == "rendering":
        desk.shop.stopping.wait(0.01)
    assert desk.look(job.job_id).ok
    assert desk.state(job.job_id) in ((State.QUEUED, State.READY) if failed else (State.READY,))


@pytest.mark.parametrize("desk", ["simulated-toapis", "simulated-apimart"], indirect=True)
def test_a_lost_submit_is_found_by_the_call_that_names_its_task(desk: Workbench) -> None:
    """Where no list tells of tasks a call does: the provider is asked whether it has that one, and it is adopted."""
    (job,) = desk.order()
    lose(desk, job, "cut_after")
    assert job.job_id in seek(desk).held
    (bought,) = desk.bought(job)
    assert call(desk, job, bought["task_id"]) == "looked at"
    assert [each.state for each in due(desk)] == [State.UNKNOWN]
    assert seek(desk).adopted == [job.job_id]
    row = desk.row(job.job_id)
    assert (row["state"], row["task"]) == (State.RENDERING, bought["task_id"])
    finish(desk, job)
    assert len(desk.bought(job)) == 1
    assert desk.receipt(job.job_id) == "accepted"


@pytest.mark.parametrize("desk", ["simulated-toapis"], indirect=True)
def test_a_task_that_the_provider_does_not_know_is_not_adopted(desk: Workbench) -> None:
    """A call may name anything; only what the provider tells of counts."""
    (job,) = desk.order()
    lose(desk, job, "cut_before")
    call(desk, job, "video_of_nobody")
    assert job.job_id in seek(desk).held
    assert desk.state(job.job_id) == State.UNKNOWN
