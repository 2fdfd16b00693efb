"""The desk's own HTTP client: it asks a provider for the balance, and looks at media. It buys nothing.

Media are asked for with a GET of their first bytes and never with HEAD, which many servers refuse and which no signed
link allows: one answer then tells status, length, validators and what the file is.
"""

import io
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, BinaryIO, Final

import httpx

from config.links import LinkRefused, NoSuchHost, PublicOnly, trusting
from jobs.errors import Refused
from jobs.visible import visible
from producer.columns import Wrong
from providers.accounts import Account
from providers.contract import Answer, Balance

#: Seconds for one question.
TIMEOUT_S: Final = 10.0
#: Seconds for all that is asked about one file, and for its connection.
LOOK_S: Final = 30.0
CONNECT_S: Final = 5.0
#: Bytes that are asked for at a time: the header of nearly every image fits.
BLOCK_BYTES: Final = 64 * 1024
#: Bytes that are read of one file at most, to see what it is.
MOST_BYTES: Final = 32 * 1024 * 1024
#: Bytes of a server's answer that are kept in memory; more goes to a temporary file.
IN_MEMORY_BYTES: Final = 1024 * 1024

#: Answers to a range that may be about the range, so that the whole is asked for.
_NO_RANGES: Final = frozenset({400, 405, 416, 501})
#: Answers that may be another one next time.
_PASSING: Final = frozenset({408, 425, 429})


class Unfetchable(Exception):
    """The file cannot be had: `wrong` says why, and what would be right."""

    def __init__(self, wrong: Wrong) -> None:
        super().__init__(wrong.problem)
        self.wrong = wrong


class Web:
    """Media on web addresses; safe to use from many threads. `public_only` refuses addresses of private networks."""

    def __init__(self, *, public_only: bool, stopping: threading.Event | None = None) -> None:
        self.stopping = stopping or threading.Event()
        self._client = httpx.Client(
            transport=PublicOnly() if public_only else _anywhere(),
            headers={"Accept-Encoding": "identity"},
            timeout=httpx.Timeout(TIMEOUT_S, connect=CONNECT_S, pool=LOOK_S),
            follow_redirects=True,
            max_redirects=5,
        )

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def open(self, url: str, validators: dict[str, str] | None = None, *, whole: bool = False) -> "WebFile | None":
        """The file at that address, its first bytes there; None when it is what the validators say (ETag, date).

        `whole` is for who reads all of it. Raises Unfetchable with what to tell the person.
        """
        until = time.monotonic() + LOOK_S
        response = self._send(url, (validators or {}) | ({} if whole else {"Range": f"bytes=0-{BLOCK_BYTES - 1}"}))
        if response.status_code in _NO_RANGES:
            response.close()
            response = self._send(url, validators or {})
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            response.close()
            return None
        if response.status_code not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            response.close()
            raise Unfetchable(_status_said(response.status_code))
        return WebFile(self, url, response, until)

    def download(self, url: str, to: BinaryIO, *, most_bytes: int, within_s: float) -> None:
        """Write the whole file at that address; raises Unfetchable for one that is not there, too large or too slow."""
        until = time.monotonic() + within_s
        response = self._send(url, {})
        try:
            if response.status_code != HTTPStatus.OK:
                raise Unfetchable(_status_said(response.status_code))
            size = 0
            for chunk in response.iter_bytes(BLOCK_BYTES):
                size += len(chunk)
                if size > most_bytes:
                    raise Unfetchable(Wrong(f"it has more than {most_bytes:,} bytes", "fetch it, and give the file"))
                if time.monotonic() > until:
                    raise Unfetchable(_slow())
                to.write(chunk)
        except httpx.HTTPError as error:
            raise Unfetchable(_error_said(error)) from error
        finally:
            response.close()

    def part(self, url: str, start: int, length: int) -> bytes | None:
        """Some bytes out of the middle; None when the server no longer gives parts."""
        response = self._send(url, {"Range": f"bytes={start}-{start + length - 1}"})
        try:
            if response.status_code != HTTPStatus.PARTIAL_CONTENT:
                return None
            return b"".join(_bounded(response, length))
        except httpx.HTTPError as error:
            raise Unfetchable(_error_said(error)) from error
        finally:
            response.close()

    def _send(self, url: str, headers: dict[str, str]) -> httpx.Response:
        try:
            return self._client.send(self._client.build_request("GET", url, headers=headers), stream=True)
        except LinkRefused as error:
            fix = "put the file where the provider can reach it (a public https address)"
            raise Unfetchable(Wrong(f"the provider cannot reach it: {error}", fix)) from error
        except (NoSuchHost, httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise Unfetchable(_error_said(error)) from error


class WebFile(io.RawIOBase):
    """A file on the web that reads like one on disk: parts on demand where the server gives them, else from the top.

    At most `MOST_BYTES` of it are read, in at most `LOOK_S`; reading on raises Unfetchable.
    """

    def __init__(self, web: Web, url: str, response: httpx.Response, until: float) -> None:
        super().__init__()
        self._web, self._url, self._until = web, url, until
        self._response, self._chunks = response, response.iter_raw(BLOCK_BYTES)
        self._place, self._read = 0, 0
        self._spool = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - closed with this file
        self._top = 0
        self._blocks: dict[int, bytes] = {}
        total = re.fullmatch(r"bytes 0-\d+/(\d+)", response.headers.get("content-range", ""))
        self._parts = response.status_code == HTTPStatus.PARTIAL_CONTENT and total is not None
        told = total[1] if total else response.headers.get("content-length", "")
        self._size = int(told) if told.isdigit() else None
        self._fill(BLOCK_BYTES)

    @property
    def validators(self) -> dict[str, str]:
        """The headers that ask whether the file has changed; empty where its server does not tell versions."""
        etag, changed = self._response.headers.get("etag"), self._response.headers.get("last-modified")
        found = {"If-None-Match": etag, "If-Modified-Since": changed}
        return {name: value for name, value in found.items() if value}

    @property
    def size(self) -> int:
        """Bytes; a server that does not say is read to the end."""
        if self._size is None:
            self._fill(MOST_BYTES + 1)
            self._size = self._top
        return self._size

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; nothing is read yet."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place}.get(whence)
        self._place = max(0, offset + (self.size if base is None else base))
        return self._place

    def tell(self) -> int:
        """The byte that is read next."""
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Read up to the buffer's length; less at the end of a block."""
        wanted = len(buffer)
        if self._place >= self._top and self._parts:
            data = self._block(wanted)
        else:
            self._fill(self._place + wanted)
            self._spool.seek(self._place)
            data = self._spool.read(wanted)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        """Let connection and temporary file go."""
        if not self.closed:
            self._response.close()
            self._spool.close()
        super().close()

    def _block(self, wanted: int) -> bytes:
        """Bytes beyond what came first, out of a block that is asked for on its own."""
        if self._place >= self.size:
            return b""
        start = self._place - self._place % BLOCK_BYTES
        if start not in self._blocks:
            self._allowed()
            data = self._web.part(self._url, start, BLOCK_BYTES)
            if data is None or not data:
                raise Unfetchable(Wrong("its server stopped giving parts of it", "give the same command again"))
            self._blocks[start] = data
            self._read += len(data)
        return self._blocks[start][self._place - start :][:wanted]

    def _fill(self, until: int) -> None:
        """Read on from the top up to that byte, or to the end of what the server sends."""
        self._spool.seek(self._top)
        try:
            while self._top < until and (chunk := next(self._chunks, b"")):
                self._spool.write(chunk)
                self._top += len(chunk)
                self._read += len(chunk)
                self._allowed()
        except httpx.HTTPError as error:
            raise Unfetchable(_error_said(error)) from error

    def _allowed(self) -> None:
        if time.monotonic() > self._until or self._web.stopping.is_set():
            raise Unfetchable(_slow())
        if self._read > MOST_BYTES:
            problem = f"its server gives only the whole of it, and what it is does not show in {MOST_BYTES:,} bytes"
            raise Unfetchable(Wrong(problem, "put it where parts can be read (any CDN or object store)"))


def balance(account: Account) -> tuple[Balance | None, str | None]:
    """What is left on the account, and why it is not known: one of the two is None.

    Where the provider has no door for it, or opens it to other keys only, the reason says so. Raises Refused, in the
    provider's own words, when it refuses the key.
    """
    call = account.provider.balance_call(account.endpoint)
    if call is None:
        return None, f"{account.facts.title} tells no balance to an API key"
    try:
        response = httpx.request(
            call.method, call.url, headers=dict(call.headers), timeout=TIMEOUT_S, verify=trusting()
        )
    except httpx.HTTPError as error:
        return None, f"{account.facts.title} cannot be reached: {type(error).__name__}"
    headers = {name.lower(): value for name, value in response.headers.items()}
    answer = Answer(response.status_code, headers, response.content)
    told = account.provider.read_balance(answer)
    refused = told is None and answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    if refused and (scope := account.provider.balance_scope):
        return None, f"{account.facts.title} tells it only to a key of scope {scope} ({answer.status})"
    if refused:
        raise Refused(
            f"{account.facts.title} refuses the key: {answer.status} {response.text[:200]}",
            f"set {account.facts.key_variables[0]} to a key that works; nothing was bought",
        )
    if told is None:
        return None, f"{account.facts.title} answered {answer.status}: {response.text[:200]}"
    return told, None


def _anywhere() -> httpx.HTTPTransport:
    return httpx.HTTPTransport(verify=trusting(), limits=httpx.Limits(max_connections=64))


def _bounded(response: httpx.Response, most: int) -> Iterator[bytes]:
    left = most
    for chunk in response.iter_raw(BLOCK_BYTES):
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return


def _status_said(status: int) -> Wrong:
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Wrong(f"its server answers {status} just now", "this may pass: give the same command again")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Wrong(f"its server answers {status}", "make it public, or sign a link that outlives the campaign")
    return Wrong(f"its server answers {status}", "give the address of a file that is there")


def _error_said(error: Exception) -> Wrong:
    if isinstance(error, httpx.TimeoutException):
        return _slow()
    if isinstance(error, httpx.TooManyRedirects):
        return Wrong("its server sends from one address to the next without end", "give the last address itself")
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | UnicodeError):
        return Wrong("this is no web address", "write a whole one: https://example.com/shoe.jpg")
    said = visible(str(error)[:200]) or type(error).__name__
    return Wrong(f"it cannot be reached: {said}", "mend the address; if its server is only away, try again later")


def _slow() -> Wrong:
    return Wrong("its server does not answer in time", "this may pass: give the same command again")
