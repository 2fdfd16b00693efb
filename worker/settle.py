"""The end of a job: what it cost, as a record on its shelf, then told to the ledger. Durable first, then done."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from config.version import tool_version
from jobs.job import Job
from jobs.lifecycle import Move, State
from jobs.money import from_uusd, to_uusd
from jobs.outcome import Done, Outcome, Stop
from jobs.record import JobRecord, NativeAmount, Purchase, RouteReason, Trouble, Video, purchases_of
from ledger.balance import as_kept
from ledger.orders import Claim, Order
from providers.contract import Kind, Rejected
from worker.balance import as_seen
from worker.insist import insist
from worker.wiring import Workshop

version = cache(tool_version)

#: The end that each kind of error leads to; everything else has failed.
_ENDS: dict[str, tuple[State, Literal["failed", "refused"]]] = {Kind.CONTENT_REFUSED: (State.REFUSED, "refused")}
_FAILED: tuple[State, Literal["failed", "refused"]] = (State.FAILED, "failed")


def surplus_of(row: Mapping[str, str]) -> tuple[Purchase, ...]:
    """Tasks that turned up for sends that had been given up."""
    return purchases_of(row.get("surplus"))


def settle_unbought(
    job: Job, claim: Claim, purchases: Sequence[Purchase], why: Rejected, row: dict[str, str], shop: Workshop
) -> Outcome:
    """The submit was refused for good: the job ends, and nothing was bought by this send."""
    end, status = _ENDS.get(why.kind, _FAILED)
    trouble = Trouble(kind=why.kind, code=why.code, message=why.message, hint=why.hint)
    record = _record(job, row, purchases, shop, status=status, error=trouble, video=None)
    shop.shelf(simulated=job.simulated).write_record(record)
    move = Move.REFUSE if end is State.REFUSED else Move.FAIL
    order = Order(move=move, to=end, claim=claim, bad=True, answered=True, delete=("job",), set=_ended(trouble))
    return _told(insist(shop.ledger, order))


def settle_failed(job: Job, row: dict[str, str], claim: Claim, result: dict[str, Any], shop: Workshop) -> Outcome:
    """The render ended without a video: recorded with the provider's words, paid for only if it was billed."""
    end, status = _ENDS.get(result["kind"], _FAILED)
    trouble = Trouble(kind=result["kind"], code=result["code"], message=result["message"], hint=result["hint"])
    billed = result["billed"]
    cost_usd = _cost_of_failure(job, result)
    purchases = _closed(row, state="unknown" if billed is None else "failed", cost_usd=cost_usd, result=result)
    there = shop.shelf(simulated=job.simulated).record(job.job_id)
    if there is not None and there.status == "done":
        # Another ledger, or a worker taken for dead, has brought it home: a good end is never written over.
        return _told(insist(shop.ledger, Order(move=Move.SETTLE, to=State.DONE, claim=claim, delete=("job", "result"))))
    record = _record(job, row, purchases, shop, status=status, error=trouble, video=None)
    shop.shelf(simulated=job.simulated).write_record(record)
    # Where nobody says whether it was billed, the whole reservation counts as spent: unknown is not zero.
    spent = job.price_uusd if cost_usd is None else to_uusd(cost_usd)
    order = Order(
        move=Move.SETTLE, to=end, claim=claim, bad=True, cost_uusd=spent, delete=("job", "result"), set=_ended(trouble)
    )
    return _told(insist(shop.ledger, order))


def _cost_of_failure(job: Job, result: dict[str, Any]) -> Decimal | None:
    """Nothing where it was not billed, else the provider's own figure or the list's; None where nobody knows."""
    if result["billed"] is None:
        return None
    if not result["billed"]:
        return Decimal(0)
    told = result.get("cost_usd")
    return from_uusd(job.price_uusd) if told is None else Decimal(told)


def settle_done(
    job: Job, row: dict[str, str], claim: Claim, result: dict[str, Any], video: Video, path: Path, shop: Workshop
) -> Outcome:
    """Store the video at `path` with its record; its cost is the provider's own figure, else the price list's."""
    told = result["cost_usd"]
    cost_usd = by_list(job, result["cost_native"], shop) if told is None else Decimal(told)
    cost_uusd = to_uusd(cost_usd)
    purchases = _closed(row, state="succeeded", cost_usd=cost_usd, result=result)
    record = _record(job, row, purchases, shop, status="done", error=None, video=video, result=result)
    shop.shelf(simulated=job.simulated).write_record(record, path)
    order = Order(
        move=Move.SETTLE,
        to=State.DONE,
        claim=claim,
        bad=not video.verified,
        unverified=not video.verified,
        cost_uusd=cost_uusd,
        charge_over=cost_uusd > job.price_uusd,
        delete=("job", "result", "owed"),
        seen=_balance(result, row),
    )
    if shop.stopping.is_set():
        return _told(insist(shop.ledger, order))
    # The record is the end, and it is stored; the ledger hears of it with the pump's next visit.
    shop.outbox.move(order)
    return Done()


def _closed(
    row: dict[str, str],
    *,
    state: Literal["succeeded", "failed", "unknown"],
    cost_usd: Decimal | None,
    result: dict[str, Any],
) -> list[Purchase]:
    """The job's purchases, the last one with its end and its cost."""
    *before, last = purchases_of(row["purchases"])
    native = result.get("cost_native")
    source: Literal["provider", "price_table", "unknown"] = "price_table"
    if cost_usd is None:
        source = "unknown"
    elif result.get("cost_usd") is not None or not cost_usd:
        source = "provider"
    closed = {
        "state": state,
        "cost_usd": cost_usd,
        "cost_source": source,
        "cost_native": NativeAmount(amount=Decimal(native[0]), unit=native[1]) if native else None,
    }
    return [*before, last.model_copy(update=closed)]


def _record(
    job: Job,
    row: dict[str, str],
    purchases: Sequence[Purchase],
    shop: Workshop,
    *,
    status: Literal["done", "failed", "refused"],
    error: Trouble | None,
    video: Video | None,
    result: dict[str, Any] | None = None,
) -> JobRecord:
    """What became of the job, every field filled or None because nobody knows."""
    told = result or {}
    now = datetime.now(UTC)
    submitted, finished = _instant(row.get("submitted_ms")), _instant(row.get("finished_ms"))
    queued = _instant(row.get("queued_ms"))
    return JobRecord(
        record_revision=int(row.get("revision", "1")),
        tool_version=version(),
        job_id=job.job_id,
        buyer=row.get("campaigns", "").partition("\n")[0] or None,
        status=status,
        error=error,
        attempts=int(row.get("attempts", "0")),
        polls=int(row.get("polls", "0")),
        provider=job.provider,
        account=job.account,
        region=job.region,
        route_reason=cast("RouteReason | None", row.get("why")),
        purchases=(*purchases, *surplus_of(row)),
        prompt_expanded=told.get("prompt_expanded"),
        seed_reported=told.get("seed"),
        task_id=row.get("task"),
        submitted_at=submitted,
        completed_at=finished,
        stored_at=now if video else None,
        queue_wait_s=(submitted - queued).total_seconds() if submitted and queued else None,
        render_s=(finished - submitted).total_seconds() if submitted and finished else None,
        video=video,
        **as_seen(job.account, result, finished, shop),
    )


def by_list(job: Job, native: Sequence[Any] | None, shop: Workshop) -> Decimal:
    """The price list's figure: for the seconds that the provider says it billed, else the price that was reserved."""
    facts, render = shop.counters[job.account].account.facts, job.render
    offer = facts.offer(render.mode, render.model, job.region)
    if native is None or native[1] != "seconds" or offer is None:
        return from_uusd(job.price_uusd)
    second_usd = facts.second_usd(offer, render.resolution, audio=render.audio, region=job.region)
    return from_uusd(job.price_uusd) if second_usd is None else Decimal(native[0]) * second_usd


def _balance(result: dict[str, Any], row: Mapping[str, str]) -> dict[str, str]:
    """The account's balance as this answer showed it, when it came: others may have come since."""
    if result.get("credits") is None:
        return {}
    return as_kept(result["credits"], result["credits_unit"], int(row["finished_ms"]) / 1000)


def _ended(trouble: Trouble) -> dict[str, str]:
    return {"trouble": trouble.message}


def _instant(milliseconds: str | None) -> datetime | None:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else None


def _told(moved: object) -> Outcome:
    """Done, unless the ledger could not be told: then the record is there, and the next collect finds it."""
    return Done() if getattr(moved, "ok", False) else Stop("the ledger has moved on or is away; the record is stored")
