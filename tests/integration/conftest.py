"""What integration tests share: a ledger on the real Valkey, and a worker's steps at a real simulator."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cli.app import exit_code
from producer import fetch
from tests.books import Bench, close_bench, faults, open_bench
from tests.mediaserver import MediaServer, serving
from tests.services import Simulator, Valkey, start_simulator
from tests.workbench import Workbench, open_workbench

#: What a command answers: its exit code, stdout and stderr.
Told = Callable[..., tuple[int, str, str]]


@pytest.fixture
def bench(valkey: Valkey) -> Iterator[Bench]:
    """A newly founded ledger; when the test is over, its books must be in order."""
    one = open_bench(valkey)
    yield one
    one.audit()
    close_bench(one)


@pytest.fixture
def told(tmp_path: Path, valkey: Valkey, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    """Run a command beside `two.csv`, which asks for two videos, with ledger and store set by environment."""
    monkeypatch.setenv("WANBATCH_REDIS", valkey.url)
    monkeypatch.setenv("WANBATCH_STORE", str(tmp_path / "out"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.csv").write_text("prompt\na red kite\na blue kite\n")

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = exit_code(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture(scope="module")
def fast_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One simulator for a module's tests, 600 times faster than life; each leaves fair weather behind."""
    log = tmp_path_factory.mktemp("simulator") / "log"
    one = start_simulator(log, "--speed", "600", "--render-mean-s", "60")
    yield one
    one.child.stop()


@pytest.fixture
def open_worker(valkey: Valkey, tmp_path: Path) -> Iterator[Callable[..., Workbench]]:
    """Build workers at a simulator; when the test is over, the books must be in order."""
    with ExitStack() as opened:

        def begin(simulator: Simulator, account: str = "simulated-segmind") -> Workbench:
            one = open_workbench(valkey, simulator, tmp_path, account)
            opened.callback(one.redis.close)
            opened.callback(shutil.rmtree, one.shop.temp)
            opened.callback(one.ledger.close)
            opened.callback(one.shop.wire.close)
            opened.callback(lambda: _in_order(one))
            return one

        yield begin


def _in_order(one: Workbench) -> None:
    assert list(faults(one.redis)) == []


@pytest.fixture
def work(fast_simulator: Simulator, open_worker: Callable[..., Workbench]) -> Workbench:
    """A worker at the module's simulator, with Segmind's dialect."""
    return open_worker(fast_simulator)


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test works in a folder of its own, which is its matrix's too."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MediaServer]:
    """Media on loopback; where it stumbles it is asked again at once."""
    monkeypatch.setattr(fetch, "AGAIN_S", (0.0, 0.0))
    with serving() as one:
        yield one
