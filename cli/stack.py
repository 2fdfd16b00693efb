"""Everything that `run` needs on one machine: a ledger, a simulator where nothing is bought, and a worker.

Each is a child process. A second run on the same store joins the ledger and the simulator of the first and brings
only a worker of its own.
"""

import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from cli import valkey
from cli.children import Child, await_ready, spawn
from cli.joining import Berth, connection, enter
from config.settings import Settings
from jobs.errors import WanbatchError

#: Seconds. A simulator reads its journal back before it answers.
SIMULATOR_WITHIN_S: Final = 60.0
#: Seconds. A worker gives its leases back in 3 s, but awaits a POST on the wire to its timeout of 20 s.
WORKER_ENDS_WITHIN_S: Final = 25.0
#: Seconds for the servers, which have nothing left to do once the worker has ended.
SERVER_ENDS_WITHIN_S: Final = 5.0


class Stack:
    """The services of one run, with a worker if there is `work`; a context manager that ends what it started."""

    def __init__(
        self, settings: Settings, *, account: str, simulated: bool, tell: Callable[[str], None], work: bool = True
    ) -> None:
        self._settings = settings
        self._account = account
        self._simulated = simulated
        self._tell = tell
        self._work = work
        self._servers: list[Child] = []
        self._berths: list[Berth] = []
        self._worker: Child | None = None
        self.redis_url = settings.redis_url or ""
        self.simulator_url = settings.simulator_url if simulated else None

    def __enter__(self) -> Self:
        """Start what is missing, and then the worker; returns when all but the worker is ready."""
        assert threading.current_thread() is threading.main_thread(), "children die with the thread that starts them"
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what was started; after a success the services wait for the runs that joined them."""
        if kind is KeyboardInterrupt:
            self._tell(
                "\nending the services; a purchase on the wire is awaited up to 20 s (Ctrl-C again: not even that)"
            )
        if kind is None:
            self._end_worker()
            tell_once = cache(self._tell)
            for berth in sorted(self._berths, key=lambda berth: berth.owner):
                berth.await_users(tell_once) if berth.owner else berth.leave()
        self._end()

    def watch(self) -> None:
        """Raise what went wrong when a service of this run has ended by itself."""
        for child in (*self._servers, *([self._worker] if self._worker else [])):
            if not child.running:
                raise child.failure("ended unexpectedly")

    def _start(self) -> None:
        """Start the servers side by side, then the worker that needs them."""
        starting = self._start_simulator() if self._simulated and not self.simulator_url else None
        if not self.redis_url:
            self._start_ledger()
        if starting:
            self._await_simulator(*starting)
        self._worker = self._start_worker() if self._work else None

    def _start_ledger(self) -> None:
        """Join the store's ledger, or start it."""
        berth, url = enter(ledger_folder(self._settings.store))
        self._berths.append(berth)
        if url is None:
            child, url = valkey.start(berth.folder)
            self._servers.append(child)
            berth.announce(url)
        self.redis_url = url

    def _start_simulator(self) -> tuple[Berth, Child] | None:
        """Join the store's simulator, or begin to start it."""
        berth, self.simulator_url = enter(simulator_folder(self._settings.store))
        self._berths.append(berth)
        if self.simulator_url:
            return None
        argv = [sys.executable, "-m", "simulator", "--port", "0"]
        argv += ["--speed", f"{self._settings.simulator_speed:g}", "--journal", str(berth.folder / "journal.jsonl")]
        child = spawn("the simulator", argv, log=berth.folder / "simulator.log")
        self._servers.append(child)
        return berth, child

    def _await_simulator(self, berth: Berth, child: Child) -> None:
        """Wait for the simulator's first line, which says where it listens."""
        await_ready(child, lambda: said_url(child.log) is not None, within_s=SIMULATOR_WITHIN_S)
        self.simulator_url = said_url(child.log)
        assert self.simulator_url is not None
        berth.announce(self.simulator_url)

    def _start_worker(self) -> Child:
        """Start a worker of our own, which is at work as soon as its heartbeat is in the ledger.

        It serves this run's accounts alone: a rehearsal must not go on buying what another run had queued.
        """
        env = {
            "WANBATCH_REDIS": self.redis_url,
            "WANBATCH_STORE": self._settings.store,
            "WANBATCH_ACCOUNTS": self._account,
        }
        if self.simulator_url:
            env["WANBATCH_SIMULATOR_URL"] = self.simulator_url
        folder = ledger_folder(self._settings.store)
        for old in folder.glob("worker-*.log"):
            if not Path(f"/proc/{old.stem.removeprefix('worker-')}").exists():
                old.unlink(missing_ok=True)
        log = folder / f"worker-{os.getpid()}.log"
        return spawn("the worker", [sys.executable, "-m", "cli.app", "worker"], log=log, env=env)

    def _end_worker(self) -> None:
        """Let the worker give its leases back and end."""
        if self._worker:
            self._worker.end(within_s=WORKER_ENDS_WITHIN_S)
            self._worker = None

    def _end(self) -> None:
        """End everything at once, in order: the worker, the simulator, the ledger."""
        try:
            self._end_worker()
            for child in self._servers:
                child.end(within_s=SERVER_ENDS_WITHIN_S)
        finally:
            for child in (*self._servers, *([self._worker] if self._worker else [])):
                child.kill()
            for berth in self._berths:
                berth.leave()
            self._servers, self._berths, self._worker = [], [], None


def ledger_folder(store: str) -> Path:
    """Where the embedded ledger of a store keeps its data and logs."""
    return _state_folder(store) / ".ledger"


def simulator_folder(store: str) -> Path:
    """Where the simulator of a store keeps its journal and log."""
    return _state_folder(store) / "simulated" / ".simulator"


def running_ledger(store: str) -> str | None:
    """The URL of the ledger that a run on this store has up now; None when there is none."""
    return connection(ledger_folder(store))


def running_simulator(store: str) -> str | None:
    """The URL of the simulator that a run on this store has up now; None when there is none."""
    return connection(simulator_folder(store))


def said_url(log: Path) -> str | None:
    """The URL in the simulator's first line of JSON; None before it is there."""
    for line in log.read_bytes().splitlines(keepends=True):
        if line.startswith(b"{") and line.endswith(b"\n"):
            try:
                return str(json.loads(line)["url"])
            except (ValueError, KeyError) as error:
                raise WanbatchError(f"the simulator's first line is not understood; see {log}") from error
    return None


def _state_folder(store: str) -> Path:
    """The store's own folder, or one in the user's state folder for a store that is elsewhere."""
    if store.startswith("file://"):
        return Path(unquote(urlsplit(store).path))
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return state / "wanbatch" / hashlib.sha256(store.encode()).hexdigest()[:16]
