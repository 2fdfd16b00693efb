"""A matrix that means harm: nothing in it is run, followed or believed, and every refusal is clear."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.driving import Fleet, agree, good_videos, papers, typed

#: What spreadsheets run, browsers render, shells expand, terminals obey and file systems follow.
HOSTILE = [
    '=HYPERLINK("http://evil.example","click")',
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "</script><!-- <svg onload=alert(3)> {{ 7*7 }}",
    "$(touch pwned) `touch pwned`; touch pwned #",
    "../../../../etc/passwd",
    "..\\..\\windows\\system32 %2e%2e%2f",
    "a price of %s %n %(key)s {0.__class__}",
    "\u202egpj.exe \u2066hidden\u2069",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
    "'; DROP TABLE jobs; -- \nsecond line",
]


def matrix(path: Path) -> Path:
    """Each of them as a prompt, as a label and as the name of a label; `{{` belongs to templates, so it is kept out."""
    names = ["=cmd|' /C calc'!A0", "../../label", "<b>bold</b>"]
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["prompt", *names])
        for text in HOSTILE:
            plain = text.replace("{{", "{ {").replace("|", "/")
            writer.writerow([f"A lamp. {plain}".replace("{", "("), plain, plain, plain])
    return path


def test_nothing_in_a_matrix_is_run(tmp_path: Path, fleet: Callable[..., Fleet]) -> None:
    """Formulas, markup, shell words, paths and bidirectional text come out as the text that they are."""
    made = fleet("--speed", "120")
    matrix(tmp_path / "hostile.csv")
    (worker,) = made.hire()
    submitted = made.run("submit", "hostile.csv", "--simulate", "--campaign", "hostile")
    assert submitted.code == 0, submitted.err
    assert made.run("wait", "hostile", "--timeout", "60").code == 0
    assert made.run("report", "hostile").code == 0
    lines = made.lines("hostile")
    good_videos(lines)
    agree(made.provider, lines)
    assert {line["labels"]["../../label"] for line in lines} == {
        text.replace("{{", "{ {").replace("|", "/").strip() for text in HOSTILE
    }
    folder = papers(tmp_path / "store", "hostile")
    table = list(csv.reader(io.StringIO(made.run("manifest", "hostile", "--format", "csv").out)))
    assert len(table) == len(HOSTILE) + 1
    assert not [cell for row in table for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert not re.search("<script>alert|<img src=x|<svg onload|<b>bold|\u202e", page)
    assert [path.name for path in tmp_path.rglob("pwned*")] == []
    assert {path.name for path in tmp_path.iterdir()} <= {"hostile.csv", "store", "worker-0.log", "simulator-1.log"}
    told = [json.loads(line) for line in worker.said.splitlines() if line.startswith("{")]
    assert all("event" in one for one in told)


BIG = "x" * 10_000_000


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("cell.csv", f'prompt,label\n"{BIG}",a\n', "over 1,048,576 characters"),
        ("line.jsonl", json.dumps({"prompt": BIG}) + "\n", "over 1,048,576 characters"),
        ("list.txt", BIG + "\n", "over 1,048,576 characters"),
        ("deep.jsonl", '{"prompt": ' + "[" * 100_000 + "]" * 100_000 + "}\n", "nested too deeply"),
        ("number.jsonl", '{"prompt": "a", "seed": ' + "9" * 100_000 + "}\n", "not a whole number"),
        ("control.csv", "prompt\n\x1b[2Ja lamp\n", "invisible"),
        ("escape.csv", "prompt,\x1b[31mred\nlamp,\x1b[2J\n", "\\x1b[31mred"),
        ("rocks.csv", "prompt|axis\n" + "a|" * 100 + "\n", "no column `prompt`"),
        ("rows.csv", "prompt,a,b,c\nlamp," + ",".join(["|".join(map(str, range(100)))] * 3) + "\n", "1,000,000 videos"),
        ("packed.csv", b"PK\x03\x04" + b"\0" * 100, "zip"),
        ("packed2.csv", b"\x1f\x8b\x08" + b"\0" * 100, "gzip"),
        ("bomb.csv", '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><l>&b;</l>', "XML"),
    ],
)
def test_a_hostile_matrix_is_refused_in_words(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    """Exit 2, the place and the reason, in a few short lines that drive no terminal; nothing is made."""
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    ended = typed("run", name, cwd=tmp_path)
    assert ended.code == 2, ended.err
    assert said in ended.err
    assert len(ended.err) < 2000
    assert "\x1b" not in ended.err
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["../../etc", "/abs", "..", "a\nb\x1b[2J", "\u202ea", "a" * 200])
def test_a_campaign_s_name_is_no_path(tmp_path: Path, name: str) -> None:
    """A name that could lead elsewhere is refused where it is given, and not found where it is asked for."""
    (tmp_path / "m.txt").write_text("a lamp\n")
    ended = typed("run", "m.txt", "--campaign", name, cwd=tmp_path)
    assert ended.code == 2, ended.err
    assert "is no name for a campaign" in ended.err
    assert "\x1b" not in ended.err
    asked = typed("manifest", name, cwd=tmp_path)
    assert asked.code in (2, 4), asked.err
    assert len(asked.err.splitlines()) <= 3
    assert [path.name for path in tmp_path.iterdir()] == ["m.txt"]
