"""Leases on a real Valkey: whatever a dead worker left is taken up again, and what cannot be known is held."""

import pytest

from jobs.lifecycle import Move, State
from ledger.orders import Claim, Due, Order
from tests.books import ACCOUNT, FREE, Bench, gates


def lease(bench: Bench, *, most: int = 10, rings: int = 10, longest_s: float = 1000.0) -> list[Due]:
    """What is due now."""
    return bench.ledger.lease(ACCOUNT, gates(longest_s=longest_s), most=most, rings=rings)


def lapsed(bench: Bench, state: State) -> Claim:
    """A job in that state whose worker has not been heard of for too long."""
    bench.stock("spring", 1)
    claim = bench.reach(state)
    bench.now_due(claim.job_id)
    return claim


def test_a_dead_workers_claim_goes_back_to_the_queue(bench: Bench) -> None:
    """Nothing was sent: slot and money are free, and the old claim is worth nothing."""
    claim = lapsed(bench, State.CLAIMED)
    assert lease(bench) == []
    assert bench.state(claim.job_id) == State.QUEUED
    assert bench.money("spring") == (0, 0, 0)
    assert bench.ledger.send(claim, FREE, token="t", send=1)[:2] == ("stop", "the claim is gone")
    (again,) = bench.claim()
    assert again.job_id == claim.job_id
    assert bench.ledger.send(claim, FREE, token="t", send=1)[0] == "stop"


def test_a_dead_workers_submit_is_unknown(bench: Bench) -> None:
    """Nobody can know whether it arrived: the money is in doubt, the slot held, and nobody buys the job again."""
    claim = lapsed(bench, State.SUBMITTING)
    assert lease(bench) == []
    assert bench.state(claim.job_id) == State.UNKNOWN
    assert bench.money("spring") == (0, 100, 0)
    assert bench.redis.smembers(f"wb:slots:{ACCOUNT}") == {claim.job_id}
    assert bench.claim() == []
    assert "died while it was sending" in bench.ledger.job(claim.job_id)["trouble"]


def test_an_unknown_jobs_slot_is_free_after_the_longest_render(bench: Bench) -> None:
    """The provider renders it no more by then, however late its POST arrived; the money stays in doubt."""
    claim = lapsed(bench, State.SUBMITTING)
    lease(bench, longest_s=50)
    bench.now_due(claim.job_id)
    lease(bench, longest_s=50)
    assert bench.redis.scard(f"wb:slots:{ACCOUNT}") == 1
    bench.redis.hincrby(f"wb:j:{claim.job_id}", "sent_ms", -80_000)
    bench.now_due(claim.job_id)
    lease(bench, longest_s=50)
    assert bench.redis.scard(f"wb:slots:{ACCOUNT}") == 0
    assert bench.money("spring") == (0, 100, 0)
    assert bench.state(claim.job_id) == State.UNKNOWN


@pytest.mark.parametrize(
    ("move", "end"), [(Move.ACCEPT, State.RENDERING), (Move.DEFER, State.QUEUED), (Move.REFUSE, State.REFUSED)]
)
@pytest.mark.parametrize("slot_freed", [False, True])
def test_a_late_definite_answer_still_counts(bench: Bench, move: Move, end: State, *, slot_freed: bool) -> None:
    """A worker that was only slow brings its answer with the old fence, also after the slot was freed."""
    claim = lapsed(bench, State.SUBMITTING)
    lease(bench)
    if slot_freed:
        bench.redis.hset(f"wb:j:{claim.job_id}", "sent_ms", 1)
        bench.now_due(claim.job_id)
        lease(bench)
    bench.do(move, end, claim, due_s=1000 if end is State.RENDERING else None, answered=True)
    assert bench.state(claim.job_id) == end
    assert bench.money("spring") == (100 if end is State.RENDERING else 0, 0, 0)
    assert bench.redis.hexists(f"wb:a:{ACCOUNT}", "lost_streak") == 0


def test_a_dead_workers_collecting_is_rung_for_again(bench: Bench) -> None:
    """The video is fetched by another worker, under a fence that the first one does not have."""
    claim = lapsed(bench, State.COLLECTING)
    (due,) = lease(bench)
    assert (due.job_id, due.state) == (claim.job_id, "ready")
    assert due.fence != claim.fence
    late = bench.ledger.move(Order(move=Move.SETTLE, to=State.DONE, claim=claim))
    assert (late.ok, late.detail) == (False, State.READY)
    bench.do(Move.COLLECT, State.COLLECTING, Claim(due.job_id, due.fence), due_s=1000)


def test_a_render_is_looked_at_by_one_pump(bench: Bench) -> None:
    """A leased look is not due again at once; when its pump is gone, another takes it with a new fence."""
    claim = lapsed(bench, State.RENDERING)
    (first,) = lease(bench)
    assert (first.task_id, first.state) == ("task-1", "rendering")
    assert first.fence != claim.fence
    assert lease(bench) == []
    bench.now_due(claim.job_id)
    (second,) = lease(bench)
    late = bench.ledger.move(Order(move=Move.FINISH, to=State.READY, claim=Claim(first.job_id, first.fence)))
    assert (late.ok, late.detail) == (False, State.RENDERING)
    bench.do(Move.FINISH, State.READY, Claim(second.job_id, second.fence), due_s=1000)


def test_lateness_is_told(bench: Bench) -> None:
    """A due job says how long it has waited beyond its time, in milliseconds."""
    bench.stock("spring", 1)
    claim = bench.reach(State.RENDERING)
    seconds, micros = bench.redis.time()
    bench.redis.zadd(f"wb:due:{ACCOUNT}", {claim.job_id: seconds * 1000 + micros // 1000 - 700})
    (due,) = lease(bench)
    assert 700 <= due.late_ms < 5_000


def test_only_so_many_collects_are_rung_for(bench: Bench) -> None:
    """The others stay ready and due, oldest first, until there is room."""
    bench.stock("spring", 5)
    for _ in range(5):
        bench.now_due(bench.reach(State.READY).job_id)
    assert len(lease(bench, rings=2)) == 2
    assert lease(bench, rings=0) == []
    assert len(lease(bench, rings=10)) == 3
    assert lease(bench, rings=10) == []


def test_no_more_is_leased_than_asked_for(bench: Bench) -> None:
    """A pump takes what it can look at; the rest is due for others."""
    bench.stock("spring", 5)
    for _ in range(5):
        bench.now_due(bench.reach(State.RENDERING).job_id)
    assert [len(lease(bench, most=most)) for most in (2, 2, 2)] == [2, 2, 1]


def test_an_ended_job_that_is_still_due_is_let_be(bench: Bench) -> None:
    """A leftover due time of a job that has ended is dropped."""
    bench.stock("spring", 1)
    claim = bench.reach(State.COLLECTING)
    bench.do(Move.SETTLE, State.DONE, claim)
    bench.redis.zadd(f"wb:due:{ACCOUNT}", {claim.job_id: 1})
    assert lease(bench) == []
    assert bench.redis.zcard(f"wb:due:{ACCOUNT}") == 0


@pytest.mark.parametrize("state", [State.CLAIMED, State.SUBMITTING, State.RENDERING, State.COLLECTING])
def test_a_heartbeat_keeps_what_its_threads_hold(bench: Bench, state: State) -> None:
    """While its worker beats, a job that has lapsed by the clock is stretched and not taken away."""
    claim = lapsed(bench, state)
    bench.ledger.renew("worker/8", [claim])
    assert lease(bench) == []
    assert bench.state(claim.job_id) == state
    assert bench.ledger.workers() == ["worker/8"]


def test_a_heartbeat_stretches_nothing_that_is_not_its_own(bench: Bench) -> None:
    """A lost fence, a state that is waited in, and a job that is not there get no lease from a heartbeat."""
    claimed = lapsed(bench, State.CLAIMED)
    ready = lapsed(bench, State.READY)
    bench.ledger.renew("worker/8", [Claim(claimed.job_id, "old"), ready, Claim("nobody", "x")])
    assert bench.redis.zmscore(f"wb:due:{ACCOUNT}", [claimed.job_id, ready.job_id, "nobody"]) == [1, 1, None]


def test_a_heartbeat_never_shortens_a_lease(bench: Bench) -> None:
    """A job that is due in a minute is not due in five seconds after a heartbeat."""
    bench.stock("spring", 1)
    (claim,) = bench.claim()
    bench.redis.zincrby(f"wb:due:{ACCOUNT}", 60_000, claim.job_id)
    before = bench.redis.zscore(f"wb:due:{ACCOUNT}", claim.job_id)
    bench.ledger.renew("worker/8", [claim])
    assert bench.redis.zscore(f"wb:due:{ACCOUNT}", claim.job_id) == before


def test_a_worker_that_leaves_is_not_counted(bench: Bench) -> None:
    """The living are those who were heard of just now and have not said goodbye."""
    for name in ("one/8", "two/4"):
        bench.ledger.renew(name, [])
    bench.ledger.leave("one/8")
    assert bench.ledger.workers() == ["two/4"]
    bench.redis.zadd("wb:workers", {"two/4": 1})
    assert bench.ledger.workers() == []


def lose(bench: Bench) -> None:
    """One submit whose answer is lost."""
    bench.do(Move.LOSE, State.UNKNOWN, bench.reach(State.SUBMITTING), due_s=1000)


def test_three_lost_answers_in_a_row_park_the_account(bench: Bench) -> None:
    """Before more money is put at risk; two, then an answer, then two more do not."""
    bench.stock("spring", 10)
    lose(bench)
    lose(bench)
    bench.reach(State.RENDERING)
    lose(bench)
    lose(bench)
    assert bench.redis.hexists(f"wb:a:{ACCOUNT}", "parked_kind") == 0
    lose(bench)
    assert bench.redis.hget(f"wb:a:{ACCOUNT}", "parked_kind") == "breaker"
    assert "3 submits in a row" in bench.redis.hget(f"wb:a:{ACCOUNT}", "parked")
    assert bench.claim() == []


def test_a_dead_workers_submits_park_nothing(bench: Bench) -> None:
    """A worker that dies with three POSTs on the wire says nothing of the provider: others go on buying."""
    bench.stock("spring", 4)
    for _ in range(3):
        bench.now_due(bench.reach(State.SUBMITTING).job_id)
    lease(bench)
    assert bench.redis.hget(f"wb:a:{ACCOUNT}", "parked_kind") is None
    assert len(bench.claim()) == 1


def test_ready_jobs_do_not_keep_renders_from_being_polled(bench: Bench) -> None:
    """Where more is ready than a lease takes and no thread is free, the render behind them is still looked at."""
    bench.stock("spring", 4)
    ready = [bench.reach(State.READY) for _ in range(3)]
    render = bench.reach(State.RENDERING)
    for claim in (*ready, render):
        bench.now_due(claim.job_id)
    looks = [bench.ledger.lease(ACCOUNT, gates(), most=2, rings=0) for _ in range(3)]
    assert render.job_id in {due.job_id for look in looks for due in look}


def test_no_more_collects_are_rung_than_may_wait(bench: Bench) -> None:
    """Doorbells that nobody has answered yet count, and so do fetches; an end, or one too old, makes room."""
    bench.stock("spring", 4)
    for _ in range(4):
        bench.now_due(bench.reach(State.READY).job_id)
    first, second = lease(bench, rings=2)
    assert lease(bench, rings=2) == []
    bench.do(Move.COLLECT, State.COLLECTING, Claim(first.job_id, first.fence), due_s=60)
    assert lease(bench, rings=2) == []
    bench.do(Move.SETTLE, State.DONE, Claim(first.job_id, first.fence))
    assert len(lease(bench, rings=2)) == 1
    bench.redis.zadd(f"wb:rung:{ACCOUNT}", {second.job_id: 1})
    assert len(lease(bench, rings=2)) == 1
