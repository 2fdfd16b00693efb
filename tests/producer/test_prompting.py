"""docs/prompting.md: its matrix is planned as it stands, and what it says to be refused is refused in its words."""

import csv
import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from config.facts import load_facts
from jobs.errors import BadInput
from producer.plan import Plan, PlanOptions, iter_plan, make_plan
from providers.registry import provider

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "prompting.md").read_text(encoding="utf-8")
REFUSALS, WARNINGS = (
    re.findall(r"^\| (`\w+` .*?) \| (.+) \|$", PAGE.partition(heading)[2].partition("\n## ")[0], re.MULTILINE)
    for heading in ("## What plan refuses", "## What plan warns of")
)


def planned(text: str, folder: Path, **options: Any) -> Plan:
    """A simulated plan of a matrix with these lines."""
    source = folder / "matrix.csv"
    source.write_text(text, encoding="utf-8")
    return make_plan(
        source,
        options=dataclasses.replace(PlanOptions(simulated=True), **options),
        provider=provider("dashscope"),
        facts=load_facts()["dashscope"],
        bought=lambda _: set(),
        spool=folder / "spool",
    )


def cells(told: str) -> dict[str, str]:
    """The cells of a row out of the table's words for it: `column` = `text`, or `column` of so many characters."""
    sized = re.fullmatch(r"`(\w+)` of ([\d,]+) characters", told)
    if sized:
        return {sized[1]: "x" * int(sized[2].replace(",", ""))}
    return dict(re.findall(r"`(\w+)` = `(.*?)`", told))


def test_the_matrix_of_the_page(tmp_path: Path) -> None:
    """Three videos: two that share a product's seed and differ in the hook, and one of several shots."""
    (text,) = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    jobs = [line.job for line in iter_plan(planned(text, tmp_path, seed_by="product").path)]
    assert [job.render.shot_type for job in jobs] == ["single", "single", "multi"]
    assert jobs[0].seed == jobs[1].seed != jobs[2].seed
    assert jobs[0].render.prompt.startswith("A power cut. A Lowtide lamp, frosted glass")
    assert {job.render.prompt_expansion for job in jobs} == {True}


def test_the_marks_of_its_shots_fill_the_row() -> None:
    """The page keeps its own advice: from 0 without a gap to the duration."""
    (text,) = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    marked = [row for row in csv.DictReader(text.splitlines()) if row["shot_type"] == "multi"]
    assert marked
    for row in marked:
        spans = [(int(begin), int(end)) for begin, end in re.findall(r"\[(\d+)-(\d+)s\]", row["prompt"])]
        assert [begin for begin, _ in spans] == [0, *(end for _, end in spans[:-1])]
        assert spans[-1][1] == int(row["duration"])


@pytest.mark.parametrize(("told", "said"), REFUSALS)
def test_what_is_said_to_be_refused_is(told: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row of the table, with an ordinary prompt where it names none."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput) as refused:
        planned(matrix_of(told), tmp_path)
    problems = " ".join(str(problem) for problem in refused.value.problems)
    for part in said.split('"..."'):
        assert part.strip() in problems


@pytest.mark.parametrize(("told", "said"), WARNINGS)
def test_what_is_said_to_be_warned_of_is(told: str, said: str, tmp_path: Path) -> None:
    """Each row of the other table is planned, and remarked on."""
    assert said in " ".join(str(warning) for warning in planned(matrix_of(told), tmp_path).warnings)


def matrix_of(told: str) -> str:
    """The row that a table tells of, with an ordinary prompt where it names none."""
    row = {"prompt": "A cat"} | cells(told)
    assert len(row) > 1 or row["prompt"] != "A cat"
    return "\n".join(",".join(f'"{cell}"' for cell in line) for line in (row.keys(), row.values()))


def test_the_tables_are_read() -> None:
    """The tests above look at every row of them."""
    assert len(REFUSALS) + len(WARNINGS) == PAGE.partition("## What plan warns of")[2].count("\n| `")
