"""Kept connections for questions that are free to repeat: HTTP/1.1 on asyncio, one question at a time on each.

A question on a kept connection may meet a server that has just let it go: if none of the answer came, it is asked once
more on a new one. Who may not ask twice takes a new connection at once.
"""

import asyncio
import ssl
from collections import defaultdict, deque
from typing import Final, NamedTuple, cast

from worker.http1 import Garbled, Hearing

#: Seconds for which a connection is kept without a question; servers let go of theirs not much later.
KEPT_S: Final = 15.0


class Door(NamedTuple):
    """Where a connection leads; with `tls` it is encrypted for the host."""

    host: str
    port: int
    tls: ssl.SSLContext | None


class Heard(NamedTuple):
    """A whole answer: status, headers with lower-case names, the body as it was sent."""

    status: int
    headers: dict[str, str]
    body: bytes


class Lines:
    """The connections of one event loop."""

    def __init__(self, *, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: defaultdict[Door, deque[_Line]] = defaultdict(deque)

    async def ask(self, door: Door, request: bytes, *, again: bool) -> Heard:
        """The answer to one request. Raises Garbled, or OSError where there is no connection; sets no time limit.

        With `again` the request is free to repeat, so it goes out on a kept connection where there is one.
        """
        if again and (line := self._take(door)) is not None:
            try:
                return await self._ask(door, line, request)
            except (Garbled, OSError):
                if line.hearing.heard_anything:
                    raise
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(
            lambda: _Line(self._most_bytes), door.host, door.port, ssl=door.tls,
            server_hostname=door.host if door.tls else None,
        )  # fmt: skip
        return await self._ask(door, line, request)

    def close(self) -> None:
        """Let all of them go."""
        for lines in self._kept.values():
            for line in lines:
                line.abort()
        self._kept.clear()

    async def _ask(self, door: Door, line: "_Line", request: bytes) -> Heard:
        try:
            hearing = await line.ask(request)
        except BaseException:
            line.abort()
            raise
        if hearing.lasting:
            self._keep(door, line)
        else:
            line.abort()
        return Heard(hearing.status, hearing.headers, hearing.body())

    def _take(self, door: Door) -> "_Line | None":
        """The connection that was used last, if the server still holds it."""
        lines = self._kept[door]
        while lines:
            line = lines.pop()
            if line.open:
                return line
        return None

    def _keep(self, door: Door, line: "_Line") -> None:
        """Keep it for the next question, and let those go that nobody has needed for long."""
        lines, now = self._kept[door], asyncio.get_running_loop().time()
        line.kept_at = now
        lines.append(line)
        while lines[0].kept_at < now - KEPT_S:
            lines.popleft().abort()


class _Line(asyncio.Protocol):
    """One connection. What a server says unasked ends it."""

    def __init__(self, most_bytes: int) -> None:
        self.hearing = Hearing()
        self.kept_at = 0.0
        self.open = True
        self._most_bytes = most_bytes
        self._left_bytes = 0
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Hearing] | None = None

    async def ask(self, request: bytes) -> Hearing:
        """Send it in one piece; the answer when it is whole. Raises Garbled or OSError."""
        self.hearing.begin()
        self._left_bytes = self._most_bytes
        self._waiting = asyncio.get_running_loop().create_future()
        if self._transport is None or not self.open:
            raise Garbled("the connection ended before the answer did")
        self._transport.write(request)
        return await self._waiting

    def abort(self) -> None:
        """Let it go at once."""
        self.open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands, encryption included."""
        # Not asked of its class: uvloop's are no children of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """The server said something."""
        if self._waiting is None or self._waiting.done():
            self.abort()
            return
        self._left_bytes -= len(data)
        try:
            if self._left_bytes < 0:
                raise Garbled(f"more than {self._most_bytes} bytes")
            self.hearing.feed(data)
        except Garbled as error:
            self._waiting.set_exception(error)
            return
        if self.hearing.ended:
            self._waiting.set_result(self.hearing)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server, or the network, let it go."""
        self.open = False
        if self._waiting is None or self._waiting.done():
            return
        try:
            if exc is not None:
                raise Garbled(f"{type(exc).__name__}: {exc}")
            self.hearing.close()
            self._waiting.set_result(self.hearing)
        except Garbled as error:
            self._waiting.set_exception(error)
