"""Lost submits at a provider that takes a key: sent again only where a person has proved that it buys nothing twice."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from jobs.lifecycle import State
from jobs.trial import ReplayTrial
from ledger.halt import halt
from tests.lost import finish, lose, meet, seek
from tests.services import Simulator
from tests.workbench import CAMPAIGN, Workbench

HELD = "the provider has no list of its tasks"


@pytest.fixture
def desk(fast_simulator: Simulator, open_worker: Callable[..., Workbench]) -> Iterator[Workbench]:
    """A worker at APIMart."""
    yield open_worker(fast_simulator, "simulated-apimart")
    fast_simulator.tell("/_simulator/weather", {"keys_ignored": False})


def tried(desk: Workbench, *, proved: bool, model: str = "wan2.6") -> None:
    """A person has tried what a repeat does."""
    desk.shelf.write_trial(
        ReplayTrial(
            account=desk.account, model=model, proved=proved, tried_at=datetime.now(UTC), tasks=("a", "a"),
            charged_usd=None, reason="as the test says",
        )
    )  # fmt: skip


@pytest.mark.parametrize("then", ["cut_after", "504_after", "garbage", "cut_before"])
def test_a_proved_key_decides_what_a_lost_submit_bought(desk: Workbench, then: str) -> None:
    """Whether or not the first POST bought: the repeat names the one task, which is adopted, made and paid."""
    tried(desk, proved=True)
    (job,) = desk.order()
    lose(desk, job, then)
    assert seek(desk).adopted == [job.job_id]
    (purchase,) = desk.bought(job)
    assert (desk.state(job.job_id), desk.row(job.job_id)["task"]) == (State.RENDERING, purchase["task_id"])
    assert desk.receipt(job.job_id) == "accepted"
    finish(desk, job)
    assert desk.money() == (0, 0, job.price_uusd)
    assert len(desk.bought(job)) == 1


def test_without_a_proof_a_lost_submit_is_held(desk: Workbench) -> None:
    """Nothing is sent again; nor where the trial failed, nor for another model than the one that was tried."""
    (job,) = desk.order()
    lose(desk, job, "cut_after")
    assert seek(desk).held == {job.job_id: HELD}
    tried(desk, proved=True, model="wan2.6-i2v-flash")
    assert seek(desk).held == {job.job_id: HELD}
    tried(desk, proved=False)
    assert seek(desk).held == {job.job_id: HELD}
    assert len(desk.bought(job)) == 1


def test_a_proof_serves_what_was_held_before(desk: Workbench) -> None:
    """A submit that was lost a moment before the proof is decided by it."""
    (job,) = desk.order()
    lose(desk, job, "cut_after")
    assert seek(desk).held
    tried(desk, proved=True)
    assert seek(desk).adopted == [job.job_id]
    assert len(desk.bought(job)) == 1


def test_a_key_that_may_have_expired_is_not_used(desk: Workbench) -> None:
    """Past the life of its key a repeat might buy: the submit is held."""
    tried(desk, proved=True)
    (job,) = desk.order()
    lose(desk, job, "cut_before")
    life_ms = 1000 * desk.counter.account.clock.ours_s(desk.counter.account.facts.replay_life_s)
    desk.redis.hincrby(f"wb:j:{job.job_id}", "sent_ms", -int(life_ms))
    assert seek(desk).held == {job.job_id: HELD}
    assert desk.bought(job) == []


def test_nothing_is_sent_again_while_buying_is_paused(desk: Workbench) -> None:
    """The first POST may not have bought, so a pause holds the repeat back; after it the repeat goes out."""
    tried(desk, proved=True)
    (job,) = desk.order()
    lose(desk, job, "cut_before")
    halt(desk.ledger, "pause", "campaign", CAMPAIGN)
    assert seek(desk).held == {job.job_id: "it is not sent again under its key: the campaign is not buying"}
    assert desk.bought(job) == []
    halt(desk.ledger, "resume", "campaign", CAMPAIGN)
    assert seek(desk).adopted == [job.job_id]
    assert len(desk.bought(job)) == 1


@pytest.mark.parametrize("then", ["cut_after", "503", "429"])
def test_a_repeat_without_an_acceptance_decides_nothing(desk: Workbench, then: str) -> None:
    """Lost again, or refused: the submit stays unknown, its money in doubt, and the next repeat tells."""
    tried(desk, proved=True)
    (job,) = desk.order()
    lose(desk, job, "cut_after")
    meet(desk, then)
    looked = seek(desk)
    assert "sent again under its key" in looked.waiting[job.job_id]
    assert desk.money() == (0, job.price_uusd, 0)
    desk.redis.hdel(f"wb:a:{desk.account}", "hold_ms")
    assert seek(desk).adopted == [job.job_id]
    assert len(desk.bought(job)) == 1


def test_a_refusal_of_the_repeat_proves_nothing_of_the_first(desk: Workbench) -> None:
    """A key that is refused by now says nothing of what it had bought: held, with the provider's words."""
    tried(desk, proved=True)
    (job,) = desk.order()
    lose(desk, job, "cut_after")
    desk.at(key="nobody")
    assert seek(desk).held == {job.job_id: "sent again under its key, and told: invalid API key"}
    assert desk.state(job.job_id) == State.UNKNOWN


def test_a_file_of_ones_own_keeps_the_key_from_being_used(desk: Workbench) -> None:
    """It would go along under another link, which is another body: the submit is held, and says why."""
    tried(desk, proved=True)
    (job,) = desk.order()
    lose(desk, job, "cut_before")
    render = job.render.model_copy(update={"audio_track": f"media:{'0' * 64}.mp3"})
    desk.redis.hset(f"wb:j:{job.job_id}", "job", job.model_copy(update={"render": render}).model_dump_json())
    assert "a file of one's own" in seek(desk).held[job.job_id]
    assert desk.bought(job) == []
