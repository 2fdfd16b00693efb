"""A fleet on one machine: real ledger, real store, simulated provider, and workers that are processes of their own."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.driving import Fleet
from tests.services import Simulator, Valkey

#: What the tests of this folder may take: whole processes on a busy machine.
ACCEPTANCE_TIMEOUT_S = 180


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give whole processes more time than other tests have."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(ACCEPTANCE_TIMEOUT_S))


@pytest.fixture
def fleet(tmp_path: Path, valkey: Valkey, simulator: Callable[..., Simulator]) -> Iterator[Callable[..., Fleet]]:
    """Set a fleet up over a file store: `fleet("--speed", "120")` names the simulator's options; no worker yet."""
    with contextlib.ExitStack() as running:

        def begin(*arguments: str) -> Fleet:
            provider = simulator(*arguments)
            env = {
                "WANBATCH_REDIS": valkey.url,
                "WANBATCH_STORE": (tmp_path / "store").as_uri(),
                "WANBATCH_SIMULATOR_URL": provider.url,
            }
            made = Fleet(tmp_path, env, provider)
            running.callback(made.dismiss)
            return made

        yield begin
