"""Processes that `run` starts: they end when it ends, whatever ends it, and never outlive it by a second.

The kernel kills a child when its parent dies (PR_SET_PDEATHSIG), which counts the thread that started it: start
children from the main thread only.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobs.errors import WanbatchError

PR_SET_PDEATHSIG: Final = 1
#: How many last lines of a child's log are shown when it fails.
TAIL_LINES: Final = 12
#: Seconds between two looks at a child that starts.
LOOK_EVERY_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class Child:
    """A running process and the file that holds what it says."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def running(self) -> bool:
        """Whether the process is still there."""
        return self.process.poll() is None

    def end(self, *, within_s: float) -> None:
        """Ask the process to end (SIGTERM); kill it when it has not within that time."""
        if self.running:
            self.process.terminate()
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.process.wait()

    def failure(self, what: str) -> WanbatchError:
        """An error that says what happened, with the last lines of the child's log."""
        code = self.process.poll()
        how = f"{what} (exit code {code})" if code is not None else what
        return WanbatchError(f"{self.name} {how}; the end of {self.log}:\n{tail(self.log)}")


def spawn(name: str, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> Child:
    """Start a child in a session of its own (the terminal's Ctrl-C reaches only us), its output in `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            preexec_fn=_tie_to(os.getpid()),  # noqa: PLW1509 - only a system call; the parent has no threads yet
        )
    except OSError as error:
        raise WanbatchError(f"{name} could not be started: {argv[0]}: {error.strerror}") from error
    finally:
        os.close(descriptor)
    return Child(name, process, log)


def await_ready(child: Child, ready: Callable[[], bool], *, within_s: float) -> None:
    """Wait until `ready` says so; raise the child's failure when it ends first or takes too long."""
    deadline = time.monotonic() + within_s
    while not ready():
        if not child.running:
            raise child.failure("ended while it started")
        if time.monotonic() > deadline:
            raise child.failure(f"was not ready within {within_s:g} s")
        time.sleep(LOOK_EVERY_S)


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log; an empty text when there is none."""
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


def _tie_to(parent: int) -> Callable[[], None] | None:
    """What a new child does before it becomes another program: ask to be killed when its parent dies."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def tie() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died between the fork and the line above
            os._exit(1)

    return tie
