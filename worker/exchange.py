"""One HTTP/1.1 request and its answer over a connection of its own, in two steps that fail apart.

Until `connect` has returned, no byte of the request has left this machine; from then on it may have arrived whole,
whatever becomes of the answer. Nothing is tried twice, nothing kept, and no redirect followed: who calls decides
(docs/decisions/0009). What may be said, and where an answer ends, is h11's word; what it does not take is broken off.
"""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from math import inf
from typing import Final

import h11

#: Bytes. No honest head of an answer is longer, nor a chunk's own line, nor what trails a body.
LONGEST_HEAD_BYTES: Final = 64 * 1024
#: Bytes that one read takes from the socket at most.
READ_BYTES: Final = 256 * 1024


class Unreachable(Exception):
    """No connection came about, its encryption included: nothing was sent."""


class BrokenOff(Exception):
    """There was a connection, and no whole answer came over it: the request may have arrived."""


def request_of(method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> h11.Request:
    """The head of a request with that body. Raises ValueError for what cannot stand in a head."""
    length = {"Content-Length": str(len(body))} if body or method != "GET" else {}
    try:
        return h11.Request(
            method=method, target=target, headers=list({**headers, **length, "Connection": "close"}.items())
        )
    except (h11.LocalProtocolError, UnicodeError):
        # Without the library's words, which would show a key that has slipped.
        raise ValueError("the address or a header holds what no request can") from None


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

    The request is made up when the exchange is, so that it leaves at once when it is asked.
    """

    def __init__(self, connection: socket.socket, request: h11.Request, body: bytes = b"", *, stall_s: float) -> None:
        self._socket = connection
        self._until = 0.0
        self._stall_s = stall_s
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD_BYTES)
        said = (self._http.send(event) for event in (request, h11.Data(data=body), h11.EndOfMessage()))
        self._whole = b"".join(piece or b"" for piece in said)
        self.status = 0
        self.headers: dict[str, str] = {}

    def close(self) -> None:
        """Let the connection go."""
        self._socket.close()

    def is_untouched(self) -> bool:
        """Whether the server has neither closed the connection nor said a word yet. Only before `ask`."""
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
            self._socket.sendall(self._whole)
            while not isinstance(head := self._heard(), h11.Response):
                pass  # 1xx announces the answer
        except (OSError, h11.ProtocolError) as error:
            raise BrokenOff(f"{type(error).__name__}: {error}") from error
        self.status = head.status_code
        for name, value in head.headers:
            told, text = name.decode("latin-1"), value.decode("latin-1")
            self.headers[told] = f"{self.headers[told]}, {text}" if told in self.headers else text

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces, ended only where the answer itself says that it ends."""
        try:
            while isinstance(piece := self._heard(), h11.Data):
                yield piece.data
        except (OSError, h11.ProtocolError) as error:
            raise BrokenOff(f"{type(error).__name__}: {error}") from error

    def _heard(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """What the server says next."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._socket.settimeout(self._left_s())
            self._http.receive_data(self._socket.recv(READ_BYTES))
        return event

    def _left_s(self) -> float:
        """Seconds that the next step may take. Raises TimeoutError when there are none."""
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer came too slowly")
        return min(left_s, self._stall_s)
