"""One HTTP/1.1 request and its answer over a connection of its own, in two steps that fail apart.

Until `connect` has returned, no byte of the request has left this machine; from then on it may have arrived whole,
whatever becomes of the answer. Nothing is tried twice, nothing kept, and no redirect followed: who calls decides
(docs/decisions/0009). What is not plainly HTTP/1.1 is broken off, never guessed at.
"""

import io
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping

#: Bytes. No honest head of an answer is longer.
LONGEST_HEAD_BYTES = 64 * 1024
#: Bytes that one read takes from the socket at most.
READ_BYTES = 256 * 1024

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d)(?: .*)?\r?\n", re.DOTALL)
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?\r?\n", re.DOTALL)
_WORD = re.compile(r"[!-~]+")
#: Control characters, a line's end among them, would make two headers out of one.
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Unreachable(Exception):
    """No connection came about, its encryption included: nothing was sent."""


class BrokenOff(Exception):
    """There was a connection, and no whole answer came over it: the request may have arrived."""


def request_bytes(method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A whole request, to be sent in one piece. Raises ValueError for what cannot stand in a head."""
    if not (_WORD.fullmatch(method) and _WORD.fullmatch(target)):
        raise ValueError("the address holds what no request line can")
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in headers.items():
        if not _WORD.fullmatch(name) or _UNSENDABLE.search(value):
            raise ValueError(f"the header {name!r} holds what no header can")
        lines.append(f"{name}: {value}")
    if body or method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "Connection: close", "", "")).encode("latin-1") + body


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


class Exchange:
    """What is said over one connection: `ask` once, then read `chunks`. All that goes wrong raises BrokenOff."""

    def __init__(self, connection: socket.socket, *, until: float, stall_s: float) -> None:
        self._socket = connection
        self._reads = _Reads(connection, until, stall_s)
        self._file = io.BufferedReader(self._reads, 16 * 1024)
        self.status = 0
        self.headers: dict[str, str] = {}

    def close(self) -> None:
        """Let the connection go."""
        self._socket.close()

    def ask(self, request: bytes) -> None:
        """Send the request and read the head of its answer: `status`, and `headers` under lower-case names."""
        try:
            self._socket.settimeout(self._reads.left_s())
            self._socket.sendall(request)
            left = LONGEST_HEAD_BYTES
            while self.status < 200 and self.status != 101:  # noqa: PLR2004 - 1xx announces the answer
                left = self._read_head(left)
        except (OSError, ValueError) as error:
            raise BrokenOff(f"{type(error).__name__}: {error}") from error

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces, ended only where the answer itself says that it ends."""
        try:
            yield from self._body()
        except (OSError, ValueError) as error:
            raise BrokenOff(f"{type(error).__name__}: {error}") from error

    def _read_head(self, left: int) -> int:
        """One head, of no more than `left` bytes; answers how many of them remain."""
        line = self._line(left)
        left -= len(line)
        found = _STATUS.fullmatch(line)
        if found is None:
            raise BrokenOff(f"no HTTP answer: it begins with {line[:40]!r}")
        self.status, self.headers = int(found[1]), {}
        last = ""
        while (line := self._line(left)).strip(b"\r\n"):
            left -= len(line)
            name, colon, value = line.partition(b":")
            if line[0] in b" \t" and last:
                self.headers[last] += " " + line.strip().decode("latin-1")
                continue
            if not colon or not _NAME.fullmatch(name):
                raise BrokenOff(f"no header: {line[:40]!r}")
            last, text = name.decode().lower(), value.strip().decode("latin-1")
            self.headers[last] = f"{self.headers[last]}, {text}" if last in self.headers else text
        return left

    def _line(self, left: int) -> bytes:
        line = self._file.readline(left)
        if not line.endswith(b"\n"):
            raise BrokenOff("the answer ended in its head" if len(line) < left else "the head has no end")
        return line

    def _body(self) -> Iterator[bytes]:
        if self.status in (204, 304):
            return
        coding = self.headers.get("transfer-encoding")
        if coding is not None:
            if coding.lower() != "chunked":
                raise BrokenOff(f"an answer in the coding {coding[:40]!r}")
            yield from self._parts()
        elif (told := self.headers.get("content-length")) is not None:
            lengths = {one.strip() for one in told.split(",")}
            if len(lengths) != 1 or not told.isascii() or not (length := lengths.pop()).isdecimal():
                raise BrokenOff(f"an answer of the length {told[:40]!r}")
            yield from self._exactly(int(length))
        else:
            while piece := self._file.read1(READ_BYTES):
                yield piece

    def _parts(self) -> Iterator[bytes]:
        """A chunked body, up to its end and the trailers behind it."""
        while True:
            found = _SIZE.fullmatch(self._line(LONGEST_HEAD_BYTES))
            if found is None:
                raise BrokenOff("a chunk without a size")
            size = int(found[1], 16)
            if not size:
                break
            yield from self._exactly(size)
            if self._line(3).strip(b"\r\n"):
                raise BrokenOff("a chunk longer than its size")
        left = LONGEST_HEAD_BYTES
        while (line := self._line(left)).strip(b"\r\n"):
            left -= len(line)

    def _exactly(self, length: int) -> Iterator[bytes]:
        while length:
            piece = self._file.read1(min(length, READ_BYTES))
            if not piece:
                raise BrokenOff(f"the answer ended {length} bytes before its end")
            length -= len(piece)
            yield piece


class _Reads(io.RawIOBase):
    """A socket as a file in which no read waits longer than `stall_s`, nor past `until` on the monotonic clock."""

    def __init__(self, connection: socket.socket, until: float, stall_s: float) -> None:
        super().__init__()
        self._socket = connection
        self._until = until
        self._stall_s = stall_s

    def readable(self) -> bool:
        return True

    def left_s(self) -> float:
        """Seconds that the next step may take. Raises TimeoutError when there are none."""
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer came too slowly")
        return min(left_s, self._stall_s)

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        self._socket.settimeout(self.left_s())
        return self._socket.recv_into(buffer)
