"""Real money is let through only where what it buys was meant: into which store, and with which shots."""

from decimal import Decimal
from pathlib import Path

import pytest

from cli.approval import approve
from config.settings import load_settings
from jobs.errors import StoreUnnamed, Unconfirmed
from ledger.objects import open_store
from producer.otherstores import remember_store
from producer.planned import Asked, planned
from producer.world import choose

SHOTS = "Shot 1 [0-3s] a ferry. Shot 2 [3-9s] a drop."


@pytest.fixture(autouse=True)
def keyed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user with a key, in a folder, at no terminal."""
    monkeypatch.setenv("SEGMIND_API_KEY", "k")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def let_through(prompt: str, *, store: str | None = None, yes: bool = False, made: str = "") -> str:
    """Ask for a purchase of one video; answers its job. With `made` it has a shelf in that store already."""
    Path("kites.jsonl").write_text(f'{{"prompt": "{prompt}", "shot_type": "multi"}}\n')
    asked = Asked(
        matrix=Path("kites.jsonl"), template=None, provider="segmind", simulate=False, campaign=None, limit=None,
        where=(), seed_by="job", takes=1, price=None, skip_bad_rows=False, store=store,
    )  # fmt: skip
    settings = load_settings(store=store, provider="segmind", budget_usd=Decimal(5))
    world = choose(settings, simulate=False)
    with planned(asked, world, open_store(settings.store), settings) as plan:
        (job,) = (line.split('"job_id":"')[1].partition('"')[0] for line in plan.path.read_text().splitlines())
        if made:
            open_store(made).put(f"jobs/{job}/intent.1.json", b"{}")
        approve(plan, world, settings, yes=yes)
    return job


def test_what_another_store_has_is_not_bought_again(tmp_path: Path) -> None:
    """Where no store was named, whatever else was said; both ways out are told, and each of them is one."""
    there = (tmp_path / "there").as_uri()
    remember_store(there)
    let_through("a kite")
    with pytest.raises(StoreUnnamed) as refused:
        let_through("a boat", yes=True, made=there)
    assert f"1 of the 1 videos to make were asked for before, in {there}" in refused.value.message
    here = (tmp_path / "here" / "out").as_uri()
    assert refused.value.hint.startswith(f"go on there: --store {there}; or to buy them here once more: --store {here}")
    let_through("a boat", store=here)


def test_the_way_back_is_known_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual store of one folder is remembered by the purchase itself, and asked about from another folder."""
    here = (tmp_path / "here" / "out").as_uri()
    let_through("a kite")
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    with pytest.raises(StoreUnnamed, match=here):
        let_through("a kite", made=here)


@pytest.mark.usefixtures("no_session")
def test_a_store_that_cannot_be_read_may_have_them() -> None:
    """Nobody knows without its keys, so nothing is bought."""
    remember_store("s3://videos/spring")
    with pytest.raises(StoreUnnamed, match="may have these videos, and cannot be read"):
        let_through("a kite")


def test_shots_after_the_end_are_for_a_person_to_mean() -> None:
    """A script that has not said --yes is refused; it buys everything else that is only warned of."""
    with pytest.raises(Unconfirmed, match="1 video would be bought without the shots"):
        let_through(SHOTS)
    let_through(SHOTS, yes=True)
    let_through(SHOTS.replace("3-9s", "3-4s"))
