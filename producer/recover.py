"""From the store alone to a ledger: every job of a campaign's plans, where its shelf says that it stands.

A record is an end; an accepted send is rendering; a refused one is what it says; an intent without an answer is
unknown; nothing is queued, unless the campaign is cancelled.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

from config.version import tool_version
from jobs.errors import CampaignConflict
from jobs.job import Job
from jobs.lifecycle import State
from jobs.money import to_uusd
from jobs.record import JobRecord, Purchase, Trouble
from ledger import recovery
from ledger.campaignfile import CampaignFile
from ledger.halt import cancel, halt
from ledger.jobs import Ledger
from ledger.lost import Watched
from ledger.recovery import Restored
from ledger.shares import read_share
from ledger.shelf import READERS, Receipt, Shelf
from ledger.trail import Trail, read_trail
from producer.counting import PlannedRow, RowBudgets, batched_rows, counted_of
from producer.enqueue import open_campaign

#: How long ago a send was given up for which a task may still turn up.
WATCHED_FOR = timedelta(days=1)
#: What a refused submit did to its job for good; every other refusal left it in the queue.
REFUSED = {"content_refused": State.REFUSED, "bad_request": State.FAILED}


def owns(ledger: Ledger, file: CampaignFile) -> bool:
    """Whether this ledger has the campaign whole, so that there is nothing to recover."""
    known = file.epoch == ledger.epoch and ledger.status(file.campaign) is not None
    return known and not recovery.under_way(ledger)


def recover(file: CampaignFile, ledger: Ledger, shelf: Shelf) -> Counter[State]:
    """Put one campaign back, under a recovery that has begun; answers how many jobs stand where. Safe to repeat."""
    name = file.campaign
    share, counted = read_share(shelf, name), counted_of(file, shelf)
    open_campaign(
        file,
        counted,
        ledger,
        state="recovering",
        created_ms=_ms(file.created_at),
        weight=str(share.weight),
        priority=str(share.priority),
    )
    counts: Counter[State] = Counter()
    for rows in _rows(file, counted, shelf):
        recovery.restore(ledger, name, file.account, rows)
        counts.update(row.state for row in rows)
    # A pause or a cancel may have come meanwhile: the newest word counts.
    now = shelf.campaign(name) or file
    shelf.write_campaign(now.model_copy(update={"epoch": ledger.epoch}))
    if now.state == "cancelled":
        cancel(ledger, name)
    else:
        halt(ledger, "resume" if now.state == "running" else "pause", "campaign", name)
    return counts


def check_lost(file: CampaignFile, ledger: Ledger) -> None:
    """Refuse to recover what this ledger has whole."""
    if owns(ledger, file):
        raise CampaignConflict(
            f"there is nothing to recover: this ledger has the campaign {file.campaign!r} whole",
            f"see `wanbatch status {file.campaign}`",
        )


def _rows(file: CampaignFile, counted: RowBudgets, shelf: Shelf) -> Iterator[list[Restored]]:
    """Batches of jobs: those of the newest plan, then what older plans had bought before it was left out."""
    present = set(shelf.store.shelves(shelf.job_key("x").rpartition("/")[0]))
    seen: set[str] = set()
    with ThreadPoolExecutor(READERS) as pool:
        for plan, newest in _plans(file, shelf):
            for batch in batched_rows(plan, counted):
                new = [row for row in batch if row.id not in seen and (newest or row.id in present)]
                seen.update(row.id for row in new)
                trails = _trails([row.id for row in new], present, shelf, pool)
                rows = [
                    restored(row, trail, file, shelf, wanted=newest) for row, trail in zip(new, trails, strict=True)
                ]
                if rows:
                    yield rows


def _plans(file: CampaignFile, shelf: Shelf) -> Iterator[tuple[Path, bool]]:
    """Every plan of the campaign and whether it is the newest, that one first."""
    with shelf.plan(file.campaign, file.plan_sha256) as plan:
        yield plan, True
    for key in shelf.store.list(shelf.campaign_key(file.campaign, "plans") + "/"):
        sha256 = key.rpartition("/")[2].removesuffix(".jsonl")
        if sha256 != file.plan_sha256:
            with shelf.plan(file.campaign, sha256) as plan:
                yield plan, False


def _trails(ids: list[str], present: set[str], shelf: Shelf, pool: ThreadPoolExecutor) -> Iterable[Trail]:
    """The trails of these jobs; who has no shelf has none, and local files are read faster without threads."""

    def one(job_id: str) -> Trail:
        return read_trail(shelf, job_id) if job_id in present else Trail()

    return map(one, ids) if shelf.store.local_path("x") is not None else pool.map(one, ids)


def restored(row: PlannedRow, trail: Trail, file: CampaignFile, shelf: Shelf, *, wanted: bool) -> Restored:
    """Where a job stands by its trail; what is `wanted` no more and not bought is cancelled."""
    accepted, lost = trail.accepted, trail.unanswered
    if trail.record is not None and not accepted and lost is None:
        return _ended(row, trail.record, trail, file)
    record = trail.record or trail.aside
    purchases = [*(record.purchases if record else ()), *_purchases(accepted, row, trail, followed=lost is not None)]
    fields = {
        "sends": str(trail.sends),
        "granted": str(trail.sends),
        "first_send": str(trail.sends + 1),
        "attempts": str(len([one for one in purchases if one.task_id])),
        "purchases": json.dumps([one.model_dump(mode="json") for one in purchases], separators=(",", ":")),
    }
    if record is not None:
        fields["revision"] = str(record.record_revision + 1)
    meant = lost or (trail.intents.get(accepted[-1].send) if accepted else None)
    here = meant is None or meant.account in file.buys_at
    account = row.account if meant is None or not here else meant.account
    put = partial(
        Restored,
        row.id,
        row.seq,
        row.price_at(account),
        account,
        row.lane,
        row.job,
        fields=fields,
        spent=_spent(record, row, file),
        tasks=_tasks(purchases),
        watches=_watches(trail, row.job),
        budgets=row.budgets,
    )
    if accepted and lost is None:
        fields["first_send"], claimed_on = str(accepted[-1].send), _date(accepted[-1].answered_at)
        if meant is not None and not here:
            # Only a worker at that account can follow it; here its record is awaited.
            fields.update(sent_ms=_ms(accepted[-1].answered_at), token=meant.token, trouble="made at another account")
            return put(State.UNKNOWN, due=True, claimed_on=claimed_on)
        fields.update(task=str(accepted[-1].task_id), submitted_ms=_ms(accepted[-1].answered_at), polls="0")
        return put(State.RENDERING, due=True, claimed_on=claimed_on)
    if lost is not None:
        fields["first_send"] = str(lost.send)
        fields.update(sent_ms=_ms(lost.written_at), token=lost.token, trouble="the ledger was lost with its answer")
        return put(State.UNKNOWN, due=True, claimed_on=_date(lost.written_at))
    last = trail.receipts.get(trail.sends)
    end = REFUSED.get(last.kind or "") if last is not None and last.outcome == "rejected" else None
    if last is not None and end is not None:
        record = _refusal(last, end, purchases, row, trail)
        shelf.write_record(record)
        return _ended(row, record, trail, file)
    return put(State.QUEUED if wanted else State.CANCELLED)


def _tasks(purchases: Iterable[Purchase]) -> tuple[tuple[str, str], ...]:
    """The tasks of purchases, by account."""
    return tuple((one.account, one.task_id) for one in purchases if one.task_id)


def _spent(record: JobRecord | None, row: PlannedRow, file: CampaignFile) -> int:
    """Micro-USD that the campaign paid for what the record has: none for what was there before, or for another one."""
    if record is None or record.buyer not in (None, file.campaign):
        return 0
    bought = [one for one in record.purchases if record.buyer or one.submitted_at >= file.created_at]
    return sum(row.price_at(one.account) if one.cost_usd is None else to_uusd(one.cost_usd) for one in bought)


def _ended(row: PlannedRow, record: JobRecord, trail: Trail, file: CampaignFile) -> Restored:
    """A job with its record, which is its end."""
    return Restored(
        row.id,
        row.seq,
        row.price,
        row.account,
        row.lane,
        None,
        State(record.status),
        fields={"sends": str(trail.sends), "granted": str(trail.sends)},
        spent=_spent(record, row, file),
        tasks=_tasks(record.purchases),
        unverified=record.video is not None and not record.video.verified,
        watches=_watches(trail, row.job),
        budgets=row.budgets,
    )


def _watches(trail: Trail, job: str) -> tuple[tuple[str, str, str], ...]:
    """Sends of the last day that were given up: a task that turns up for one of them must still be told and paid."""
    young = (one for one in trail.given_up if datetime.now(UTC) - one.written_at < WATCHED_FOR)
    found = ((one, Watched(one.job_id, one.send, int(_ms(one.written_at)), one.token, job)) for one in young)
    return tuple((intent.account, watched.name, watched.text()) for intent, watched in found)


def _purchases(accepted: list[Receipt], row: PlannedRow, trail: Trail, *, followed: bool) -> Iterator[Purchase]:
    """What was bought beyond the record. A task that a later send followed had failed unbilled, or there were none."""
    for receipt in accepted:
        job = _sent(receipt, row, trail)
        last = receipt is accepted[-1] and not followed
        yield Purchase(
            send=receipt.send,
            task_id=receipt.task_id,
            request_id=receipt.request_id,
            account=job.account,
            submitted_at=receipt.answered_at,
            state="rendering" if last else "failed",
            cost_usd=None if last else Decimal(0),
            cost_source="unknown" if last else "provider",
            price_as_of=job.price_as_of,
        )


def _sent(receipt: Receipt, row: PlannedRow, trail: Trail) -> Job:
    """The job as it was sent."""
    intent, job = trail.intents.get(receipt.send), Job.model_validate_json(row.job)
    return job if intent is None else job.at(intent.account)


def _refusal(receipt: Receipt, end: State, purchases: list[Purchase], row: PlannedRow, trail: Trail) -> JobRecord:
    """The record that was not written any more after the provider had refused the submit."""
    job = _sent(receipt, row, trail)
    why = Trouble(
        kind=receipt.kind or "",
        code=receipt.code,
        message=receipt.message or "the provider refused the submit",
        hint="change the prompt, the media or the settings of this row",
    )
    return JobRecord(
        tool_version=tool_version(),
        job_id=row.id,
        status="refused" if end is State.REFUSED else "failed",
        error=why,
        attempts=len(purchases) + 1,
        polls=0,
        provider=job.provider,
        account=job.account,
        region=job.region,
        purchases=tuple(purchases),
        task_id=None,
        submitted_at=None,
        completed_at=receipt.answered_at,
        stored_at=None,
        queue_wait_s=None,
        render_s=None,
    )


def _date(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d}"


def _ms(instant: datetime) -> str:
    return str(int(instant.timestamp() * 1000))
