"""Doorbells that carry several claims: each is worked at once, by no more threads than its task may have."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace

import pytest
from redis.exceptions import ConnectionError  # noqa: A004 - Redis's own

from jobs.lifecycle import Move
from jobs.messages import COLLECT, SUBMIT, VERSION
from jobs.outcome import Done, Outcome
from ledger.orders import Claim, Moved, Order
from worker import doorbells
from worker.doorbells import BELL_S, FULL_WITHIN_S, HANG_S, MOST_CLAIMS, Bells, Hands, Taken
from worker.tasks import Step, answer
from worker.wiring import Held


class Shop(SimpleNamespace):
    """What the tasks themselves need of a workshop; its ledger keeps what is asked of it."""


def a_shop(threads: int = 2) -> Shop:
    """A worker with so many threads for each task."""
    orders: list[Order] = []
    return Shop(
        held=Held(),
        hands={SUBMIT: Hands(threads), COLLECT: Hands(threads)},
        stopping=threading.Event(),
        orders=orders,
        ledger=SimpleNamespace(move_all=orders.extend, take=take),
    )


def take(orders: Sequence[Order]) -> list[tuple[Moved, dict[str, str]]]:
    """Every claim is there to be taken up."""
    return [(Moved(ok=True, detail=order.claim.fence), {"fence": order.claim.fence}) for order in orders]


def ring(shop: Shop, step: Step, names: Sequence[str], task: str = SUBMIT) -> None:
    """One doorbell."""
    answer(task, step, list(names), [f"f:{name}" for name in names], VERSION, shop)  # type: ignore[arg-type]


def test_every_claim_of_a_doorbell_is_worked_at_once_and_in_turn() -> None:
    """Each is held while it is worked at, and only then: one that waits is in nobody's hands."""
    shop, seen = a_shop(), []

    def step(claim: Claim, _row: object, _: object) -> Outcome:
        seen.append((claim, shop.held.now()))
        return Done()

    ring(shop, step, "abc")
    assert seen == [(Claim(name, f"f:{name}"), [Claim(name, f"f:{name}")]) for name in "abc"]
    assert shop.held.now() == []


def test_a_task_has_only_its_share_of_the_threads() -> None:
    """Doorbells beyond it are answered at once, and what they brought is done by the threads that are at work."""
    shop, seen, both, go = a_shop(threads=2), [], threading.Barrier(3), threading.Event()

    def step(claim: Claim, _row: object, _: object) -> Outcome:
        seen.append((claim.job_id, threading.get_ident()))
        if claim.job_id in "ab":
            both.wait(10)
            go.wait(10)
        return Done()

    with ThreadPoolExecutor(2) as pool:
        first = [pool.submit(ring, shop, step, name) for name in "ab"]
        both.wait(10)
        for names in ("cd", "e"):
            ring(shop, step, names)
        assert len(seen) == 2
        go.set()
        for one in first:
            one.result(10)
    assert sorted(name for name, _ in seen) == list("abcde")
    assert len({thread for _, thread in seen}) == 2
    ring(shop, step, "f")
    assert seen[-1] == ("f", threading.get_ident()), "both threads were counted out"


def test_the_last_thread_waits_for_more_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes meanwhile wants no doorbell and is begun at once; after that moment the thread is free."""
    shop, seen, waits = a_shop(), [], threading.Event()
    hands = shop.hands[SUBMIT] = Hands(2, lingering=1)
    wait = hands._lock.wait

    def waiting(timeout: float) -> bool:
        waits.set()
        return wait(timeout)

    monkeypatch.setattr(hands._lock, "wait", waiting)

    def step(claim: Claim, _row: object, _: object) -> Outcome:
        seen.append((claim.job_id, threading.get_ident()))
        return Done()

    with ThreadPoolExecutor(1) as pool:
        thread = pool.submit(ring, shop, step, "a")
        assert waits.wait(10)
        woken: list[int] = []
        wake = hands._lock.notify

        def waking(threads: int) -> None:
            woken.append(threads)
            wake(threads)

        monkeypatch.setattr(hands._lock, "notify", waking)
        assert hands.share([]) == [], "an instant in which nothing comes"
        assert hands.share([Claim("b", "f:b")]) == []
        assert woken == [0, 1], "nobody is woken for nothing, or would leave"
        thread.result(10)
    assert [name for name, _ in seen] == ["a", "b"]
    assert len({thread for _, thread in seen}) == 1
    assert hands.share([Claim("c", "f:c")]) == [Claim("c", "f:c")]


def test_what_a_thread_leaves_taken_up_is_another_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is held, and no doorbell is rung for it: when a thread leaves, whoever waits for more has what is left."""
    hands, waits = Hands(2, lingering=2), threading.Event()
    wait = hands._lock.wait

    def waiting(timeout: float) -> bool:
        waits.set()
        return wait(timeout)

    monkeypatch.setattr(hands._lock, "wait", waiting)

    def take(claims: Sequence[Claim]) -> list[Taken]:
        return [Taken(claim, {}) for claim in claims]

    one, other = Claim("a", "f:a"), Claim("b", "f:b")
    for _ in range(9):
        hands.took(0.0)
    assert hands.claims_a_bell > 1
    assert hands.join([])
    with ThreadPoolExecutor(1) as pool:
        waiter = pool.submit(hands.next, take, until=float("inf"))
        assert waits.wait(10)
        assert hands.join([one, other])
        assert hands.next(take, until=float("inf")) == Taken(one, {})
        assert hands.next(take, until=0.0) is None
        assert waiter.result(10) == Taken(other, {})


def test_a_step_that_breaks_leaves_its_place() -> None:
    """A mistake of ours is told to Celery; what waited is given back, and the next doorbell is worked at."""
    shop, seen = a_shop(threads=1), []

    def step(claim: Claim, _row: object, _: object) -> Outcome:
        seen.append(claim.job_id)
        if claim.job_id == "a":
            raise ZeroDivisionError
        return Done()

    with pytest.raises(ZeroDivisionError):
        ring(shop, step, "ab")
    ring(shop, step, "c")
    assert seen == list("ac")
    assert [(order.move, order.claim.job_id) for order in shop.orders] == [(Move.RELEASE, "b")]


@pytest.mark.parametrize(("task", "given"), [(SUBMIT, list("bc")), (COLLECT, [])])
def test_a_leaving_worker_gives_back_what_it_has_not_begun(task: str, given: list[str]) -> None:
    """The step at hand ends; claims go back to the queue, and what is ready is rung for again by itself."""
    shop, seen = a_shop(), []

    def step(claim: Claim, _row: object, _: object) -> Outcome:
        seen.append(claim.job_id)
        shop.stopping.set()
        return Done()

    ring(shop, step, "abc", task)
    assert seen == ["a"]
    assert [(order.move, order.claim.job_id) for order in shop.orders] == [(Move.RELEASE, name) for name in given]


def test_a_doorbell_carries_what_a_thread_can_do_in_an_instant() -> None:
    """One claim before anything is known and where steps are slow, more the quicker they are, never too many."""
    hands = Hands(1)
    assert hands.claims_a_bell == 1
    for _ in range(40):
        hands.took(BELL_S / 10.5)
    assert hands.claims_a_bell == 10
    for _ in range(100):
        hands.took(0.0)
    assert hands.claims_a_bell == MOST_CLAIMS
    hands.took(20.0)
    assert hands.claims_a_bell == 1


def quick(hands: Hands, claims_a_bell: int) -> Hands:
    """Steps that are so quick that a bell carries so many."""
    hands._step_s = BELL_S / (claims_a_bell + 0.5)
    return hands


def test_quick_claims_are_taken_up_together_and_held_until_they_are_done() -> None:
    """One trip to the ledger serves a bell's worth of them; each is let go as its own step ends."""
    shop, trips, held = a_shop(), [], []
    quick(shop.hands[SUBMIT], 2)

    def taking(orders: Sequence[Order]) -> list[tuple[Moved, dict[str, str]]]:
        trips.append([order.claim.job_id for order in orders])
        return take(orders)

    def step(claim: Claim, row: dict[str, str], _: object) -> Outcome:
        quick(shop.hands[SUBMIT], 2)
        assert row == {"fence": claim.fence}
        held.append(sorted(each.job_id for each in shop.held.now()))
        return Done()

    shop.ledger.take = taking
    ring(shop, step, "abc")
    assert trips == [["a", "b"], ["c"]]
    assert held == [["a", "b"], ["b"], ["c"]]
    assert shop.held.now() == []


@pytest.mark.parametrize(("task", "move"), [(SUBMIT, Move.RELEASE), (COLLECT, Move.DROP)])
@pytest.mark.parametrize("ending", ["leaves", "breaks"])
def test_what_was_taken_up_and_not_begun_is_given_back(task: str, move: Move, ending: str) -> None:
    """Whether the worker leaves or a step breaks: nothing stays held that nobody works at."""
    shop, seen = a_shop(), []
    quick(shop.hands[task], 3)

    def step(claim: Claim, _row: object, _: object) -> Outcome:
        seen.append(claim.job_id)
        if ending == "breaks":
            raise ZeroDivisionError
        shop.stopping.set()
        return Done()

    with suppress(ZeroDivisionError):
        ring(shop, step, "abc", task)
    assert seen == ["a"]
    assert [(order.move, order.claim.job_id) for order in shop.orders] == [(move, "b"), (move, "c")]
    assert shop.held.now() == []


def test_a_ledger_that_is_away_when_claims_are_taken_up_breaks_nothing() -> None:
    """Their leases run out, and the ledger rings for them again."""
    shop, seen = a_shop(), []

    def away(_: object) -> object:
        raise ConnectionError

    def step(claim: Claim, _row: object, _: object) -> Outcome:
        seen.append(claim.job_id)
        return Done()

    shop.ledger.take = away
    ring(shop, step, "ab")
    assert (seen, shop.held.now()) == ([], [])
    shop.ledger.take = take
    ring(shop, step, "c")
    assert seen == ["c"]


def test_bells_are_rung_full_or_after_an_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first claim after a quiet time travels at once; those that follow wait for one another, and none for long."""
    now, rung = [100.0], []
    monkeypatch.setattr(doorbells, "time", SimpleNamespace(monotonic=lambda: now[0]))
    bells = Bells(
        lambda _task, _account, claims: rung.append([claim.job_id for claim in claims]), {SUBMIT: quick(Hands(1), 3)}
    )

    def come(names: str) -> list[list[str]]:
        bells.add(SUBMIT, "acme", [Claim(name, "f") for name in names])
        bells.ring()
        told = rung.copy()
        rung.clear()
        return told

    assert come("a") == [["a"]]
    assert come("bc") == []
    assert come("def") == [["b", "c", "d"]], "the full one is rung, the rest waits"
    now[0] += FULL_WITHIN_S
    assert come("") == [["e", "f"]]
    assert come("g") == []
    bells.ring(last=True)
    assert rung == [["g"]]


def test_threads_at_work_are_left_a_bell_s_worth_each_without_a_bell() -> None:
    """Who is at work already needs no waking: only what is more than they can do in an instant is rung for."""
    shop, seen, rung = a_shop(), [], []
    bells = Bells(lambda _task, _account, claims: rung.append([claim.job_id for claim in claims]), shop.hands)

    def step(claim: Claim, _row: object, _: object) -> Outcome:
        seen.append(claim.job_id)
        quick(shop.hands[SUBMIT], 3)
        if claim.job_id == "a":
            bells.add(SUBMIT, "acme", [Claim(name, f"f:{name}") for name in "bcde"])
            bells.ring()
        return Done()

    ring(shop, step, "a")
    assert (seen, rung) == (list("abcd"), [["e"]])
    quick(shop.hands[SUBMIT], 3)
    bells.add(SUBMIT, "acme", [Claim("f", "f:f")] * 3)
    bells.ring()
    assert rung[1:] == [["f"] * 3], "nobody is at work any more"


def test_nothing_is_left_with_threads_whose_steps_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that does not answer holds up the jobs of the thread that asks it, and no others."""
    now = [100.0]
    monkeypatch.setattr(doorbells, "time", SimpleNamespace(monotonic=lambda: now[0]))
    hands = quick(Hands(1), 2)
    assert hands.join([Claim("a", "f")])
    hands.next(taking_all, until=now[0])
    now[0] += HANG_S
    assert hands.share([Claim("b", "f")]) == [Claim("b", "f")]


def test_a_thread_that_has_long_been_at_work_leaves_the_rest_to_others() -> None:
    """A doorbell of the other task may wait for a thread; the last one stays, or nobody would do what is left."""
    hands = Hands(2)
    assert hands.join([Claim("a", "f"), Claim("b", "f")])
    assert hands.join([])
    assert hands.next(taking_all, until=0.0) is None
    assert [hands.next(taking_all, until=0.0) for _ in range(3)] == [
        *taking_all([Claim("a", "f"), Claim("b", "f")]),
        None,
    ]


def taking_all(claims: Sequence[Claim]) -> list[Taken]:
    """All claims are there."""
    return [Taken(claim, {}) for claim in claims]
