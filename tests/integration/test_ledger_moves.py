"""Every move on a real Valkey: once is once, a stale hand moves nothing, and the books are in order after each."""

import random
from typing import Any

import pytest

from jobs.lifecycle import ENDS, MOVES, Move, State
from ledger.jobs import Ledger
from ledger.lots import Lot
from ledger.orders import Ask, Claim, Order
from tests.books import FREE, STORE, Bench, targets
from tests.services import Valkey

#: Each move that is an `Order`, from each state where it may start, to each of its ends.
ORDERS = [(start, move, end) for start in State if start is not State.PARKED for move, end in targets(start)]


def an_order(bench: Bench, start: State, move: Move, end: State, **more: Any) -> Order:
    """One job brought to `start`, and an order to move it."""
    bench.stock("spring", 1)
    return Order(move=move, to=end, claim=bench.reach(start), due_s=1000, **more)


@pytest.mark.parametrize(("start", "move", "end"), ORDERS)
def test_the_same_order_twice_is_one_move(bench: Bench, start: State, move: Move, end: State) -> None:
    """A repeat is told what the first one did, and changes neither money nor counters."""
    order = an_order(bench, start, move, end, cost_uusd=70, new_fence=True)
    first = bench.ledger.move(order)
    bench.audit()
    after = bench.redis.hgetall("wb:c:spring"), bench.redis.hgetall("wb:a:" + bench.account)
    again = bench.ledger.move(order)
    assert first.ok
    assert again == first
    assert bench.state(order.claim.job_id) == end
    assert (bench.redis.hgetall("wb:c:spring"), bench.redis.hgetall("wb:a:" + bench.account)) == after
    assert bench.money("spring")[2] == 70


@pytest.mark.parametrize(("start", "move", "end"), ORDERS)
def test_a_stale_hand_moves_nothing(bench: Bench, start: State, move: Move, end: State) -> None:
    """Neither an older fence nor one of another ledger, nor a job that is not there, is moved."""
    order = an_order(bench, start, move, end)
    job_id, fence = order.claim
    epoch, turn = fence.split(":")
    for stale in (f"{epoch}:{int(turn) - 1}", f"{epoch}:{int(turn) + 1}", f"feed:{turn}", ""):
        told = bench.ledger.move(Order(move=move, to=end, claim=Claim(job_id, stale)))
        assert (told.ok, told.detail) == (False, start)
    missing = bench.ledger.move(Order(move=move, to=end, claim=Claim("nobody", fence)))
    assert (missing.ok, missing.detail) == (False, "missing")
    assert bench.state(job_id) == start
    assert bench.redis.exists("wb:j:nobody") == 0


@pytest.mark.parametrize("move", sorted({move for _, move, _ in ORDERS}))
def test_a_move_starts_only_where_the_table_lets_it(bench: Bench, move: Move) -> None:
    """From every other state the same order is refused with the state that the job was found in."""
    starts, ends, _ = MOVES[move]
    reachable = [State.CLAIMED, State.SUBMITTING, State.RENDERING, State.READY, State.COLLECTING, State.UNKNOWN]
    for state in [each for each in reachable if each not in starts]:
        bench.stock("spring", 1)
        claim = bench.reach(state)
        told = bench.ledger.move(Order(move=move, to=ends[0], claim=claim))
        assert (told.ok, told.detail) == (False, state)


def test_an_order_that_the_table_lacks_cannot_be_made() -> None:
    """A step that would move a job past the table fails before Redis is asked."""
    with pytest.raises(ValueError, match="accept does not lead to done"):
        Order(move=Move.ACCEPT, to=State.DONE, claim=Claim("j", "f"))


def test_many_orders_are_answered_in_their_order(bench: Bench) -> None:
    """A batch is one round trip; a stale one among them does not disturb the others, nor do unloaded scripts."""
    bench.stock("spring", 3)
    claims = [bench.reach(State.RENDERING) for _ in range(3)]
    bench.redis.script_flush()
    orders = [Order(move=Move.FINISH, to=State.READY, claim=claim, due_s=0) for claim in claims]
    orders[1] = Order(move=Move.FINISH, to=State.READY, claim=Claim(claims[1].job_id, "old"))
    assert [told.ok for told in bench.ledger.move_all(orders)] == [True, False, True]
    again = bench.ledger.move_all(orders)
    assert [told.detail for told in again] == [claims[0].fence, State.RENDERING, claims[2].fence]


def test_money_follows_the_states(bench: Bench) -> None:
    """Reserved at the claim, in doubt while unknown, spent at the end at what it cost, and never counted twice."""
    bench.stock("spring", 1, price=500)
    claim = bench.reach(State.UNKNOWN)
    assert bench.money("spring") == (0, 500, 0)
    bench.do(Move.ACCEPT, State.RENDERING, claim, due_s=1000)
    assert bench.money("spring") == (500, 0, 0)
    bench.do(Move.FINISH, State.READY, claim, due_s=1000)
    bench.do(Move.COLLECT, State.COLLECTING, claim, due_s=1000)
    bench.do(Move.SETTLE, State.DONE, claim, cost_uusd=420)
    assert bench.money("spring") == (0, 0, 420)


def test_a_job_without_a_price_moves_too(bench: Bench) -> None:
    """Free work is still work: a price of 0 reserves nothing and breaks nothing."""
    bench.stock("spring", 1, price=0)
    bench.do(Move.SETTLE, State.DONE, bench.reach(State.COLLECTING), cost_uusd=0)
    assert bench.money("spring") == (0, 0, 0)


def test_fields_are_set_and_dropped_with_the_move(bench: Bench) -> None:
    """What a step learns is stored in the same instant as the state that follows from it."""
    bench.stock("spring", 1)
    claim = bench.reach(State.RENDERING)
    bench.do(Move.FINISH, State.READY, claim, due_s=0, set={"result": '{"url": "x"}'}, delete=("task",))
    job = bench.ledger.job(claim.job_id)
    assert job["result"] == '{"url": "x"}'
    assert "task" not in job
    assert bench.ledger.fields([claim.job_id, "nobody"], "state", "task") == [["ready", None], [None, None]]


def test_a_foreign_epoch_is_refused_by_every_script(bench: Bench, valkey: Valkey) -> None:
    """A ledger that was founded anew shares nothing with the old one: whoever knows the old epoch moves nothing."""
    bench.stock("spring", 2)
    claim = bench.reach(State.CLAIMED)
    zombie = Ledger.connect(valkey.url, store_url=STORE)
    zombie.epoch = "feedbeef"
    before = bench.redis.hgetall("wb:c:spring")
    for refused in (
        lambda: zombie.open_campaign("spring", bench.account, budget_uusd=1, facts={}),
        lambda: zombie.enqueue("spring", [Lot(bench.account, [("x", 0, 1, "{}", "queued")])]),
        lambda: zombie.withdraw("spring", ["spring-1"]),
        lambda: zombie.claim(bench.account, FREE, most=1, most_waiting=9),
        lambda: zombie.lease(bench.account, FREE, most=1, rings=1),
        lambda: zombie.renew("w/1", [claim]),
        lambda: zombie.hold(bench.account, park="out_of_credit", reason="none"),
    ):
        with pytest.raises(Exception, match="FOREIGN"):
            refused()
    assert zombie.send(claim, FREE, token="t", send=1)[0] == "stop"
    assert zombie.move(Order(move=Move.RELEASE, to=State.QUEUED, claim=claim)).detail == "foreign"
    assert bench.redis.hgetall("wb:c:spring") == before
    zombie.close()


def test_a_ledger_that_lost_its_epoch_buys_nothing(bench: Bench) -> None:
    """An emptied Redis is not taken for a fresh start by those who knew it full."""
    bench.stock("spring", 1)
    bench.redis.flushall()
    with pytest.raises(Exception, match="FOREIGN"):
        bench.claim()
    assert bench.redis.keys("*") == []


@pytest.mark.parametrize("seed", range(4))
def test_the_books_balance_after_any_walk(bench: Bench, seed: int) -> None:
    """Hundreds of random moves, repeats, lapses and stale orders in random order: every sum still adds up."""
    dice = random.Random(seed)
    bench.stock("spring", 12, price=3, budget=1000)
    bench.stock("summer", 12, price=5)
    hands: dict[str, Claim] = {}
    settled = 0
    for step in range(400):
        match dice.choice(["claim", "send", "move", "move", "move", "lapse", "lease", "enqueue"]):
            case "claim":
                hands |= {claim.job_id: claim for claim in bench.claim(3)}
            case "send" if hands:
                bench.ledger.send(dice.choice(list(hands.values())), FREE, token=str(dice.random()), send=1)
            case "move" if hands:
                settled += walk(bench, dice, hands)
            case "lapse" if hands:
                bench.redis.zadd(f"wb:due:{bench.account}", {dice.choice(list(hands)): 1}, xx=True)
            case "lease":
                due = bench.ledger.lease(bench.account, FREE, most=5, rings=2)
                hands |= {each.job_id: Claim(each.job_id, each.fence) for each in due}
            case "enqueue":
                name = dice.choice(["spring", "summer"])
                rows = [(f"{name}-{dice.randrange(24)}", 1, 3 if name == "spring" else 5, "{}", "queued")]
                bench.ledger.enqueue(name, [Lot(bench.account, rows)])
        if step % 5 == 0:
            bench.audit()
    assert settled, "the walk must come to some ends"


def walk(bench: Bench, dice: random.Random, hands: dict[str, Claim]) -> int:
    """One random move of one job in hand, sometimes repeated; 1 when it came to an end."""
    claim = dice.choice(list(hands.values()))
    ways = targets(State(bench.state(claim.job_id)))
    if not ways:
        return 0
    move, end = dice.choice(ways)
    order = Order(move=move, to=end, claim=claim, due_s=dice.choice([0, 1000]), new_fence=dice.random() < 0.2)
    moved = bench.ledger.move(order)
    if dice.random() < 0.3:
        assert bench.ledger.move(order) == moved
    if moved.ok:
        hands[claim.job_id] = Claim(claim.job_id, moved.detail)
    return int(moved.ok and end in ENDS)


def test_claims_are_taken_and_read_in_one_breath(bench: Bench) -> None:
    """The jobs come with the moves, also from a Redis that has forgotten its scripts; a stale hand is shown nothing."""
    bench.stock("spring", 2)
    claims = [bench.reach(State.CLAIMED) for _ in range(2)]
    bench.redis.script_flush()
    for (moved, row), claim in zip(bench.ledger.take([taking(claim) for claim in claims]), claims, strict=True):
        assert moved.ok
        assert moved.detail != claim.fence
        assert (row["state"], row["fence"], row["job"]) == (State.CLAIMED, moved.detail, "{}")
    assert bench.ledger.take([taking(claims[0])]) == [((False, State.CLAIMED), {})]


def taking(claim: Claim) -> Order:
    """What a thread does with a claim first."""
    return Order(move=Move.TAKE, to=State.CLAIMED, claim=claim, due_s=9, new_fence=True)


def test_a_visit_moves_first_then_leases_and_claims(bench: Bench) -> None:
    """A render that has ended is given out to be collected in the same round trip, and a queued job is claimed."""
    bench.stock("spring", 2)
    claim = bench.reach(State.RENDERING)
    order = Order(move=Move.FINISH, to=State.READY, claim=claim, due_s=0)
    ask = Ask(bench.account, FREE, most_due=5, most_collects=5, most_claims=5, most_waiting=5)
    bench.redis.script_flush()
    (moved,), (told,) = bench.ledger.visit([order], [ask])
    assert moved.ok
    assert [(due.job_id, due.state) for due in told.due] == [(claim.job_id, State.READY)]
    assert [bench.state(each.job_id) for each in told.claims] == [State.CLAIMED]
    (moved,), (told,) = bench.ledger.visit([order], [ask._replace(most_claims=0)])
    assert moved.ok, "the same order again is told what it did"
    assert (told.due, told.claims) == ([], [])
