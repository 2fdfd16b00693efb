"""The lines: answers that never come, connections that are cut, and the uvicorn protocol that allows it."""

import socket
import struct
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_EXTENSION = "simulator.line"


class Line(HttpToolsProtocol):
    """uvicorn's HTTP protocol, within reach of the application. `silent` is set while no answer will come."""

    silent = False

    def on_message_begin(self) -> None:
        """Put this connection into the request's scope."""
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: self}  # type: ignore[dict-item]

    def cut(self, *, reset: bool = False) -> None:
        """Close the connection: by a FIN after what was sent, or at once by a RST."""
        if reset:
            line: Any = self.transport.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        else:
            self.transport.close()


class Hang(Response):
    """No answer, for as long as the client cares to wait."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (nothing is sent)
        """Hold the line until the client, or the server's end, closes it."""
        _line(scope).silent = True
        await _gone(receive)


class Cut(Response):
    """The connection ends without an answer: by a FIN, or by a RST when `reset` is set."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__()
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (nothing is sent)
        """Close the transport and wait until uvicorn has noticed."""
        _line(scope).cut(reset=self._reset)
        await _gone(receive)


class HalfSent(Response):
    """An answer whose connection is cut in the middle of the body that it announced."""

    def __init__(self, answer: Response, *, reset: bool = False) -> None:
        super().__init__()
        self._answer = answer
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and half of the body, then close the transport."""
        body, status = bytes(self._answer.body), self._answer.status_code
        await send({"type": "http.response.start", "status": status, "headers": self._answer.raw_headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        _line(scope).cut(reset=self._reset)
        await _gone(receive)


def _line(scope: Scope) -> Line:
    """The connection of a request."""
    line: Line = scope["extensions"][_EXTENSION]
    return line


async def _gone(receive: Receive) -> None:
    """Return when the connection is closed."""
    while (await receive())["type"] != "http.disconnect":
        pass
