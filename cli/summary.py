"""What the commands say of a campaign: the JSON that scripts rely on, and the lines that people read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import click

from cli.progress import duration
from cli.results import Sums
from jobs.lifecycle import ENDS, State
from jobs.money import from_uusd, shown, to_uusd, usd_text
from jobs.words import counted, labels_text
from ledger.campaigns import CampaignStatus
from producer.stored import Campaign
from producer.watch import money_line


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False))


def status_json(status: CampaignStatus, eta_s: float | None) -> dict[str, Any]:
    """A campaign in the shape that scripts rely on; money and credits are strings, unknown is null."""
    credit = {
        account.name: _balance(account.remaining, account.unit, account.at)
        for account in status.accounts
        if account.remaining is not None
    }
    return {
        "campaign": status.campaign,
        "submitted_by": status.submitted_by,
        "labels": status.labels,
        "jobs": status.total,
        "states": {state.value: status.states.get(state, 0) for state in State},
        "money_usd": _money(status.budget_usd, status.reserved_usd, status.spent_usd, status.in_doubt_usd),
        "credits": credit,
        "needs": status.needs,
        "eta_s": None if eta_s is None else round(eta_s),
    }


def stored_json(campaign: Campaign, sums: Sums) -> dict[str, Any]:
    """The same shape from the store's records alone; what only a ledger knows is null.

    That is where those of the jobs stand that have not ended, and what they hold.
    """
    file = campaign.file
    all_ended = sums.states.total() == sum(sums.states[state] for state in ENDS)
    held = Decimal(0) if all_ended else None
    live = 0 if all_ended else None
    return {
        "campaign": file.campaign,
        "submitted_by": file.submitted_by,
        "labels": file.campaign_labels,
        "jobs": sums.states.total(),
        "states": {state.value: sums.states.get(state.value, 0) if state in ENDS else live for state in State},
        "money_usd": _money(file.budget_usd, held, sums.spent_usd, held),
        "credits": {name: _balance(seen.remaining, seen.unit, seen.at) for name, seen in sums.credits.items()},
        "needs": list(stored_needs(sums)),
        "eta_s": 0 if all_ended else None,
    }


def stored_needs(sums: Sums) -> Iterator[str]:
    """What a person has to look at, as far as the store's records tell."""
    for status, words in (("failed", "failed"), ("refused", "were refused by the provider")):
        if sums.states[status]:
            yield f"{sums.states[status]:,} {words}: the report says why and what to do"
    if sums.surplus:
        yield f"{counted(sums.surplus, 'task')} turned up for jobs that were bought anew: ask for a refund"
    if sums.unverified:
        yield f"{counted(sums.unverified, 'video')} not what was ordered: see the report"


def status_lines(status: CampaignStatus, eta_s: float | None, because: Sequence[str] = ()) -> Iterator[str]:
    """A campaign for a person; `because` is what makes the time another one than is documented."""
    world = "SIMULATED" if status.simulated else "REAL MONEY"
    yield f"{status.campaign}  {world}  {' '.join(account.name for account in status.accounts)}  {status.store}"
    yield _whose(status.submitted_by, status.labels)
    counts = ", ".join(f"{number:,} {state}" for state, number in status.states.items() if number)
    yield f"  {counted(status.total, 'job')}: {counts or 'none'}"
    yield f"  {money_line(status)}"
    if status.deadline is not None:
        yield f"  to be done by {status.deadline:%Y-%m-%d %H:%M:%S} UTC"
    if eta_s is not None and not status.settled:
        yield f"  about {duration(eta_s)} to go"
        yield from (f"    {why}" for why in because)
    yield from (f"  ! {need}" for need in status.needs)


def stored_lines(campaign: Campaign, sums: Sums) -> Iterator[str]:
    """The same from the store's records alone."""
    file = campaign.file
    world = "SIMULATED" if file.simulated else "REAL MONEY"
    yield f"{file.campaign}  {world}  {' '.join(file.buys_at)}  {campaign.shelf.store.url}  (no ledger is running)"
    yield _whose(file.submitted_by, file.campaign_labels)
    total = sums.states.total()
    ended = {state: sums.states[state] for state in State if state in ENDS and sums.states[state]}
    counts = [f"{number:,} {state}" for state, number in ended.items()]
    if unended := total - sum(ended.values()):
        counts.append(f"{unended:,} not there yet (only their ledger knows which of them have been bought)")
    yield f"  {counted(total, 'job')}: {', '.join(counts) or 'none'}"
    yield f"  spent {shown(sums.spent_usd)}" + (", beside what may be under way" if unended else "")
    yield from (f"  ! {need}" for need in stored_needs(sums))


def _whose(submitted_by: str, labels: Mapping[str, str]) -> str:
    return "  " + ", ".join([f"by {submitted_by}", *([labels_text(labels)] if labels else [])])


def _money(
    budget: Decimal | None, reserved: Decimal | None, spent: Decimal | None, in_doubt: Decimal | None
) -> dict[str, str | None]:
    """Dollars as strings, to the cent where that is exact; null where unknown or not set."""
    named = {"budget": budget, "reserved": reserved, "spent": spent, "in_doubt": in_doubt}
    return {name: None if amount is None else usd_text(from_uusd(to_uusd(amount))) for name, amount in named.items()}


def _balance(remaining: Decimal, unit: str | None, at: datetime | None) -> dict[str, str | None]:
    """An account's balance as it was seen."""
    seen = at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None
    return {"remaining": usd_text(remaining), "unit": unit, "at": seen}
