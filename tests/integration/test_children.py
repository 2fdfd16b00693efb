"""Children: they end in order, they end with their parent, and a failed one shows what it said."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.children import await_ready, spawn, tail
from jobs.errors import WanbatchError

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


def until(condition: Callable[[], bool], *, within_s: float = 5.0) -> bool:
    """Poll a condition until it holds or the time is over."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


def gone(pid: int) -> bool:
    """Whether the process has ended (a zombie counts as ended)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_what_a_child_says_is_kept(tmp_path: Path) -> None:
    """Both streams go to its log, which nobody else may read."""
    code = "import sys; print('out'); print('err', file=sys.stderr)"
    child = spawn("it", [sys.executable, "-c", code], log=tmp_path / "logs" / "it.log")
    child.process.wait()
    assert sorted(child.log.read_text().split()) == ["err", "out"]
    assert child.log.stat().st_mode & 0o077 == 0


def test_a_child_has_our_environment_and_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given comes on top of what we have."""
    monkeypatch.setenv("OURS", "1")
    code = "import os; print(os.environ['OURS'], os.environ['ITS'])"
    child = spawn("it", [sys.executable, "-c", code], log=tmp_path / "it.log", env={"ITS": "2"})
    child.process.wait()
    assert child.log.read_text().split() == ["1", "2"]


def test_ending_is_asked_for_first(tmp_path: Path) -> None:
    """SIGTERM, and the child has its time."""
    code = "import signal,sys,time\nsignal.signal(15, lambda *_: sys.exit(7))\nprint('up', flush=True)\ntime.sleep(60)"
    child = spawn("it", [sys.executable, "-c", code], log=tmp_path / "it.log")
    await_ready(child, lambda: "up" in child.log.read_text(), within_s=5)
    child.end(within_s=5)
    assert child.process.returncode == 7


def test_a_child_that_will_not_end_is_killed(tmp_path: Path) -> None:
    """After its time it is killed."""
    code = "import signal,time\nsignal.signal(15, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)"
    child = spawn("it", [sys.executable, "-c", code], log=tmp_path / "it.log")
    await_ready(child, lambda: "up" in child.log.read_text(), within_s=5)
    child.end(within_s=0.1)
    assert child.process.returncode == -signal.SIGKILL


def test_a_child_that_fails_at_start_shows_its_last_words(tmp_path: Path) -> None:
    """The error holds exit code, log and its end."""
    child = spawn(
        "the thing", [sys.executable, "-c", "print('no such port'); raise SystemExit(3)"], log=tmp_path / "x.log"
    )
    with pytest.raises(
        WanbatchError, match=r"(?s)the thing ended while it started \(exit code 3\).*x.log.*no such port"
    ):
        await_ready(child, lambda: False, within_s=5)


def test_a_child_that_is_never_ready_is_told(tmp_path: Path) -> None:
    """Waiting has an end."""
    child = spawn("the thing", SLEEPER, log=tmp_path / "x.log")
    with pytest.raises(WanbatchError, match=r"was not ready within 0.05 s"):
        await_ready(child, lambda: False, within_s=0.05)
    child.kill()


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The name of what could not be started is in the error."""
    with pytest.raises(WanbatchError, match="the thing could not be started: /nowhere/at-all"):
        spawn("the thing", ["/nowhere/at-all"], log=tmp_path / "x.log")


def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    """SIGKILL of the parent ends the child within a second, though nobody could tell it."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom cli.children import spawn\n"
        f"child = spawn('it', {SLEEPER!r}, log=Path({str(tmp_path / 'it.log')!r}))\n"
        "print(child.process.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        os.kill(parent.pid, signal.SIGKILL)
        assert until(lambda: gone(pid), within_s=1.0)


def test_the_tail_is_short(tmp_path: Path) -> None:
    """Only the last lines, whatever is in them; none of a log that is not there."""
    log = tmp_path / "long.log"
    log.write_bytes(b"\xff broken\n" * 3 + b"".join(b"line %d\n" % number for number in range(5000)))
    assert tail(log, 2) == "line 4998\nline 4999"
    assert not tail(tmp_path / "none.log")
