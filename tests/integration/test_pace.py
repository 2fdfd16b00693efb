"""How long work takes is told by what the ledger knows of the account, and by the documents where it knows nothing."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cli.app import exit_code
from jobs.rendertimes import cell
from ledger.files import FileStore
from ledger.jobs import Ledger
from tests.services import Valkey

#: Segmind: 50 submits a minute, and renders of 187 s.
SEGMIND = "segmind"
VIDEOS = 200
AS_DOCUMENTED_S = VIDEOS * 60 / 50 + 187

Plan = Callable[[], dict[str, Any]]


@pytest.fixture
def ledger(tmp_path: Path, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """The ledger that commands are told of."""
    store = FileStore(str(tmp_path / "out"))
    monkeypatch.setenv("WANBATCH_REDIS", valkey.url)
    monkeypatch.setenv("WANBATCH_STORE", store.url)
    monkeypatch.chdir(tmp_path)
    Path("many.txt").write_text("".join(f"lamp {number}\n" for number in range(VIDEOS)))
    with closing(Ledger.connect(valkey.url, store_url=store.url, found=True)) as one:
        yield one


@pytest.fixture
def plan(capsys: pytest.CaptureFixture[str]) -> Plan:
    """What `plan` says of that many videos."""

    def ask() -> dict[str, Any]:
        capsys.readouterr()
        assert exit_code(["plan", "many.txt", "--provider", SEGMIND, "--json"]) == 0
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told

    return ask


@pytest.mark.usefixtures("ledger")
def test_as_documented(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that knows nothing of the account changes nothing; nor does one that is away."""
    assert (plan()["eta_s"], plan()["eta_because"]) == (AS_DOCUMENTED_S, [])
    monkeypatch.setenv("WANBATCH_REDIS", "redis://127.0.0.1:1/0")
    assert plan()["eta_s"] == AS_DOCUMENTED_S


def test_after_a_429(plan: Plan, ledger: Ledger) -> None:
    """The rate that is left, and its return with each answer, are in the time, and so is what is left of the hold."""
    ledger.hold(SEGMIND, hold_s=30)
    told = plan()
    # Ten submits at 50, 55, ... 95 % of the rate take as long as 14.2 at all of it.
    slowed_s = (VIDEOS - 10 + sum(100 / share for share in range(50, 100, 5))) * 60 / 50 + 187
    assert slowed_s < told["eta_s"] <= slowed_s + 30
    assert told["eta_because"][1] == "at 50% of the rate since a 429, which comes back with each answer"
    assert told["eta_because"][0].startswith("nothing is sent for ")


def test_what_the_provider_told(plan: Plan, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own figures hold in place of the documented ones; what the owner has set is only lowered by them."""
    ledger.call("quota", SEGMIND, 100, 4)
    told = plan()
    assert told["eta_s"] == max(VIDEOS * 60 / 100, VIDEOS * 187 / 4) + 187
    assert told["eta_because"] == [
        "100 submits in 60 s, as the provider has told, and not 50",
        "4 in flight, as the provider has told, and not any number",
    ]
    limits = tmp_path / "limits.toml"
    limits.write_text("[segmind]\nsubmits = [{ count = 80, window_s = 60 }]\nslots = 0\n")
    monkeypatch.setenv("WANBATCH_LIMITS", str(limits))
    told = plan()
    assert (told["eta_s"], told["eta_because"]) == (VIDEOS * 60 / 80 + 187, [])


def test_how_long_renders_last(plan: Plan, ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    """Renders of the same kind that have ended tell the length; in `status` too."""
    kind, minute = "t2v-standard-720p-5s", cell(60)
    ledger.client.hset(f"wb:renders:{SEGMIND}:{kind}", mapping={str(minute): 40, "known": 40})
    ledger.client.hset(f"wb:renders:simulated-{SEGMIND}:{kind}", mapping={str(minute): 40, "known": 40})
    told = plan()
    assert told["eta_s"] == pytest.approx(VIDEOS * 60 / 50 + 60, rel=0.03)
    assert told["eta_because"][0].endswith("of late, where 3 min 07 s is usual")
    assert exit_code(["submit", "many.txt", "--simulate"]) == 0
    ledger.hold(f"simulated-{SEGMIND}", hold_s=600)
    capsys.readouterr()
    assert exit_code(["status", "simulated-many"]) == 0
    said = capsys.readouterr().out
    assert "of late, where 3 min 07 s is usual" in said
    assert "at 50% of the rate since a 429" in said
