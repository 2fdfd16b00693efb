"""Sends that were given up: each is looked for a few times more, and a task that turns up late is told and paid."""

import logging
from dataclasses import replace

from jobs.job import Job
from jobs.lifecycle import ENDS
from jobs.money import to_uusd, usd_text
from ledger.lost import Watched
from providers.contract import Candidate
from worker.lookup import Look
from worker.settle import by_list, surplus_of
from worker.twins import Verdict

#: A send that was proved to have bought nothing is looked for so often again, each time after twice the wait.
LOOKS_AFTER = 3

log = logging.getLogger(__name__)


def follow_up(look: Look, watched: Watched, verdict: Verdict) -> None:
    """What the look says of a send that was given up: told to the ledger, and to the record of a job that has ended."""
    name, task = look.counter.name, verdict.task
    wait_s = look.settle_s * 2**watched.misses
    if task is not None and task.state != "open":
        if task.state == "succeeded" or task.cost_usd:
            _found_late(look, watched, task)
        elif watched.doubt_uusd:
            look.lost.clear(name, watched, wait_s)
        watched = replace(watched, doubt_uusd=0)
    mend_record(look, watched.job_id)
    if watched.doubt_uusd and verdict.missed and watched.misses and look.settled(watched.sent_ms):
        look.lost.clear(name, watched, wait_s)
    elif watched.doubt_uusd or (task is not None and task.state == "open"):
        later = watched.missed() if verdict.missed else watched
        look.lost.watch_on(name, later, look.next_s(watched.sent_ms, held=verdict.held))
    elif watched.misses > LOOKS_AFTER:
        look.lost.watch_no_more(name, watched)
    else:
        look.lost.watch_on(name, watched.missed(), wait_s)


def _found_late(look: Look, watched: Watched, task: Candidate) -> None:
    """A billed task of a send that was given up."""
    job = Job.model_validate_json(watched.job).at(look.counter.name)
    cost_usd = task.cost_usd if task.cost_usd is not None else by_list(job, task.cost_native, look.shop)
    row = {"sends": str(watched.send), "sent_ms": str(watched.sent_ms), "job": watched.job}
    source = "price_table" if task.cost_usd is None else "provider"
    purchase = look.purchase(row, task.task_id, None, "surplus").model_copy(
        update={"cost_usd": cost_usd, "cost_source": source}
    )
    told, uusd = purchase.model_dump_json(), to_uusd(cost_usd)
    if look.lost.surplus(look.counter.name, watched, task=task.task_id, cost_uusd=uusd, purchase=told):
        look.looked.surplus.append(watched.job_id)
        facts = {"job_id": watched.job_id, "task_id": task.task_id, "cost_usd": usd_text(cost_usd)}
        log.warning("a task turned up for a job that was queued anew", extra=facts)


def mend_record(look: Look, job_id: str) -> None:
    """A record that was written before a surplus turned up is written again with it."""
    row = look.shop.ledger.job(job_id)
    late = surplus_of(row)
    record = look.shelf.record(job_id) if late and row["state"] in ENDS else None
    known = {purchase.task_id for purchase in record.purchases} if record else set()
    missing = [purchase for purchase in late if purchase.task_id not in known]
    if record and missing:
        more = {"purchases": (*record.purchases, *missing), "record_revision": record.record_revision + 1}
        look.shelf.write_record(record.model_copy(update=more))
