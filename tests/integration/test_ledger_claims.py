"""Admission on a real Valkey: budget, slots, turns and order hold, also when many workers claim at once."""

from collections import Counter
from decimal import Decimal

import pytest

from jobs.lifecycle import Move, State
from ledger.balance import as_kept
from ledger.gates import Limited, Policy, policy
from ledger.halt import halt
from ledger.jobs import Ledger
from ledger.lots import Lot
from ledger.orders import Claim
from ledger.shares import adjust
from tests.books import ACCOUNT, FREE, Bench, Rate, gates, race
from tests.services import Valkey


def test_the_budget_is_never_passed(bench: Bench, valkey: Valkey) -> None:
    """Eight workers race for 3,000 jobs at 7 micro-dollars with 14,000 to spend: exactly 2,000 are bought."""
    bench.stock("spring", 3000, price=7, budget=14_005)

    def grab(ledger: Ledger) -> list[Claim]:
        got: list[Claim] = []
        while more := ledger.claim(ACCOUNT, FREE, most=5, most_waiting=10**6):
            got += more
        return got

    shares = race(grab, valkey)
    claims = [claim for share in shares for claim in share]
    assert len(claims) == len({claim.job_id for claim in claims}) == 2000
    assert bench.money("spring") == (14_000, 0, 0)
    assert all(shares), "every worker gets some"


def test_slots_are_never_exceeded(bench: Bench, valkey: Valkey) -> None:
    """However many claim, release and settle at once, no more than five jobs hold a slot at any instant."""
    bench.stock("spring", 300)
    gate = gates(slots=5)
    most: list[int] = []

    def work(ledger: Ledger) -> int:
        done = 0
        for _ in range(40):
            claims = ledger.claim(ACCOUNT, gate, most=3, most_waiting=100)
            most.append(bench.redis.scard(f"wb:slots:{ACCOUNT}"))
            for claim in claims:
                bench.do(Move.RELEASE, State.QUEUED, claim)
                done += 1
        return done

    assert sum(race(work, valkey)) > 40
    assert max(most) <= 5
    assert bench.redis.scard(f"wb:slots:{ACCOUNT}") == 0


def test_a_job_holds_its_slot_until_its_render_has_ended(bench: Bench) -> None:
    """Claimed, submitting, rendering and unknown hold it; ready frees it for the next job."""
    bench.stock("spring", 3)
    gate = gates(slots=1)
    claim = bench.reach(State.RENDERING)
    assert bench.claim(1, gate) == []
    bench.do(Move.FINISH, State.READY, claim, due_s=1000)
    assert len(bench.claim(3, gate)) == 1


def test_two_campaigns_take_turns(bench: Bench) -> None:
    """A campaign of a thousand does not keep one of ten waiting: each claim serves whoever was served least lately."""
    bench.stock("large", 1000)
    bench.stock("small", 10)
    served = [bench.claim()[0].job_id.partition("-")[0] for _ in range(20)]
    assert served[::2] != served[1::2]
    assert Counter(served) == {"large": 10, "small": 10}
    assert {claim.job_id.partition("-")[0] for claim in bench.claim(5)} == {"large"}


def served(bench: Bench, count: int, gate: Policy = FREE) -> Counter[str]:
    """How many of the next claims each campaign gets."""
    return Counter(bench.claim(1, gate)[0].job_id.rpartition("-")[0] for _ in range(count))


def test_a_short_campaign_behind_a_night_run_starts_at_once(bench: Bench) -> None:
    """However much the other has had before: within one turn, and then one by one."""
    bench.stock("night", 400)
    bench.claim(300)
    bench.stock("short", 10)
    turns = [bench.claim()[0].job_id.partition("-")[0] for _ in range(20)]
    assert "short" in turns[:2]
    assert Counter(turns) == {"night": 10, "short": 10}


def test_weight_and_priority_are_shares(bench: Bench) -> None:
    """Three times the weight, or a priority more, is that much more of the account, from the next claim on."""
    for name in ("a", "b", "c"):
        bench.stock(name, 400)
    assert adjust(bench.ledger, "b", weight=3.0)
    assert adjust(bench.ledger, "c", priority=2)
    assert served(bench, 160) == pytest.approx({"a": 20, "b": 60, "c": 80}, abs=2)
    adjust(bench.ledger, "c", priority=-10)
    assert served(bench, 40) == pytest.approx({"a": 10, "b": 30, "c": 0}, abs=2)
    assert not adjust(bench.ledger, "nobody", weight=2.0)


def test_shares_may_be_of_money(bench: Bench) -> None:
    """A campaign of videos that cost three times as much gets a third as many of them."""
    bench.stock("dear", 100, price=750_000)
    bench.stock("cheap", 100, price=250_000)
    assert served(bench, 80, policy(Limited(), money=True, longest_render_s=1)) == pytest.approx(
        {"dear": 20, "cheap": 60}, abs=2
    )


def test_whoever_waited_does_not_catch_up(bench: Bench) -> None:
    """A campaign that was paused shares from then on, and does not take what it had let pass."""
    bench.stock("a", 100)
    bench.stock("b", 100)
    halt(bench.ledger, "pause", "campaign", "b")
    assert served(bench, 40) == {"a": 40}
    halt(bench.ledger, "resume", "campaign", "b")
    assert served(bench, 20) == pytest.approx({"a": 10, "b": 10}, abs=1)


def test_a_raised_budget_buys_again_and_a_lowered_one_stops(bench: Bench) -> None:
    """At the next claim."""
    bench.stock("spring", 5, price=60, budget=100)
    bench.do(Move.SETTLE, State.DONE, bench.reach(State.COLLECTING), cost_uusd=60)
    assert bench.claim() == []
    adjust(bench.ledger, "spring", budget_usd=Decimal("0.00018"))
    assert len(bench.claim(5)) == 2
    adjust(bench.ledger, "spring", budget_usd=Decimal("0.0001"))
    assert bench.claim() == []


def test_one_claim_of_many_is_shared_too(bench: Bench) -> None:
    """Turns count jobs and not calls."""
    bench.stock("large", 100)
    bench.stock("small", 100)
    assert Counter(claim.job_id.partition("-")[0] for claim in bench.claim(10)) == {"large": 5, "small": 5}


def test_one_claim_of_many_knows_what_it_takes(bench: Bench) -> None:
    """Money for seven jobs of one campaign, and the probe of another, are not passed by one claim of thousands."""
    bench.stock("spring", 10, budget=750)
    bench.stock("autumn", 10)
    bench.redis.hset("wb:c:autumn", "probe", 1)
    claims = bench.claim(5000)
    assert Counter(claim.job_id.partition("-")[0] for claim in claims) == {"spring": 7, "autumn": 1}
    assert bench.money("spring") == (700, 0, 0)
    bench.audit()


def test_a_claim_has_its_bound(bench: Bench) -> None:
    """However many are asked for, a thousand jobs are claimed at once, all of them whole; the next claim goes on."""
    jobs = bench.stock("spring", 1200)
    first, second = bench.claim(5000), bench.claim(5000)
    assert [len(first), len(second)] == [1000, 200]
    assert [claim.job_id for claim in first + second] == jobs
    bench.audit()


def test_a_job_more_costs_a_claim_two_calls(bench: Bench) -> None:
    """For each job that is claimed Redis is asked once and told once; the rest is told of all at once."""
    bench.stock("spring", 200, labels={"client": "Acme"})

    def calls(most: int) -> int:
        bench.redis.config_resetstat()
        assert len(bench.claim(most)) == most
        told = bench.redis.info("commandstats")
        return sum(told[name]["calls"] for name in told if name != "cmdstat_evalsha")

    bench.claim()
    few, many = calls(10), calls(110)
    assert many - few == 2 * 100


def test_jobs_are_bought_in_matrix_order_after_priority(bench: Bench) -> None:
    """The place in the matrix decides; a higher priority goes before, wherever it stands."""
    bench.stock("spring", 0)
    rows = [("third", 2, 1, "{}", "queued"), ("second", 1, 1, "{}", "queued"), ("first", 3 - 10**7, 1, "{}", "queued")]
    bench.ledger.enqueue("spring", [Lot(ACCOUNT, rows)])
    assert [claim.job_id for claim in bench.claim(3)] == ["first", "second", "third"]


def test_a_released_job_goes_back_to_its_place(bench: Bench) -> None:
    """Giving a claim back does not send the job to the end of the queue."""
    jobs = bench.stock("spring", 3)
    (claim,) = bench.claim()
    bench.do(Move.RELEASE, State.QUEUED, claim)
    (again,) = bench.claim()
    assert again.job_id == jobs[0]
    assert again.fence != claim.fence


def test_a_parked_account_claims_nothing(bench: Bench) -> None:
    """Out of credit stops all campaigns of the account, and the first reason stays."""
    bench.stock("spring", 2)
    bench.ledger.hold(ACCOUNT, park="out_of_credit", reason="top up")
    bench.ledger.hold(ACCOUNT, park="breaker", reason="something later")
    assert bench.claim(2) == []
    told = bench.ledger.status("spring")
    assert told is not None
    assert (told.parked_kind, told.parked) == ("out_of_credit", "top up")
    assert told.states[State.PARKED] == 2
    assert told.settled


@pytest.mark.parametrize("state", ["paused", "cancelled"])
def test_a_campaign_that_does_not_run_claims_nothing(bench: Bench, state: str) -> None:
    """Pause acts at admission, at once; other campaigns go on."""
    bench.stock("spring", 2)
    bench.stock("summer", 2)
    bench.redis.hset("wb:c:spring", "state", state)
    assert {claim.job_id.partition("-")[0] for claim in bench.claim(4)} == {"summer"}


def test_a_held_account_claims_nothing_until_it_is_over(bench: Bench) -> None:
    """After a 429 nobody claims; when the hold has passed, claims go on by themselves."""
    bench.stock("spring", 1)
    bench.ledger.hold(ACCOUNT, hold_s=1000)
    assert bench.claim() == []
    bench.redis.hset(f"wb:a:{ACCOUNT}", "hold_ms", 1)
    assert len(bench.claim()) == 1


def test_a_spent_budget_parks_and_a_raised_one_buys_again(bench: Bench) -> None:
    """Spent money never comes back, so the campaign parks; opening it with more resumes it."""
    bench.stock("spring", 3, price=60, budget=100)
    bench.do(Move.SETTLE, State.DONE, bench.reach(State.COLLECTING), cost_uusd=60)
    assert bench.claim() == []
    told = bench.ledger.status("spring")
    assert told is not None
    assert told.parked_kind == "budget"
    assert told.settled
    assert bench.ledger.open_campaign("spring", ACCOUNT, budget_uusd=160, facts={}) is False
    assert len(bench.claim(3)) == 1


def test_reserved_money_is_waited_for(bench: Bench) -> None:
    """Renders under way may cost less than they reserve: the campaign waits for their end and does not park."""
    bench.stock("spring", 2, price=60, budget=100)
    claim = bench.reach(State.COLLECTING)
    assert bench.claim() == []
    told = bench.ledger.status("spring")
    assert told is not None
    assert told.parked_kind is None
    assert not told.settled
    bench.do(Move.SETTLE, State.DONE, claim, cost_uusd=30)
    assert len(bench.claim()) == 1


def test_a_campaign_that_waits_for_money_lets_others_pass(bench: Bench) -> None:
    """It keeps its turn, and nobody waits for it."""
    bench.stock("poor", 2, price=60, budget=100)
    bench.reach(State.RENDERING)
    bench.stock("rich", 3)
    assert {claim.job_id.partition("-")[0] for claim in bench.claim(5)} == {"rich"}


def test_money_in_doubt_is_held(bench: Bench) -> None:
    """A lost answer may have cost its price: the budget counts it as gone until it is known."""
    bench.stock("spring", 3, price=50, budget=100)
    bench.reach(State.UNKNOWN)
    assert len(bench.claim(3)) == 1
    assert bench.money("spring") == (50, 50, 0)


def test_no_more_is_claimed_than_the_rate_lets_out(bench: Bench) -> None:
    """Claims run ahead of the rate by a moment only, whatever the number of free threads."""
    bench.stock("spring", 100)
    gate = gates(submits=[Rate(1, 10)])
    assert len(bench.claim(50, gate)) == 1
    assert bench.claim(50, gate) == []


def test_no_more_is_claimed_than_threads_can_take(bench: Bench) -> None:
    """Jobs that are claimed and not yet sent are bounded over all workers."""
    bench.stock("spring", 100)
    assert len(bench.claim(50, most_waiting=8)) == 8
    assert bench.claim(50, most_waiting=8) == []


def test_an_empty_queue_claims_nothing(bench: Bench) -> None:
    """An account that nobody has jobs for is quiet."""
    assert bench.claim(10) == []
    bench.stock("spring", 1)
    assert len(bench.claim(10)) == 1
    assert bench.claim(10) == []


def test_a_model_has_slots_of_its_own(bench: Bench) -> None:
    """While they are taken its campaign waits, in its order, and others pass; an end frees them."""
    flash = Limited(slots=1, key=":flash")
    gate = policy(Limited(), models={"t2v/flash": flash}, longest_render_s=1000)

    def put(campaign: str, *models: str) -> None:
        bench.ledger.open_campaign(campaign, ACCOUNT, budget_uusd=None, facts={"simulated": "1"})
        jobs = [
            (f"{campaign}-{n}", n, 1, f'{{"render":{{"mode":"t2v","model":"{m}"}}}}', "queued")
            for n, m in enumerate(models)
        ]
        bench.ledger.enqueue(campaign, [Lot(ACCOUNT, jobs)])

    put("spring", "flash", "flash", "standard")
    put("summer", "standard", "standard")
    claims = bench.claim(9, gate)
    assert [claim.job_id for claim in claims] == ["spring-0", "summer-0", "summer-1"]
    assert bench.claim(9, gate) == []
    bench.do(Move.RELEASE, State.QUEUED, claims[0])
    assert [claim.job_id for claim in bench.claim(1, gate)] == ["spring-0"]
    bench.redis.hset("wb:j:spring-0", "state", "claimed")
    assert bench.redis.smembers(f"wb:slots:{ACCOUNT}:flash") == {"spring-0"}


def test_slots_that_the_provider_told_are_gone_by(bench: Bench) -> None:
    """In place of the documented ones; those that the account's owner has set are only lowered."""
    bench.stock("spring", 30)
    bench.ledger.call("quota", ACCOUNT, "", 4)
    assert len(bench.claim(2, gates(slots=2))) == 2
    assert len(bench.claim(9, gates(slots=2))) == 2
    own = policy(Limited(slots=9, own=("slots",)), longest_render_s=1)
    assert bench.claim(9, own) == []
    bench.ledger.call("quota", ACCOUNT, "", 100)
    assert len(bench.claim(99, own)) == 5
    lifted = policy(Limited(own=("slots",)), longest_render_s=1)
    assert len(bench.claim(99, lifted)) == 21


def test_below_its_floor_an_account_parks(bench: Bench) -> None:
    """The balance that was seen last decides; a person who tops up and resumes has one video tell what is there."""
    bench.stock("spring", 3)
    gate = policy(Limited(), floor=5.0, longest_render_s=1)
    bench.ledger.hold(ACCOUNT, remember=as_kept("5.5", "USD", 1.0))
    assert len(bench.claim(1, gate)) == 1
    bench.ledger.hold(ACCOUNT, remember=as_kept("4.99", "USD", 2.0))
    assert bench.claim(1, gate) == []
    told = bench.ledger.status("spring")
    assert told is not None
    assert told.parked_kind == "credit_floor"
    assert "4.99" in str(told.parked)
    halt(bench.ledger, "resume", "campaign", "spring")
    assert len(bench.claim(9, gate)) == 0, "the one under way is the probe"
