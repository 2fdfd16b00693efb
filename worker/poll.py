"""The step that looks: one question about one render, and the move that its answer asks for. Waiting spends nothing."""

import json
import time
from dataclasses import replace
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from jobs.lifecycle import Move, State
from jobs.record import purchases_of, purchases_text
from ledger.orders import Claim, Due, Order
from providers.accounts import Account
from providers.clock import Clock
from providers.contract import Answer, Ask, Failed, Finished, Kind, Open, Rejected, Throttled, Unreadable
from worker.posting import NoAnswer
from worker.wire import Asker
from worker.wiring import Counter

#: What is told of a task in the end.
Reading = Open | Finished | Failed | Throttled | Unreadable

#: A failed render is bought again at most once, and only if it was not billed.
MOST_ATTEMPTS = 2
#: Seconds of the provider's clock. A longer wait than this is no throttling but a slip.
LONGEST_HOLD_S = 3600.0
#: The same for an instant to wait for: it seems to lie further off only where a clock is wrong.
FURTHEST_S = 600.0
#: What a job keeps of a purchase as long as it is rendered.
BOUGHT = ("task", "submitted_ms", "kind", "ran_ms", "look_ms")
#: Questions in a row that one look may take (a status, its result, a history row).
MOST_ASKS = 4


async def look(due: Due, counter: Counter, asker: Asker) -> Order:
    """Ask after a render, and tell what the ledger should do; never raises for anything the provider does."""
    if due.unwanted:
        cancelled = await _cancel(due, counter, asker)
        if cancelled is not None:
            # A definite answer: it is not asked again.
            order = _cancelled(due) if cancelled else await look(due._replace(unwanted=""), counter, asker)
            return replace(order, delete=(*order.delete, "unwanted"))
    reading = await _result(due, counter.account, asker) if due.hint_ms else None
    told = reading or await ask_after(due.task_id, counter.account, asker)
    counter.patience.heard(answered=not isinstance(told, Unreadable))
    return _order(told, due, counter)


async def _result(due: Due, account: Account, asker: Asker) -> Finished | Failed | None:
    """The end of a render that a webhook told of, where the provider tells it at once; None if it does not."""
    call = account.provider.result_call(due.task_id, account.endpoint)
    answer = None if call is None else await asker.ask(call)
    if not isinstance(answer, Answer):
        return None
    reading = account.provider.read_check(answer, due.task_id, account.endpoint)
    return reading if isinstance(reading, Finished | Failed) else None


async def ask_after(task_id: str, account: Account, asker: Asker) -> Reading:
    """What the provider tells of a task, in as many questions as that takes."""
    call = account.provider.check_call(task_id, account.endpoint)
    for _ in range(MOST_ASKS):
        answer = await asker.ask(call)
        if isinstance(answer, NoAnswer):
            return Unreadable(answer.reason)
        reading = account.provider.read_check(answer, task_id, account.endpoint)
        if not isinstance(reading, Ask):
            return reading
        call = reading.call
    return Unreadable("one answer leads to the next without an end")


async def _cancel(due: Due, counter: Counter, asker: Asker) -> bool | None:
    """Ask the provider to cancel. True when it says that it will neither render nor bill; None when it was busy."""
    account = counter.account
    call = account.provider.cancel_call(due.task_id, account.endpoint)
    if call is None:
        return False
    answer = await asker.ask(call)
    if isinstance(answer, NoAnswer) or answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= 500:  # noqa: PLR2004
        return None
    return account.provider.read_cancel(answer)


def _cancelled(due: Due) -> Order:
    """The provider gave it up unbilled: this purchase cost nothing, and nothing more is bought for the job."""
    *before, last = purchases_of(due.purchases)
    closed = last.model_copy(update={"state": "cancelled", "cost_usd": Decimal(0), "cost_source": "provider"})
    return Order(
        move=Move.CANCEL,
        to=State.CANCELLED,
        claim=_claim(due),
        set={"purchases": purchases_text([*before, closed])},
        delete=BOUGHT,
    )


def _order(reading: Reading, due: Due, counter: Counter) -> Order:
    if isinstance(reading, Finished | Failed):
        counter.patience.ended(due)
    if isinstance(reading, Finished):
        return _finish(due, finished(reading), counter.patience.lasted(due, reading.took_s))
    if isinstance(reading, Failed):
        return _failed(due, reading)
    if isinstance(reading, Throttled):
        return _later(due, counter, at_least_s=asked_s(reading, counter.account.clock) or 0.0)
    return _later(due, counter, seen=reading if isinstance(reading, Open) else None)


def _later(due: Due, counter: Counter, *, at_least_s: float = 0.0, seen: Open | None = None) -> Order:
    """Look again after the usual wait; past the deadline the render counts as failed, and its money as unknown.

    One that is seen in the provider's queue has not begun: its age begins anew, and it is past no deadline.
    """
    polls, age_s = due.polls + 1, counter.patience.age_s(due)
    if seen is not None and seen.waiting:
        age_s = 0.0
    if age_s >= counter.cadence.deadline_s:
        why = Rejected(
            Kind.RENDER_FAILED,
            f"no end after {counter.account.facts.cadence.deadline_s:.0f} s of the provider's time",
            hint=f"look for task {due.task_id} in the provider's own list; it may have been billed",
        )
        return _finish(due, failed(Failed(why)))
    wait_s = max(at_least_s, counter.patience.wait_s(due.kind, polls, age_s))
    told = {"polls": str(polls), "look_ms": str(int((age_s + wait_s) * 1000))}
    if seen is not None:
        told["ran_ms"] = str(int(age_s * 1000))
    hint = due.hint_ms, int(age_s * 1000)
    return Order(move=Move.WAIT, to=State.RENDERING, claim=_claim(due), due_s=wait_s, set=told, hint=hint)


def _failed(due: Due, reading: Failed) -> Order:
    """An unbilled failure may be bought once more; every other one is the end."""
    if reading.billed is False and reading.why.kind is Kind.RENDER_FAILED and due.attempts < MOST_ATTEMPTS:
        *before, last = purchases_of(due.purchases)
        closed = last.model_copy(update={"state": "failed", "cost_usd": Decimal(0), "cost_source": "provider"})
        return Order(
            move=Move.REBUY,
            to=State.QUEUED,
            claim=_claim(due),
            set={"purchases": purchases_text([*before, closed]), "trouble": reading.why.message},
            delete=BOUGHT,
        )
    return _finish(due, failed(reading))


def _finish(due: Due, result: dict[str, Any], lasted: tuple[str, int] | None = None) -> Order:
    return Order(
        move=Move.FINISH,
        to=State.READY,
        claim=_claim(due),
        due_s=0,
        set={"result": json.dumps(result), "polls": str(due.polls + 1), "finished_ms": str(int(time.time() * 1000))},
        lasted=lasted,
        # If its link must be asked for anew, its length is not counted again.
        delete=("kind", "hint_ms"),
    )


def finished(reading: Finished) -> dict[str, Any]:
    """A good end as the ledger keeps it until it is collected."""
    return {
        "url": reading.url,
        "cost_usd": None if reading.cost_usd is None else str(reading.cost_usd),
        "cost_native": None if reading.cost_native is None else [str(reading.cost_native[0]), reading.cost_native[1]],
        "credits": None if reading.balance is None else str(reading.balance.remaining),
        "credits_unit": None if reading.balance is None else reading.balance.unit,
        "seed": reading.seed,
        "prompt_expanded": reading.prompt_expanded,
    }


def failed(reading: Failed) -> dict[str, Any]:
    """A bad end as the ledger keeps it until it is recorded."""
    why = reading.why
    return {"kind": why.kind, "code": why.code, "message": why.message, "hint": why.hint, "billed": reading.billed}


def asked_s(told: Throttled | Rejected, clock: Clock) -> float | None:
    """Our seconds for which a provider asks to be left alone, within reason; None when it does not say."""
    if told.retry_after_s is not None:
        return clock.ours_s(min(told.retry_after_s, LONGEST_HOLD_S))
    if told.retry_at is not None:
        return max(0.0, min(clock.until_s(told.retry_at, time.time()), clock.ours_s(FURTHEST_S)))
    return None


def _claim(due: Due) -> Claim:
    return Claim(due.job_id, due.fence)
