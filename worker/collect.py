"""The step that fetches: stream the video to where nobody sees it yet, verify it, store, settle. Twice is the same."""

import json
import logging
import uuid
from pathlib import Path
from random import random
from typing import Any

from jobs.backoff import retry_wait_s
from jobs.job import Job
from jobs.lifecycle import Move, State
from jobs.outcome import Outcome, Retry, Stop, Wait
from jobs.record import Video
from ledger.orders import Claim, Order
from worker.attempt import job_of
from worker.insist import insist
from worker.settle import settle_done, settle_failed
from worker.verify import Expectation, VideoFacts, verify
from worker.wire import Download, NoDownload, Stopped
from worker.wiring import Workshop

#: A file that does not verify is fetched so often before it is kept as it is and marked.
FETCHES_BEFORE_MARKED = 3
#: After so many failures the provider is asked for the link anew, whatever was wrong with it.
FETCHES_BEFORE_ASKED = 3
#: A link that yields nothing is tried so often, fresh links included, before the job fails.
FETCHES_BEFORE_LOST = 10

log = logging.getLogger(__name__)


def collect(claim: Claim, row: dict[str, str], shop: Workshop) -> Outcome:
    """Bring one ended render that was taken up home, or its failure into the record."""
    job = job_of(row)
    result = json.loads(row["result"])
    if "url" not in result:
        return settle_failed(job, row, claim, result, shop)
    key = shop.shelf(simulated=job.simulated).video_key(job.job_id)
    path = shop.store.landing(key) or shop.temp / f"{claim.job_id}.{uuid.uuid4().hex}.mp4"
    try:
        return _fetch(job, row, claim, result, shop, path, key)
    finally:
        path.unlink(missing_ok=True)


def _fetch(
    job: Job, row: dict[str, str], claim: Claim, result: dict[str, Any], shop: Workshop, path: Path, key: str
) -> Outcome:
    fetches = int(row.get("fetches", "0")) + 1
    try:
        home = shop.counters[job.account].account.endpoint.base_url
        got = shop.wire.download(result["url"], path, home=home, stop=shop.stopping.is_set)
    except Stopped:
        _again(claim, shop, fetches - 1, 0.0)
        return Stop("the worker is leaving; another one collects")
    if isinstance(got, NoDownload):
        return _not_there(job, row, claim, result, got, fetches, shop)
    facts = verify(path, _expectation(job))
    if not facts.verified and fetches < FETCHES_BEFORE_MARKED:
        wait_s = retry_wait_s(fetches, random(), cap_s=5.0)
        _again(claim, shop, fetches, wait_s)
        return Wait(wait_s, "; ".join(facts.problems))
    video = _video(shop.store.uri(key), got, facts)
    return settle_done(job, row, claim, result, video, path, shop)


def _not_there(
    job: Job, row: dict[str, str], claim: Claim, result: dict[str, Any], got: NoDownload, fetches: int, shop: Workshop
) -> Outcome:
    """No file: the same link again after a pause, a dead link by asking the provider anew, at last a failure."""
    log.warning("video did not come", extra={"job_id": job.job_id, "reason": got.reason})
    if fetches >= FETCHES_BEFORE_LOST:
        lost = {
            "kind": "video_lost",
            "code": None,
            "message": f"the render was paid for, but its file never came: {got.reason}",
            "hint": f"ask the provider for task {row.get('task')}; it keeps files for a while",
            "billed": True,
            "cost_usd": result["cost_usd"],
            "cost_native": result["cost_native"],
        }
        return settle_failed(job, row, claim, lost, shop)
    wait_s = retry_wait_s(fetches, random())
    if got.gone or fetches % FETCHES_BEFORE_ASKED == 0:
        told = {"fetches": str(fetches)}
        order = Order(move=Move.REFRESH, to=State.RENDERING, claim=claim, due_s=wait_s, set=told, delete=("result",))
        insist(shop.ledger, order)
        return Retry(got.reason)
    _again(claim, shop, fetches, wait_s)
    return Retry(got.reason)


def _again(claim: Claim, shop: Workshop, fetches: int, wait_s: float) -> None:
    insist(
        shop.ledger,
        Order(move=Move.DROP, to=State.READY, claim=claim, due_s=wait_s, set={"fetches": str(fetches)}),
    )


def _expectation(job: Job) -> Expectation:
    """What was ordered; the frame is unknown where an image decides it."""
    width, height = job.render.frame or (None, None)
    return Expectation(width=width, height=height, duration_s=job.render.duration_s, audio=job.render.audio)


def _video(uri: str, got: Download, facts: VideoFacts) -> Video:
    return Video(
        uri=uri,
        sha256=got.sha256,
        bytes=got.size_bytes,
        width=facts.width,
        height=facts.height,
        duration_s=facts.duration_s,
        fps=facts.fps,
        codec=facts.codec,
        has_audio=facts.has_audio,
        verified=facts.verified,
        problems=facts.problems,
    )
