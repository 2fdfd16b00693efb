"""Where the makers' own clients are let loose: one quick simulator for each file, and an account for each test."""

import secrets
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.services import Simulator, start_simulator

#: Renders take about 0.05 real seconds; an account can pay two videos of five seconds in 720p, and not three.
QUICK = ("--speed", "600", "--render-mean-s", "30", "--balance-usd", "1.3")
#: The weather that every test begins with.
CALM = {"p_failed": 0.0, "queue_s": 1.0, "render_mean_s": 30.0}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """The simulator that the tests of a file share."""
    one = start_simulator(tmp_path_factory.mktemp("witness") / "simulator.log", *QUICK)
    yield one
    one.child.stop()


@pytest.fixture
def key() -> str:
    """The key of an account that nobody has used yet."""
    return f"sim-{secrets.token_hex(6)}"


@pytest.fixture
def weather(place: Simulator) -> Iterator[Callable[..., None]]:
    """Change the weather until the test ends: `weather(p_failed=1)`."""
    yield lambda **changes: place.tell("/_simulator/weather", changes)
    place.tell("/_simulator/weather", CALM)


@pytest.fixture
def next_time(place: Simulator) -> Callable[[str, str], None]:
    """Put a fault in line: `next_time("submit", "429")`."""
    return lambda on, then: place.tell("/_simulator/next", {"on": on, "then": then})


def is_video(url: Any) -> bool:
    """Whether an MP4 lies behind that link."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        head: Any = answer.read(12)
    return bool(head[4:8] == b"ftyp")
