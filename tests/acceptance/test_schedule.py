"""Campaigns that are refreshed by the clock: three nights of a catalog, and two watchmen over one schedule."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ledger.objects import open_store
from ledger.shares import read_share
from ledger.shelf import Shelf
from producer.schedules.book import Book
from producer.schedules.schedule import Schedule
from tests.acceptance.driving import Fleet, agree, begin, bought_twice, prompts_file, until
from tests.mediaserver import serving
from tests.receivers import web
from tests.samples import picture

PRODUCTS = 12
NIGHTLY = """\
matrix = "shop.csv"
campaign = "shop"
provider = "segmind"
simulate = true
cron = "0 2 * * *"
timezone = "Europe/Berlin"
skip_bad_rows = true
weight = 0.5
priority = 1
"""


def shop(folder: Path, url: str, night: int, *, removed: int | None = None, changed: tuple[int, ...] = ()) -> None:
    """The shop's table as of this night: a photo, at a new address each time, and some words for each product."""
    rows = ["sku,image_url,prompt"]
    for number in range(PRODUCTS):
        words = "now in red" if number in changed else "as ever"
        if number != removed:
            rows.append(f"s{number},{url}/{number}.jpg?v={night},product {number} {words} turns slowly")
    (folder / "shop.csv").write_text("\n".join(rows) + "\n")


def prompts(fleet: Fleet) -> list[str]:
    """What was bought so far, in order."""
    return [one["input"]["prompt"] for one in fleet.provider.purchases()]


def history(fleet: Fleet, name: str) -> list[dict[str, Any]]:
    """How a schedule's runs have ended, the newest first."""
    runs: list[dict[str, Any]] = fleet.run("schedule", "history", name, "--json").json["runs"]
    return runs


def test_three_nights_of_a_catalog(fleet: Callable[..., Fleet]) -> None:
    """The first buys all, the second nothing, though every photo has a new address; the third, with two products and
    another's photo changed, one gone and one photo broken, asks first, since that is much, and then buys those three.
    """
    made = fleet("--speed", "600", "--no-limits")
    with serving() as media:
        for number in range(PRODUCTS):
            media.hold(f"/{number}.jpg", picture())
        shop(made.folder, media.url, 1)
        (made.folder / "nightly.toml").write_text(NIGHTLY)
        made.hire()
        added = made.run("schedule", "add", "nightly.toml", "--priority", "2")
        assert (added.code, added.out.strip()) == (0, "nightly"), added.err
        assert "12 videos from 12 rows; 12 to make" in added.err
        assert prompts(made) == []

        first = made.run("schedule", "run", "nightly")
        assert (first.code, first.out) == (0, "done: bought 12 videos\n"), first.err
        share = read_share(Shelf(open_store(made.env["WANBATCH_STORE"]), simulated=True), "shop")
        assert (share.weight, share.priority) == (0.5, 2), "the file's weight, and the option's priority"
        assert len(prompts(made)) == PRODUCTS

        shop(made.folder, media.url, 2)
        second = made.run("schedule", "run", "nightly", "--at", "2026-11-22T01:00:00")
        assert (second.code, second.out) == (0, "nothing: all 12 videos are there\n"), second.err
        assert len(prompts(made)) == PRODUCTS

        shop(made.folder, media.url, 3, removed=11, changed=(1, 2))
        media.hold("/3.jpg", picture(size=(640, 481)))
        media.hold("/10.jpg", b"<html>moved</html>", content_type="text/html")
        with web() as there:
            third = made.run("schedule", "run", "nightly", WANBATCH_NOTIFY=f"slack+{there.url}")
        assert (third.code, len(prompts(made))) == (3, PRODUCTS), third.err
        assert third.out.startswith("asks: it would buy 3 of 10 videos ($1.8750), 30% of them")
        ((_, _, body),) = there.got
        assert "`wanbatch schedule run nightly --yes`" in json.loads(body)["text"]

        approved = made.run("schedule", "run", "nightly", "--yes")
        assert (approved.code, approved.out) == (0, "done: bought 3 videos\n"), approved.err
        assert "shop.csv:12: image_url" in approved.err

        # A sale changes the words of all: what was asked for and approved is no other campaign.
        shop(made.folder, media.url, 4, changed=tuple(range(PRODUCTS)))
        sale = made.run("schedule", "run", "nightly", "--yes")
        assert (sale.code, sale.out) == (0, "done: bought 9 videos\n"), sale.err
    assert prompts(made)[PRODUCTS : PRODUCTS + 3] == [
        "product 1 now in red turns slowly", "product 2 now in red turns slowly", "product 3 as ever turns slowly",
    ]  # fmt: skip
    assert bought_twice(made.provider.purchases()) == {}
    assert [(ran["outcome"], ran["bought"], ran["spent_usd"]) for ran in history(made, "nightly")] == [
        ("done", 9, "5.625"), ("done", 3, "1.875"), ("asks", 0, "0"), ("done", 12, "7.50"), ("nothing", 0, "0"),
    ]  # fmt: skip


def test_a_spent_budget_is_told_once_a_run(fleet: Callable[..., Fleet]) -> None:
    """A run that a month's budget stops says which budget would do; one that finds it spent, that it begins nothing."""
    made = fleet("--speed", "600", "--no-limits")
    made.hire()
    prompts_file(made.folder / "m.txt", 4)
    lines = NIGHTLY.replace("shop.csv", "m.txt").replace("skip_bad_rows = true", "budget_per_month_usd = 1.25")
    (made.folder / "nightly.toml").write_text(lines)
    assert made.run("schedule", "add", "nightly.toml").code == 0
    told = []
    for _ in range(2):
        with web() as there:
            ran = made.run("schedule", "run", "nightly", WANBATCH_NOTIFY=f"slack+{there.url}")
        assert ran.code == 5, ran.err
        ((_, _, body),) = there.got
        told.append(json.loads(body)["text"].splitlines()[0])
    assert "2 need you: the budget is spent" in told[0]
    assert told[0].endswith("`wanbatch adjust shop --budget 2.50`")
    assert "the month's budget of $1.25 is spent; nothing was bought" in told[1]
    assert "schedule run" not in told[1]
    assert len(prompts(made)) == 2


def test_two_watchmen_begin_a_run_once(fleet: Callable[..., Fleet]) -> None:
    """A run that fell due while nobody watched is made up for by one of them; another, by policy, is passed over."""
    made = fleet("--speed", "600", "--no-limits")
    made.hire()
    prompts_file(made.folder / "m.txt", 4)
    due = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=30)
    book = Book(open_store(made.env["WANBATCH_STORE"]))
    for name, missed in (("one", "once"), ("other", "skip")):
        facts = {
            "name": name, "matrix": str(made.folder / "m.txt"), "campaign": name, "simulate": True, "missed": missed,
            "cron": f"{due.minute} {due.hour} * * *", "timezone": "UTC", "added_by": "anna@desk",
            "added_at": due - timedelta(hours=1),
        }  # fmt: skip
        assert book.add(Schedule.model_validate(facts))
    watch = [begin(made.folder / f"watch-{number}.log", "schedule", "serve", env=made.env) for number in range(2)]
    made.workers.extend(watch)
    until(lambda: all(list(book.history(name)) for name in ("one", "other")), 60, f"both runs; {watch[0].said}")
    (one,), (other,) = list(book.history("one")), list(book.history("other"))
    assert (one.at, one.outcome, one.bought) == (due, "done", 4), one.words
    assert (other.at, other.outcome) == (due, "skipped")
    agree(made.provider, made.lines("one"))
    assert len(made.provider.purchases()) == 4
