"""What every test lives in: a clean environment, no way out of loopback, and real servers on request."""

import contextlib
import ipaddress
import itertools
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.services import Seaweed, Simulator, Valkey, start_seaweed, start_simulator, start_valkey

# The gate says the same twice, also on a busy machine: examples are drawn from the test itself, and none is timed.
hypothesis.settings.register_profile("gate", derandomize=True, deadline=None, database=None, max_examples=60)
hypothesis.settings.load_profile("gate")

#: Variables of the person at the keyboard that would change what a test does, or lend it a real key.
FOREIGN_PREFIXES = ("WANBATCH_", "AWS_", "CELERY_")
FOREIGN_SUFFIXES = ("_API_KEY", "_API_TOKEN", "_API_SECRET", "FAL_KEY")

ROOT = Path(__file__).resolve().parents[1]
#: What a run of tests may leave in the project's folder.
CACHES = {".hypothesis", ".pytest_cache"}
#: What stood in the project's folder before the run.
STOOD = pytest.StashKey[set[str]]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember what stands in the project's folder; where tests run side by side, the one who starts them does."""
    if not hasattr(session.config, "workerinput"):
        session.config.stash[STOOD] = _names()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that left something in the project's folder, where a test's own folder was meant."""
    stood = session.config.stash.get(STOOD, None)
    if stood is not None and (left := sorted(_names() - stood - CACHES)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\nthe tests left in {ROOT}: {', '.join(left)}\nRemove it, and give its test a folder of its own.")  # noqa: T201 - for the person at the gate


def _names() -> set[str]:
    return {path.name for path in ROOT.iterdir()}


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Drop the settings and keys of whoever runs the tests; give folders of the test run's own for what is kept."""
    home = tmp_path_factory.mktemp("home")
    temporary = tmp_path_factory.mktemp("t")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(FOREIGN_PREFIXES) or name.endswith(FOREIGN_SUFFIXES):
                patch.delenv(name)
        for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(home / name.lower()))
        patch.setenv("TMPDIR", str(temporary))
        patch.setattr(tempfile, "tempdir", None)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        yield


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    """Refuse every connection and look-up that would leave this machine."""
    real_connect, real_look_up = socket.socket.connect, socket.getaddrinfo

    def connect(one: socket.socket, address: Any) -> None:
        if one.family != socket.AF_UNIX:
            _refuse_foreign(address[0])
        real_connect(one, address)

    def look_up(host: Any, *rest: Any, **named: Any) -> Any:
        _refuse_foreign(host)
        return real_look_up(host, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(socket, "getaddrinfo", look_up)
        yield


def _refuse_foreign(host: Any) -> None:
    """Raise unless the host is this machine."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(str(name))
        if address.is_loopback or address.is_unspecified:
            return
    pytest.fail(f"a test tried to reach {name!r}; tests stay on loopback")


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """The Valkey that tests share; ask for `valkey`, which empties it first."""
    server = start_valkey(tmp_path_factory.mktemp("valkey"))
    yield server
    server.child.stop()


@pytest.fixture
def valkey(valkey_server: Valkey) -> Valkey:
    """A real, empty Valkey: `.url` for settings, `.client()` to look inside."""
    with valkey_server.client() as client:
        client.flushall()
        client.script_flush()
    return valkey_server


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """A real SeaweedFS: `.endpoint`, `.access_key`, `.secret_key`, and `.bucket()` for a new bucket's name."""
    server = start_seaweed(tmp_path_factory.mktemp("seaweed"))
    yield server
    server.kill()


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Callable[..., Simulator]]:
    """Start simulators: `simulator("--speed", "600")` answers one that is ready; all end with the test."""
    numbers = itertools.count(1)
    with contextlib.ExitStack() as running:

        def begin(*arguments: str) -> Simulator:
            one = start_simulator(tmp_path / f"simulator-{next(numbers)}.log", *arguments)
            running.callback(one.child.stop)
            return one

        yield begin


@pytest.fixture
def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process: what earlier tests' sessions of S3 knew of keys is forgotten."""
    from boto3.session import Session  # noqa: PLC0415 - few tests need it, and it is slow to load

    monkeypatch.setattr("ledger.s3._session", lru_cache(maxsize=1)(Session))
