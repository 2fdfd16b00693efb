"""What a webhook may do in the ledger: bring one look forward, once for each delivery, and nothing else."""

from collections.abc import Iterator

import fakeredis
import pytest

from jobs.lifecycle import Move, State
from ledger import scripts
from ledger.gates import Policy
from ledger.hints import LEAST_APART_S, Hint, give_hint
from ledger.jobs import Ledger
from ledger.orders import Claim, Due
from ledger.trips import Trips
from tests.books import FREE, Bench, Rate, gates

#: Seconds for which a delivery is known again.
KNOWN_S = 600


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A ledger on an emulated Redis with some queued jobs; its books are checked at the end."""
    client = fakeredis.FakeRedis(decode_responses=True)
    epoch, _, _ = scripts.run(Trips(client), "found", "beef", "file:///store", 1)
    one = Bench(Ledger(client, epoch=epoch, store_url="file:///store"), client)
    one.stock("spring", 3)
    yield one
    one.audit()
    client.close()


def hint(bench: Bench, claim: Claim, delivery: str = "d1", *, send: int = 1, task: str | None = "task-1") -> str:
    """A proved call about this job."""
    return give_hint(bench.ledger, Hint(bench.account, claim.job_id, send, delivery, task), KNOWN_S)


def later(bench: Bench, claim: Claim) -> None:
    """Let the time pass in which further hints of the job do not count."""
    at = int(bench.redis.hget(f"wb:j:{claim.job_id}", "hint_ms"))
    bench.redis.hset(f"wb:j:{claim.job_id}", "hint_ms", at - int(LEAST_APART_S * 1000))


def leased(bench: Bench, policy: Policy = FREE) -> list[Due]:
    """What is due now."""
    return bench.ledger.lease(bench.account, policy, most=5, rings=5)


def rendering(bench: Bench) -> Claim:
    """A job whose next look lies 1,000 s ahead, at an age of 1,000 s."""
    claim = bench.reach(State.SUBMITTING)
    told = {"task": "task-1", "kind": "t2v", "ran_ms": "0", "look_ms": "1000000"}
    bench.do(Move.ACCEPT, State.RENDERING, claim, due_s=1000, answered=True, set=told, task="task-1")
    return claim


def test_a_render_is_looked_at_at_once(bench: Bench) -> None:
    """The look that lay ahead is due, and nothing but its time has changed; the age is the one that it has now."""
    claim = rendering(bench)
    assert leased(bench) == []
    before = bench.ledger.job(claim.job_id)
    assert hint(bench, claim) == "looked at"
    after = bench.ledger.job(claim.job_id)
    assert {name for name in after if after[name] != before.get(name)} == {"hint_ms", "look_ms"}
    (due,) = leased(bench)
    assert (due.job_id, due.state, due.task_id) == (claim.job_id, State.RENDERING, "task-1")
    assert int(due.look_ms) < 60_000
    assert due.hint_ms


def test_the_same_delivery_counts_once_and_none_in_a_rush(bench: Bench) -> None:
    """A repeated call changes nothing, at whichever receiver; nor does another one that comes at once."""
    claim = rendering(bench)
    assert hint(bench, claim, "d1") == "looked at"
    assert hint(bench, claim, "d2") == "soon"
    later(bench, claim)
    assert hint(bench, claim, "d1") == "known"
    assert hint(bench, claim, "d2") == "looked at"
    assert 0 < bench.redis.pttl("wb:hint:d2") <= KNOWN_S * 1000


def test_only_a_render_of_that_send_is_looked_at(bench: Bench) -> None:
    """Other states, other sends, other accounts, jobs that nobody knows: nothing moves, and nothing is remembered."""
    claim = rendering(bench)
    assert hint(bench, claim, send=2) == "idle"
    assert hint(bench, Claim("nobody", "")) == "missing"
    elsewhere = Hint("simulated-fal", claim.job_id, 1, "d1", None)
    assert give_hint(bench.ledger, elsewhere, KNOWN_S) == "missing"
    bench.do(Move.FINISH, State.READY, claim, due_s=1000)
    assert hint(bench, claim) == "idle"
    assert hint(bench, bench.reach(State.CLAIMED)) == "idle"
    assert bench.redis.keys("wb:hint:*") == []
    assert leased(bench) == []


def test_a_call_before_the_answer_to_the_submit_is_kept_for_it(bench: Bench) -> None:
    """A worker on the wire is not taken for dead; once it has its answer the render is looked at, at an age of none."""
    claim = bench.reach(State.SUBMITTING)
    assert hint(bench, claim) == "noted"
    assert leased(bench) == []
    told = {"task": "task-1", "kind": "t2v", "ran_ms": "0", "look_ms": "1000000"}
    bench.do(Move.ACCEPT, State.RENDERING, claim, due_s=1000, answered=True, set=told, task="task-1", hint=("", 0))
    (due,) = leased(bench)
    assert (due.job_id, due.look_ms) == (claim.job_id, "0")


def test_a_call_during_a_look_is_not_lost_with_its_answer(bench: Bench) -> None:
    """The look was asked before the end and says that it runs: the next one is now, and not as was planned."""
    claim = rendering(bench)
    bench.now_due(claim.job_id)
    (due,) = leased(bench)
    assert hint(bench, claim) == "looked at"
    later_look = {"set": {"look_ms": "1800000", "ran_ms": "1000000"}, "due_s": 800}
    bench.do(Move.WAIT, State.RENDERING, Claim(due.job_id, due.fence), hint=(due.hint_ms, 1_000_000), **later_look)
    (due,) = leased(bench)
    assert due.look_ms == "1000000"
    # This one was asked after the call: what it plans holds.
    bench.do(Move.WAIT, State.RENDERING, Claim(due.job_id, due.fence), hint=(due.hint_ms, 1_000_000), **later_look)
    assert leased(bench) == []


def test_a_lost_submit_is_looked_for_at_once_with_the_task_that_was_named(bench: Bench) -> None:
    """Its task stays with the job, which stays unknown: the provider is asked first."""
    claim = bench.reach(State.UNKNOWN)
    assert hint(bench, claim, task="task-9") == "looked at"
    (due,) = leased(bench)
    assert due.state == State.UNKNOWN
    assert bench.ledger.job(claim.job_id)["hinted"] == "task-9"


def test_a_flood_of_calls_buys_no_look_beyond_the_limit(bench: Bench) -> None:
    """However many calls come about however many jobs, the poll rate lets out what it would without them."""
    slow = gates(polls=[Rate(2, 3600.0)])
    claims = [rendering_as(bench, number) for number in range(3)]
    words = [hint(bench, claim, f"{claim.job_id}-{number}") for claim in claims for number in range(50)]
    assert words.count("looked at") == 3
    assert len(bench.redis.keys("wb:hint:*")) == 3
    assert len(leased(bench, slow)) == 1
    assert leased(bench, slow) == []


def rendering_as(bench: Bench, number: int) -> Claim:
    """The same for one of several jobs."""
    claim = bench.reach(State.SUBMITTING)
    bench.do(Move.ACCEPT, State.RENDERING, claim, due_s=1000, answered=True, set={"task": f"task-{number}"})
    return claim


def test_a_recovered_ledger_is_served_under_its_new_epoch(bench: Bench) -> None:
    """A receiver that slept through it goes on; one whose ledger is empty leaves it alone."""
    claim = rendering(bench)
    bench.redis.hset("wb:meta", "epoch", "f00d")
    assert hint(bench, claim) == "looked at"
    bench.redis.hset("wb:meta", "epoch", bench.ledger.epoch)
    gone = bench.redis.hgetall("wb:meta")
    bench.redis.delete("wb:meta")
    assert hint(bench, claim, "d3") == "foreign"
    bench.redis.hset("wb:meta", mapping=gone)
