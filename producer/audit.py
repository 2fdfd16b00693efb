"""A provider's statement set against our own records: what differs, purchase by purchase. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from producer.spending import Spent
from producer.statement import Line

#: By how much a statement's clock may differ from ours.
SLACK: Final = timedelta(minutes=10)
#: Dollars below which two amounts are the same: a millionth is the ledger's own grain.
GRAIN: Final = Decimal("0.000001")

Kind = Literal["not_ours", "charged_twice", "amount", "not_charged", "cost_unknown"]
#: What each kind of difference means.
MEANS: Final[dict[Kind, str]] = {
    "not_ours": "charged, and no record of ours names the task",
    "charged_twice": "on the statement more than once",
    "amount": "charged another amount than our record has",
    "not_charged": "paid for by our records, and not on the statement",
    "cost_unknown": "charged, and our record does not know the cost",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One purchase on which the two do not agree; `line` is the statement's, None where it has none."""

    kind: Kind
    task_id: str
    line: int | None
    charged: Decimal | None
    ours: Decimal | None
    job_id: str | None
    campaign: str | None


@dataclass
class Audit:
    """What came of it: lines and purchases that agree, and each that does not; sums in the statement's unit."""

    unit: str
    agreed: int = 0
    charged: Decimal = Decimal(0)
    ours: Decimal = Decimal(0)
    differences: list[Difference] = field(default_factory=list)


def audit(lines: Iterable[Line], purchases: Iterable[Spent], unit: str) -> Audit:
    """Compare. `purchases` are those of the statement's provider; `unit` is what its amounts are in.

    A purchase counts as not charged only where it was made between the statement's first and last instant, or where
    the statement has none.
    """
    lines = _refunded(lines)
    known = {each.purchase.task_id: each for each in purchases if each.purchase.task_id}
    result, seen, instants = Audit(unit), set[str](), []
    for line in lines:
        result.charged += line.amount
        if line.at is not None:
            instants.append(line.at)
        twice = line.task_id in seen
        if twice and not line.amount:
            continue
        seen.add(line.task_id)
        difference = _compared(line, known.get(line.task_id), unit, twice=twice)
        if difference is None:
            result.agreed += 1
        else:
            result.differences.append(difference)
    result.differences += _uncharged(known.values(), seen, _span(instants), unit)
    result.ours = sum(
        (_amount(each, unit) or Decimal(0) for each in known.values() if each.purchase.task_id in seen), Decimal(0)
    )
    return result


def _refunded(lines: Iterable[Line]) -> list[Line]:
    """The lines with each task's refunds taken off its charges, from the last of them; what is more stays a refund."""
    told = list(lines)
    back: dict[str, Decimal] = defaultdict(Decimal)
    for line in told:
        back[line.task_id] -= min(line.amount, Decimal(0))
    left = []
    for line in sorted(told, key=lambda line: (line.amount < 0, -line.number)):
        taken = min(back[line.task_id], abs(line.amount))
        back[line.task_id] -= taken
        if line.amount >= 0:
            left.append(replace(line, amount=line.amount - taken))
        elif taken:
            left.append(replace(line, amount=-taken))
    return sorted(left, key=lambda line: line.number)


def _compared(line: Line, ours: Spent | None, unit: str, *, twice: bool) -> Difference | None:
    amount = None if ours is None else _amount(ours, unit)
    kind: Kind | None = None
    if twice:
        kind = "charged_twice"
    elif ours is None:
        kind = "not_ours" if line.amount else None
    elif amount is None:
        kind = "cost_unknown" if line.amount else None
    elif abs(amount - line.amount) >= GRAIN:
        kind = "amount"
    if kind is None:
        return None
    job_id, campaign = (None, None) if ours is None else (ours.job_id, ours.campaign)
    return Difference(kind, line.task_id, line.number, line.amount, amount, job_id, campaign)


def _uncharged(
    purchases: Iterable[Spent], seen: set[str], span: tuple[datetime, datetime] | None, unit: str
) -> Iterator[Difference]:
    for each in purchases:
        at, amount = each.purchase.submitted_at, _amount(each, unit)
        if each.purchase.task_id in seen or not amount or (span and not span[0] <= at <= span[1]):
            continue
        yield Difference("not_charged", each.purchase.task_id or "", None, None, amount, each.job_id, each.campaign)


def _span(instants: list[datetime]) -> tuple[datetime, datetime] | None:
    """The time that the statement is about, drawn in by the clocks' difference: at its edges nothing can be said."""
    return (min(instants) + SLACK, max(instants) - SLACK) if instants else None


def _amount(spent: Spent, unit: str) -> Decimal | None:
    """What our record says that it cost, in that unit; None where it does not."""
    native = spent.purchase.cost_native
    if unit.upper() == "USD":
        return spent.purchase.cost_usd
    if native is not None and native.unit.upper() == unit.upper():
        return native.amount
    return None
