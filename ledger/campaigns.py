"""A campaign as the ledger sees it at one instant: counts, money, and what keeps it from buying."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from jobs.lifecycle import ENDS, State
from jobs.money import from_uusd
from jobs.record import LiveJob, Purchase, Status, Trouble

#: States in which something still happens by itself.
MOVING = frozenset({State.CLAIMED, State.SUBMITTING, State.RENDERING, State.READY, State.COLLECTING})


@dataclass(frozen=True, kw_only=True)
class CampaignStatus:
    """One campaign's counts by state and its money in dollars.

    `parked` is a sentence for a person: why nothing is being bought; None while buying goes on. `parked_kind` is
    budget, breaker, charge, out_of_credit, key_refused, paused or cancelled.
    """

    campaign: str
    simulated: bool
    provider: str
    account: str
    store: str
    run_id: str
    submitted_by: str
    created_at: datetime
    states: dict[State, int] = field(default_factory=dict)
    unverified: int = 0
    budget_usd: Decimal | None
    reserved_usd: Decimal
    spent_usd: Decimal
    in_doubt_usd: Decimal
    parked: str | None
    parked_kind: str | None
    credits_remaining: Decimal | None
    credits_unit: str | None
    credits_at: datetime | None

    @property
    def total(self) -> int:
        """All jobs of the campaign, withdrawn ones too."""
        return sum(self.states.values())

    @property
    def settled(self) -> bool:
        """Nothing will change by itself: every job has ended, is held unknown, or is parked."""
        waiting = sum(self.states.get(state, 0) for state in MOVING) + self.states.get(State.QUEUED, 0)
        return waiting == 0

    @property
    def ended(self) -> int:
        """Jobs that have come to an end."""
        return sum(self.states.get(state, 0) for state in ENDS)

    @property
    def needs(self) -> list[str]:
        """What a person has to do, one sentence each; empty when nothing."""
        unknown = self.states.get(State.UNKNOWN, 0)
        found = [self.parked] if self.parked else []
        if unknown:
            found.append(
                f"{unknown} submits got no answer and hold ${self.in_doubt_usd}: "
                "look for them in the provider's own list before buying them again"
            )
        if self.unverified:
            found.append(f"{self.unverified} videos are not what was ordered: see the report")
        return found


def read_status(campaign: str, held: Mapping[str, str], account: Mapping[str, str], *, store: str) -> CampaignStatus:
    """The status out of the campaign's and the account's hashes."""
    parked_kind, parked = _why_parked(held, account)
    states = {state: int(held.get(f"n:{state}", "0")) for state in State}
    if parked_kind:
        states[State.PARKED], states[State.QUEUED] = states[State.QUEUED], 0
    remaining = account.get("credits")
    return CampaignStatus(
        campaign=campaign,
        simulated=held.get("simulated") == "1",
        provider=held.get("provider", ""),
        account=held.get("account", ""),
        store=store,
        run_id=held.get("run_id", ""),
        submitted_by=held.get("submitted_by", ""),
        created_at=instant(held["created_ms"]),
        states=states,
        unverified=int(held.get("unverified", "0")),
        budget_usd=from_uusd(int(held["budget"])) if held.get("budget") else None,
        reserved_usd=from_uusd(int(held.get("reserved", "0"))),
        spent_usd=from_uusd(int(held.get("spent", "0"))),
        in_doubt_usd=from_uusd(int(held.get("doubt", "0"))),
        parked=parked,
        parked_kind=parked_kind,
        credits_remaining=Decimal(remaining) if remaining else None,
        credits_unit=account.get("credits_unit"),
        credits_at=instant(account["credits_ms"]) if "credits_ms" in account else None,
    )


def instant(milliseconds: str | int) -> datetime:
    """The UTC time of Redis milliseconds."""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


#: The fields of a job that `read_live` needs.
LIVE_FIELDS = ("state", "trouble", "attempts", "polls", "purchases", "task", "submitted_ms")

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
    state, trouble, attempts, polls, purchases, task, submitted_ms = row
    if state is None:
        return None
    status = _SHOWN[state]
    return LiveJob(
        status="parked" if parked and status == "queued" else status,
        error=_trouble(state, trouble),
        attempts=int(attempts or 0),
        polls=int(polls or 0),
        purchases=tuple(Purchase.model_validate(each) for each in json.loads(purchases or "[]")),
        task_id=task,
        submitted_at=instant(submitted_ms) if submitted_ms else None,
    )


def _trouble(state: str, message: str | None) -> Trouble | None:
    """Why a submit is held unknown; whatever else went wrong on the way is over."""
    if state != State.UNKNOWN:
        return None
    hint = "look for it in the provider's own list; its money stays reserved, and nothing buys it again by itself"
    return Trouble(
        kind="submit_unknown", code=None, message=message or "the worker died while it was sending", hint=hint
    )


def _why_parked(held: Mapping[str, str], account: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Kind and sentence of what stops buying: the campaign's own reason first, then its account's."""
    state = held.get("state", "running")
    if state != "running":
        return state, f"the campaign is {state}"
    for place in (held, account):
        if place.get("parked_kind"):
            return place["parked_kind"], place.get("parked")
    return None, None
