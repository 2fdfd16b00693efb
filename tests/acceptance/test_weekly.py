"""New looks by the clock: the same ads each week with other seeds, over two weeks of the provider's own calendar."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cli.schedule import Watchman
from config.settings import load_settings
from producer.schedules.cron import read_cron
from tests.acceptance.driving import Fleet, bought_twice, processes_with, until
from tests.services import Simulator, free_ports

BERLIN = ZoneInfo("Europe/Berlin")
MONDAYS = "0 2 * * MON"
WEEKLY = f"""\
matrix = "ads.toml"
campaign = "ads"
provider = "segmind"
simulate = true
cron = "{MONDAYS}"
timezone = "Europe/Berlin"
max_change = 1
"""
ADS = """\
rows = "ads.csv"
key = ["sku"]
refresh_on = ["week"]
seeds = "rotate"
[axes]
hook = ["calm", "bold"]
[defaults]
prompt = "{{ hook }}: {{ title }}"
"""
#: How often a watchman looks at the clock here.
LOOK_EVERY = timedelta(hours=6)


def table(folder: Path, *, week: int, title: str) -> None:
    """The ads as of that week: four products, each shown in two ways."""
    rows = [f"s{number},{title} {number},{week}" for number in range(4)]
    (folder / "ads.csv").write_text("\n".join(["sku,title,week", *rows]) + "\n")


@dataclass
class Calendar:
    """The provider and a watchman, both moved from day to day; the provider's books outlive each day."""

    folder: Path
    port: int
    begin: Callable[..., Simulator]
    today: Simulator | None = None

    def options(self, now: datetime) -> list[str]:
        """What the provider is started with, so that it is that instant there."""
        journal = self.folder / "journal.jsonl"
        with journal.open("a") as lines:
            lines.write(json.dumps({"kind": "stopped", "at": now.timestamp()}) + "\n")
        return ["--port", str(self.port), "--journal", str(journal), "--speed", "600", "--no-limits"]

    def move(self, now: datetime) -> None:
        """Let it be that instant at the provider."""
        if self.today is not None:
            self.today.child.stop()
        self.today = self.begin(*self.options(now))


def seeds(purchases: list[dict[str, Any]]) -> dict[str, int]:
    """The seed with which each prompt was bought."""
    return {one["input"]["prompt"]: one["input"]["seed"] for one in purchases}


def test_two_weeks(
    fleet: Callable[..., Fleet], simulator: Callable[..., Simulator], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each Monday buys every ad once, on that day and with another seed; a rerun in between buys nothing."""
    mondays = read_cron(MONDAYS, "Europe/Berlin").coming(datetime.now(UTC), 2)
    calendar = Calendar(tmp_path, free_ports(1)[0], simulator)
    made = fleet(*calendar.options(mondays[0]))
    calendar.today = made.provider
    table(tmp_path, week=1, title="Lamp")
    (tmp_path / "ads.toml").write_text(ADS)
    (tmp_path / "weekly.toml").write_text(WEEKLY)
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    made.hire()
    assert made.run("schedule", "add", "weekly.toml").code == 0
    watchman = Watchman(load_settings())

    def pass_time(start: datetime, end: datetime) -> None:
        for look in range((end - start) // LOOK_EVERY):
            watchman.look(start + look * LOOK_EVERY)
            until(lambda: not processes_with("run\0weekly\0--at"), 60, "the run's end")

    try:
        pass_time(mondays[0] - timedelta(hours=12), mondays[0] + timedelta(days=2))
        # On Wednesday somebody mends a title and has the schedule run again.
        calendar.move(mondays[0] + timedelta(days=2))
        table(tmp_path, week=1, title="Desk lamp")
        wednesday = f"{mondays[0] + timedelta(days=2):%Y-%m-%dT%H:%M:%S}"
        again = made.run("schedule", "run", "weekly", "--at", wednesday)
        assert (again.code, again.out) == (0, "nothing: all 8 videos are there\n"), again.err
        table(tmp_path, week=2, title="Lamp")
        pass_time(mondays[0] + timedelta(days=2), mondays[1] - timedelta(hours=1))
        calendar.move(mondays[1])
        pass_time(mondays[1], mondays[1] + timedelta(days=6))
    finally:
        watchman.leave()

    runs = [(ran.at, ran.outcome, ran.bought) for ran in watchman.book.history("weekly")]
    assert runs == [
        (mondays[1], "done", 8), (mondays[0] + timedelta(days=2), "nothing", 0), (mondays[0], "done", 8),
    ]  # fmt: skip
    bought = made.provider.purchases()
    days = Counter(datetime.fromisoformat(one["at"]).astimezone(BERLIN).date() for one in bought)
    assert days == {monday.astimezone(BERLIN).date(): 8 for monday in mondays}
    first, second = seeds(bought[:8]), seeds(bought[8:])
    assert first.keys() == second.keys() == {f"{hook}: Lamp {n}" for hook in ("calm", "bold") for n in range(4)}
    assert all(first[prompt] != second[prompt] for prompt in first)
    assert bought_twice(bought) == {}
    lines = made.lines("ads")
    assert {line["prompt"]: line["seed"] for line in lines} == second
