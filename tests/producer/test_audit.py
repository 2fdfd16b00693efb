"""A provider's statement against our records: every planted difference is found, and none is made up."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import BadInput
from jobs.record import NativeAmount, Purchase
from producer.audit import audit
from producer.spending import Spent
from producer.statement import Line, read_statement

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def bought(number: int, cost_usd: str | None = "0.625", **changes: Any) -> Spent:
    """The purchase of that number, a second after the one before."""
    facts = {
        "send": 1, "task_id": f"task-{number}", "request_id": None, "account": "segmind",
        "submitted_at": NOON + timedelta(seconds=number), "state": "succeeded", "cost_usd": cost_usd,
        "cost_source": "provider", "price_as_of": None,
    }  # fmt: skip
    return Spent(f"job-{number}", "spring", "ada", "segmind", Purchase.model_validate(facts | changes))


def charge(number: int, amount: str = "0.625") -> Line:
    """The statement's line for that purchase; its clock is two seconds ahead."""
    return Line(number + 2, f"task-{number}", Decimal(amount), "", NOON + timedelta(seconds=number + 2))


def test_twenty_in_ten_thousand(tmp_path: Path) -> None:
    """Out of a file, in another order, with failed renders that were not charged and are on neither side."""
    ours = [bought(number, "0" if number % 50 == 0 else "0.625") for number in range(10_000)]
    lines = {number: charge(number) for number in range(10_000) if number % 50}
    planted: dict[str, list[int]] = {
        "amount": [101, 2_222, 3_333, 7_777, 8_888], "not_charged": [1_001, 2_003, 4_004, 6_006, 9_001],
        "cost_unknown": [1_234, 2_345, 3_456, 4_567],
    }  # fmt: skip
    for number in planted["amount"]:
        lines[number] = replace(lines[number], amount=Decimal("0.9375"))
    for number in planted["not_charged"]:
        del lines[number]
    for number in planted["cost_unknown"]:
        ours[number] = bought(number, None, cost_source="unknown")
    extra = [replace(charge(number), task_id=f"stranger-{number}") for number in (11, 22, 33)]
    written = [*lines.values(), *extra, *(lines[number] for number in (5, 55, 555))]
    random.Random(1).shuffle(written)
    file = tmp_path / "segmind.csv"
    rows = (f'{line.at:%Y-%m-%dT%H:%M:%SZ};{line.task_id};"$ {line.amount}"' for line in written if line.at)
    file.write_text("\n".join(["Created At;Request ID;Cost (USD)", *rows]) + "\n", encoding="utf-8-sig")
    found = audit(read_statement(file).lines, ours, "USD")
    assert Counter(each.kind for each in found.differences) == {
        "amount": 5, "not_charged": 5, "cost_unknown": 4, "not_ours": 3, "charged_twice": 3,
    }  # fmt: skip
    for kind, numbers in planted.items():
        assert {each.task_id for each in found.differences if each.kind == kind} == {f"task-{one}" for one in numbers}
    assert found.agreed == len(written) - 15
    assert found.charged == sum(line.amount for line in written)


def test_at_the_edges_nothing_is_made_up() -> None:
    """A purchase of the last minutes may stand on the next statement; one in the middle must not be missing."""
    ours = [bought(number) for number in (0, 3_000, 3_600, 7_200, 9_000)]
    one = audit([charge(0), charge(7_200)], ours, "USD")
    assert [each.task_id for each in one.differences] == ["task-3000", "task-3600"]
    undated = [replace(charge(0), at=None)]
    assert len(audit(undated, ours, "USD").differences) == 4


def test_amounts_are_compared_in_their_own_unit() -> None:
    """Credits with credits; what our record has in dollars alone is not known in credits."""
    ours = [bought(1, cost_native=NativeAmount(amount=Decimal("6.25"), unit="credits")), bought(2)]
    one = audit([charge(1, "6.25"), charge(2, "6.25")], ours, "credits")
    assert [(each.kind, each.task_id) for each in one.differences] == [("cost_unknown", "task-2")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("when,what\n2026,x\n", "has no column that says the provider's task"),
        ("id,what\n1,x\n", "has no column that says what was charged"),
        ("id,cost\na,1\nc,\nb,much\n", "2 lines cannot be read"),
        ('id,cost\na,1\nb,"0,625"\nc,"1,5 EUR"\n', "2 lines cannot be read"),
        ("id,cost,date\na,1,2026-11-01\nb,1,29/11/2026\nc,1,soon\n", "2 lines cannot be read"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, text: str, said: str) -> None:
    """Which column is missing, or which lines; nothing is set against half a statement."""
    file = tmp_path / "s.csv"
    file.write_text(text)
    with pytest.raises(BadInput, match=said) as told:
        read_statement(file)
    assert [each.line for each in told.value.problems] == ([3, 4] if "lines" in said else [])


@pytest.mark.parametrize(
    "when",
    ["2026-11-01T12:00:00Z", "2026-11-01 12:00:00 UTC", "Sun, 01 Nov 2026 13:00:00 +0100", "Nov 1, 2026 12:00",
     "1793534400", "1793534400000"],
)  # fmt: skip
def test_times_as_providers_write_them(tmp_path: Path, when: str) -> None:
    """Each is the same instant."""
    file = tmp_path / "s.csv"
    file.write_text(f'id,cost,date\na,1,"{when}"\nb,1,\n')
    assert [line.at for line in read_statement(file).lines] == [datetime(2026, 11, 1, 12, tzinfo=UTC), None]


def test_named_columns_and_money_as_people_write_it(tmp_path: Path) -> None:
    """Thousands, signs and units around an amount."""
    file = tmp_path / "s.csv"
    file.write_text('Vorgang,Betrag\na,"1,250.50 USD"\nb,0.625\nc,$3\n')
    with pytest.raises(BadInput, match="--task COLUMN"):
        read_statement(file)
    lines = read_statement(file, task="vorgang", amount="Betrag").lines
    assert [(line.task_id, line.amount) for line in lines] == [
        ("a", Decimal("1250.50")), ("b", Decimal("0.625")), ("c", Decimal(3)),
    ]  # fmt: skip


def test_lines_that_name_no_task_stand_apart(tmp_path: Path) -> None:
    """A provider's invoice has top-ups, fees, blank lines and totals: they are kept, with their amounts."""
    file = tmp_path / "s.csv"
    file.write_text(
        "Date,Task ID,Type,Amount,Currency\n2026-10-01,,Top-up,$100.00,USD\n2026-11-21,task-1,render,-$0.625,\n"
        "2026-11-21,task-2,render,(0.625),\n , , , ,\n2026-11-22,,Fee of October,,\n,Total:,,-1.25,\n"
    )
    read = read_statement(file)
    assert [(line.task_id, line.amount) for line in read.lines] == [
        ("task-1", Decimal("0.625")), ("task-2", Decimal("0.625")),
    ]  # fmt: skip
    assert [(each.number, each.text, each.amount, each.unit) for each in read.apart] == [
        (2, "2026-10-01, Top-up", Decimal(-100), "USD"), (6, "2026-11-22, Fee of October", None, ""),
        (7, "Total:", Decimal("1.25"), ""),
    ]  # fmt: skip
    file.write_text("id,cost\n,1\n,2\n")
    with pytest.raises(BadInput, match="names a task"):
        read_statement(file)


@pytest.mark.parametrize(
    ("amounts", "cost", "kinds"),
    [
        (["0.625", "-0.625"], "0", []),
        (["0.625", "-0.625"], "0.625", ["amount"]),
        (["0.625", "0.625", "-0.625"], "0.625", []),
        (["0.625", "0.625", "0.625", "-0.625"], "0.625", ["charged_twice"]),
        (["0.9375", "-0.3125"], "0.625", []),
        (["-0.625"], "0", ["amount"]),
    ],
)
def test_a_refund_is_taken_off_its_charge(amounts: list[str], cost: str, kinds: list[str]) -> None:
    """What was charged is what is left of it; a refund of what was not charged is a difference."""
    lines = [charge(0), charge(9), *(replace(charge(1, each), number=10 + at) for at, each in enumerate(amounts))]
    found = audit(lines, [bought(0), bought(1, cost), bought(9)], "USD")
    assert [each.kind for each in found.differences] == kinds
    assert found.charged == Decimal("1.25") + sum(map(Decimal, amounts))
