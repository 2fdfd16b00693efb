"""The whole of `run`: services come up, are shared, and are gone afterwards, whatever ended the run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.stack import ledger_folder, running_ledger, running_simulator, said_url, simulator_folder
from jobs.errors import WanbatchError

RUN = [sys.executable, "-m", "cli.app", "run"]


def until(condition: Callable[[], bool], *, within_s: float) -> bool:
    """Poll a condition until it holds or the time is over."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def children(store: Path) -> list[int]:
    """Processes that have to do with this store, by their environment, command line or working place."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            said = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
            state = (place / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if str(store).encode() in said and state != "Z" and int(place.name) != os.getpid():
            found.append(int(place.name))
    return found


def matrix(folder: Path, name: str, *prompts: str) -> Path:
    """A matrix with one five-second video a prompt."""
    file = folder / f"{name}.csv"
    file.write_text("prompt\n" + "".join(f"{prompt}\n" for prompt in prompts))
    return file


def start(file: Path, store: Path, *more: str, under: Sequence[str] = ()) -> "subprocess.Popen[str]":
    """A run as a process of its own, or under another command."""
    words = [*under, *RUN, str(file), "--store", str(store), "--json", *more]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(run: "subprocess.Popen[str]") -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON and stderr of a run."""
    out, err = run.communicate(timeout=55)
    return run.returncode, json.loads(out) if out.strip() else {}, err


def purchases(store: Path) -> Counter[str]:
    """How often each prompt was bought, by the simulator's own journal."""
    lines = (simulator_folder(store.as_uri()) / "journal.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    return Counter(entry["input"]["prompt"] for entry in entries if entry["kind"] == "accepted")


def test_a_second_run_joins_the_first(tmp_path: Path) -> None:
    """One ledger and one simulator serve both; neither run ends what the other still uses."""
    store = tmp_path / "out"
    first = start(matrix(tmp_path, "one", "a red kite"), store, "--speed", "100")
    assert until(lambda: running_simulator(store.as_uri()) is not None, within_s=20)
    second = start(matrix(tmp_path, "two", "a blue kite"), store)
    ledgers = set()

    def both_ended() -> bool:
        ledgers.add(running_ledger(store.as_uri()))
        return first.poll() is not None and second.poll() is not None

    assert until(both_ended, within_s=50)
    assert len(ledgers - {None}) == 1
    for run in (first, second):
        code, told, err = end(run)
        assert code == 0, err
        assert told["states"]["done"] == 1
    assert not children(store)


def test_a_run_that_is_told_to_end_leaves_nothing_running_and_resumes(tmp_path: Path) -> None:
    """SIGTERM ends it as Ctrl-C does: every child is gone, and the same command buys each video once."""
    file, store = matrix(tmp_path, "three", "a red kite", "a blue kite", "a green kite"), tmp_path / "out"
    run = start(file, store, "--speed", "100")
    assert until((store / "simulated" / "jobs").exists, within_s=20)
    run.send_signal(signal.SIGTERM)
    assert end(run)[0] == 130
    assert not children(store)
    code, told, err = end(start(file, store, "--speed", "600"))
    assert code == 0, err
    assert told["states"]["done"] == 3
    assert max(purchases(store).values()) == 1


def test_a_run_under_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    """What whoever started it wants ignored stays ignored: a night's run goes on when its terminal is closed."""
    file, store = matrix(tmp_path, "three", "a red kite", "a blue kite", "a green kite"), tmp_path / "out"
    run = start(file, store, "--speed", "100", under=["nohup"])
    assert until((store / "simulated" / "jobs").exists, within_s=20)
    run.send_signal(signal.SIGHUP)
    code, told, err = end(run)
    assert code == 0, err
    assert told["states"]["done"] == 3


def test_a_simulated_run_serves_its_own_account_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in the environment does not let a rehearsal's worker buy."""
    monkeypatch.setenv("SEGMIND_API_KEY", "sk-real")
    store = tmp_path / "out"
    run = start(matrix(tmp_path, "one", "a red kite"), store, "--speed", "100")
    accounts: list[bytes] = []

    def worker_seen() -> bool:
        for pid in children(store):
            try:
                words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            except OSError:
                continue
            accounts.extend(word for word in words if word.startswith(b"WANBATCH_ACCOUNTS="))
        return bool(accounts)

    assert until(worker_seen, within_s=20)
    assert set(accounts) == {b"WANBATCH_ACCOUNTS=simulated-segmind"}
    assert end(run)[0] == 0


def test_services_of_remote_stores_live_with_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An s3 store has its ledger's data in the user's state folder, one folder a store."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    one, other = ledger_folder("s3://bucket/a"), ledger_folder("s3://bucket/b")
    assert one != other
    assert one.is_relative_to(tmp_path / "wanbatch")
    assert ledger_folder("file:///data/with%20space") == Path("/data/with space/.ledger")
    assert simulator_folder("file:///data") == Path("/data/simulated/.simulator")


def test_the_simulators_first_line_is_read(tmp_path: Path) -> None:
    """Whole lines only; one that is not understood is an error."""
    log = tmp_path / "simulator.log"
    log.write_text('warning: something\n{"url": "http://127.0.0.1:1')
    assert said_url(log) is None
    log.write_text('{"url": "http://127.0.0.1:1"}\nmore\n')
    assert said_url(log) == "http://127.0.0.1:1"
    log.write_text('{"address": 1}\n')
    with pytest.raises(WanbatchError, match="first line"):
        said_url(log)
