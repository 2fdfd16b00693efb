"""Doorbells that carry several claims: each is worked at once, by no more threads than its task may have."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from jobs.lifecycle import Move
from jobs.messages import COLLECT, SUBMIT, VERSION
from jobs.outcome import Done, Outcome
from ledger.orders import Claim, Order
from worker.doorbells import BELL_S, MOST_CLAIMS, Hands
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
        ledger=SimpleNamespace(move_all=orders.extend),
    )


def ring(shop: Shop, step: Step, names: Sequence[str], task: str = SUBMIT) -> None:
    """One doorbell."""
    answer(task, step, list(names), [f"f:{name}" for name in names], VERSION, shop)  # type: ignore[arg-type]


def test_every_claim_of_a_doorbell_is_worked_at_once_and_in_turn() -> None:
    """Each is held while it is worked at, and only then: one that waits is in nobody's hands."""
    shop, seen = a_shop(), []

    def step(claim: Claim, _: object) -> Outcome:
        seen.append((claim, shop.held.now()))
        return Done()

    ring(shop, step, "abc")
    assert seen == [(Claim(name, f"f:{name}"), [Claim(name, f"f:{name}")]) for name in "abc"]
    assert shop.held.now() == []


def test_a_task_has_only_its_share_of_the_threads() -> None:
    """Doorbells beyond it are answered at once, and what they brought is done by the threads that are at work."""
    shop, seen, both, go = a_shop(threads=2), [], threading.Barrier(3), threading.Event()

    def step(claim: Claim, _: object) -> Outcome:
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


def test_a_step_that_breaks_leaves_its_place() -> None:
    """A mistake of ours is told to Celery; the next doorbell works at what is left."""
    shop, seen = a_shop(threads=1), []

    def step(claim: Claim, _: object) -> Outcome:
        seen.append(claim.job_id)
        if claim.job_id == "a":
            raise ZeroDivisionError
        return Done()

    with pytest.raises(ZeroDivisionError):
        ring(shop, step, "ab")
    ring(shop, step, "c")
    assert seen == list("abc")


@pytest.mark.parametrize(("task", "given"), [(SUBMIT, list("bc")), (COLLECT, [])])
def test_a_leaving_worker_gives_back_what_it_has_not_begun(task: str, given: list[str]) -> None:
    """The step at hand ends; claims go back to the queue, and what is ready is rung for again by itself."""
    shop, seen = a_shop(), []

    def step(claim: Claim, _: object) -> Outcome:
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
