"""One HTTP/1.1 request and its answer over a connection that nobody else speaks on, in two steps that fail apart.

Until `connect` has returned, no byte of the request has left this machine; from then on it may have arrived whole,
whatever becomes of the answer. Nothing is tried twice, nothing kept, and no redirect followed: who calls decides
(docs/decisions/0009). What may be said, and where an answer ends, is for `worker/http1.py` to know.
"""

import socket
import ssl
import time
from collections.abc import Iterator
from math import inf
from typing import Final

from worker.http1 import Garbled, Hearing

#: Bytes that one read takes from the socket at most.
READ_BYTES: Final = 256 * 1024


class Unreachable(Exception):
    """No connection came about, its encryption included: nothing was sent."""


class BrokenOff(Exception):
    """There was a connection, and no whole answer came over it: the request may have arrived."""


def connect(host: str, port: int, *, within_s: float, tls: ssl.SSLContext | None, name: str) -> socket.socket:
    """A fresh connection to the host, encrypted for `name` where a context is given. Raises Unreachable."""
    try:
        bare = socket.create_connection((host, port), within_s)
    except (OSError, ValueError) as error:
        raise Unreachable(f"{type(error).__name__}: {error}") from error
    try:
        bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return bare if tls is None else tls.wrap_socket(bare, server_hostname=name)
    except (OSError, ValueError) as error:
        bare.close()
        raise Unreachable(f"{type(error).__name__}: {error}") from error


class TooLate(Exception):
    """The time for sending was over: no byte of the request has left."""


class Exchange:
    """What is said over one connection: `ask` once, then read `chunks`. All that goes wrong there raises BrokenOff.

    The request is whole when the exchange is made, so that it leaves at once when it is asked.
    """

    def __init__(self, connection: socket.socket, request: bytes, *, stall_s: float) -> None:
        self._socket = connection
        self._until = 0.0
        self._stall_s = stall_s
        self._request = request
        self._hearing = Hearing()

    @property
    def status(self) -> int:
        """The answer's status."""
        return self._hearing.status

    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers under lower-case names."""
        return self._hearing.headers

    @property
    def heard_anything(self) -> bool:
        """Whether any byte of an answer has come."""
        return self._hearing.heard_anything

    @property
    def lasting(self) -> bool:
        """Whether its answer was heard whole, with nothing after it, from a server that keeps the connection."""
        return self._hearing.ended and self._hearing.lasting

    def again(self, request: bytes) -> "Exchange":
        """Another exchange on its connection; only after one that was `lasting`."""
        return Exchange(self._socket, request, stall_s=self._stall_s)

    def close(self) -> None:
        """Let the connection go."""
        self._socket.close()

    def is_untouched(self) -> bool:
        """Whether the server has neither closed the connection nor said a word yet. Only while nothing is asked."""
        try:
            self._socket.settimeout(0)
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def ask(self, *, until: float, not_after: float = inf) -> None:
        """Send all in one piece and read the head of the answer: `status`, and `headers` under lower-case names.

        No step waits longer than the stall, nor past `until`. Raises TooLate, and sends nothing, where the first byte
        could not leave by `not_after`. Both are instants of the monotonic clock.
        """
        self._until = until
        try:
            self._socket.settimeout(self._left_s())
            if time.monotonic() > not_after:
                raise TooLate
            self._socket.sendall(self._request)
            while not self._hearing.began:
                self._hear()
        except (OSError, Garbled) as error:
            raise BrokenOff(f"{type(error).__name__}: {error}") from error

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces, ended only where the answer itself says that it ends."""
        try:
            while True:
                if piece := self._hearing.body():
                    yield piece
                if self._hearing.ended:
                    return
                self._hear()
        except (OSError, Garbled) as error:
            raise BrokenOff(f"{type(error).__name__}: {error}") from error

    def _hear(self) -> None:
        """What the server says next."""
        self._socket.settimeout(self._left_s())
        if data := self._socket.recv(READ_BYTES):
            self._hearing.feed(data)
        else:
            self._hearing.close()

    def _left_s(self) -> float:
        """Seconds that the next step may take. Raises TimeoutError when there are none."""
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer came too slowly")
        return min(left_s, self._stall_s)
