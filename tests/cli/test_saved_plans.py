"""A plan that is saved is bought as it is or not at all; and a large sum is typed."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import click
import pytest

from cli.app import exit_code
from cli.approval import approve
from config.settings import load_settings
from jobs.errors import Unconfirmed
from ledger.objects import open_store
from producer.planned import planned
from producer.savedplan import read_saved
from producer.world import choose
from tests.cli.conftest import Stored

#: A ledger that nobody runs: whoever gets as far as that has been let through.
NOWHERE = ["--redis", "redis://127.0.0.1:1/0"]


@pytest.fixture
def saved(stored: Stored, capsys: pytest.CaptureFixture[str]) -> Path:
    """The stored campaign's plan, saved beside the matrix."""
    file = stored.matrix.with_name("spring.plan")
    words = ["plan", str(stored.matrix), "--store", stored.store.url, "--simulate", "--json", "--save", str(file)]
    assert exit_code(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["to_buy_by_cause"] == [{"cause": "waiting", "columns": [], "count": 1}]
    assert told["credits"] == {"account": "simulated-segmind", "needed_usd": "0.625", "left": None}
    assert told["providers"]["segmind"] == {
        "makes": 1,
        "low": "0.625",
        "high": "0.625",
        "price_as_of": told["price_as_of"],
    }
    assert told["providers"]["dashscope"]["high"] == "0.50"
    return file


def submitted(file: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said when the saved plan is submitted."""
    assert exit_code(["submit", "--plan", str(file), *NOWHERE]) == 4
    return capsys.readouterr().err


def test_what_has_not_changed_goes_through(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As far as to the ledger, from any folder."""
    told = submitted(saved, capsys)
    assert "no longer holds" not in told
    assert "127.0.0.1:1" in told


def test_a_changed_matrix_is_refused(saved: Path, stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """With how many videos it was and is."""
    stored.matrix.write_text(stored.matrix.read_text() + "a kite,blue\n")
    assert "the matrix, or a file that it names, has changed (3 videos then, 4 now)" in submitted(saved, capsys)


def test_changed_purchases_are_refused(saved: Path, stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody else has bought a part meanwhile."""
    stored.end(stored.lines[2])
    assert "what is bought has changed (2 of it then, 3 now)" in submitted(saved, capsys)


def test_changed_prices_are_refused(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Or labels and priorities, when the sum is the same."""
    was = json.loads(saved.read_text())
    saved.write_text(json.dumps(was | {"cost_high_usd": "0.50"}))
    assert "prices have changed ($0.50 then, $0.6250 now)" in submitted(saved, capsys)
    saved.write_text(json.dumps(was | {"plan_sha256": "0" * 64}))
    assert "prices, labels or priorities of the matrix have changed" in submitted(saved, capsys)


def test_another_store_or_account_is_refused(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All at once."""
    was = json.loads(saved.read_text())
    saved.write_text(json.dumps(was | {"store": "s3://elsewhere", "account": "fal"}))
    told = submitted(saved, capsys)
    assert "it is for the store s3://elsewhere" in told
    assert "simulated-spring at fal" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["submit", "m.csv", "--plan", "f.plan"], "leave MATRIX out"),
        (["submit", "--plan", "f.plan", "--seed-by", "job"], "leave --seed-by out"),
        (["submit"], "Missing argument 'MATRIX', or --plan FILE"),
        (["plan", "m.csv", "--save", "x.plan"], "names who makes it"),
        (["plan", "-", "--campaign", "a", "--simulate", "--save", "x.plan"], "standard input cannot be saved"),
        (["submit", "--plan", "m.csv"], "is no saved plan that this wanbatch can read"),
    ],
)
def test_what_does_not_go_together(
    words: list[str], said: str, saved: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad words are exit 2."""
    Path("m.csv").write_text("prompt\na kite\n")
    Path("f.plan").write_bytes(saved.read_bytes())
    with Path("m.csv").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert exit_code(words) == 2
    assert said in capsys.readouterr().err


def test_the_exit_code_tells_whether_there_is_something(stored: Stored) -> None:
    """10 for something, 0 for nothing; only where it is asked for."""
    words = ["plan", str(stored.matrix), "--store", stored.store.url]
    assert exit_code([*words, "--exit-code"]) == 10
    assert exit_code(words) == 0
    stored.end(stored.lines[2])
    assert exit_code([*words, "--exit-code"]) == 0


def test_who_does_not_read_on_is_not_told_that_nothing_is_to_buy(stored: Stored) -> None:
    """`plan --exit-code | head` with pipefail: a pipe that closes early is no 0, as no plan was saved either."""
    plan = Path("unread.plan").absolute()
    words = ["plan", str(stored.matrix), "--store", stored.store.url, "--simulate", "--exit-code", "--save", str(plan)]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [sys.executable, "-m", "cli.app", *words]
        done = subprocess.run(command, check=False, stdout=writing, stderr=subprocess.PIPE)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr, plan.exists()) == (141, b"", False)


def test_addresses_and_prices_come_back_as_they_were(saved: Path) -> None:
    """What was asked for is asked for again, word by word."""
    was = json.loads(saved.read_text())
    asked = was["asked"] | {
        "matrix": "https://a.example/m.csv",
        "price": "0.10",
        "where": [["a", "b"]],
        "template": "/t",
    }
    saved.write_text(json.dumps(was | {"asked": asked}))
    wish = read_saved(saved).wish()
    assert (wish.matrix, wish.price, wish.where) == ("https://a.example/m.csv", Decimal("0.10"), (("a", "b"),))
    assert wish.template == Path("/t")


@pytest.mark.parametrize(
    ("typed", "through"), [("1.88", True), ("$1.88", True), ("1.9", False), ("", False), (None, False), ("yes", False)]
)
def test_a_large_sum_is_typed(typed: str | None, through: bool, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the cent, at a terminal; a script without --yes is refused, and nobody is asked below the amount."""
    monkeypatch.setenv("SEGMIND_API_KEY", "k")
    monkeypatch.setenv("WANBATCH_TYPE_ABOVE_USD", "1.50")
    monkeypatch.setattr("sys.stdin.isatty", lambda: typed is not None, raising=False)
    monkeypatch.setattr(click, "prompt", lambda *_, **__: typed)
    wish = read_saved(saved).wish()
    settings = load_settings(store=wish.store, provider="segmind", budget_usd=Decimal(5))
    world = choose(settings, simulate=False)
    with planned(wish, world, open_store(settings.store), settings) as plan:
        approve(plan, world, settings, yes=True)
        if through:
            approve(plan, world, settings, yes=False)
        else:
            with pytest.raises(Unconfirmed, match=r"\$1\.88" if typed is None else "is not 1.88"):
                approve(plan, world, settings, yes=False)
