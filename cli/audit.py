"""`wanbatch audit`: the provider's statement set against our own records."""

import csv
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import click

from cli.options import as_json, one_form, store
from cli.summary import print_json
from config.settings import load_settings
from jobs.errors import BadInput
from jobs.money import in_unit, usd_text
from jobs.visible import visible
from jobs.words import counted
from ledger.shelf import Shelf
from producer.audit import MEANS, Audit, Difference, audit
from producer.manifest import cell
from producer.spending import spent
from producer.statement import Apart, read_statement
from producer.stored import store_of
from providers.registry import facts

#: Differences that are told one by one for a person; --csv and --json have all.
NAMED = 20
#: Characters of a line's own words that are told.
TEXT_MAX = 80
DIFFERENT = 3


@click.command("audit")
@click.option(
    "--statement",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="CSV",
    help="The provider's invoice or usage export, a line a task.",
)
@click.option("--provider", required=True, metavar="NAME", help="Whose statement it is.")
@click.option("--task", metavar="COLUMN", help="The column with the task's id, where it cannot be told.")
@click.option("--amount", metavar="COLUMN", help="The column with what was charged, where it cannot be told.")
@click.option("--unit", default="USD", help="What amounts are in where the statement does not say (USD).")
@click.option("--simulated", is_flag=True, help="Against rehearsals, in place of real money.")
@click.option("--csv", "as_csv", is_flag=True, help="Print every difference as CSV, alone, on stdout.")
@store
@as_json
def command(
    statement: Path,
    provider: str,
    task: str | None,
    amount: str | None,
    unit: str,
    simulated: bool,
    as_csv: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """Find what the provider charged and our records do not have, or have otherwise. Exit 3 where they differ.

    Lines that name no task, such as top-ups and totals, are told apart and differ from nothing.
    """
    one_form(as_json=as_json, as_csv=as_csv)
    name = facts(provider).name
    read = read_statement(statement, task=task, amount=amount)
    shelf = Shelf(store_of(load_settings(store=store)), simulated=simulated)
    units = sorted({line.unit for line in read.lines if line.unit})
    if len(units) > 1:
        raise BadInput(f"{statement} has amounts in {' and '.join(units)}", hint="audit each by itself: split the file")
    found = audit(read.lines, (each for each in spent(shelf) if each.provider == name), units[0] if units else unit)
    if as_json:
        differences = [_facts(each) for each in found.differences]
        print_json({**_sums(found), "differences": differences, "without_task": _apart(read.apart, found.unit)})
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, list(Difference.__dataclass_fields__), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: cell(value) for key, value in _facts(each).items()} for each in found.differences)
        _tell_apart(read.apart, found.unit, err=True)
    else:
        _tell(found)
        _tell_apart(read.apart, found.unit)
    return DIFFERENT if found.differences else 0


def _sums(found: Audit) -> dict[str, object]:
    return {
        "unit": found.unit,
        "agreed": found.agreed,
        "charged": usd_text(found.charged),
        "ours": usd_text(found.ours),
    }


def _facts(each: Difference) -> dict[str, object]:
    told = {key: getattr(each, key) for key in Difference.__dataclass_fields__}
    return told | {key: None if told[key] is None else usd_text(told[key]) for key in ("charged", "ours")}


def _apart(lines: Sequence[Apart], unit: str) -> dict[str, object]:
    """The lines that name no task, and what they come to in each unit."""
    told = [
        {"line": each.number, "text": each.text, "amount": usd_text(each.amount), "unit": each.unit or unit}
        for each in lines
    ]
    return {"lines": told, "sums": {name: usd_text(total) for name, total in _sums_apart(lines, unit).items()}}


def _sums_apart(lines: Sequence[Apart], unit: str) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for each in lines:
        if each.amount is not None:
            sums[each.unit or unit] = sums.get(each.unit or unit, Decimal(0)) + each.amount
    return sums


def _tell(found: Audit) -> None:
    sums = f"charged {in_unit(found.charged, found.unit)}, ours {in_unit(found.ours, found.unit)}"
    click.echo(f"{found.agreed:,} agree, {counted(len(found.differences), 'difference')}; {sums}")
    for kind, means in MEANS.items():
        of_kind = [each for each in found.differences if each.kind == kind]
        if not of_kind:
            continue
        click.echo(f"{len(of_kind):,} {means}:")
        for each in of_kind[:NAMED]:
            where = f"line {each.line}" if each.line else f"job {each.job_id} of {each.campaign or '?'}"
            charged, ours = (
                "nothing" if amount is None else in_unit(amount, found.unit) for amount in (each.charged, each.ours)
            )
            click.echo(f"  {where}: {each.task_id}: charged {charged}, ours {ours}")
        if len(of_kind) > NAMED:
            click.echo(f"  ... and {len(of_kind) - NAMED:,} more; --csv has all")


def _tell_apart(lines: Sequence[Apart], unit: str, *, err: bool = False) -> None:
    """What was set against nothing: no purchase of ours could answer for it."""
    if not lines:
        return
    sums = " and ".join(in_unit(total, name) for name, total in _sums_apart(lines, unit).items()) or "no amount"
    names = "line names" if len(lines) == 1 else "lines name"
    click.echo(f"{len(lines):,} {names} no task and stand apart, {sums} in all:", err=err)
    for each in lines[:NAMED]:
        amount = "no amount" if each.amount is None else in_unit(each.amount, each.unit or unit)
        click.echo(
            f"  line {each.number}: {amount}" + (f": {visible(each.text)[:TEXT_MAX]}" if each.text else ""), err=err
        )
    if len(lines) > NAMED:
        click.echo(f"  ... and {len(lines) - NAMED:,} more; --json has all", err=err)
