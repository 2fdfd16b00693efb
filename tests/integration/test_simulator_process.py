"""The simulator as a process: its first line, its end, and connections that break."""

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.services import Simulator

ORDER = {"prompt": "a cat", "size": "1280*720", "duration": 5}
HEADERS = {"x-api-key": "sim-one", "content-type": "application/json"}


def line(one: Simulator, timeout_s: float = 5.0) -> http.client.HTTPConnection:
    """A plain connection without any retry."""
    host, port = one.url.removeprefix("http://").split(":")
    return http.client.HTTPConnection(host, int(port), timeout=timeout_s)


def submit(one: Simulator, timeout_s: float = 5.0) -> str:
    """The request id of one submit; raises what the connection raises."""
    with contextlib.closing(line(one, timeout_s)) as connection:
        connection.request("POST", "/segmind/v2/wan-2.6-t2v", json.dumps(ORDER), HEADERS)
        return str(json.load(connection.getresponse())["request_id"])


def poll(deadline_s: float, happened: Callable[[], bool]) -> bool:
    """Whether something happens before the deadline."""
    ends = time.monotonic() + deadline_s
    while time.monotonic() < ends:
        if happened():
            return True
    return happened()


def test_it_answers_once_it_has_said_where(simulator: Callable[..., Simulator]) -> None:
    """The first line is told when connections are accepted, and the clock is published."""
    one = simulator("--speed", "600")
    assert one.ask("/healthz") == {"ok": True}
    clock = one.ask("/_simulator/clock")
    assert clock["speed"] == 600
    assert abs(clock["epoch"] - time.time()) < 30


def test_sigterm_ends_it_at_once(simulator: Callable[..., Simulator]) -> None:
    """It is gone within half a second with code 0, even while a client waits for an answer that never comes."""
    one = simulator()
    one.tell("/_simulator/next", {"on": "submit", "then": "hang_after"})
    waiting = line(one)
    waiting.request("POST", "/segmind/v2/wan-2.6-t2v", json.dumps(ORDER), HEADERS)
    assert poll(5, lambda: len(one.purchases()) == 1)
    began = time.monotonic()
    one.child.process.terminate()
    assert one.child.process.wait(5) == 0
    assert time.monotonic() - began < 0.5
    with pytest.raises(http.client.RemoteDisconnected):
        waiting.getresponse()
    waiting.close()


@pytest.mark.parametrize(
    ("then", "raised", "bought"),
    [
        ("cut_before", http.client.RemoteDisconnected, 0),
        ("cut_after", http.client.RemoteDisconnected, 1),
        ("reset_before", ConnectionResetError, 0),
        ("reset_after", ConnectionResetError, 1),
        ("hang_before", TimeoutError, 0),
        ("hang_after", TimeoutError, 1),
    ],
)
def test_connections_really_break(
    simulator: Callable[..., Simulator], then: str, raised: type[Exception], bought: int
) -> None:
    """A cut is a FIN or a RST on the wire, a hang is silence; the bank knows what was bought, and all goes on."""
    one = simulator()
    one.tell("/_simulator/next", {"on": "submit", "then": then})
    with pytest.raises(raised):
        submit(one, timeout_s=0.5)
    assert len(one.purchases()) == bought
    assert submit(one)


def test_an_order_can_be_accepted_after_the_client_left(simulator: Callable[..., Simulator]) -> None:
    """A late acceptance buys what nobody waits for any more."""
    one = simulator("--p-late-accept", "1", "--late-accept-s", "0.4")
    with pytest.raises(TimeoutError):
        submit(one, timeout_s=0.1)
    assert one.purchases() == []
    assert poll(5, lambda: len(one.purchases()) == 1)


def test_a_download_can_be_cut_in_the_middle(simulator: Callable[..., Simulator]) -> None:
    """The announced length is right and the body is half of it."""
    one = simulator("--speed", "2000")
    bought = submit(one)
    connection = line(one)
    result: dict[str, Any] = {}

    def done() -> bool:
        connection.request("GET", f"/segmind/v2/requests/{bought}", headers=HEADERS)
        result.update(json.load(connection.getresponse()))
        return result["output"] is not None

    assert poll(10, done)
    one.tell("/_simulator/next", {"on": "clip", "then": "cut_after"})
    path = result["output"].removeprefix(one.url)
    connection.request("GET", path)
    answer = connection.getresponse()
    with pytest.raises(http.client.IncompleteRead) as cut:
        answer.read()
    announced = int(answer.headers["content-length"])
    assert len(cut.value.partial) == announced // 2
    connection.close()


def test_a_kill_forgets_no_purchase(simulator: Callable[..., Simulator], tmp_path: Path) -> None:
    """What was answered before a SIGKILL is on the statement of the next process."""
    first = simulator("--speed", "600", "--journal", str(tmp_path / "journal"))
    bought = submit(first)
    first.child.kill()
    second = simulator("--speed", "600", "--journal", str(tmp_path / "journal"))
    assert [purchase["task_id"] for purchase in second.purchases()] == [bought]


def test_what_cannot_start_says_why(tmp_path: Path) -> None:
    """A journal in damage or a port in use is one sentence and code 1."""
    (tmp_path / "journal").write_text("nonsense\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for arguments, words in ((["--journal", str(tmp_path / "journal")], "journal:1"), (["--port", port], "in use")):
            command = [sys.executable, "-m", "simulator", *arguments]
            ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
            assert ended.returncode == 1
            assert ended.stderr.startswith("simulator: ")
            assert words in ended.stderr
