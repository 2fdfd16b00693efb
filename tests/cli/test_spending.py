"""`spend` and `audit`: sums over a store, and a statement set against it."""

import csv
import io
import json
from pathlib import Path

import pytest

from cli.app import exit_code
from tests.cli.conftest import Stored


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("campaign", {"(not told)": "0.625"}),
        ("submitted_by", {"(not told)": "0.625"}),
        ("provider", {"segmind": "0.625"}),
        ("day", {"2026-11-21": "0.625"}),
        ("colour", {"blue": "0", "red": "0.625"}),
    ],
)
def test_what_was_spent_in_groups(
    stored: Stored, capsys: pytest.CaptureFixture[str], by: str, groups: dict[str, str]
) -> None:
    """By what the records say, and by a column of the matrix; old records do not say which campaign paid."""
    words = ["spend", "--store", stored.store.url, "--simulated", "--by", by]
    assert exit_code([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {each[by]: each["spent_usd"] for each in told["groups"]} == groups
    assert exit_code([*words, "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {row[by]: row["spent_usd"] for row in rows} == groups
    assert exit_code(words) == 0
    assert "$0.6250 in 2 purchases (simulated: no money)" in capsys.readouterr().out.replace("$0.625 ", "$0.6250 ")


def test_rehearsals_are_no_money(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --simulated a store of rehearsals has spent nothing; a day bounds what is added up."""
    assert exit_code(["spend", "--store", stored.store.url]) == 0
    told = capsys.readouterr()
    assert told.out == "$0.00 in 0 purchases\n"
    assert f"nothing was bought with real money in {stored.store.url}" in told.err
    assert exit_code(["spend", "--store", stored.store.url, "--simulated", "--since", "2026-11-22"]) == 0
    assert capsys.readouterr().out.startswith("$0.00 in 0 purchases")
    assert exit_code(["spend", "--store", stored.store.url, "--simulated", "--by", "clent"]) == 2


def test_a_statement_is_set_against_the_store(
    stored: Stored, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One charge agrees, one task is nobody's: exit 3, and each is told."""
    statement = tmp_path / "s.csv"
    words = ["audit", "--store", stored.store.url, "--simulated", "--provider", "segmind", "--statement"]
    statement.write_text("task_id,cost,currency\nt1,0.625,USD\n")
    stored.shelf.store.delete(stored.shelf.job_key(stored.lines[1].job.job_id, "record.json"))
    assert exit_code([*words, str(statement)]) == 0
    assert capsys.readouterr().out == "1 agree, 0 differences; charged $0.6250, ours $0.6250\n"
    statement.write_text("task_id,cost,currency\nt1,0.7,USD\n=t9,1,USD\n")
    assert exit_code([*words, str(statement)]) == 3
    told = capsys.readouterr().out
    assert "line 2: t1: charged $0.70, ours $0.6250" in told
    assert "line 3: =t9: charged $1.00, ours nothing" in told
    assert exit_code([*words, str(statement), "--csv"]) == 3
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["kind"], row["task_id"]) for row in rows] == [("amount", "t1"), ("not_ours", "'=t9")]
    statement.write_text("task_id,cost,currency\nt1,0.7,USD\nt2,5,CNY\n")
    assert exit_code([*words, str(statement)]) == 2
    assert "amounts in CNY and USD" in capsys.readouterr().err


def test_what_names_no_task_is_told_apart(stored: Stored, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A top-up and a total are shown with their sum, in every form, and are no difference."""
    statement = tmp_path / "s.csv"
    words = [
        "audit",
        "--store",
        stored.store.url,
        "--simulated",
        "--provider",
        "segmind",
        "--statement",
        str(statement),
    ]
    stored.shelf.store.delete(stored.shelf.job_key(stored.lines[1].job.job_id, "record.json"))
    statement.write_text("task_id,note,cost\n,Top-up,-1500\nt1,,0.625\nTotal,,0.625\n")
    assert exit_code(words) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "2 lines name no task and stand apart, -$1,499.3750 in all:", "  line 2: -$1,500.00: Top-up",
        "  line 4: $0.6250: Total",
    ]  # fmt: skip
    assert exit_code([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["without_task"]
    assert told["sums"] == {"USD": "-1499.375"}
    assert told["lines"][0] == {"line": 2, "text": "Top-up", "amount": "-1500", "unit": "USD"}
    assert exit_code([*words, "--csv"]) == 0
    both = capsys.readouterr()
    assert both.out.count("\n") == 1
    assert "2 lines name no task" in both.err


def test_stdout_holds_one_form(stored: Stored, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two at once are refused, and what is no statement is told what one is."""
    assert exit_code(["spend", "--store", stored.store.url, "--json", "--csv"]) == 2
    assert "stdout holds one of them" in capsys.readouterr().err
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    assert exit_code(["audit", "--provider", "segmind", "--statement", str(empty)]) == 2
    assert "empty.csv is empty\nA statement is a table as CSV" in capsys.readouterr().err
