"""The step that buys: a durable intent, the rate token, one POST, and what its answer means. Nothing is bought twice.

The order of the writes is the promise (docs/lifecycle.md): intent, ledger, POST, ledger, receipt.
"""

import logging
import time

from redis.exceptions import RedisError

from jobs.errors import StoreRefused, StoreUnavailable
from jobs.lifecycle import Move, State
from jobs.outcome import Done, Outcome, Retry, Stop, Unknown, Wait
from jobs.record import purchases_text
from jobs.rendertimes import kind_of
from ledger.orders import Claim, Leave, Order, Paid
from ledger.shelf import Intent
from providers.contract import Accepted, Answer, Call, Kind, Lost, Rejected
from worker.attempt import Attempt, attempt_of, purchase_of, receipt_of
from worker.grant import Gate, Limits, Unused, await_grant, post_when_granted, told_by
from worker.handover import handed_over
from worker.insist import insist
from worker.intend import SEND_WITHIN_S, intend
from worker.poll import asked_s
from worker.posting import NoAnswer, NotSent
from worker.settle import settle_unbought
from worker.wiring import Counter, Workshop

#: Seconds after which a submit whose answer was lost is looked for.
FIRST_LOOK_S = 2.0
#: Seconds that an account waits when its provider cannot be reached, or throttles without saying how long.
DEFAULT_HOLD_S = 5.0
#: Seconds that an account waits even where the provider names an instant that has passed; clocks differ.
LEAST_HOLD_S = 1.0

#: What ends a job for good.
FINAL = frozenset({Kind.CONTENT_REFUSED, Kind.BAD_REQUEST})

log = logging.getLogger(__name__)


def submit(claim: Claim, row: dict[str, str], shop: Workshop) -> Outcome:
    """Buy a job that was taken up, or find out that somebody else does: intent, token, POST."""
    attempt = attempt_of(row, claim, shop)
    if attempt is None:
        shop.ledger.move(Order(move=Move.RELEASE, to=State.QUEUED, claim=claim))
        return Stop(f"this worker does not serve the account {row['account']}")
    # Made before anything is taken: an order that cannot be written down costs neither a token nor a doubt.
    order = handed_over(attempt.job, attempt.counter, shop)
    if isinstance(order, Rejected):
        if order.kind not in FINAL:
            return _held_up(attempt, shop, order)
        call: Call | Rejected = order
    else:
        call = attempt.counter.submit_call(order, attempt.send, attempt.token)
    send_by = time.monotonic() + SEND_WITHIN_S
    attempt, theirs = intend(attempt, shop)
    if theirs is None:
        return _buy(attempt, call, shop, send_by) if isinstance(call, Call) else _unmade(attempt, call, shop, send_by)
    refusal = _token(attempt, shop, send_by)
    return _follow(attempt, theirs, shop) if refusal is None else refusal


def _unmade(attempt: Attempt, why: Rejected, shop: Workshop, send_by: float) -> Outcome:
    """The order cannot be made: the job ends as if the provider had said so."""
    refusal = _token(attempt, shop, send_by)
    if refusal is None:
        return _rejected(attempt, shop, why)
    _receipt(attempt, shop, outcome="not_sent")
    return refusal


def _held_up(attempt: Attempt, shop: Workshop, why: Rejected) -> Outcome:
    """A file of the job could not be handed over just now: nothing was sent, and the job waits like its account."""
    _hold(attempt, shop, why)
    shop.ledger.move(Order(move=Move.RELEASE, to=State.QUEUED, claim=attempt.claim))
    return Wait(0.0, why.message)


def _buy(attempt: Attempt, call: Call, shop: Workshop, send_by: float) -> Outcome:
    """The one POST, unless it may not leave, and what its answer means."""
    try:
        answer = post_when_granted(call, shop.wire, _gate(attempt, shop), send_by=send_by, stopping=shop.stopping)
    except RedisError as error:
        return _ungranted(attempt, shop, error)
    if isinstance(answer, Leave | NotSent | Unused):
        outcome = _refused(attempt, shop, answer) if isinstance(answer, Leave) else _not_sent(attempt, shop, answer)
        _receipt(attempt, shop, outcome="not_sent")
        return outcome
    account = attempt.counter.account
    reading = Lost(answer.reason) if isinstance(answer, NoAnswer) else account.provider.read_submit(answer)
    told = told_by(attempt.policy, account.provider, answer) if isinstance(answer, Answer) else None
    if isinstance(reading, Accepted):
        return _accepted(attempt, shop, reading, told=told)
    if isinstance(reading, Lost):
        return _lost(attempt, shop, reading.reason)
    return _rejected(attempt, shop, reading, told=told)


def _gate(attempt: Attempt, shop: Workshop) -> Gate:
    def gate(late: str, told: str) -> Leave:
        return shop.ledger.send(
            attempt.claim, attempt.policy, token=attempt.token, send=attempt.send, late=late, told=told
        )  # fmt: skip

    return gate


def _token(attempt: Attempt, shop: Workshop, send_by: float) -> Outcome | None:
    """Take the rate token and move to submitting, to say at once what is known already; None when that is done."""
    try:
        leave = await_grant(_gate(attempt, shop), late="", send_by=send_by, stopping=shop.stopping)
    except RedisError as error:
        return _ungranted(attempt, shop, error)
    return None if leave.word == "go" else _refused(attempt, shop, leave)


def _ungranted(attempt: Attempt, shop: Workshop, error: RedisError) -> Outcome:
    """The ledger went away at the gate. Whether or not the move happened, nothing was sent; nobody else can know."""
    insist(shop.ledger, Order(move=Move.DEFER, to=State.QUEUED, claim=attempt.claim))
    return Retry(f"the ledger did not answer: {error}")


def _refused(attempt: Attempt, shop: Workshop, leave: Leave) -> Outcome:
    """The gate does not let it go, now or in time."""
    shop.ledger.move(Order(move=Move.RELEASE, to=State.QUEUED, claim=attempt.claim))
    return Wait(leave.wait_s, "the account's rate lets nothing go in time") if leave.word == "wait" else Stop(leave.why)


def _accepted(
    attempt: Attempt, shop: Workshop, reading: Accepted, *, just_now: bool = True, told: Limits | None = None
) -> Outcome:
    """The provider gave a task id, just now or to another ledger: into the ledger first, then onto the shelf."""
    # Whatever began at a time that nobody here saw teaches nothing about how long renders last.
    kind = kind_of(attempt.job.render) if just_now else ""
    wait_s = attempt.counter.patience.wait_s(kind, 0, 0.0)
    purchase = purchase_of(attempt, reading)
    receipt = receipt_of(attempt, "accepted", task_id=reading.task_id, request_id=reading.request_id)
    order = Order(
        move=Move.ACCEPT,
        to=State.RENDERING,
        claim=attempt.claim,
        due_s=wait_s,
        answered=True,
        told=told,
        set={
            "task": reading.task_id,
            "submitted_ms": str(int(purchase.submitted_at.timestamp() * 1000)),
            "attempts": str(attempt.attempts + 1),
            "polls": "0",
            "kind": kind,
            "ran_ms": "0",
            "look_ms": str(int(wait_s * 1000)),
            "purchases": purchases_text([*attempt.purchases, purchase]),
            "owed": receipt.model_dump_json(),
        },
        task=reading.task_id,
        hint=("", 0),
    )
    moved = insist(shop.ledger, order)
    shop.shelf(simulated=attempt.job.simulated).write_receipt(receipt)
    shop.outbox.pay(Paid(attempt.claim.job_id, attempt.send))
    if moved is None or not moved.ok:
        # The task is bought, and its receipt lies in the store for reconciling.
        log.error("accepted but not recorded", extra={"job_id": attempt.claim.job_id, "task_id": reading.task_id})
        return Unknown("the task was bought, but the ledger could not be told")
    return Done()


def _lost(attempt: Attempt, shop: Workshop, reason: str, *, blameless: bool = False) -> Outcome:
    """The answer was lost: the money stays in doubt, and nothing buys this job again before it is proved."""
    purchase = purchase_of(attempt)
    insist(
        shop.ledger,
        Order(
            move=Move.LOSE,
            blameless=blameless,
            to=State.UNKNOWN,
            claim=attempt.claim,
            due_s=FIRST_LOOK_S,
            set={"trouble": reason, "purchases": purchases_text([*attempt.purchases, purchase])},
        ),
    )
    log.warning("submit unanswered", extra={"job_id": attempt.claim.job_id, "reason": reason})
    return Unknown(reason)


def _rejected(attempt: Attempt, shop: Workshop, reading: Rejected, *, told: Limits | None = None) -> Outcome:
    """A definite no: nothing was bought. Who has to wait, and whether the job has ended, follows from its kind."""
    why = {"kind": reading.kind, "code": reading.code, "message": reading.message}
    if reading.kind in FINAL:
        row = {**attempt.kept, "queued_ms": attempt.queued_ms, "attempts": str(attempt.attempts + 1)}
        try:
            _receipt(attempt, shop, outcome="rejected", **why)
            return settle_unbought(attempt.job, attempt.claim, attempt.purchases, reading, row, shop)
        except (StoreUnavailable, StoreRefused):
            # Nothing was bought, and that is known: the job may be asked for again when its end can be recorded.
            insist(shop.ledger, Order(move=Move.DEFER, to=State.QUEUED, claim=attempt.claim))
            raise
    _hold(attempt, shop, reading)
    insist(shop.ledger, Order(move=Move.DEFER, to=State.QUEUED, claim=attempt.claim, answered=False, told=told))
    _receipt(attempt, shop, outcome="rejected", **why)
    return Wait(0.0, reading.message)


def _hold(attempt: Attempt, shop: Workshop, reading: Rejected) -> None:
    """Let the whole account wait: for a person where it is about money or the key, else as long as it is asked to."""
    name = attempt.counter.name
    if reading.kind in (Kind.OUT_OF_CREDIT, Kind.KEY_REFUSED):
        why = f"{attempt.counter.account.facts.title} says: {reading.message}. {reading.hint}".strip()
        shop.ledger.hold(name, park=reading.kind, reason=why)
        log.warning("account parked", extra={"account": name, "reason": why})
    else:
        down_s = 0.0 if reading.kind is Kind.PROVIDER_DOWN else None
        shop.ledger.hold(name, hold_s=hold_s(reading, attempt.counter), down_s=down_s)


def hold_s(reading: Rejected, counter: Counter) -> float:
    """Our seconds for which the provider wants to be left alone; never none, or its 429 would teach nothing."""
    clock = counter.account.clock
    wait_s = asked_s(reading, clock)
    return clock.ours_s(DEFAULT_HOLD_S) if wait_s is None else max(clock.ours_s(LEAST_HOLD_S), wait_s)


def _not_sent(attempt: Attempt, shop: Workshop, what: NotSent | Unused) -> Outcome:
    """No byte left: the provider could not be reached, or, with a token in hand, not in its time."""
    if isinstance(what, Unused):
        insist(shop.ledger, Order(move=Move.DEFER, to=State.QUEUED, claim=attempt.claim, unused=True))
        return Retry(what.reason)
    shop.ledger.hold(attempt.counter.name, hold_s=DEFAULT_HOLD_S, down_s=0.0)
    insist(shop.ledger, Order(move=Move.RELEASE, to=State.QUEUED, claim=attempt.claim))
    return Retry(f"the provider cannot be reached ({what.reason})")


def _follow(attempt: Attempt, theirs: Intent, shop: Workshop) -> Outcome:
    """Another ledger meant to buy this very send: its record or receipt decides, and without one nobody knows yet.

    A task at another account cannot be followed from here: it is in doubt, too, until the record is there.
    """
    shelf = shop.shelf(simulated=attempt.job.simulated)
    record = shelf.record(attempt.claim.job_id)
    if record is not None and record.status != "failed":
        insist(
            shop.ledger,
            Order(move=Move.INHERIT, to=State(record.status), claim=attempt.claim, delete=("job", "trouble")),
        )
        return Stop("another ledger has made it; its record is the end")
    receipt = shelf.receipt(attempt.claim.job_id, attempt.send)
    bought = receipt is not None and receipt.outcome == "accepted"
    if receipt is None or (bought and record is None and theirs.account != attempt.counter.name):
        return _lost(attempt, shop, f"another ledger is buying it at {theirs.account}", blameless=True)
    if bought and receipt.task_id and theirs.account == attempt.counter.name:
        return _accepted(attempt, shop, Accepted(receipt.task_id, receipt.request_id), just_now=False)
    insist(shop.ledger, Order(move=Move.DEFER, to=State.QUEUED, claim=attempt.claim))
    return Retry("another ledger's send was refused; this one tries anew")


def _receipt(attempt: Attempt, shop: Workshop, *, outcome: str, **told: str | None) -> None:
    shop.shelf(simulated=attempt.job.simulated).write_receipt(receipt_of(attempt, outcome, **told))
