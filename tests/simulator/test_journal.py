"""What a simulator still knows after its own end."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.journal import Journal, JournalRefused
from tests.simulator.conftest import NOON, Street


def test_a_killed_simulator_forgets_no_purchase(street: Callable[..., Street], tmp_path: Path) -> None:
    """Purchases, ends, balances and the weather's fate of a task outlive a kill."""
    first = street(speed=10, journal=tmp_path / "journal", balance_usd=10)
    done = first.buy_segmind().json()["request_id"]
    first.real_s += 30
    assert first.segmind("GET", f"/v2/requests/{done}").json()["status"] == "COMPLETED"
    half = first.buy_dashscope().json()["output"]["task_id"]
    before = first.purchases()
    first.forget()

    second = street(speed=10, journal=tmp_path / "journal", balance_usd=10, real_s=first.real_s)
    assert second.purchases() == before
    assert second.segmind("GET", "/v1/get-user-credits").json()["credits"] == 9.375
    assert second.segmind("GET", f"/v2/requests/{done}").json()["metrics"]["remaining_credits"] == 9.375
    second.real_s += 30
    assert second.dashscope("GET", f"/api/v1/tasks/{half}").json()["output"]["task_status"] == "SUCCEEDED"


def test_time_stands_still_while_it_is_down(street: Callable[..., Street], tmp_path: Path) -> None:
    """After an orderly end, simulated time goes on where it stood, however long the pause was."""
    first = street(speed=60, journal=tmp_path / "journal")
    first.real_s += 100
    first.app.state.world.close()
    second = street(speed=60, journal=tmp_path / "journal", real_s=first.real_s + 5_000)
    assert abs(second.app.state.world.clock.now() - (NOON + 6_000)) < 1e-3


def test_time_never_runs_backwards_over_a_kill(street: Callable[..., Street], tmp_path: Path) -> None:
    """What was shown before a kill is not in the future after it."""
    first = street(speed=60, journal=tmp_path / "journal")
    shown = 0.0
    for _ in range(20):
        first.real_s += 0.3
        shown = first.app.state.world.now()
    first.forget()
    second = street(speed=60, journal=tmp_path / "journal", real_s=first.real_s)
    assert shown <= second.app.state.world.now() <= shown + 60


def test_a_torn_last_line_is_dropped(tmp_path: Path) -> None:
    """A line that a kill cut short was never answered for; the journal goes on behind the whole ones."""
    path = tmp_path / "journal"
    path.write_bytes(b'{"kind":"clock","until":1}\n{"kind":"clo')
    journal = Journal(path)
    assert list(journal.replay()) == [{"kind": "clock", "until": 1}]
    journal.append({"kind": "clock", "until": 2})
    assert path.read_text().count("\n") == 2
    journal.close()


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    """A broken line inside the journal stops the start, with file and line."""
    path = tmp_path / "journal"
    path.write_text("nonsense\n{}\n")
    journal = Journal(path)
    with pytest.raises(JournalRefused, match=r"journal:1: "):
        list(journal.replay())
    journal.close()


def test_two_simulators_do_not_share_a_journal(tmp_path: Path) -> None:
    """The second one is refused, and told what to do."""
    journal = Journal(tmp_path / "journal")
    with pytest.raises(JournalRefused, match="another running simulator"):
        Journal(tmp_path / "journal")
    journal.close()


def test_the_journal_holds_no_key(street: Callable[..., Street], tmp_path: Path) -> None:
    """Accounts are named by a digest, in the journal and in the witness stand."""
    one = street(journal=tmp_path / "journal")
    one.buy_segmind(key="sim-very-secret")
    assert "secret" not in (tmp_path / "journal").read_text()


def test_the_journal_says_when_an_end_was_found(street: Callable[..., Street], tmp_path: Path) -> None:
    """The first look after a render's end is written once, with how many looks it took, also over a kill."""
    first = street(speed=10, journal=tmp_path / "journal")
    task = first.buy_segmind().json()["request_id"]
    first.segmind("GET", f"/v2/requests/{task}/status")
    first.real_s += 30
    for _ in range(2):
        first.segmind("GET", f"/v2/requests/{task}/status")
    first.forget()
    second = street(speed=10, journal=tmp_path / "journal", real_s=first.real_s)
    second.segmind("GET", f"/v2/requests/{task}/status")
    lines = [json.loads(line) for line in (tmp_path / "journal").read_text().splitlines()]
    (found,) = [each for each in lines if each["kind"] == "found"]
    assert (found["task_id"], found["polls"]) == (task, 2)
    assert found["at"] == pytest.approx(NOON + 300)
