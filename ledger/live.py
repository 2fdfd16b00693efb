"""Where a job stands that has not ended, as people are told of it."""

from collections.abc import Sequence
from typing import cast

from jobs.lifecycle import State
from jobs.record import LiveJob, RouteReason, Status, Trouble, purchases_of
from ledger.campaigns import instant

#: The fields of a job that `read_live` needs.
LIVE_FIELDS = (
    "state",
    "trouble",
    "attempts",
    "polls",
    "purchases",
    "task",
    "submitted_ms",
    "look",
    "surplus",
    "account",
    "why",
)

#: What people are told of a job that is on its way.
_SHOWN: dict[str, Status] = {
    State.QUEUED: "queued",
    State.CLAIMED: "queued",
    State.SUBMITTING: "rendering",
    State.RENDERING: "rendering",
    State.READY: "rendering",
    State.COLLECTING: "rendering",
    State.DONE: "done",
    State.FAILED: "failed",
    State.REFUSED: "refused",
    State.CANCELLED: "cancelled",
    State.UNKNOWN: "unknown",
}


def read_live(row: Sequence[str | None], *, parked: bool) -> LiveJob | None:
    """A job out of its `LIVE_FIELDS`; None where the ledger does not know it. `parked`: its campaign is not buying."""
    state, trouble, attempts, polls, purchases, task, submitted_ms, look, surplus, account, why = row
    if state is None:
        return None
    status = _SHOWN[state]
    return LiveJob(
        status="parked" if parked and status == "queued" else status,
        error=_trouble(state, trouble, look),
        attempts=int(attempts or 0),
        polls=int(polls or 0),
        purchases=purchases_of(purchases) + purchases_of(surplus),
        task_id=task,
        submitted_at=instant(submitted_ms) if submitted_ms else None,
        account=account,
        route_reason=cast("RouteReason | None", why),
    )


def _trouble(state: str, message: str | None, look: str | None) -> Trouble | None:
    """Why a submit is unknown, and what the last look for its task said; other troubles on the way are over."""
    if state != State.UNKNOWN:
        return None
    hint = "its task is looked for in the provider's own list; its money stays reserved until that has decided"
    lost = message or "the worker died while it was sending"
    return Trouble(kind="submit_unknown", code=None, message=f"{lost}; {look}" if look else lost, hint=hint)
