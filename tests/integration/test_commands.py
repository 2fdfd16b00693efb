"""Commands on a configured ledger: submit, wait, status, manifest and check against a real Valkey."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Told
from tests.services import Simulator, Valkey


@pytest.fixture
def matrix(tmp_path: Path) -> str:
    """Two videos."""
    file = tmp_path / "two.csv"
    file.write_text("prompt\na red kite\na blue kite\n")
    return str(file)


def states(shape: dict[str, Any]) -> dict[str, int]:
    """The states that have jobs."""
    return {state: number for state, number in shape["states"].items() if number}


def test_submit_queues_and_returns(told: Told, matrix: str) -> None:
    """Its name alone on stdout; the ledger has the jobs; a second time queues nothing."""
    code, out, err = told("submit", matrix, "--simulate")
    assert (code, out) == (0, "simulated-two\n")
    assert err.startswith("NEW campaign simulated-two | SIMULATED")
    assert "2 queued" in err
    code, out, err = told("submit", matrix, "--simulate", "--json")
    assert code == 0
    assert json.loads(out)["queued"] == 0
    assert err.startswith("KNOWN campaign simulated-two")
    assert "2 asked for before" in err


def test_status_comes_from_the_ledger(told: Told, matrix: str) -> None:
    """Counts, money and an estimate; all campaigns, the newest first."""
    told("submit", matrix, "--simulate", "--budget", "5")
    told("submit", matrix, "--simulate", "--campaign", "later", "--seed-by", "campaign")
    code, out, _ = told("status", "simulated-two", "--json")
    shape = json.loads(out)
    assert code == 0
    assert list(shape) == [
        "campaign",
        "submitted_by",
        "labels",
        "jobs",
        "states",
        "money_usd",
        "credits",
        "needs",
        "eta_s",
    ]
    assert states(shape) == {"queued": 2}
    assert shape["money_usd"] == {"budget": "5.00", "reserved": "0.00", "spent": "0.00", "in_doubt": "0.00"}
    assert shape["eta_s"] > 0
    code, out, _ = told("status", "--json")
    assert [each["campaign"] for each in json.loads(out)["campaigns"]] == ["later", "simulated-two"]
    code, out, _ = told("status")
    assert "2 jobs: 2 queued" in out
    assert "to go" in out


def test_manifest_and_report_ask_the_ledger(told: Told, matrix: str) -> None:
    """Jobs without a record are shown as the ledger has them."""
    told("submit", matrix, "--simulate")
    code, out, err = told("manifest", "simulated-two")
    assert code == 0
    assert [json.loads(line)["status"] for line in out.splitlines()] == ["queued", "queued"]
    assert "no ledger" not in err
    code, out, _ = told("report", "simulated-two")
    assert code == 0
    assert "gallery" in out


def test_waiting_has_an_end(told: Told, matrix: str) -> None:
    """After --timeout it gives up with exit 1, and the campaign goes on."""
    told("submit", matrix, "--simulate")
    code, out, err = told("wait", "simulated-two", "--timeout", "0.1", "--json")
    assert code == 1
    assert "has not settled within 0.1 s" in err
    assert states(json.loads(out.splitlines()[0])) == {"queued": 2}


def test_waiting_for_nothing_is_told(told: Told) -> None:
    """A campaign that the ledger does not know is bad input."""
    code, _, err = told("wait", "nowhere")
    assert code == 2
    assert "no campaign 'nowhere'" in err


def test_another_stores_ledger_is_refused(told: Told, matrix: str, tmp_path: Path) -> None:
    """One ledger, one store: the other is told which is right."""
    told("submit", matrix, "--simulate")
    code, _, err = told("submit", matrix, "--simulate", "--store", str(tmp_path / "other"))
    assert code == 4
    assert (tmp_path / "out").as_uri() in err


def test_a_name_in_use_is_refused(told: Told, matrix: str, tmp_path: Path) -> None:
    """Another matrix under the same name: who, from which file, and what to do."""
    told("submit", matrix, "--simulate")
    other = tmp_path / "other.csv"
    other.write_text("prompt\na boat\na lamp\n")
    code, _, err = told("submit", str(other), "--simulate", "--campaign", "simulated-two")
    assert code == 4
    assert "two.csv" in err
    assert "--campaign" in err


def test_check_looks_at_the_ledger(
    told: Told, simulator: Callable[..., Simulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A durable Valkey and a simulator that answers are ok."""
    monkeypatch.setenv("WANBATCH_SIMULATOR_URL", simulator("--speed", "30").url)
    code, out, _ = told("check", "--json")
    found = {each["what"]: each for each in json.loads(out)["findings"]}
    assert code == 0
    assert found["ledger"]["verdict"] == "ok"
    assert "Valkey 9" in found["ledger"]["seen"]
    assert found["simulator"]["seen"].endswith("30 times faster than life")


def test_check_refuses_a_forgetful_redis(told: Told, valkey: Valkey) -> None:
    """A Redis that may drop keys fails, one that does not sync every write is warned of."""
    with valkey.client() as client:
        client.config_set("appendfsync", "everysec")
        try:
            code, out, _ = told("check")
            assert code == 0
            assert "warn  ledger" in out
            assert "appendfsync everysec" in out
            client.config_set("maxmemory-policy", "allkeys-lru")
            code, out, _ = told("check")
            assert code == 4
            assert "noeviction" in out
        finally:
            client.config_set("appendfsync", "always")
            client.config_set("maxmemory-policy", "noeviction")
