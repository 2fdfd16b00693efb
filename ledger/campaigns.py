"""A campaign as the ledger sees it at one instant: counts, money, and what keeps it from buying."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from jobs.lifecycle import ENDS, State
from jobs.money import from_uusd, shown
from jobs.words import counted

#: States in which something still happens by itself.
MOVING = frozenset({State.CLAIMED, State.SUBMITTING, State.RENDERING, State.READY, State.COLLECTING})


class AccountStatus(NamedTuple):
    """One of the accounts at which a campaign buys: what was left when it was last seen, and why nothing is bought."""

    name: str
    remaining: Decimal | None = None
    unit: str | None = None
    at: datetime | None = None
    parked: str | None = None


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
    #: Where it buys, `account` first.
    accounts: tuple[AccountStatus, ...] = ()
    #: Why nothing is bought at some of its accounts, while the others go on.
    stopped: tuple[str, ...] = ()
    deadline: datetime | None = None
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
        found = [*([self.parked + self._way_out] if self.parked else []), *self.stopped, *self.troubles]
        if self.held:
            found.append(
                f"{counted(self.held, 'submit')} got no answer, and it cannot be proved what they bought "
                f"({shown(self.in_doubt_usd)} in doubt): `wanbatch reconcile {self.campaign}` says why; look for them "
                f"in the provider's own list, then `wanbatch retry {self.campaign} --unknown` buys them anew"
            )
        if self.surplus:
            found.append(f"{counted(self.surplus, 'task')} turned up for jobs that were bought anew: ask for a refund")
        if self.unverified:
            found.append(f"{counted(self.unverified, 'video')} not what was ordered: see the report")
        return found


def read_status(
    campaign: str,
    held: Mapping[str, str],
    accounts: Mapping[str, Mapping[str, str]],
    *,
    store: str,
    queues: Sequence[Sequence[str]] = (),
    meta: Mapping[str, str] | None = None,
    troubles: tuple[str, ...] = (),
    elsewhere: str | None = None,
) -> CampaignStatus:
    """The status out of the campaign's and its accounts' hashes, the first account first, and the ledger's own.

    `queues` are the accounts of each of its queues that holds jobs; `elsewhere` says why all that is queued waits for
    other campaigns, which do not buy it.
    """
    parked_kind, parked = why_parked(campaign, held, accounts, meta or {}, queues)
    if parked_kind is None and elsewhere:
        parked_kind, parked = "joined", elsewhere
    states = {state: int(held.get(f"n:{state}", "0")) for state in State}
    if parked_kind:
        states[State.PARKED], states[State.QUEUED] = states[State.QUEUED], 0
    seen = tuple(_account(name, account, held) for name, account in accounts.items())
    first = seen[0] if seen else AccountStatus("")
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
        credits_remaining=first.remaining,
        credits_unit=first.unit,
        credits_at=first.at,
        accounts=seen,
        stopped=()
        if parked
        else tuple(f"nothing is bought at {one.name}, others go on: {one.parked}" for one in seen if one.parked),
        deadline=instant(held["deadline"]) if held.get("deadline") else None,
        troubles=troubles,
    )


def accounts_of(held: Mapping[str, str]) -> list[str]:
    """The accounts at which a campaign buys, the first one first."""
    return (held.get("accounts") or held.get("account", "")).split("\n")


def _account(name: str, account: Mapping[str, str], held: Mapping[str, str]) -> AccountStatus:
    remaining, at_ms = account.get("credits"), account.get("credits_ms")
    seen = Decimal(remaining) if remaining else None
    parked = account_parked(name, account, held)[1]
    return AccountStatus(name, seen, account.get("credits_unit"), instant(at_ms) if at_ms else None, parked)


def instant(milliseconds: str | int) -> datetime:
    """The UTC time of Redis milliseconds."""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def why_parked(
    campaign: str,
    held: Mapping[str, str],
    accounts: Mapping[str, Mapping[str, str]],
    meta: Mapping[str, str],
    queues: Sequence[Sequence[str]] = (),
) -> tuple[str | None, str | None]:
    """Kind and sentence of what stops buying: what a person asked for, then the campaign's and accounts' troubles.

    It goes on while any of its queues, or without any the campaign itself, has an account that buys.
    """
    state = held.get("state", "running")
    if "recovering" in meta or state == "recovering":
        return "recovering", "the ledger is being recovered; if that broke off, `wanbatch recover --all` finishes it"
    if state != "running":
        goes_on = "takes it up again" if state == "cancelled" else "goes on"
        return state, f"the campaign is {state}; `wanbatch resume {campaign}` {goes_on}"
    if "paused" in meta:
        return "paused", "all buying is paused; `wanbatch resume --all` goes on"
    if held.get("parked_kind"):
        return held["parked_kind"], held.get("parked")
    found = {name: account_parked(name, account, held) for name, account in accounts.items()}
    for queue in queues or [list(accounts)]:
        stopped = [found.get(name, (None, None)) for name in queue]
        if any(kind is None for kind, _ in stopped):
            short = _why_short(held)
            return ("short", short) if short else (None, None)
    return next((each for each in found.values() if each[0]), (None, None))


def account_parked(name: str, account: Mapping[str, str], held: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Kind and sentence of what stops buying at one account of a campaign."""
    if "paused" in account:
        provider = held.get("provider", "") if name == held.get("account") else name.removeprefix("simulated-")
        return "paused", f"buying at {provider} is paused; `wanbatch resume --provider {provider}` goes on"
    return (account["parked_kind"], account.get("parked")) if account.get("parked_kind") else (None, None)


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
