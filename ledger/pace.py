"""What the ledger knows of how quickly an account goes: what a 429 took, what was told, and how long renders last."""

from collections.abc import Mapping

from jobs.job import Job
from jobs.looks import ENOUGH_KNOWN
from jobs.pace import Pace
from jobs.rendertimes import kind_of, known, mean_s
from ledger.jobs import Ledger
from ledger.rendertimes import read_times


def read_pace(ledger: Ledger, account: str, kinds: Mapping[str, int], usual_s: float) -> Pace:
    """The pace of an account with so many renders of each kind to make; what is hardly known lasts `usual_s`."""
    share, held_ms, submits, slots = ledger.client.hmget(f"wb:a:{account}", "factor", "hold_ms", "told", "told_slots")
    seconds, micros = ledger.client.time()
    now_s = int(seconds) + int(micros) / 1e6
    return Pace(
        share=float(share or 1),
        held_s=max(0.0, int(held_ms or 0) / 1000 - now_s),
        submits=None if submits is None else int(submits),
        slots=None if slots is None else int(slots),
        render_s=_render_s(ledger, account, kinds, usual_s),
    )


def next_kind(ledger: Ledger, campaign: str) -> dict[str, int]:
    """The kind of the campaign's next render; nothing where none is queued."""
    lanes = sorted(ledger.client.smembers(f"wb:lanes:{campaign}"))
    queues = (f"wb:q:{campaign}", *(f"wb:q:{campaign}:{lane}" for lane in lanes))
    for job_id in (job_id for queue in queues for job_id in ledger.client.zrange(queue, 0, 0)):
        if text := ledger.job(job_id).get("job"):
            return {kind_of(Job.model_validate_json(text).render): 1}
    return {}


def _render_s(ledger: Ledger, account: str, kinds: Mapping[str, int], usual_s: float) -> float | None:
    """Seconds that a render lasts, over all kinds; None where no kind of them is known."""
    remembered = dict(zip(kinds, read_times(ledger, account, list(kinds)), strict=True))
    lengths_s = {kind: mean_s(times) for kind, times in remembered.items() if known(times) >= ENOUGH_KNOWN}
    if not lengths_s:
        return None
    return sum(lengths_s.get(kind, usual_s) * count for kind, count in kinds.items()) / sum(kinds.values())
