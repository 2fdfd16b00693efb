"""A campaign as the ledger sees it at one instant: counts, money, and what keeps it from buying."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from jobs.lifecycle import ENDS, State
from jobs.money import from_uusd, shown
from jobs.record import LiveJob, Purchase, Status, Trouble

#: States in which something still happens by itself.
MOVING = frozenset({State.CLAIMED, State.SUBMITTING, State.RENDERING, State.READY, State.COLLECTING})


@dataclass(frozen=True, kw_only=True)
class CampaignStatus:
    """One campaign's counts by state and its money in dollars.

    `parked` is a sentence for a person: why nothing is being bought; None while buying goes on. `parked_kind` is
    budget, short (of a budget that it shares), breaker, charge, out_of_credit, credit_floor, key_refused, paused,
    cancelled, recovering, or joined: all that is left is to be bought by campaigns that have stopped. `held` counts the
    unknown jobs that only a person can decide, `surplus` the tasks that turned up for jobs that were bought anew.
    """

    campaign: str
    simulated: bool
    provider: str
    account: str
    store: str
    run_id: str
    submitted_by: str
    created_at: datetime
    labels: dict[str, str] = field(default_factory=dict)
    states: dict[State, int] = field(default_factory=dict)
    held: int = 0
    surplus: int = 0
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
    #: What keeps all work waiting until it is mended, as `ledger/health.py` sees it.
    troubles: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All jobs of the campaign, withdrawn ones too."""
        return sum(self.states.values())

    @property
    def settled(self) -> bool:
        """Nothing will change by itself: every job has ended, is held unknown, or is parked."""
        waiting = sum(self.states.get(state, 0) for state in MOVING) + self.states.get(State.QUEUED, 0)
        return waiting + self.looked_for == 0

    @property
    def looked_for(self) -> int:
        """Unknown jobs whose task is still looked for: they will be decided without a person."""
        return self.states.get(State.UNKNOWN, 0) - self.held

    @property
    def ended(self) -> int:
        """Jobs that have come to an end."""
        return sum(self.states.get(state, 0) for state in ENDS)

    @property
    def _way_out(self) -> str:
        """The command that ends what had to be mended first."""
        mended = self.parked_kind in {"breaker", "charge", "out_of_credit", "credit_floor", "key_refused"}
        return (
            f"; when that is mended, `wanbatch resume {self.campaign}` goes on with a single one first"
            if mended
            else ""
        )

    @property
    def needs(self) -> list[str]:
        """What a person has to do, one sentence each; empty when nothing."""
        found = [*([self.parked + self._way_out] if self.parked else []), *self.troubles]
        if self.held:
            found.append(
                f"{self.held} submits got no answer, and it cannot be proved what they bought (${self.in_doubt_usd} in "
                f"doubt): `wanbatch reconcile {self.campaign}` says why; look for them in the provider's own list, "
                f"then `wanbatch retry {self.campaign} --unknown` buys them anew"
            )
        if self.surplus:
            found.append(f"{self.surplus} tasks turned up for jobs that were bought anew: ask for a refund")
        if self.unverified:
            found.append(f"{self.unverified} videos are not what was ordered: see the report")
        return found


def read_status(
    campaign: str,
    held: Mapping[str, str],
    account: Mapping[str, str],
    *,
    store: str,
    meta: Mapping[str, str] | None = None,
    troubles: tuple[str, ...] = (),
    elsewhere: str | None = None,
) -> CampaignStatus:
    """The status out of the campaign's and the account's hashes, and the ledger's own.

    `elsewhere` says why all that is queued waits for other campaigns, which do not buy it.
    """
    parked_kind, parked = why_parked(campaign, held, account, meta or {})
    if parked_kind is None and elsewhere:
        parked_kind, parked = "joined", elsewhere
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
        labels=json.loads(held.get("labels", "{}")),
        states=states,
        held=int(held.get("held", "0")),
        surplus=int(held.get("surplus", "0")),
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
        troubles=troubles,
    )


def instant(milliseconds: str | int) -> datetime:
    """The UTC time of Redis milliseconds."""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


#: The fields of a job that `read_live` needs.
LIVE_FIELDS = ("state", "trouble", "attempts", "polls", "purchases", "task", "submitted_ms", "look", "surplus")

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
    state, trouble, attempts, polls, purchases, task, submitted_ms, look, surplus = row
    if state is None:
        return None
    status = _SHOWN[state]
    return LiveJob(
        status="parked" if parked and status == "queued" else status,
        error=_trouble(state, trouble, look),
        attempts=int(attempts or 0),
        polls=int(polls or 0),
        purchases=tuple(
            Purchase.model_validate(each) for held in (purchases, surplus) for each in json.loads(held or "[]")
        ),
        task_id=task,
        submitted_at=instant(submitted_ms) if submitted_ms else None,
    )


def _trouble(state: str, message: str | None, look: str | None) -> Trouble | None:
    """Why a submit is unknown, and what the last look for its task said; other troubles on the way are over."""
    if state != State.UNKNOWN:
        return None
    hint = "its task is looked for in the provider's own list; its money stays reserved until that has decided"
    lost = message or "the worker died while it was sending"
    return Trouble(kind="submit_unknown", code=None, message=f"{lost}; {look}" if look else lost, hint=hint)


def why_parked(
    campaign: str, held: Mapping[str, str], account: Mapping[str, str], meta: Mapping[str, str]
) -> tuple[str | None, str | None]:
    """Kind and sentence of what stops buying: what a person asked for, then the campaign's and account's troubles."""
    state = held.get("state", "running")
    if "recovering" in meta or state == "recovering":
        return "recovering", "the ledger is being recovered; if that broke off, `wanbatch recover --all` finishes it"
    if state != "running":
        goes_on = "takes it up again" if state == "cancelled" else "goes on"
        return state, f"the campaign is {state}; `wanbatch resume {campaign}` {goes_on}"
    if "paused" in meta:
        return "paused", "all buying is paused; `wanbatch resume --all` goes on"
    if "paused" in account:
        provider = held.get("provider", "")
        return "paused", f"buying at {provider} is paused; `wanbatch resume --provider {provider}` goes on"
    for place in (held, account):
        if place.get("parked_kind"):
            return place["parked_kind"], place.get("parked")
    short = _why_short(held)
    return ("short", short) if short else (None, None)


def _why_short(held: Mapping[str, str]) -> str | None:
    """Why a campaign waits for a cap, as a sentence that says what ends it; None where it does not, or no longer."""
    if not held.get("short"):
        return None
    short: dict[str, Any] = json.loads(held["short"])
    ends_at = datetime.fromtimestamp(short["ends_ms"] / 1000, UTC)
    if ends_at <= datetime.now(UTC):
        return None
    name = short["budget"].removeprefix("simulated/")
    flag = " --simulated" if name != short["budget"] else ""
    left, cap, price = (shown(from_uusd(max(0, int(short[it])))) for it in ("left", "cap", "price"))
    return (
        f"the {short['period']}'s budget of {name} has {left} left of {cap}, and the next video may cost {price}; "
        f"it goes on by itself at {ends_at:%Y-%m-%d %H:%M} UTC, when the {short['period']} ends, or with a higher cap: "
        f"`wanbatch budget set '{name}' --{short['period']} USD{flag}`"
    )
