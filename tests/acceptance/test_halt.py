"""Stopping and going on from another process, with real workers and the provider's bank statement as the judge."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.driving import Fleet, begin, bought_twice, good_videos, prompts_file, statuses, tasks, until
from tests.services import Valkey, start_valkey

#: Seconds in which a pause must act.
AT_ONCE_S = 1.0


def submit(fleet: Fleet, count: int, *more: str) -> None:
    """Queue so many videos."""
    prompts_file(fleet.folder / "many.txt", count)
    submitted = fleet.run("submit", "many.txt", "--simulate", "--campaign", "many", *more)
    assert submitted.code == 0, submitted.err


def test_pause_all_stops_all_buying_and_collecting_goes_on(fleet: Callable[..., Fleet]) -> None:
    """A second after the command nothing is bought any more; what renders comes home; resume makes the rest."""
    made = fleet("--speed", "30")
    made.hire(2)
    submit(made, 60)
    until(lambda: len(made.provider.purchases()) >= 15, 60, "15 purchases")
    paused = made.run("pause", "--all")
    assert paused.code == 0, paused.err
    time.sleep(AT_ONCE_S)  # the promise itself is a time
    bought = len(made.provider.purchases())
    assert bought < 60
    ended = made.run("wait", "many", "--timeout", "60")
    assert ended.code == 3, ended.out
    assert "all buying is paused; `wanbatch resume --all` goes on" in ended.out
    assert len(made.provider.purchases()) == bought
    assert statuses(made.lines("many")) == {"done": bought, "parked": 60 - bought}
    assert made.run("resume", "--all").code == 0
    ended = made.run("wait", "many", "--timeout", "120")
    assert ended.code == 0, ended.out
    good_videos(made.lines("many"))
    assert bought_twice(made.provider.purchases()) == {}
    assert len(made.provider.purchases()) == 60


def test_cancel_also_cancels_at_the_provider(fleet: Callable[..., Fleet]) -> None:
    """Tasks that have not begun there are cancelled unbilled; a resumed campaign buys them anew."""
    made = fleet("--speed", "60", "--queue-s", "7200")
    made.hire()
    submit(made, 12, "--provider", "dashscope")
    until(lambda: len(made.provider.purchases()) == 5, 60, "all five slots are taken")
    cancelled = made.run("cancel", "many", "--yes")
    assert cancelled.code == 0, cancelled.err
    assert "5 are under way, are still collected, and will be billed up to $" in cancelled.err
    ended = made.run("wait", "many", "--timeout", "30")
    assert ended.code == 3, ended.out
    lines = made.lines("many")
    assert statuses(lines) == {"cancelled": 12}
    assert sorted(one["state"] for line in lines for one in line["purchases"]) == ["cancelled"] * 5
    assert {one["state"] for one in made.provider.purchases()} == {"cancelled"}
    money = made.run("status", "many", "--json").json["money_usd"]
    assert (money["reserved"], money["spent"]) == ("0.00", "0.00")
    made.provider.tell("/_simulator/weather", {"queue_s": 0})
    resumed = made.run("resume", "many")
    assert "12 are queued again" in resumed.out
    ended = made.run("wait", "many", "--timeout", "90")
    assert ended.code == 0, ended.out
    assert bought_twice(made.provider.purchases()) == {}
    assert len(made.provider.purchases()) == 17


def test_cancel_says_what_is_still_billed_where_nothing_can_be_cancelled(fleet: Callable[..., Fleet]) -> None:
    """At Segmind the renders under way are collected and paid; nothing more is bought."""
    made = fleet("--speed", "30")
    made.hire()
    submit(made, 60)
    until(lambda: len(made.provider.purchases()) >= 10, 60, "10 purchases")
    assert made.run("cancel", "many", "--yes").code == 0
    ended = made.run("wait", "many", "--timeout", "60")
    assert ended.code == 3, ended.out
    bought = made.provider.purchases()
    counts = statuses(lines := made.lines("many"))
    assert counts == {"done": len(bought), "cancelled": 60 - len(bought)}
    assert tasks(lines).keys() == {one["task_id"] for one in bought}


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Valkey]:
    """A second ledger."""
    server = start_valkey(tmp_path / "laptop")
    yield server
    server.child.stop()


def test_two_ledgers_over_one_store_buy_each_video_once(fleet: Callable[..., Fleet], laptop: Valkey) -> None:
    """The same campaign is refused with the reason; the same videos under another name are bought by one of the two."""
    made = fleet("--speed", "60", "--latency-ms", "30")
    beside = {"WANBATCH_REDIS": laptop.url}
    made.hire()
    made.hire(1, **beside)
    prompts_file(made.folder / "many.txt", 60)
    words = ("submit", made.folder / "many.txt", "--simulate", "--campaign")
    both = [
        begin(made.folder / "one.log", *words, "fleet", env=made.env),
        begin(made.folder / "two.log", *words, "laptop", env={**made.env, **beside}),
    ]
    assert [one.ended(within_s=60) for one in both] == [0, 0]
    refused = made.run(*words, "fleet", **beside)
    assert refused.code == 4
    assert "belongs to another ledger" in refused.err
    assert made.run("wait", "fleet", "--timeout", "120").code == 0
    ended = made.run("wait", "laptop", "--timeout", "120", **beside)
    assert ended.code == 0, ended.out
    bought = made.provider.purchases()
    assert bought_twice(bought) == {}
    assert len(bought) == 60
    good_videos(made.lines("fleet"))


def test_one_of_two_ledgers_wins_a_name(fleet: Callable[..., Fleet], laptop: Valkey) -> None:
    """Two submits of one file to two ledgers in the same moment: one queues, the other says whose it is."""
    made = fleet()
    prompts_file(made.folder / "many.txt", 300)
    words = ("submit", made.folder / "many.txt", "--simulate", "--campaign", "many")
    both = [
        begin(made.folder / "one.log", *words, env=made.env),
        begin(made.folder / "two.log", *words, env={**made.env, "WANBATCH_REDIS": laptop.url}),
    ]
    assert sorted(one.ended(within_s=60) for one in both) == [0, 4], [one.said for one in both]
    assert any("belongs to another ledger" in one.said for one in both)
