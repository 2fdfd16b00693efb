"""Spending: asked for by name, never past the budget, and simulated and real money never meet."""

import json
import re
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks.checkout import checkout
from tests.acceptance.driving import (
    CAMPAIGN_FILE,
    Ended,
    Fleet,
    agree,
    billed_usd,
    good_videos,
    manifest_of,
    papers,
    prompts_file,
    statuses,
    typed,
    until,
    wanbatch,
)
from tests.receivers import web
from tests.services import Simulator

PRICE_USD = Decimal("0.625")


@pytest.fixture
def real_segmind(tmp_path: Path, simulator: Callable[..., Simulator]) -> tuple[Simulator, list[str]]:
    """A second server that plays the real Segmind, and the program with its facts changed to that address.

    The program has no switch that sends a key elsewhere, so this is a copy whose providers.toml differs: the address,
    and looks that come sooner, as nobody's clock runs faster here.
    """
    bank = simulator("--render-mean-s", "2", "--seed", "7")
    checkout(tmp_path / "checkout", bank.url)
    return bank, [sys.executable, "-m", "cli.app"]


def refused(folder: Path, *arguments: str | Path, **env: str) -> Ended:
    """A command that must end before it starts: exit 4, one message, no store."""
    ended = typed(*arguments, cwd=folder, env={"WANBATCH_STORE": (folder / "out").as_uri(), **env})
    assert (ended.code, ended.out) == (4, ""), ended.err
    assert not (folder / "out").exists()
    return ended


def test_submit_spends_only_when_it_is_told_by_name(tmp_path: Path) -> None:
    """Without --provider and --simulate it is refused, and both are named."""
    told = refused(tmp_path, "submit", CAMPAIGN_FILE, WANBATCH_REDIS="redis://127.0.0.1:1/0").err
    assert "--provider NAME" in told
    assert "--simulate" in told


def test_real_money_needs_a_budget(tmp_path: Path) -> None:
    """Without one a real run is refused with the sum and the flag to paste, before its key is even looked for."""
    for key in ("", "sim-some-key"):
        told = refused(tmp_path, "run", CAMPAIGN_FILE, "--provider", "segmind", SEGMIND_API_KEY=key).err
        assert "REAL MONEY" in told
        assert "--budget 19.07" in told


def test_real_money_needs_the_key(tmp_path: Path) -> None:
    """With a budget and no key the variable is named."""
    asked = ("run", CAMPAIGN_FILE, "--provider", "segmind", "--budget", "20")
    told = refused(tmp_path, *asked).err
    assert "SEGMIND_API_KEY" in told


def test_four_workers_never_pass_the_budget_together(fleet: Callable[..., Fleet]) -> None:
    """At no moment is more bought than allowed, failures and all; it stops with exit 5, and a higher budget goes on."""
    made = fleet("--speed", "120", "--p-failed", "0.2")
    jobs, budget = 60, Decimal("15.30")
    prompts_file(made.folder / "lamps.txt", jobs)
    submit = ("submit", "lamps.txt", "--simulate", "--campaign", "lamps")
    submitted = made.run(*submit, "--budget", str(budget))
    assert submitted.code == 0
    assert re.search(r"budget of \$15.30? is less than \$37.50?", submitted.err), submitted.err
    made.hire(4)
    highest: list[Decimal] = []

    def stopped() -> bool:
        bought = made.provider.purchases()
        highest.append(PRICE_USD * sum(one["state"] not in ("failed", "cancelled") for one in bought))
        return made.run("wait", "lamps", "--timeout", "0.5").code != 1

    until(stopped, 60, "the campaign has stopped")
    assert max(highest) <= budget
    waited = made.run("wait", "lamps", "--json")
    assert waited.code == 5, waited.out + waited.err
    spent, money, states = billed_usd(made.provider.purchases()), waited.json["money_usd"], waited.json["states"]
    assert budget - PRICE_USD < spent <= budget
    assert (Decimal(money["spent"]), Decimal(money["budget"])) == (spent, budget)
    assert Decimal(money["reserved"]) == Decimal(money["in_doubt"]) == 0
    assert states["parked"] == jobs - states["done"] - states["failed"] > 0
    assert any("budget" in need for need in waited.json["needs"])
    assert statuses(made.lines("lamps"))["parked"] == states["parked"]
    made.provider.tell("/_simulator/weather", {"p_failed": 0.0})
    assert made.run(*submit, "--budget", "100").code == 0
    waited = made.run("wait", "lamps", "--timeout", "60")
    assert waited.code == (3 if states["failed"] else 0), waited.out + waited.err
    lines = made.lines("lamps")
    assert statuses(lines) == {name: count for name, count in states.items() if count and name == "failed"} | {
        "done": jobs - states["failed"]
    }
    agree(made.provider, lines)


def test_a_rehearsal_and_the_real_run_never_meet(
    tmp_path: Path, simulator: Callable[..., Simulator], real_segmind: tuple[Simulator, list[str]]
) -> None:
    """The same file rehearsed and then bought for real, in one store: all of it is bought again, elsewhere."""
    bank, command = real_segmind
    stage = simulator("--speed", "60")
    jobs = 4
    prompts_file(tmp_path / "lamps.txt", jobs)
    env = {
        "WANBATCH_STORE": (tmp_path / "out").as_uri(),
        "WANBATCH_SIMULATOR_URL": stage.url,
        "PYTHONPATH": str(tmp_path / "checkout"),
    }
    rehearsed = wanbatch("run", "lamps.txt", "--provider", "segmind", "--simulate", cwd=tmp_path, env=env)
    assert rehearsed.code == 0, rehearsed.err
    assert (len(stage.purchases()), len(bank.purchases())) == (jobs, 0)
    env |= {"SEGMIND_API_KEY": "sim-real-key"}
    asked = ("run", "lamps.txt", "--provider", "segmind", "--budget", "2.50")
    real = wanbatch(*asked, cwd=tmp_path, env=env, command=command)
    assert real.code == 0, real.err
    assert real.err.startswith("NEW campaign lamps | REAL MONEY at Segmind")
    assert (len(stage.purchases()), len(bank.purchases())) == (jobs, jobs)
    assert billed_usd(bank.purchases()) == Decimal("2.50")
    for name, provider, simulated in (("simulated-lamps", stage, True), ("lamps", bank, False)):
        lines = manifest_of(papers(tmp_path / "out", name, simulated=simulated) / "manifest.jsonl")
        assert all(line["simulated"] is simulated for line in lines)
        assert all(("/simulated/" in line["video"]["uri"]) is simulated for line in lines)
        good_videos(lines)
        agree(provider, lines)
    again = wanbatch(*asked, cwd=tmp_path, env=env, command=command)
    assert (again.code, len(bank.purchases())) == (0, jobs), again.err
    page = papers(tmp_path / "out", "lamps", simulated=False) / "report.html"
    assert "SIMULATED" not in page.read_text(encoding="utf-8").split("<script")[0]
    mixed = wanbatch(*asked, "--campaign", "simulated-lamps", cwd=tmp_path, env=env, command=command)
    assert mixed.code == 4, mixed.err
    assert "simulated work" in mixed.err


@pytest.mark.parametrize("provider", ["segmind", "apimart"])
def test_the_last_words_say_what_is_left_now(provider: str, fleet: Callable[..., Fleet]) -> None:
    """Whether answers tell the balance or not: after the last video it is what was there less what was billed.

    Who asked for a message gets one, however many wait. Manifest and gallery are there as after a run.
    """
    made = fleet("--speed", "600", "--no-limits")
    made.hire()
    prompts_file(made.folder / "lamps.txt", 12)
    told = made.run("submit", "lamps.txt", "--simulate", "--provider", provider, "--campaign", "lamps")
    assert told.code == 0, told.err
    with web() as there:
        waited = made.run("wait", "lamps", "--json", WANBATCH_NOTIFY=f"slack+{there.url}/told")
        assert waited.code == 0, waited.err
        again = made.run("wait", "lamps", WANBATCH_NOTIFY=f"slack+{there.url}/told")
        assert again.code == 0, again.err
    ((_, _, body),) = there.got
    first, bought, *_ = json.loads(body)["text"].splitlines()
    assert (first, bought.partition(",")[0]) == ("lamps (simulated): nothing needs you", "bought 12 of 12")
    manifest = Path(again.out.split("manifest  ")[1].splitlines()[0])
    assert {line["status"] for line in manifest_of(manifest)} == {"done"}
    assert str(manifest) in json.loads(body)["text"].splitlines()
    left = waited.json["credits"][f"simulated-{provider}"]["remaining"]
    assert Decimal(left) == Decimal(10_000) - billed_usd(made.provider.purchases())
