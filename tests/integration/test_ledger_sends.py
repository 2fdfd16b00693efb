"""The last gate before the POST, on a real Valkey: the rate holds in every window, and who may not buy is stopped."""

import time
from itertools import pairwise

import pytest

from jobs.lifecycle import Move, State
from ledger.jobs import Ledger
from ledger.orders import Claim
from tests.books import ACCOUNT, FREE, Bench, Rate, gates, race
from tests.services import Valkey


def test_no_window_ever_holds_more_than_its_count(bench: Bench, valkey: Valkey) -> None:
    """Eight workers race for two seconds: no stretch of time as long as a window, at any phase, is overfull."""
    windows = [Rate(10, 0.5), Rate(24, 1.5)]
    gate = gates(submits=windows)
    bench.stock("spring", 400)
    claims = bench.claim(400)
    until = time.monotonic() + 2.5

    def send(ledger: Ledger) -> int:
        sent = 0
        while time.monotonic() < until:
            claim = claims.pop()
            while (told := ledger.send(claim, gate, token="t", send=1)).word == "wait" and time.monotonic() < until:
                time.sleep(told.wait_s)
            sent += told.word == "go"
        return sent

    count = sum(race(send, valkey))
    granted_ms = sorted(float(at) for (at,) in bench.ledger.fields([f"spring-{n}" for n in range(400)], "grant") if at)
    assert len(granted_ms) == count >= 24, "the gate lets work through"
    for window in windows:
        in_a_row = zip(granted_ms, granted_ms[window.count :], strict=False)
        assert all(after - before >= window.window_s * 1000 for before, after in in_a_row), window


def test_a_send_without_limits_goes_at_once(bench: Bench) -> None:
    """A provider without a known limit is not slowed down."""
    bench.stock("spring", 3)
    for claim in bench.claim(3):
        assert bench.ledger.send(claim, FREE, token="t", send=1)[:2] == ("go", "")
        assert bench.state(claim.job_id) == State.SUBMITTING


def test_waiting_takes_no_token(bench: Bench) -> None:
    """Asking too early moves neither the job nor the bucket."""
    bench.stock("spring", 2)
    gate = gates(submits=[Rate(1, 100)])
    first, second = bench.claim(2)
    assert bench.ledger.send(first, gate, token="t", send=1)[0] == "go"
    before = bench.redis.zrange(f"wb:sends:{ACCOUNT}", 0, -1)
    told = [bench.ledger.send(second, gate, token="t", send=1) for _ in range(5)]
    assert {leave.word for leave in told} == {"wait"}
    assert 95 < told[0].wait_s <= 101.1
    assert bench.redis.zrange(f"wb:sends:{ACCOUNT}", 0, -1) == before
    assert bench.state(second.job_id) == State.CLAIMED


def test_a_second_send_of_one_claim_is_stopped(bench: Bench) -> None:
    """A doubled doorbell never gets a second go, so one claim is one POST."""
    bench.stock("spring", 1)
    (claim,) = bench.claim()
    gate = gates(submits=[Rate(1, 100)])
    assert bench.ledger.send(claim, gate, token="t", send=1)[0] == "go"
    before = bench.redis.zrange(f"wb:sends:{ACCOUNT}", 0, -1)
    for token in ("t", "another"):
        assert bench.ledger.send(claim, gate, token=token, send=1)[:2] == ("stop", "the claim is gone")
    assert bench.redis.zrange(f"wb:sends:{ACCOUNT}", 0, -1) == before


@pytest.mark.parametrize("claim", [Claim("spring-0", "feed:1"), Claim("nobody", "feed:1")])
def test_a_stale_or_missing_claim_is_stopped(bench: Bench, claim: Claim) -> None:
    """Whoever lost the claim sends nothing."""
    bench.stock("spring", 1)
    bench.claim()
    assert bench.ledger.send(claim, FREE, token="t", send=1)[:2] == ("stop", "the claim is gone")


def test_what_was_parked_after_the_claim_is_stopped(bench: Bench) -> None:
    """Pausing a campaign or emptying an account acts on jobs that are claimed already."""
    bench.stock("spring", 3)
    first, second, third = bench.claim(3)
    bench.redis.hset("wb:c:spring", "state", "paused")
    assert bench.ledger.send(first, FREE, token="t", send=1)[:2] == ("stop", "the campaign is not buying")
    bench.redis.hset("wb:c:spring", mapping={"state": "running", "parked_kind": "breaker"})
    assert bench.ledger.send(second, FREE, token="t", send=1)[:2] == ("stop", "the campaign is not buying")
    bench.redis.hdel("wb:c:spring", "parked_kind")
    bench.ledger.hold(ACCOUNT, park="key_refused", reason="set another key")
    assert bench.ledger.send(third, FREE, token="t", send=1)[:2] == ("stop", "the account is parked")
    for claim in (first, second, third):
        bench.do(Move.RELEASE, State.QUEUED, claim)


def test_a_hold_is_waited_out(bench: Bench) -> None:
    """A 429 met by one worker makes all others wait as long."""
    bench.stock("spring", 1)
    (claim,) = bench.claim()
    bench.ledger.hold(ACCOUNT, hold_s=30)
    leave = bench.ledger.send(claim, FREE, token="t", send=1)
    assert (leave.word, leave.told) == ("wait", "")
    assert 29 < leave.wait_s <= 30


def factor(bench: Bench) -> float:
    """The share of its rate at which the account runs."""
    return float(bench.redis.hget(f"wb:a:{ACCOUNT}", "factor") or 1)


def test_one_throttling_halves_the_rate_once(bench: Bench) -> None:
    """A burst of 429s is one lesson; the next one, after the hold, halves again, but never to nothing."""
    for _ in range(5):
        bench.ledger.hold(ACCOUNT, hold_s=30)
    assert factor(bench) == 0.5
    for _ in range(20):
        bench.redis.hset(f"wb:a:{ACCOUNT}", "hold_ms", 1)
        bench.ledger.hold(ACCOUNT, hold_s=30)
    assert factor(bench) == 0.05


def test_remembering_a_balance_slows_nothing(bench: Bench) -> None:
    """A balance seen in an answer is kept with the move that the answer brought, and is no throttling."""
    bench.stock("spring", 1)
    seen = {"credits": "3.5", "credits_unit": "USD", "credits_ms": "1700000000000"}
    bench.do(Move.SETTLE, State.DONE, bench.reach(State.COLLECTING), seen=seen)
    assert factor(bench) == 1
    told = bench.ledger.status("spring")
    assert told is not None
    assert (str(told.credits_remaining), told.credits_unit) == ("3.5", "USD")


def test_success_restores_the_rate_step_by_step(bench: Bench) -> None:
    """Each accepted submit gives a twentieth back, up to the whole and no further."""
    bench.stock("spring", 12)
    bench.ledger.hold(ACCOUNT, hold_s=30)
    bench.redis.hset(f"wb:a:{ACCOUNT}", "hold_ms", 1)
    seen = []
    for _ in range(12):
        bench.reach(State.RENDERING)
        seen.append(round(factor(bench), 2))
    assert seen == [0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1, 1, 1]


def test_a_halved_rate_waits_twice_as_long(bench: Bench) -> None:
    """The factor stretches the spacing of the tokens."""
    bench.stock("spring", 3)
    claims = bench.claim(3)
    gate = gates(submits=[Rate(1, 100)])
    bench.redis.hset(f"wb:a:{ACCOUNT}", "factor", "0.5")
    assert bench.ledger.send(claims[0], gate, token="t", send=1)[0] == "go"
    assert 195 < bench.ledger.send(claims[1], gate, token="t", send=1).wait_s <= 201


def test_polls_keep_their_own_rate(bench: Bench) -> None:
    """What is due beyond the poll rate stays due, in order, and is looked at when a token is free."""
    gate = gates(polls=[Rate(1, 100)])
    bench.stock("spring", 3)
    claims = [bench.reach(State.RENDERING) for _ in range(3)]
    for at, claim in enumerate(claims, 1):
        bench.redis.zadd(f"wb:due:{ACCOUNT}", {claim.job_id: at})
    (due,) = bench.ledger.lease(ACCOUNT, gate, most=10, rings=1)
    assert due.job_id == claims[0].job_id
    assert bench.ledger.lease(ACCOUNT, gate, most=10, rings=1) == []
    waiting = bench.redis.zrange(f"wb:due:{ACCOUNT}", 0, 1)
    assert waiting == [claim.job_id for claim in claims[1:]]
    assert all(a < b for a, b in pairwise(bench.redis.zmscore(f"wb:due:{ACCOUNT}", waiting)))
