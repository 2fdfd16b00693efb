"""HTTP/1.1 as it is said and heard: a request in one piece, and an answer as it comes in. No I/O.

Where an answer ends is llhttp's word, and never a guess: one without a length ends with its connection, every other one
that breaks off has not come (docs/decisions/0014).
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from itertools import starmap
from typing import Final

import httptools

#: Bytes. No honest head of an answer is longer.
LONGEST_HEAD_BYTES: Final = 64 * 1024

#: Where an answer is still plain it is read: bare line ends, folded headers, any version; chunks go before a length.
_PLAIN: Final = {
    "lenient_headers": True,
    "lenient_chunked_length": True,
    "lenient_version": True,
    "lenient_optional_cr_before_lf": True,
    "lenient_spaces_after_chunk_size": True,
}
_LENGTHS: Final = frozenset({"content-length", "transfer-encoding"})
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"(?:[!-~](?:[ -~\t]*[!-~])?)?")
_TARGET: Final = re.compile(r"[!-~]+")
#: Without showing it: it may be a key that has slipped.
_UNFIT: Final = "the address or a header holds what no request can"


def request_of(method: str, target: str, headers: Mapping[str, str], body: bytes = b"", *, last: bool) -> bytes:
    """A whole request; `last` says that its connection serves no other. Raises ValueError for what no head can hold."""
    length = {"Content-Length": str(len(body))} if body or method != "GET" else {}
    said = {**headers, **length, "Connection": "close"} if last else {**headers, **length}
    if not (_TOKEN.fullmatch(method) and _TARGET.fullmatch(target)):
        raise ValueError(_UNFIT)
    lines = "".join(starmap(_line, said.items()))
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("ascii") + body


@lru_cache(maxsize=256)
def _line(name: str, text: str) -> str:
    """A header's line, remembered: nearly all are the same in every request. Raises ValueError."""
    if not (_TOKEN.fullmatch(name) and _VALUE.fullmatch(text)):
        raise ValueError(_UNFIT)
    return f"{name}: {text}\r\n"


class Garbled(Exception):
    """What was said is no whole HTTP answer."""


class Hearing:
    """Fed with what a connection brings; `status` and `headers` (lower-case names) stand once `began`, then the body.

    `ended` is set when the whole answer was heard, `lasting` when another may follow on the same connection.
    """

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(**_PLAIN)
        self.begin()

    def begin(self) -> None:
        """Forget what was heard: another answer follows on the same connection, which was `lasting`."""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.began = self.ended = self.lasting = False
        self._body: list[bytes] = []
        self._bytes = 0

    @property
    def heard_anything(self) -> bool:
        """Whether any byte has come."""
        return self._bytes > 0

    def feed(self, data: bytes) -> None:
        """Hear more of it. Raises Garbled."""
        self._bytes += len(data)
        if not self.began and self._bytes > LONGEST_HEAD_BYTES + len(data):
            raise Garbled(f"its head has more than {LONGEST_HEAD_BYTES} bytes")
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise Garbled("the server changed to another protocol") from None
        except httptools.HttpParserError as error:
            if not self.ended:
                raise Garbled(f"{type(error).__name__}: {error}") from error
            self.lasting = False

    def close(self) -> None:
        """The connection has ended: so has an answer that told no length. Raises Garbled for every other one."""
        if not self.ended and (not self.began or _LENGTHS & self.headers.keys()):
            raise Garbled("the connection ended before the answer did")
        self.ended = True

    def body(self) -> bytes:
        """What was heard of the body since the last time."""
        pieces, self._body = self._body, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def on_message_begin(self) -> None:
        """Of an answer, or of something after it that nobody asked for."""
        self.lasting = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Each in its place; a trailer is not told."""
        if not self.began:
            told, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self.headers[told] = f"{self.headers[told]}, {text}" if told in self.headers else text

    def on_headers_complete(self) -> None:
        """Of a whole head; one of 1xx only announces the answer."""
        status = self._parser.get_status_code()
        if status < HTTPStatus.OK:
            self.headers.clear()
        elif not self.ended:
            self.status, self.began = status, True

    def on_body(self, data: bytes) -> None:
        """Of a piece of it, without its framing."""
        if not self.ended:
            self._body.append(data)

    def on_message_complete(self) -> None:
        """Of the end, if this is the answer and not what announces it."""
        if self.began and not self.ended:
            self.ended = True
            self.lasting = self._parser.should_keep_alive() and not self.headers.keys() >= _LENGTHS
