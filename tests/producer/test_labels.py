"""Labels of a campaign: below what rows say, however that is spelt, and no other thing by another name."""

from pathlib import Path

import pytest

from jobs.budgets import Budget
from jobs.errors import BadInput
from jobs.job import PlanLine
from producer.counting import RowBudgets, batched_rows
from producer.labels import read_labels
from producer.plan import Plan, PlanOptions, iter_plan, make_plan
from providers import registry


def planned(folder: Path, text: str, name: str = "spring.csv", **labels: str) -> Plan:
    """The plan of a matrix, or of a campaign file, with labels of the command's."""
    matrix = folder / name
    matrix.write_text(text)
    return make_plan(
        matrix, options=PlanOptions(simulated=True, labels=labels), provider=registry.provider("segmind"),
        facts=registry.facts("segmind"), bought=lambda _ids: set(), spool=folder / "spool",
    )  # fmt: skip


def lines(plan: Plan) -> list[PlanLine]:
    """The plan's lines."""
    return list(iter_plan(plan.path))


def names(plan: Plan, *budgets: str) -> list[str]:
    """Of each job, the budgets that are not its campaign's usual ones, without those of all and of who submitted."""
    counted = RowBudgets(
        [Budget(name=name) for name in budgets],
        columns=(*plan.axes, *plan.labels),
        labels=plan.campaign_labels,
        submitted_by="Ada@Desk",
        simulated=True,
    )
    rows = [row for batch in batched_rows(plan.path, counted) for row in batch]
    return [" ".join(row.budgets.split("\t")[2:]).replace("simulated/", "") for row in rows]


def test_a_label_stands_where_a_row_says_nothing(tmp_path: Path) -> None:
    """A row's own cell goes before it, also under another spelling; the column keeps the spelling of the matrix."""
    plan = planned(tmp_path, "prompt,Client\na,Globex\nb,\n", client="acme", team="growth")
    assert [line.labels for line in lines(plan)] == [
        {"team": "growth", "Client": "Globex"},
        {"team": "growth", "Client": "acme"},
    ]
    assert plan.labels == ("Client", "team")


def test_a_label_changes_nothing_that_is_bought(tmp_path: Path) -> None:
    """The same rows under another label are the same jobs."""
    one, other = (planned(tmp_path, "prompt\na\nb\n", **labels) for labels in ({"client": "acme"}, {"team": "x"}))
    assert [line.job for line in lines(one)] == [line.job for line in lines(other)]
    assert one.sha256 != other.sha256


def test_a_campaign_file_has_labels_and_the_command_goes_before_it(tmp_path: Path) -> None:
    """`[labels]` holds for all its combinations; `--label` wins, whatever the spelling."""
    text = (
        '[labels]\nclient = "acme"\nTeam = "growth"\n[defaults]\nprompt = "a {{ hook }}"\n[axes]\nhook = ["x", "y"]\n'
    )
    plan = planned(tmp_path, text, "spring.toml", team="brand")
    assert [line.labels for line in lines(plan)] == [{"client": "acme", "team": "brand"}] * 2
    assert plan.campaign_labels == {"client": "acme", "team": "brand"}


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (("duration", "5"), "is a setting of a video"),
        (("promt", "x"), "promt"),
        (("submitted_by", "me"), "means something else"),
        (("All", "me"), "means something else"),
        (("client", "a|b"), "holds several values"),
        (("client", " "), "has no value"),
        (("client", "a\x07"), "invisible"),
        (("client", "x" * 201), "too long"),
    ],
)
def test_what_cannot_be_a_label_is_refused_in_words(tmp_path: Path, label: tuple[str, str], words: str) -> None:
    """On the command line as in a campaign file, there with its line."""
    with pytest.raises(BadInput, match="--label") as told:
        read_labels([label])
    assert words in str(told.value)
    if "\x07" not in label[1]:
        with pytest.raises(BadInput) as told:
            planned(tmp_path, f'[defaults]\nprompt = "a"\n[labels]\n"{label[0]}" = "{label[1]}"\n', "spring.toml")
        assert [(one.line, words in one.problem) for one in told.value.problems] == [(4, True)]


def test_one_label_has_one_value() -> None:
    """Given twice, however it is spelt, it is refused."""
    with pytest.raises(BadInput, match="given twice"):
        read_labels([("client", "acme"), ("Client", "globex")])


def test_rows_count_to_the_budgets_of_their_own_columns(tmp_path: Path) -> None:
    """`client` and `team` always, as labels and as axes, by any spelling; a row like its campaign says nothing more."""
    text = "prompt,CLIENT,team\na {{ team }},Globex,x|y\nb,,\nc,  Acme ,growth\n"
    plan = planned(tmp_path, text, client="ACME", team="growth")
    assert names(plan) == ["client=globex team=x", "client=globex team=y", "", ""]


def test_other_columns_count_once_they_have_a_budget(tmp_path: Path) -> None:
    """A column of a thousand products is no thousand budgets, unless somebody set one of them."""
    plan = planned(tmp_path, "prompt,Product\na,Lamp\nb,Mug\nc,\n")
    assert names(plan) == ["", "", ""]
    assert names(plan, "product=lamp", "all") == ["product=lamp", "product=mug", ""]
