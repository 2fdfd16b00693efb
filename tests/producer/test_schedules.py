"""Schedules as people write them, and the book in which each run is claimed once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from jobs.errors import BadInput
from ledger.objects import open_store
from producer.schedules.book import Book
from producer.schedules.schedule import Ran, Schedule, read_wish

NIGHT = datetime(2026, 11, 21, 1, tzinfo=UTC)
SCHEDULE = Schedule(
    name="nightly", matrix="/m.csv", campaign="night", simulate=True, cron="0 2 * * *", timezone="Europe/Berlin",
    added_by="anna@desk", added_at=NIGHT,
)  # fmt: skip


def written(folder: Path, text: str) -> Path:
    """A schedule's file."""
    path = folder / "nightly.toml"
    path.write_text(text)
    return path


def test_paths_count_from_the_files_folder(tmp_path: Path) -> None:
    """Wherever the command is given, and whoever runs it later; addresses stay as they are."""
    near = read_wish(written(tmp_path, 'matrix = "in/m.csv"\ntemplate = "t.toml"\ncampaign = "n"\n'))
    assert (near.matrix, near.template) == (str(tmp_path / "in/m.csv"), str(tmp_path / "t.toml"))
    far = read_wish(written(tmp_path, 'matrix = "s3://b/m.csv"\ncampaign = "n"\nbudget_per_run_usd = "$12.50"\n'))
    assert (far.matrix, far.budget_per_run_usd) == ("s3://b/m.csv", Decimal("12.50"))


def test_every_wrong_key_is_told_with_its_line(tmp_path: Path) -> None:
    """All at once: what is unknown, what is missing, and what cannot be used."""
    path = written(
        tmp_path,
        'matrix = "m.csv"\nbugdet = 3\nmax_change = 7\nmissed = "twice"\nbudget_per_run_usd = -1\n'
        "weight = 0\npriority = 99\n",
    )
    with pytest.raises(BadInput) as told:
        read_wish(path)
    assert [(each.line, each.column) for each in told.value.problems] == [
        (1, "campaign"), (2, "bugdet"), (3, "max_change"), (4, "missed"), (5, "budget_per_run_usd"), (6, "weight"),
        (7, "priority"),
    ]  # fmt: skip


def test_names_and_times_are_told_with_the_rest(tmp_path: Path) -> None:
    """A campaign that is no name, a time that never comes, a place without a clock, and what a key was meant to be."""
    lines = 'matrx = "m.csv"\ncampaign = "no/name"\ncron = "99 2 * * *"\ntimezone = "Mars"\n'
    with pytest.raises(BadInput) as told:
        read_wish(written(tmp_path, lines))
    missing, misspelt, name, time, place = told.value.problems
    assert (missing.line, missing.column) == (1, "matrix")
    assert misspelt.fix.startswith("did you mean `matrix`?")
    assert (name.line, name.problem) == (2, "`no/name` is no name: use letters, digits, dots, dashes and underscores")
    assert (time.line, time.column) == (3, "cron")
    assert "is no time that comes again" in time.problem
    assert (place.line, place.problem) == (4, "there is no time zone 'Mars'")


def test_a_run_is_claimed_once(tmp_path: Path) -> None:
    """However many watchmen see it fall due in the same moment."""
    books = [Book(open_store(tmp_path.as_uri())) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda number: books[number].claim("nightly", NIGHT, f"w{number}"), range(8)))
    assert sorted(claims) == [False] * 7 + [True]
    assert books[0].begun("nightly") == [(NIGHT, False)]


def test_the_book_remembers(tmp_path: Path) -> None:
    """What was added stands until it is removed; how runs ended stands for good; a month's money is of its own days."""
    book = Book(open_store(tmp_path.as_uri()))
    assert book.add(SCHEDULE)
    assert not book.add(SCHEDULE)
    assert (book.names(), book.read("nightly")) == (["nightly"], SCHEDULE)
    # The first of December begins in Berlin an hour before it does in UTC.
    for days, spent in ((0, 3), (9, 4), (10, 5)):
        at = datetime(2026, 11, 20, 23, 30, tzinfo=UTC) + timedelta(days=days)
        book.claim("nightly", at, "w")
        ran = Ran(at=at, began_at=at, ended_at=at, outcome="done", words="-", bought=1, spent_usd=Decimal(spent))
        book.end("nightly", ran)
    assert [ran.spent_usd for ran in book.history("nightly")] == [5, 4, 3]
    berlin = ZoneInfo("Europe/Berlin")
    assert book.spent_usd(SCHEDULE, (2026, 11), berlin) == 7
    assert book.spent_usd(SCHEDULE, (2026, 12), berlin) == 5
    book.remove("nightly")
    assert (book.names(), book.read("nightly"), len(list(book.history("nightly")))) == ([], None, 3)
