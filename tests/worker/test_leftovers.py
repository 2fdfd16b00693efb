"""A new worker removes what dead ones left behind, and nothing else."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from jobs.errors import StoreUnavailable
from ledger.files import FileStore
from ledger.folders import WORKER, own_folder
from worker.leftovers import sweep

LONG_AGO = time.time() - 2 * 86_400
DYING = """
import os
from ledger.folders import WORKER, own_folder
folder, _ = own_folder(WORKER)
print(folder, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder that many use."""
    folder = tmp_path / "shared"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def old(path: Path) -> Path:
    """The same, made two days ago."""
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_the_folders_of_dead_workers_go(tmp_path: Path, shared: Path) -> None:
    """A killed worker's half-fetched videos are removed at once; a living one's stay, however old."""
    told = subprocess.run(
        [sys.executable, "-c", DYING], env=os.environ | {"TMPDIR": str(shared)}, capture_output=True, check=False
    )
    dead, (living, lock) = Path(told.stdout.decode().strip()), own_folder(WORKER)
    (dead / "half.mp4").write_bytes(b"x")
    old(living / ".lock")
    old(living)
    sweep(FileStore(str(tmp_path / "store")))
    assert not dead.exists()
    assert living.exists()
    os.close(lock)
    sweep(FileStore(str(tmp_path / "store")))
    assert not living.exists()


def test_what_is_not_surely_left_over_stays(tmp_path: Path, shared: Path) -> None:
    """A folder without a lock may be a worker that starts; links and other names are nobody's business here."""
    starting, forgotten = shared / "wanbatch-worker-a", shared / "wanbatch-worker-b"
    outside = tmp_path / "outside"
    for folder in (starting, forgotten, outside):
        folder.mkdir()
    old(forgotten)
    (shared / "wanbatch-worker-c").symlink_to(outside)
    (shared / "wanbatch-bug-1.log").touch()
    old(shared / "wanbatch-bug-1.log")
    sweep(FileStore(str(tmp_path / "store")))
    assert not forgotten.exists()
    assert {path.name for path in shared.iterdir()} == {"wanbatch-worker-a", "wanbatch-worker-c", "wanbatch-bug-1.log"}
    assert outside.exists()


def test_unfinished_writes_of_the_store_go(tmp_path: Path, shared: Path) -> None:
    """Old temporary files of the store are removed; those of a writer at work stay."""
    assert list(shared.iterdir()) == []
    store = FileStore(str(tmp_path / "store"))
    store.put("a", b"1")
    temp = tmp_path / "store" / ".tmp"
    temp.mkdir(exist_ok=True)
    (temp / "new").touch()
    old_one = temp / "old"
    old_one.touch()
    beside, written = tmp_path / "store" / ".tmp-old", tmp_path / "store" / ".tmp-new"
    for path in (beside, written):
        path.touch()
    for path in (old_one, beside, tmp_path / "store" / "a"):
        old(path)
    sweep(store)
    assert not old_one.exists()
    assert (temp / "new").exists()
    assert {path.name for path in (tmp_path / "store").iterdir()} == {"a", ".tmp", ".tmp-new"}
    assert store.get("a") == b"1"


def test_a_large_store_is_walked_through_once_a_day(tmp_path: Path, shared: Path) -> None:
    """Every worker that starts sweeps, and must not read the names of a hundred thousand folders each time."""
    assert shared.is_dir()
    store = FileStore(str(tmp_path / "store"))
    beside = tmp_path / "store" / "jobs" / "a" / ".tmp-old"
    beside.parent.mkdir(parents=True)
    (tmp_path / "store" / ".tmp").mkdir()
    sweep(store)
    beside.touch()
    old(beside)
    sweep(store)
    assert beside.exists()
    old(tmp_path / "store" / ".tmp" / "walked")
    sweep(store)
    assert not beside.exists()


def test_a_store_that_is_away_stops_nobody(
    tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Sweeping is housekeeping: its failure is a line in the log."""
    assert shared.is_dir()
    store = FileStore(str(tmp_path / "store"))

    def away() -> None:
        raise StoreUnavailable("the store is away")

    monkeypatch.setattr(store, "sweep", away)
    with caplog.at_level("INFO"):
        sweep(store)
    assert "leftovers stay where they are" in caplog.text
