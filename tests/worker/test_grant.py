"""The last gate: connected first, granted last, and on the wire at the granted instant or not at all."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from ledger.orders import Leave
from providers.contract import Answer, Call
from tests.rawserver import RawServer
from tests.services import free_ports
from worker.grant import Unused, post_when_granted
from worker.posting import NotSent
from worker.wire import Wire

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SOON_S = 5.0


class Door(RawServer):
    """Tells when each connection came, and when and what it said; `hang_up` of the first it closes."""

    def __init__(self, hang_up: int = 0) -> None:
        self._hang_up = hang_up
        self.came: list[float] = []
        self.said: list[tuple[float, bytes]] = []
        super().__init__(self._hear)

    def _hear(self, one: socket.socket) -> None:
        self.came.append(time.monotonic())
        if len(self.came) > self._hang_up and (data := one.recv(65536)):
            self.said.append((time.monotonic(), data))
            one.sendall(WHOLE)


@pytest.fixture
def door() -> Iterator[Callable[..., Door]]:
    """Open doors that close with the test."""
    with ExitStack() as running:

        def begin(hang_up: int = 0) -> Door:
            one = Door(hang_up)
            running.callback(one.close)
            return one

        yield begin


class Gate:
    """A gate that gives these answers in turn, and remembers when and how it was asked."""

    def __init__(self, *answers: Callable[[], Leave]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[float, str, str]] = []

    def __call__(self, late: str, told: str) -> Leave:
        """The next answer."""
        self.asked.append((time.monotonic(), late, told))
        return self._answers.pop(0)()


def go(grant: str = "1", *, ahead_s: float = 0.0, within_s: float = SOON_S) -> Callable[[], Leave]:
    """A grant for an instant that lies so far ahead, good for so long."""

    def answer() -> Leave:
        at = time.monotonic() + ahead_s
        return Leave("go", not_before=at, not_after=at + within_s, grant=grant)

    return answer


def wait(seconds: float, told: str = "") -> Callable[[], Leave]:
    """Not yet."""
    return lambda: Leave("wait", wait_s=seconds, told=told)


def leave(url: str, gate: Gate, *, send_within_s: float = SOON_S, stopping: bool = False) -> object:
    """Post when granted."""
    stop = threading.Event()
    if stopping:
        stop.set()
    call = Call("POST", url, {}, {"prompt": "x"})
    return post_when_granted(call, Wire(), gate, send_by=time.monotonic() + send_within_s, stopping=stop)


def test_the_connection_is_up_before_the_token_is_taken(door: Callable[..., Door]) -> None:
    """Nothing but the bytes themselves is left to do at the granted instant, and none of them leaves before it."""
    server, gate = door(), Gate(wait(0.05, "7"), go(ahead_s=0.1))
    assert isinstance(leave(server.url, gate), Answer)
    assert [(late, told) for _, late, told in gate.asked] == [("", ""), ("", "7")]
    ((said, _),), (came,) = server.said, server.came
    assert came < gate.asked[1][0] < gate.asked[1][0] + 0.1 <= said


def test_a_grant_that_grew_too_old_is_given_back(door: Callable[..., Door]) -> None:
    """Another one is taken, and the POST leaves once."""
    server, gate = door(), Gate(go("old", within_s=-1.0), go("older", within_s=-1.0), go("fresh"))
    assert isinstance(leave(server.url, gate), Answer)
    assert [late for _, late, _ in gate.asked] == ["", "old", "older"]
    assert len(server.said) == 1


def test_a_connection_that_was_closed_while_waiting_was_not_sent(door: Callable[..., Door]) -> None:
    """A FIN before the first byte: the grant is given back, and the one POST leaves on a new connection."""
    server, gate = door(hang_up=1), Gate(go("first", ahead_s=0.1), go("second"))
    assert isinstance(leave(server.url, gate), Answer)
    assert [late for _, late, _ in gate.asked] == ["", "first"]
    assert (len(server.came), len(server.said)) == (2, 1)


def test_without_a_connection_no_token_is_taken() -> None:
    """Whoever cannot reach the provider costs the others nothing."""
    (port,) = free_ports(1)
    gate = Gate()
    assert isinstance(leave(f"http://127.0.0.1:{port}/", gate), NotSent)
    assert gate.asked == []


@pytest.mark.parametrize(
    ("gate", "stopping"),
    [
        (Gate(lambda: Leave("stop", "buying is paused")), False),
        (Gate(wait(0.01, "7"), lambda: Leave("stop", "the claim is gone")), False),
        (Gate(wait(60.0)), False),
        (Gate(wait(0.01)), True),
    ],
    ids=["stopped", "stopped later", "not in time", "the worker leaves"],
)
def test_what_may_not_leave_sends_no_byte(door: Callable[..., Door], gate: Gate, *, stopping: bool) -> None:
    """The connection is let go unused."""
    server = door()
    answer = leave(server.url, gate, stopping=stopping)
    assert isinstance(answer, Leave)
    assert answer.word in ("stop", "wait")
    server.close()
    assert server.said == []


def test_past_the_time_of_the_intent_nothing_is_sent(door: Callable[..., Door]) -> None:
    """A grant does not lengthen the time in which an intent may be bought."""
    server, gate = door(), Gate(go(ahead_s=0.1))
    assert isinstance(leave(server.url, gate, send_within_s=0.05), Unused)
    server.close()
    assert server.said == []
