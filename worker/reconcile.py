"""What became of submits whose answer was lost: told by the store's receipt, a webhook, or the provider's own list.

A task that is found is adopted. That there is none is proved by two looks, the second after the time in which the
provider may still show one. What cannot be proved is held for a person. Nothing is bought a second time here: a repeat
under the send's own key leaves only where that is proved to buy nothing twice.
"""

import asyncio
import contextlib
import logging
import time

from redis.exceptions import RedisError

from jobs.lifecycle import Move, State
from jobs.record import Purchase, purchases_of, purchases_text
from ledger.lost import LOOK_LEASE_S, Watched
from ledger.orders import Claim, Order, Paid, Watch
from ledger.shelf import Intent, Receipt
from providers.contract import Failed, Finished, Open
from worker.listing import listed, token, verdicts
from worker.lookup import Look, Looked, receipt
from worker.poll import ask_after
from worker.replay import repeated
from worker.surplus import follow_up
from worker.twins import Verdict
from worker.wire import Asker
from worker.wiring import Counter, Workshop

#: Seconds for one look, which may take many pages.
LOOK_WITHIN_S = 50.0
#: Seconds for one question of a look, after which it no longer keeps others from looking.
SILENT_S = 3.0
#: What a job forgets once its lost send is decided.
DECIDED = ("trouble", "look", "misses", "missed_ms", "hinted")

log = logging.getLogger(__name__)


async def look_up(counter: Counter, asker: Asker, shop: Workshop) -> Looked | None:
    """Look once for all lost sends of the account; None while another worker does. Raises for store and Redis."""
    look = await asyncio.to_thread(Look, counter, shop)
    if not await asyncio.to_thread(look.lost.begin, counter.name):
        return None
    alone = asyncio.create_task(_stay_alone(look))
    try:
        async with asyncio.timeout(LOOK_WITHIN_S):
            await asyncio.to_thread(_by_receipts, look)
            await _by_webhook(look, asker)
            undecided = await _by_key(look)
            await _by_list(look, asker, undecided)
    except TimeoutError:
        log.warning("the provider's list took too long; it is asked again", extra={"account": counter.name})
    finally:
        alone.cancel()
        await asyncio.to_thread(look.lost.end, counter.name)
    return look.looked


async def _stay_alone(look: Look) -> None:
    """Stretch the look's lease while it goes on; a ledger that is away for a moment is told a little later.

    Where one question is left without an answer, as on a line that has fallen silent, others may look meanwhile.
    """
    while True:
        await asyncio.sleep(LOOK_LEASE_S / 3)
        if time.monotonic() - look.step_at < SILENT_S:
            with contextlib.suppress(RedisError):
                await asyncio.to_thread(look.lost.stretch, look.counter.name)


def _by_receipts(look: Look) -> None:
    """A worker that could not tell the ledger may have told the store."""
    for job_id, row in look.lost.sent(look.counter.name).items():
        if row["state"] != State.UNKNOWN:
            continue
        look.step_at = time.monotonic()
        told = look.shelf.receipt(job_id, int(row["sends"]))
        if (intent := look.abroad(job_id, row)) is not None:
            _await_record(look, job_id, row, intent, told)
        elif told is not None and told.outcome == "accepted" and told.task_id:
            _adopt(look, job_id, row, told.task_id, told.request_id)
        elif told is not None:
            _free(look, job_id, row, watch=None)


def _await_record(look: Look, job_id: str, row: dict[str, str], intent: Intent, told: Receipt | None) -> None:
    """Another ledger buys it at another account, whose tasks cannot be asked for here: its record is the end.

    One that failed, or a send that bought nothing, lets this ledger buy.
    """
    record = look.shelf.record(job_id)
    if record is not None and record.status != "failed":
        order = Order(move=Move.INHERIT, to=State(record.status), claim=_claim(job_id, row), delete=("job", *DECIDED))
        look.shop.ledger.move(order)
    elif record is not None or (told is not None and told.outcome != "accepted"):
        _free(look, job_id, row, watch=None)
    else:
        reason = f"another ledger buys it at {intent.account}; its record is awaited"
        _look_again(look, job_id, row, Verdict(reason=reason, held=look.settled(int(row["sent_ms"]))))


async def _by_webhook(look: Look, asker: Asker) -> None:
    """A webhook may have named the task of a lost send: it is the job's if the provider knows it."""
    rows = await asyncio.to_thread(look.lost.sent, look.counter.name)
    for job_id, row in rows.items():
        task_id = row.get("hinted")
        if row["state"] != State.UNKNOWN or task_id is None:
            continue
        await token(look)
        reading = await ask_after(task_id, look.counter.account, asker)
        if isinstance(reading, Open | Finished | Failed):
            await asyncio.to_thread(_adopt, look, job_id, row, task_id, None)


async def _by_key(look: Look) -> dict[str, Verdict]:
    """Send what may be sent again under its key; answers why some of it is still unknown."""
    outcome = await repeated(look)
    rows = await asyncio.to_thread(look.sent) if outcome.accepted else {}
    for job_id, told in outcome.accepted.items():
        if job_id in rows:
            await asyncio.to_thread(_adopt, look, job_id, rows[job_id], told.task_id, told.request_id)
    return outcome.undecided


async def _by_list(look: Look, asker: Asker, undecided: dict[str, Verdict]) -> None:
    """Ask the provider for its tasks, and match them with the sends that are still lost."""
    since_ms = _oldest_ms(*await asyncio.to_thread(_lost_now, look))
    if since_ms is None:
        return
    tasks = await listed(look, asker, since_ms)
    # Read after the list: a task that is listed, and not claimed now, is of a send that is lost or on the wire now.
    rows, watched = await asyncio.to_thread(_lost_now, look)
    sends = [look.sought(_send(job_id, row), row["state"], name=job_id) for job_id, row in rows.items()]
    sends += [look.sought(each, "freed", name=each.name) for each in watched]
    found = await verdicts(look, asker, sends, tasks) | undecided
    rows = {job_id: row for job_id, row in rows.items() if int(row["sent_ms"]) >= since_ms}
    await asyncio.to_thread(_decide, look, rows, [each for each in watched if each.sent_ms >= since_ms], found)


def _lost_now(look: Look) -> tuple[dict[str, dict[str, str]], list[Watched]]:
    """Jobs whose POST is on the wire or was lost, and sends that were given up."""
    return look.sent(), look.lost.watched(look.counter.name)


def _oldest_ms(rows: dict[str, dict[str, str]], watched: list[Watched]) -> int | None:
    """How far back to look: to the oldest lost send that may be decided; without any, to the held and given-up ones.

    Those may be days old: a list that long must not keep today's sends from being decided.
    """
    lost = [row for row in rows.values() if row["state"] == State.UNKNOWN]
    fresh = [int(row["sent_ms"]) for row in lost if "held" not in row]
    return min(fresh or [*(int(row["sent_ms"]) for row in lost), *(each.sent_ms for each in watched)], default=None)


def _decide(look: Look, rows: dict[str, dict[str, str]], watched: list[Watched], found: dict[str, Verdict]) -> None:
    """Tell the ledger."""
    for job_id, row in rows.items():
        if row["state"] == State.UNKNOWN:
            _decide_unknown(look, job_id, row, found[job_id])
    for each in watched:
        follow_up(look, each, found[each.name])


def _decide_unknown(look: Look, job_id: str, row: dict[str, str], verdict: Verdict) -> None:
    """Adopted, proved absent, or looked for again."""
    sent_ms, misses = int(row["sent_ms"]), _misses(row)
    if verdict.task is not None:
        _adopt(look, job_id, row, verdict.task.task_id, None)
    elif verdict.missed and misses and look.settled(sent_ms) and _write_absent(look, job_id, row):
        given_up = _send(job_id, row)
        _free(look, job_id, row, Watch(given_up.name, given_up.text(), look.settle_s))
    else:
        _look_again(look, job_id, row, verdict)


def _look_again(look: Look, job_id: str, row: dict[str, str], verdict: Verdict) -> None:
    """Not decided yet, or only by a person: why, and when the next look is."""
    told = {"look": verdict.reason, "misses": f"{row['sends']}:{_misses(row) + verdict.missed}"}
    if verdict.missed:
        told["missed_ms"] = str(look.asked_ms)
    due_s = look.next_s(int(row["sent_ms"]), held=verdict.held)
    order = Order(move=Move.LOOK, to=State.UNKNOWN, claim=_claim(job_id, row), due_s=due_s, set=told, held=verdict.held)
    if look.shop.ledger.move(order).ok:
        (look.looked.held if verdict.held else look.looked.waiting)[job_id] = verdict.reason


def _adopt(look: Look, job_id: str, row: dict[str, str], task_id: str, request_id: str | None) -> None:
    """The task is this job's: it is polled from now on. One that another job has claimed is left to it."""
    purchase = look.purchase(row, task_id, request_id, "rendering")
    owed = receipt(job_id, row, "accepted", task_id=task_id, request_id=request_id)
    order = Order(
        move=Move.ADOPT,
        to=State.RENDERING,
        claim=_claim(job_id, row),
        due_s=0,
        task=task_id,
        set={
            "task": task_id,
            "submitted_ms": row["sent_ms"],
            "attempts": str(int(row.get("attempts", "0")) + 1),
            "polls": "0",
            "purchases": purchases_text([*_others(row), purchase]),
            "owed": owed.model_dump_json(),
        },
        delete=DECIDED,
    )
    if look.shop.ledger.move(order).ok:
        look.looked.adopted.append(job_id)
        # As after a submit: the ledger owes the receipt until it is stored; if this worker dies now, the pump pays it.
        look.shelf.write_receipt(owed)
        look.shop.outbox.pay(Paid(job_id, owed.send))
        log.info("a lost submit was found", extra={"job_id": job_id, "task_id": task_id})


def _free(look: Look, job_id: str, row: dict[str, str], watch: Watch | None) -> None:
    """Nothing was bought: the job waits for its turn again."""
    order = Order(
        move=Move.ABSENT,
        to=State.QUEUED,
        claim=_claim(job_id, row),
        set={"purchases": purchases_text(_others(row))},
        delete=DECIDED,
        watch=watch,
    )
    if look.shop.ledger.move(order).ok:
        look.looked.absent.append(job_id)
        log.info("a lost submit bought nothing", extra={"job_id": job_id})


def _write_absent(look: Look, job_id: str, row: dict[str, str]) -> bool:
    """The proof must outlive Redis. False where a receipt came meanwhile: the next look reads it."""
    if look.shelf.receipt(job_id, int(row["sends"])) is not None:
        return False
    look.shelf.write_receipt(receipt(job_id, row, "absent"))
    return True


def _send(job_id: str, row: dict[str, str]) -> Watched:
    """The lost send, as it is kept once it is given up."""
    return Watched(
        job_id, int(row["sends"]), int(row["sent_ms"]), row.get("token", ""), row["job"], purse=row.get("purse", "")
    )


def _misses(row: dict[str, str]) -> int:
    """How many complete looks found no task of this very send."""
    send, _, count = row.get("misses", "").partition(":")
    return int(count) if send == row["sends"] else 0


def _others(row: dict[str, str]) -> list[Purchase]:
    """The job's purchases without what was noted of the lost send."""
    return [each for each in purchases_of(row.get("purchases")) if each.send != int(row["sends"])]


def _claim(job_id: str, row: dict[str, str]) -> Claim:
    return Claim(job_id, row["fence"])
