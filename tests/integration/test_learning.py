"""How long renders last is learned on the way: with the move that ends one, by whatever worker, and for all of them."""

import random
from collections.abc import Callable
from statistics import fmean
from typing import Any

import pytest

from jobs.lifecycle import Move, State
from jobs.looks import ENOUGH_KNOWN, LAST_LATE_S
from jobs.outcome import Done
from jobs.rendertimes import MOST_KNOWN, RenderTimes, cell, cell_s, known, remembered
from ledger.orders import Claim, Due, Order
from ledger.rendertimes import read_times
from tests.books import Bench
from tests.services import Simulator
from tests.workbench import Workbench
from worker.patience import MORE_KNOWN

KIND = "t2v-standard-720p-5s"


def teach(work: Workbench, render_s: float, count: int) -> None:
    """Let the ledger remember so many renders of that length in the provider's seconds."""
    key = f"wb:renders:{work.account}:{KIND}"
    work.redis.hset(key, mapping={str(cell(render_s)): count, "known": count})


def due(**changes: Any) -> Due:
    """A render that was last seen running at 10 s and is looked at now, at 14 s of ours."""
    usual = Due("a", "rendering", "f:1", 0, "t", 2, 1, "[]", "", "", KIND, "10000", "14000")
    return usual._replace(**changes)


def test_the_ledger_counts_as_the_rule_says(bench: Bench) -> None:
    """After any number of ends the counts are those of `remembered`, halved as often, their sum beside them."""
    dice = random.Random(1)
    expected: RenderTimes = {}
    bench.stock("spring", 1)
    claim = bench.reach(State.RENDERING)
    for _ in range(2 * MOST_KNOWN):
        length_s = dice.lognormvariate(5.2, 0.3)
        expected = remembered(expected, length_s)
        order = Order(move=Move.WAIT, to=State.RENDERING, claim=claim, due_s=9, lasted=(KIND, cell(length_s)))
        assert bench.ledger.move(order).ok
        assert bench.ledger.move(order).ok, "a repeat is told what the first one did, and counts nothing"
    assert read_times(bench.ledger, bench.account, [KIND, "another"]) == [expected, {}]
    assert bench.redis.hget(f"wb:renders:{bench.account}:{KIND}", "known") == str(known(expected))


def test_a_render_that_ends_is_remembered_once(work: Workbench) -> None:
    """Its length, told by the provider or seen by us, is counted with the look that found it, and never again."""
    (job,) = work.order()
    work.submit()
    assert work.row(job.job_id)["kind"] == KIND
    work.watch(job.job_id)
    (times,) = read_times(work.ledger, work.account, [KIND])
    assert known(times) == 1
    row = work.row(job.job_id)
    assert "kind" not in row
    claim = Claim(job.job_id, row["fence"])
    work.ledger.move(Order(move=Move.COLLECT, to=State.COLLECTING, claim=claim))
    work.ledger.move(Order(move=Move.REFRESH, to=State.RENDERING, claim=claim, due_s=0, delete=("result",)))
    work.watch(job.job_id)
    assert work.collect(job.job_id) == Done()
    assert read_times(work.ledger, work.account, [KIND]) == [times]


def test_what_fails_or_was_bought_elsewhere_teaches_nothing(work: Workbench) -> None:
    """A failure ends early, and a render that an older version bought began nobody knows when."""
    (job,) = work.order()
    work.submit()
    work.redis.hdel(f"wb:j:{job.job_id}", "kind", "ran_ms", "look_ms")
    work.watch(job.job_id)
    assert read_times(work.ledger, work.account, [KIND]) == [{}]
    assert work.collect(job.job_id) == Done()


def test_waits_follow_what_the_ledger_remembers(work: Workbench) -> None:
    """Once enough renders are known the first look is planned for their end; a memory that is gone ends that."""
    patience, clock = work.counter.patience, work.counter.account.clock
    documented_s = clock.ours_s(work.counter.account.facts.cadence.first_s)
    work.order()
    teach(work, 187, ENOUGH_KNOWN - 1)
    assert patience.wait_s(KIND, 0, 0) == pytest.approx(documented_s, rel=0.21)
    patience.renew(work.ledger)
    assert patience.wait_s(KIND, 0, 0) == pytest.approx(documented_s, rel=0.21)
    teach(work, 187, ENOUGH_KNOWN + MORE_KNOWN)
    patience.renew(work.ledger)
    assert 150 < clock.theirs_s(patience.wait_s(KIND, 0, 0)) < 210
    work.redis.delete(f"wb:renders:{work.account}:{KIND}")
    patience.renew(work.ledger)
    assert patience.wait_s(KIND, 0, 0) == pytest.approx(documented_s, rel=0.21)


def test_the_last_renders_are_looked_after_more_closely(work: Workbench) -> None:
    """While work waits for the account looks are rare; where few renders are under way and none follows, less so."""
    patience = work.counter.patience
    work.order()
    for length_s in range(120, 260, 2):
        teach(work, length_s, 3)
    patience.wait_s(KIND, 0, 0)
    patience.renew(work.ledger)
    usual_s = fmean(patience.wait_s(KIND, 0, 0) for _ in range(100))
    work.submit()
    assert work.ledger.claim(work.account, work.counter.policy, most=1, most_waiting=9) == []
    patience.renew(work.ledger)
    assert fmean(patience.wait_s(KIND, 0, 0) for _ in range(100)) < 0.98 * usual_s
    clock = work.counter.account.clock
    assert clock.theirs_s(patience.wait_s(KIND, 9, clock.ours_s(400))) <= 2 * LAST_LATE_S


@pytest.mark.parametrize("provider", ["fal", "dashscope"])
def test_what_stands_in_the_queue_has_not_begun(
    simulator: Callable[..., Simulator], open_worker: Callable[..., Workbench], provider: str
) -> None:
    """However long it waits there it is past no deadline, and its looks and its length count from the queue's end."""
    work = open_worker(
        simulator("--speed", "60", "--queue-s", "7200", "--render-mean-s", "1200", "--render-cv", "0"),
        f"simulated-{provider}",
    )
    (job,) = work.order()
    work.submit()
    cadence = work.counter.cadence
    late_ms = str(int((cadence.deadline_s + 60) * 1000))
    work.redis.hset(f"wb:j:{job.job_id}", mapping={"look_ms": late_ms, "ran_ms": late_ms})
    assert work.look(job.job_id).ok
    row = work.row(job.job_id)
    assert (row["state"], row["ran_ms"]) == ("rendering", "0")
    assert 0 < int(row["look_ms"]) < cadence.deadline_s * 1000
    (begun,) = work.order()
    work.simulator.tell("/_simulator/weather", {"queue_s": 0})
    work.submit()
    work.redis.hset(f"wb:j:{begun.job_id}", mapping={"look_ms": late_ms, "ran_ms": late_ms})
    assert work.look(begun.job_id).ok
    assert "no end after 1800 s" in work.row(begun.job_id)["result"]


def test_only_what_was_met_is_read_again(work: Workbench) -> None:
    """A worker without renders of a kind does not ask the ledger about it."""
    patience = work.counter.patience
    patience.wait_s(KIND, 0, 0)
    patience.renew(work.ledger)
    teach(work, 187, ENOUGH_KNOWN)
    patience.renew(work.ledger)
    assert patience.wait_s(KIND, 0, 0) < work.counter.account.clock.ours_s(60)


def test_a_length_is_what_the_looks_leave_open(work: Workbench) -> None:
    """Between the last look that said running and the first that said ended, lateness of that look included."""
    patience, clock = work.counter.patience, work.counter.account.clock

    def length_s(told_s: float | None = None, **changes: Any) -> float:
        lasted = patience.lasted(due(**changes), told_s)
        assert lasted is not None
        assert lasted[0] == KIND
        return clock.ours_s(cell_s(lasted[1]))

    for _ in range(20):
        assert 9.7 < length_s() < 14.4
        assert 9.7 < length_s(late_ms=2000) < 16.4
    assert length_s(clock.theirs_s(12.3)) == pytest.approx(12.3, rel=0.03)
    assert length_s(clock.theirs_s(7)) == pytest.approx(10, rel=0.03), "what a provider counts may leave its queue out"
    assert length_s(clock.theirs_s(700)) == pytest.approx(14, rel=0.03)


def test_a_look_that_comes_far_too_late_teaches_nothing(work: Workbench) -> None:
    """After an outage of the workers nobody knows when a render ended, unless the provider tells."""
    patience = work.counter.patience
    assert patience.lasted(due(late_ms=4001), None) is None
    assert patience.lasted(due(late_ms=4001), 700.0) is not None
    assert patience.lasted(due(kind=""), 700.0) is None


def test_age_is_counted_in_waits(work: Workbench) -> None:
    """A clock that jumps by an hour ages a render by no more than the wait before it."""
    patience = work.counter.patience
    assert patience.age_s(due()) == 14
    assert patience.age_s(due(late_ms=500)) == 14.5
    assert patience.age_s(due(late_ms=3_600_000)) == 18
    older = due(look_ms="", ran_ms="", polls=3)
    assert 0 < patience.age_s(older) < 14


def test_a_wait_is_kept_with_the_job(work: Workbench) -> None:
    """The ages at which it was seen running, and at which its next look is planned, stand beside it for any worker."""
    (job,) = work.order()
    work.submit()
    planned = int(work.row(job.job_id)["look_ms"])
    assert planned > 0
    work.simulator.tell("/_simulator/next", {"on": "status", "then": "503", "times": 1})
    assert work.look(job.job_id).ok
    row = work.row(job.job_id)
    assert (row["state"], row["ran_ms"]) == (State.RENDERING, "0"), "no news is no sign of life"
    assert planned < int(row["look_ms"])
