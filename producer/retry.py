"""Buying anew what a person wants again: jobs that failed, and lost submits of which nothing could be proved.

The order of the writes for a failed job is the promise: its record is an end that every reader believes, so it is
copied, then deleted, and only then the ledger is told. A crash after the deletion leaves a job that the ledger has as
failed: the same command goes on. Were the ledger told first, a recovery would take the old record for the new end.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from jobs.job import Job, PlanLine
from jobs.lifecycle import State
from jobs.money import to_uusd
from jobs.record import JobRecord, Purchase, purchases_of, purchases_text
from ledger.jobs import Ledger
from ledger.lost import LostSends, Watched
from ledger.shelf import Shelf

#: Seconds until the task of a lost submit is looked for again, after it was given up.
LOOK_AGAIN_S = 2.0
#: Jobs that are asked about at once.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Again:
    """A job to be bought anew: its price, and what an earlier purchase of it may have cost already (micro-USD)."""

    job: Job
    row: dict[str, str]
    twice_uusd: int


def failed(lines: Iterable[PlanLine], ledger: Ledger, shelf: Shelf) -> Iterator[Again]:
    """The plan's jobs that have failed; refusals for content are no failures, and never bought again."""
    for line, row in _standing(lines, ledger, State.FAILED):
        record = _last_record(shelf, line.job.job_id)
        yield Again(line.job, row, _paid_uusd(line.job, record.purchases if record else ()))


def held(lines: Iterable[PlanLine], ledger: Ledger) -> Iterator[Again]:
    """The plan's jobs whose lost submit only a person can decide."""
    for line, row in _standing(lines, ledger, State.UNKNOWN):
        if row.get("held"):
            yield Again(line.job, row, line.job.at(row["account"]).price_uusd)


def retry_failed(again: Again, ledger: Ledger, shelf: Shelf) -> bool:
    """Set the record aside and queue the job; False when somebody was quicker."""
    job_id = again.job.job_id
    record = shelf.record(job_id)
    if record is not None:
        shelf.set_aside(record)
    else:
        record = _last_record(shelf, job_id)
    purchases = [each for each in record.purchases if each.state != "surplus"] if record else []
    return LostSends(ledger).retry(
        job_id,
        State.FAILED,
        job=again.job.model_dump_json(),
        purchases=purchases_text(purchases),
        revision=record.record_revision + 1 if record else 1,
        sends=max(_sends(shelf, job_id), int(again.row.get("sends", "0"))),
    )


def retry_held(again: Again, ledger: Ledger, shelf: Shelf) -> bool:
    """Queue the job; what the lost submit may have cost stays in doubt, and its task is still looked for.

    One that another ledger made at another account costs this campaign nothing, and cannot be looked for here.
    """
    row, job_id = again.row, again.job.job_id
    send = int(row["sends"])
    intent = shelf.intent(job_id, send)
    here = intent is None or intent.account == row["account"]
    purchases = purchases_of(row.get("purchases"))
    given_up = Watched(
        job_id, send, int(row["sent_ms"]), row.get("token", ""), row["job"], doubt_uusd=again.twice_uusd,
        purse=row.get("purse", ""),
    )  # fmt: skip
    return LostSends(ledger).retry(
        job_id,
        State.UNKNOWN,
        job=row["job"],
        purchases=purchases_text([each for each in purchases if each.send != send]),
        revision=int(row.get("revision", "1")),
        sends=send,
        watch=given_up if here else None,
        due_s=LOOK_AGAIN_S,
    )


def _standing(lines: Iterable[PlanLine], ledger: Ledger, state: State) -> Iterator[tuple[PlanLine, dict[str, str]]]:
    """The lines whose jobs stand there, with their rows in the ledger."""
    for batch in _batches(lines):
        states = ledger.fields([line.job.job_id for line in batch], "state")
        for line, (found,) in zip(batch, states, strict=True):
            if found == state:
                yield line, ledger.job(line.job.job_id)


def _last_record(shelf: Shelf, job_id: str) -> JobRecord | None:
    """The record, or the newest one that was set aside."""
    record = shelf.record(job_id)
    if record is not None:
        return record
    revisions = _numbers(shelf, job_id, r"record\.(\d+)\.json")
    return shelf.record(job_id, max(revisions)) if revisions else None


def _sends(shelf: Shelf, job_id: str) -> int:
    """The highest send that the store knows: the next one must rise above it."""
    return max(_numbers(shelf, job_id, r"intent\.(\d+)\.json"), default=0)


def _numbers(shelf: Shelf, job_id: str, pattern: str) -> list[int]:
    names = (key.rpartition("/")[2] for key in shelf.store.list(shelf.job_key(job_id) + "/"))
    return [int(match[1]) for name in names if (match := re.fullmatch(pattern, name))]


def _paid_uusd(job: Job, purchases: Sequence[Purchase]) -> int:
    """What earlier purchases cost; one whose cost nobody knows counts in full."""
    costs = ((job.at(each.account).price_uusd, each.cost_usd) for each in purchases)
    return sum(price_uusd if cost_usd is None else to_uusd(cost_usd) for price_uusd, cost_usd in costs)


def _batches(lines: Iterable[PlanLine]) -> Iterator[list[PlanLine]]:
    batch: list[PlanLine] = []
    for line in lines:
        batch.append(line)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch
