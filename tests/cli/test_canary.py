"""What follows a canary: on with --yes, asked at a terminal, else a stop; and always a stop where one is not good."""

import click
import pytest

from cli.canary import first_few, goes_on
from cli.planning import causes_of
from config.settings import load_settings
from jobs.errors import BudgetMissing
from producer.canary import Seen
from producer.planned import Asked, planned
from producer.world import choose
from tests.cli.conftest import Stored, record


def decided(
    stored: Stored,
    *,
    yes: bool = False,
    terminal: bool | None = None,
    bad: bool = False,
    monkeypatch: pytest.MonkeyPatch,
) -> bool:
    """Whether a run goes on after its canary; `terminal` is what a person there answers."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: terminal is not None, raising=False)
    monkeypatch.setattr(click, "confirm", lambda *_, **__: terminal)
    stored.matrix.write_text("prompt,colour\na {{ colour }} kite,red|blue\na {{ colour }} boat,green|grey|pink\n")
    settings = load_settings(store=stored.store.url)
    wish = Asked(
        matrix=stored.matrix, template=None, provider=None, simulate=False, campaign=None, limit=None, where=(),
        seed_by="job", takes=1, price=None, skip_bad_rows=False, store=stored.store.url,
    )  # fmt: skip
    world = choose(settings, simulate=False)
    with planned(wish, world, stored.store, settings) as plan:
        assert plan.to_buy == 3
        assert causes_of(plan, stored.store).counts
        few = first_few(plan, 1, world, stored.store, settings)
        assert few is not None
        assert few.plan.to_buy == 1
        (made,) = few.looked_at()
        found = [Seen(made.line, record(made.line, failed=bad, verified=True))]
        return goes_on(few, found, world, settings, yes=yes)


@pytest.mark.parametrize(
    ("words", "goes"),
    [
        ({"yes": True}, True),
        ({"yes": True, "bad": True}, False),
        ({"terminal": True}, True),
        ({"terminal": False}, False),
        ({}, False),
    ],
)
def test_what_follows(
    words: dict[str, bool],
    goes: bool,
    stored: Stored,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each way is told."""
    assert decided(stored, monkeypatch=monkeypatch, **words) is goes
    told = capsys.readouterr().err
    assert "the canary first: 1 video of 3" in told
    if words.get("bad"):
        assert "BAD   " in told
        assert "failed: the render failed" in told
        assert "the others were not queued" in told
    else:
        assert "the canary is good; 2 videos to go, $1.25" in told
    assert ("--yes" in told) is (words == {})


def test_all_of_it_is_no_canary(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """And what went on before goes on; without a budget for the whole nothing begins."""
    settings = load_settings(store=stored.store.url)
    wish = Asked(
        matrix=stored.matrix, template=None, provider=None, simulate=False, campaign=None, limit=None, where=(),
        seed_by="job", takes=1, price=None, skip_bad_rows=False, store=stored.store.url,
    )  # fmt: skip
    world = choose(settings, simulate=False)
    with planned(wish, world, stored.store, settings) as plan:
        assert first_few(plan, None, world, stored.store, settings) is None
        assert first_few(plan, 1, world, stored.store, settings) is None
    assert "the canary was passed before" in capsys.readouterr().err
    stored.matrix.write_text("prompt\none\ntwo\n")
    with planned(wish, world, stored.store, settings) as plan:
        assert first_few(plan, 2, world, stored.store, settings) is None
        real = choose(load_settings(store=stored.store.url, provider="segmind"), simulate=False)
        with pytest.raises(BudgetMissing, match=r"\$1\.25"):
            first_few(plan, 1, real, stored.store, settings)
    assert "a canary of 2 is all of it" in capsys.readouterr().err
