"""`check --prove` as a stranger gives it: one video ordered twice under one key, at a simulator that is the judge."""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from cli.app import exit_code
from config.accounts import AccountFacts
from config.facts import load_facts
from jobs.errors import Refused
from ledger.objects import open_store
from ledger.shelf import Shelf
from providers.accounts import Account, open_simulated
from providers.clock import REAL
from providers.contract import Failed, Finished, Kind, Rejected
from tests.services import Simulator, Valkey
from tests.workbench import Workbench
from worker.trial import cheapest, judged

ACCOUNT = "simulated-apimart"


@pytest.fixture
def prove(
    fast_simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, valkey: Valkey
) -> Iterator[Callable[..., int]]:
    """Give the command against the module's simulator; fair weather is left behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANBATCH_SIMULATOR_URL", fast_simulator.url)
    monkeypatch.setenv("WANBATCH_REDIS", valkey.url)
    monkeypatch.setenv("WANBATCH_STORE", (tmp_path / "store").as_uri())
    yield lambda *words: exit_code(["check", *words])
    fast_simulator.tell("/_simulator/weather", {"keys_ignored": False, "p_failed": 0})


def trials(folder: Path) -> dict[str, bool]:
    """What the store has of it."""
    shelf = Shelf(open_store((folder / "store").as_uri()), simulated=True)
    return {model: trial.proved for model, trial in shelf.trials(ACCOUNT).items()}


def test_a_key_that_holds_is_proved_and_kept(
    prove: Callable[..., int], fast_simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The price is said first; one video is bought, one is charged, the proof is kept and shown."""
    before = len(fast_simulator.purchases())
    assert prove("--provider", "apimart", "--prove", "--simulate") == 0
    told = capsys.readouterr()
    assert "ordered twice under one key: $0.25, or $0.50 if the key does not hold" in told.err
    assert "proved for wan2.6 at simulated-apimart" in told.out
    assert "charged once: $0.25" in told.out
    assert len(fast_simulator.purchases()) == before + 1
    assert trials(tmp_path) == {"wan2.6": True}
    prove()
    assert "lost submits are sent again under their key: wan2.6 (simulated)" in capsys.readouterr().out


def test_a_key_that_is_ignored_is_refuted_and_kept(
    prove: Callable[..., int], fast_simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two tasks under one key: exit 3, both are named, and the store says no from then on."""
    prove("--provider", "apimart", "--prove", "--simulate")
    fast_simulator.tell("/_simulator/weather", {"keys_ignored": True})
    capsys.readouterr()
    assert prove("--provider", "apimart", "--prove", "--simulate", "--json") == 3
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], len(set(told["tasks"]))) == ("refuted", 2)
    assert trials(tmp_path) == {"wan2.6": False}
    prove("--provider", "apimart")
    assert "lost submits are held, as keys do not hold: wan2.6 (simulated)" in capsys.readouterr().out


@pytest.mark.parametrize("then", ["cut_after", "cut_before"])
def test_a_lost_answer_proves_nothing(
    then: str, prove: Callable[..., int], fast_simulator: Simulator, tmp_path: Path
) -> None:
    """What the trial itself loses leaves the store as it was."""
    fast_simulator.tell("/_simulator/next", {"on": "submit", "then": then})
    assert prove("--provider", "apimart", "--prove", "--simulate") == 3
    assert trials(tmp_path) == {}


def test_only_a_key_can_be_proved(prove: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """A provider without such keys is refused with the names of those that have them; and so is naming none."""
    assert prove("--provider", "segmind", "--prove", "--simulate") == 2
    assert "Segmind takes no key under which a submit could be repeated" in (said := capsys.readouterr().err)
    assert "apimart" in said
    assert prove("--prove") == 4
    assert "--provider NAME" in capsys.readouterr().err
    assert prove("--provider", "apimart", "--yes") == 2
    assert "--prove only" in capsys.readouterr().err


def test_real_money_needs_a_budget_that_covers_both(
    prove: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a key, without a budget, or with one that is too small, nothing leaves."""
    assert prove("--provider", "apimart", "--prove", "--budget", "1") == 4
    assert "APIMART_API_KEY" in capsys.readouterr().err
    monkeypatch.setenv("APIMART_API_KEY", "sk-nobody")
    assert prove("--provider", "apimart", "--prove") == 4
    assert "--budget 0.50" in capsys.readouterr().err
    assert prove("--provider", "apimart", "--prove", "--budget", "0.3") == 4
    assert "does not cover the two videos" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "told"), [("apimart", "$10,000.00 left"), ("segmind", "10,000 USD credits left")])
def test_check_shows_what_is_left(
    name: str,
    told: str,
    prove: Callable[..., int],
    fast_simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With a key that is set the provider is asked; here the account is one at the simulator."""

    def at_simulator(known: AccountFacts) -> Account:
        account = open_simulated(known, fast_simulator.url, REAL)
        return replace(account, endpoint=replace(account.endpoint, key=f"sim-{secrets.token_hex(4)}"))

    monkeypatch.setenv(load_facts()[name].key_variables[0], "set")
    monkeypatch.setattr("cli.check.open_real", at_simulator)
    assert prove("--provider", name) == 0
    assert f"a key is set; {told}" in capsys.readouterr().out


def test_money_and_ends_are_judged(fast_simulator: Simulator, open_worker: Callable[..., Workbench]) -> None:
    """A balance that falls by more than one video refutes, by less shows nothing; untold, the task speaks."""
    account = open_worker(fast_simulator, ACCOUNT).counter.account
    job, tasks = cheapest(account), ("t", "t")
    end = Finished("https://x.example/v.mp4", cost_usd=Decimal("0.25"))
    verdicts = {
        fell: judged(job, tasks, end, Decimal(10), Decimal(10) - Decimal(fell)).verdict
        for fell in ("0.25", "0.254", "0", "0.5", "0.34")
    }
    assert verdicts == {"0.25": "proved", "0.254": "proved", "0": "unclear", "0.5": "refuted", "0.34": "refuted"}
    assert judged(job, tasks, end, None, Decimal(9)).verdict == "proved"
    failed = Failed(Rejected(Kind.RENDER_FAILED, "no luck"))
    assert judged(job, tasks, failed, Decimal(10), Decimal(10)).verdict == "unclear"
    assert judged(job, tasks, None, Decimal(10), Decimal(10)).verdict == "unclear"


def test_a_refused_order_buys_nothing(
    prove: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The provider's own words, exit 4."""
    monkeypatch.setattr("providers.accounts.SIMULATED_KEY", "nobody")
    assert prove("--provider", "apimart", "--prove", "--simulate") == 4
    assert "invalid API key" in capsys.readouterr().err


def test_no_price_no_trial(fast_simulator: Simulator, open_worker: Callable[..., Workbench]) -> None:
    """What cannot be priced is not tried."""
    with pytest.raises(Refused, match="known price"):
        cheapest(open_worker(fast_simulator, "simulated-toapis").counter.account)
