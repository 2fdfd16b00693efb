"""Budgets that campaigns share, on a real Valkey: no cap is passed, and waiting for one hurts nobody else."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, wait
from decimal import Decimal
from multiprocessing import get_context
from typing import Any

import pytest

from jobs.budgets import Budget, budget_names
from jobs.lifecycle import Move, State
from ledger.budgets import standings, tell_budgets
from ledger.jobs import Ledger
from ledger.lost import LostSends, Watched
from ledger.lots import Lot
from ledger.orders import Claim, Order
from tests.books import ACCOUNT, FREE, STORE, Bench, Clock, settable_clock
from tests.services import Valkey

#: Micro-USD of a video in most of these tests.
PRICE = 100


@pytest.fixture
def clock(bench: Bench) -> Iterator[Clock]:
    """Redis's clock, which stands at noon of the last day but one of a November."""
    with settable_clock() as one:
        one.set(bench.redis, "2026-11-29T12:00:00")
        yield one


def caps(bench: Bench, *budgets: tuple[str, int | None, int | None], simulated: bool = True) -> None:
    """Set the caps of a day and of a month, in micro-USD."""
    usd = [[None if each is None else Decimal(each) / 10**6 for each in pair] for _, *pair in budgets]
    named = [Budget(name=name, day_usd=d, month_usd=m) for (name, *_), (d, m) in zip(budgets, usd, strict=True)]
    tell_budgets(bench.ledger, named, {}, simulated=simulated)


def names(claims: list[Any]) -> Counter[str]:
    """How many were claimed of each campaign."""
    return Counter(claim.job_id.partition("-")[0] for claim in claims)


def sums(bench: Bench, clock: Clock, budget: str) -> dict[str, tuple[int | None, ...]]:
    """Spent, reserved and in doubt of a budget, by its day and month."""
    cap = Budget(name=budget, day_usd=Decimal(1), month_usd=Decimal(1))
    told = standings(bench.ledger, [cap], clock.now(bench.redis), simulated=True)
    return {one.when: (one.spent_uusd, one.reserved_uusd, one.doubt_uusd) for one in told}


@pytest.mark.parametrize("budget", ["client=acme", "all", "submitted_by=ada"])
def test_a_cap_holds_over_all_campaigns_that_count_to_it(bench: Bench, budget: str) -> None:
    """Three videos may be bought, whichever campaign's; the others wait until some of the money is free again."""
    bench.stock("spring", 3, labels={"client": "Acme"})
    bench.stock("summer", 3, labels={"client": " ACME "})
    caps(bench, (budget, None, 350))
    claims = bench.claim(9)
    assert len(claims) == 3
    assert len(names(claims)) == 2
    assert bench.claim(9) == []
    bench.do(Move.RELEASE, State.QUEUED, claims[0])
    assert len(bench.claim(9)) == 1


def test_a_spent_cap_is_named_and_hinders_nobody_else(bench: Bench, clock: Clock) -> None:
    """The campaign says which budget, what is left, when the day ends and what raises it; others buy."""
    bench.stock("spring", 3, labels={"client": "acme"})
    caps(bench, ("client=acme", 150, 1000))
    bench.do(Move.SETTLE, State.DONE, bench.reach(State.COLLECTING), cost_uusd=100)
    bench.stock("summer", 3, labels={"client": "globex"})
    assert names(bench.claim(9)) == {"summer": 3}
    told = bench.ledger.status("spring")
    assert told is not None
    assert (told.parked_kind, told.settled) == ("short", True)
    assert told.states[State.PARKED] == 2
    (need,) = told.needs
    words = (
        "day's budget of client=acme has $0.0001 left of $0.0002",
        "2026-11-30 00:00 UTC",
        "wanbatch budget set 'client=acme' --day USD",
    )
    assert [word for word in words if word not in need] == []
    assert "--simulated" in need


def test_a_raised_or_removed_cap_lets_the_campaign_go_on(bench: Bench) -> None:
    """Nobody has to touch the campaign; a cap that is lowered again binds the next claim."""
    bench.stock("spring", 4, labels={"client": "acme"})
    caps(bench, ("client=acme", None, 100))
    bench.do(Move.SETTLE, State.DONE, bench.reach(State.COLLECTING), cost_uusd=100)
    assert bench.claim(9) == []
    caps(bench, ("client=acme", None, 200))
    assert len(bench.claim(9)) == 1
    caps(bench, ("client=acme", None, 50))
    assert bench.claim(9) == []
    caps(bench)
    assert len(bench.claim(9)) == 2
    told = bench.ledger.status("spring")
    assert told is not None
    assert told.parked is None


@pytest.mark.parametrize(
    ("period", "before", "after"),
    [("day", "2026-11-29T23:30:00", "2026-11-30T00:30:00"), ("month", "2026-12-31T23:30:00", "2027-01-01T00:30:00")],
)
def test_the_instant_of_the_claim_decides(bench: Bench, clock: Clock, period: str, before: str, after: str) -> None:
    """When the day or month turns the campaign goes on by itself; what was claimed before counts to the old one."""
    clock.set(bench.redis, before)
    bench.stock("spring", 5, labels={"client": "acme"})
    caps(bench, ("client=acme", *((200, None) if period == "day" else (None, 200))))
    bench.do(Move.SETTLE, State.DONE, bench.reach(State.COLLECTING), cost_uusd=150)
    assert bench.claim(9) == []
    caps(bench, ("client=acme", *((250, None) if period == "day" else (None, 250))))
    late = bench.reach(State.COLLECTING)
    assert bench.claim(9) == []
    clock.set(bench.redis, after)
    assert len(bench.claim(9)) == 2
    bench.do(Move.SETTLE, State.DONE, late, cost_uusd=90)
    now = sums(bench, clock, "client=acme")
    assert set(now.values()) == ({(0, 200, 0)} if period == "month" else {(0, 200, 0), (240, 200, 0)})
    clock.set(bench.redis, before)
    then = sums(bench, clock, "client=acme")
    assert then[before[: 10 if period == "day" else 7]] == (240, 0, 0)


def test_what_a_claim_comes_to_frees_the_rest(bench: Bench, clock: Clock) -> None:
    """Cheaper than reserved, failed unbilled, proved absent: the cap has the difference back, at once, and once."""
    bench.stock("spring", 12, labels={"client": "acme"})
    caps(bench, ("client=acme", None, 400))
    cheap, free, lost, again = (
        bench.reach(state) for state in (State.COLLECTING, State.RENDERING, State.UNKNOWN, State.UNKNOWN)
    )
    assert bench.claim(9) == []
    assert sums(bench, clock, "client=acme")["2026-11"] == (0, 200, 200)
    bench.do(Move.SETTLE, State.DONE, cheap, cost_uusd=40)
    bench.do(Move.REBUY, State.QUEUED, free)
    assert sums(bench, clock, "client=acme")["2026-11"] == (40, 0, 200)
    for _ in range(2):
        moved = bench.ledger.move(Order(move=Move.ABSENT, to=State.QUEUED, claim=lost, token="same"))
        assert moved.ok
    watched = Watched(again.job_id, 1, 0, "t", "{}", doubt_uusd=PRICE, purse=bench.ledger.job(again.job_id)["purse"])
    lost_sends = LostSends(bench.ledger)
    assert lost_sends.retry(again.job_id, "unknown", job="{}", purchases="[]", revision=2, sends=1, watch=watched)
    assert sums(bench, clock, "client=acme")["2026-11"] == (40, 0, 100)
    assert len(bench.claim(9)) == 2
    for _ in range(2):
        lost_sends.surplus(ACCOUNT, watched, task="late", cost_uusd=70, purchase="{}")
    assert sums(bench, clock, "client=acme")["2026-11"] == (110, 200, 0)
    assert bench.claim(9) == []


def test_a_row_s_own_label_goes_before_its_campaign_s(bench: Bench, clock: Clock) -> None:
    """A row of another client counts to that client's budget alone, and asked for anew it may be somebody else's."""
    ours = budget_names({"client": "globex"}, "ada", simulated=True)
    bench.stock("spring", 0, labels={"client": "acme"})
    rows = [(f"spring-{n}", n, PRICE, "{}", "queued") for n in range(4)]
    bench.ledger.enqueue("spring", [Lot(ACCOUNT, rows, {"spring-0": ours, "spring-1": ours})])
    bench.ledger.enqueue("spring", [Lot(ACCOUNT, rows, {"spring-1": ours})])
    caps(bench, ("client=globex", 100, None))
    assert len(bench.claim(9)) == 4
    assert sums(bench, clock, "client=globex")["2026-11-29"] == (0, 100, 0)
    assert sums(bench, clock, "client=acme")["2026-11-29"] == (0, 300, 0)
    assert sums(bench, clock, "all")["2026-11-29"] == (0, 400, 0)


def test_a_job_counts_to_whoever_buys_it(bench: Bench, clock: Clock) -> None:
    """Who joined pays nothing; when the buyer lets go, the heir's own row says to which budgets it counts."""
    theirs = budget_names({"client": "initech"}, "bob", simulated=True)
    (job,) = bench.stock("spring", 1, labels={"client": "acme"})
    bench.stock("summer", 0, labels={"client": "globex"})
    assert bench.ledger.enqueue("summer", [Lot(ACCOUNT, [(job, 0, PRICE, "{}", "queued")], {job: theirs})]) == "j"
    bench.ledger.withdraw("spring", [job])
    assert len(bench.claim()) == 1
    assert sums(bench, clock, "client=initech")["2026-11"] == (0, 100, 0)
    assert [sums(bench, clock, f"client={name}")["2026-11"] for name in ("acme", "globex")] == [(0, 0, 0)] * 2


def test_real_and_simulated_money_have_nothing_in_common(bench: Bench) -> None:
    """A cap of real money stops no rehearsal, and telling the one world's caps leaves the other's."""
    bench.stock("spring", 4, labels={"client": "acme"})
    caps(bench, ("client=acme", None, 200))
    caps(bench, ("client=acme", None, 100), ("all", None, 1), simulated=False)
    assert len(bench.claim(9)) == 2
    caps(bench, simulated=False)
    assert bench.claim(9) == []


def test_campaigns_that_wait_for_a_cap_cost_claims_nothing(bench: Bench) -> None:
    """Each of them is looked at once, not at every claim; when there is room, all take turns again."""
    caps(bench, ("client=acme", None, 50))
    for n in range(50):
        bench.stock(f"c{n}", 1, labels={"client": "acme"})
    assert bench.claim(9) == []
    assert bench.redis.zcard(f"wb:turns:{ACCOUNT}") == 0
    caps(bench, ("client=acme", None, 20_000))
    assert len(bench.claim(300)) == 50


def test_campaigns_that_wait_for_money_under_way_cost_claims_little(bench: Bench) -> None:
    """They stand apart at their places, and take turns by these once there is room; whoever stood first goes first."""
    caps(bench, ("client=acme", None, 250))
    bench.stock("first", 2, labels={"client": "acme"})
    under_way = [bench.reach(State.COLLECTING) for _ in range(2)]
    for n in range(50):
        bench.stock(f"c{n:02}", 1, labels={"client": "acme"})
    bench.stock("other", 1, labels={"client": "globex"})
    assert names(bench.claim(9)) == {"other": 1}
    assert bench.redis.zcard(f"wb:turns:{ACCOUNT}") == 0
    bench.do(Move.SETTLE, State.DONE, under_way[0], cost_uusd=40)
    assert names(bench.claim(9)) == {"c00": 1}
    bench.do(Move.SETTLE, State.DONE, under_way[1], cost_uusd=0)
    assert names(bench.claim(9)) == {"c01": 1}
    caps(bench)
    claimed = [claim for _ in range(4) for claim in bench.claim(99)]
    assert len(names(claimed)) == 48


def test_jobs_of_which_nobody_told_the_budgets_are_not_bought_under_a_cap(bench: Bench) -> None:
    """Unknown is not free: a campaign that was opened without budgets waits where there are caps."""
    bench.ledger.open_campaign("spring", ACCOUNT, budget_uusd=None, facts={"simulated": "1"})
    bench.ledger.enqueue("spring", [Lot(ACCOUNT, [("spring-0", 0, PRICE, "{}", "queued")])])
    caps(bench, ("client=acme", None, 10**6))
    assert bench.claim() == []
    caps(bench)
    assert len(bench.claim()) == 1


#: Adds up, in one instant, what the jobs with the same labels cost: by their state, price and bill.
JUDGE = """
local sums = {}
for _, key in ipairs(redis.call('KEYS', 'wb:j:*')) do
  local job = redis.call('HMGET', key, 'state', 'price', 'billed', 'labels')
  local cost = 0
  if job[3] then cost = tonumber(job[3]) elseif job[1] ~= 'queued' then cost = tonumber(job[2]) end
  sums[job[4]] = (sums[job[4]] or 0) + cost
end
return cjson.encode(sums)
"""
#: Campaigns that race, each with its labels, and the caps (micro-USD of a month).
RACERS = {
    f"{client}{team}": {"client": client, "team": team} for client in ("acme", "globex") for team in ("growth", "brand")
}
LIMITS = {
    "client=acme": 30_000,
    "client=globex": 90_000,
    "team=growth": 60_000,
    "team=brand": 120_000,
    "all": 110_000,
}
JOBS, RESERVES = 3_000, 10_000


def _buy(url: str, seed: int, shift_ms: int) -> int:
    """One process: claims, gives back, fails and settles until nothing is left to claim; orders much of it twice."""
    dice, claimed, idle = random.Random(seed), 0, 0
    ledger = Ledger.connect(url, store_url=STORE)
    with settable_clock() as clock:
        clock.move(shift_ms)
        while idle < 40:
            claims = ledger.claim(ACCOUNT, FREE, most=dice.randint(1, 40), most_waiting=10**6)
            claimed, idle = claimed + len(claims), 0 if claims else idle + 1
            orders = [order for claim in claims for order in _ends(claim, ledger, dice)]
            ledger.move_all(orders)
            ledger.move_all(dice.sample(orders, len(orders) // 3))
    ledger.close()
    return claimed


def _ends(claim: Claim, ledger: Ledger, dice: random.Random) -> list[Order]:
    """What becomes of a claim: given back, refused unbilled, or a video at its price or below."""
    roll = dice.random()
    if roll < 0.85:
        return [Order(move=Move.RELEASE, to=State.QUEUED, claim=claim)]
    ledger.send(claim, FREE, token="t", send=1)
    if roll < 0.9:
        return [Order(move=Move.FAIL, to=State.FAILED, claim=claim, set={"billed": "0"})]
    cost = dice.choice((PRICE, PRICE, PRICE, 60))
    return [
        Order(move=Move.ACCEPT, to=State.RENDERING, claim=claim, due_s=1000),
        Order(move=Move.FINISH, to=State.READY, claim=claim, due_s=1000),
        Order(move=Move.COLLECT, to=State.COLLECTING, claim=claim, due_s=1000),
        Order(move=Move.SETTLE, to=State.DONE, claim=claim, cost_uusd=cost, set={"billed": str(cost)}),
    ]


def _judged(bench: Bench) -> Counter[str]:
    """What the jobs that count to each budget cost now."""
    told = json.loads(bench.redis.eval(JUDGE, 0))
    return sum((Counter(dict.fromkeys(labels.split(), cost)) for labels, cost in told.items()), Counter[str]())


@pytest.mark.timeout(120)
def test_ten_thousand_racing_reserves_never_pass_a_cap(bench: Bench, valkey: Valkey, clock: Clock) -> None:
    """Four processes claim jobs of four campaigns 10,000 times under five caps; the jobs judge, at every look."""
    for name, labels in RACERS.items():
        jobs = bench.stock(name, JOBS // len(RACERS), price=PRICE, labels=labels)
        told = " ".join(("all", *(f"{label}={value}" for label, value in labels.items())))
        pipe = bench.redis.pipeline(transaction=False)
        for job in jobs:
            pipe.hset(f"wb:j:{job}", "labels", told)
        pipe.execute()
    caps(bench, *((name, None, limit) for name, limit in LIMITS.items()))
    looks = []
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        racing = [pool.submit(_buy, valkey.url, seed, clock.shift_ms) for seed in range(4)]
        while wait(racing, timeout=0.5).not_done:
            looks.append(_judged(bench))
        looks.append(_judged(bench))
        claimed = sum(one.result() for one in racing)
    assert len(looks) > 5
    for name, limit in LIMITS.items():
        assert max(look[name] for look in looks) <= limit, name
        assert sums(bench, clock, name)["2026-11"] == (looks[-1][name], 0, 0)
    # What binds is used up to less than a video: acme by its own cap, growth and the whole by theirs.
    assert looks[-1]["client=acme"] > LIMITS["client=acme"] - PRICE
    assert looks[-1]["all"] > LIMITS["all"] - PRICE
    assert claimed >= RESERVES
