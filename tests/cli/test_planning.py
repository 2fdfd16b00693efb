"""What is said of a plan, and of progress, in words that hold their numbers."""

import dataclasses
import io
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from cli.options import Dollars, Where
from cli.planning import plan_lines, takes_here
from cli.progress import LiveView, PlainView, bar, duration, pace_line, states_line, view
from config.settings import load_settings
from jobs.lifecycle import State
from ledger.objects import open_store
from producer.planned import Asked, planned
from producer.watch import Progress
from producer.world import choose
from tests.producer.test_watch import QUIET


def lines_of(folder: Path, text: str, **more: object) -> list[str]:
    """What is said of a matrix with this text."""
    file = folder / "m.csv"
    file.write_text(text)
    settings = load_settings(store=str(folder / "out"))
    store = open_store(settings.store)
    asked = Asked(
        matrix=file, template=None, provider=None, simulate=False, campaign=None, limit=None, where=(), seed_by="job",
        takes=1, price=None, skip_bad_rows=bool(more.get("skip_bad_rows")), store=settings.store,
    )  # fmt: skip
    world = choose(settings, simulate=False)
    with planned(asked, world, store, settings) as plan:
        return list(plan_lines(plan, world, store, takes_here(plan, world, store, settings)))


def test_repeats_are_named(tmp_path: Path) -> None:
    """By the lines that are alike."""
    told = lines_of(tmp_path, "prompt\na kite\na boat\na kite\n")
    assert told[1] == "2 videos from 3 rows; 2 to make"
    assert told[-1] == "1 repeat made only once: line 4 = line 2"


def test_an_axis_that_changes_nothing_is_told_once(tmp_path: Path) -> None:
    """However many videos the row asks for."""
    told = lines_of(tmp_path, "prompt,mood\na kite,calm|wild|odd\n")
    assert told[-1] == "2 repeats made only once: line 2, whose `|` change nothing that is rendered"


def test_rows_left_out_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they lie, and the first of them."""
    monkeypatch.chdir(tmp_path)
    told = lines_of(tmp_path, "prompt,duration\na kite,7\na boat,5\n", skip_bad_rows=True)
    assert "m.bad-rows.csv" in told[-2]
    assert "m.csv:2: duration: " in told[-1]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.4, "59 s"), (61, "1 min 01 s"), (599, "9 min 59 s"), (3540, "59 min"), (11_100, "3 h 05 min")],
)
def test_durations_for_people(seconds: float, said: str) -> None:
    """As exact as matters."""
    assert duration(seconds) == said


def progress(code: int | None = None, news: tuple[str, ...] = ()) -> Progress:
    """Half done."""
    status = dataclasses.replace(QUIET, states={State.DONE: 5, State.RENDERING: 3, State.QUEUED: 2, State.FAILED: 0})
    return Progress(status, 30.0, 10.0, code, news)


def test_progress_lines() -> None:
    """Jobs by state, pace and ETA; states without jobs are left out."""
    assert states_line(progress()) == "5 of 10 done, 3 rendering, 2 queued"
    assert pace_line(progress()) == "30.0 videos/min, ETA 10 s"
    assert pace_line(Progress(QUIET, None, None, None, ())) == "- videos/min, ETA -"
    assert bar(progress()).count("━") == 15


def test_plain_lines_come_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """News at once, where things stand every few seconds and at the end; all on stderr."""
    with PlainView() as plain:
        plain.show(progress())
        plain.show(progress(news=("2 failed",)))
        plain.show(progress())
        plain.show(progress(code=0))
    told = capsys.readouterr()
    assert not told.out
    assert [line[:8] for line in told.err.splitlines()] == ["5 of 10 ", "2 failed", "5 of 10 "]


def test_a_terminal_is_drawn_on_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """News stays above, the rest is drawn again."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    monkeypatch.setattr(sys, "stderr", out)
    monkeypatch.setenv("TERM", "xterm")
    seen = view()
    assert isinstance(seen, LiveView)
    with seen:
        seen.show(progress(news=("2 failed [sic]",)))
        seen.show(progress(code=0))
    assert "2 failed [sic]" in out.getvalue()
    assert "5 of 10 done" in out.getvalue()


def test_dollars_are_exact() -> None:
    """With or without the sign."""
    assert Dollars().convert("$12.10", None, None) == Decimal("12.10")


def test_where_splits_at_the_first_sign() -> None:
    """A value may hold further ones."""
    assert Where().convert(" hook = a=b ", None, None) == ("hook", "a=b")
