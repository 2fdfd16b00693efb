"""The one HTTP client of the workshop: the POST that buys, the GETs that ask, and the download that streams.

The POST is plain httpx on a fresh connection, without redirects or retries, because only then does an error tell
"never sent" from "perhaps bought" (docs/decisions/0003). GETs are free to repeat and go through aiohttp, which costs a
fifth of the CPU.
"""

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx
from httpx_aiohttp import AiohttpTransport

from providers.contract import Answer, Call

#: Seconds. A POST without an answer by then is lost; a worker that is told to stop waits as long for it.
POST_TIMEOUT_S = 20.0
CONNECT_TIMEOUT_S = 5.0
#: Seconds for one GET that asks after a render.
ASK_TIMEOUT_S = 10.0
#: Seconds without a byte of a video.
STALL_TIMEOUT_S = 30.0
#: No answer of an API is longer; more of it is not read.
LONGEST_ANSWER_BYTES = 2 * 1024 * 1024
#: No 15-second video is larger.
LARGEST_VIDEO_BYTES = 2 * 1024 * 1024 * 1024
CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the request left this machine: nothing was bought."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The request left, or may have left, and no whole answer came back."""

    reason: str


@dataclass(frozen=True, slots=True)
class Download:
    """A file that came whole: its size and SHA-256."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class NoDownload:
    """The file did not come. `gone`: the link has expired or leads nowhere, so the same link will not help."""

    reason: str
    gone: bool


class Stopped(Exception):
    """The worker was told to stop in the middle of a download."""


class Wire:
    """Connections of one worker process; safe to use from many threads."""

    def __init__(self) -> None:
        fresh = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._buyer = httpx.Client(
            transport=httpx.HTTPTransport(limits=fresh, retries=0),
            timeout=httpx.Timeout(POST_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            follow_redirects=False,
        )
        self._fetcher = httpx.Client(
            timeout=httpx.Timeout(STALL_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=16),
            follow_redirects=True,
            max_redirects=5,
        )

    def close(self) -> None:
        """Let the connections go."""
        self._buyer.close()
        self._fetcher.close()

    def post(self, call: Call) -> Answer | NotSent | NoAnswer:
        """Send the one POST; every failure says whether it was sent."""
        began = time.monotonic()
        try:
            with self._buyer.stream(call.method, call.url, headers=dict(call.headers), json=call.body) as response:
                body = b"".join(_bounded(response, LONGEST_ANSWER_BYTES, until=began + POST_TIMEOUT_S))
                return Answer(response.status_code, _lower(response), body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return NotSent(f"{type(error).__name__}: {error}")
        except (httpx.HTTPError, _TooLongError) as error:
            return NoAnswer(f"{type(error).__name__}: {error}")

    def download(self, url: str, path: Path, *, stop: Callable[[], bool]) -> Download | NoDownload:
        """Stream a file to `path`, hashing on the way; raises Stopped when `stop()` says so."""
        digest, size = hashlib.sha256(), 0
        try:
            with self._fetcher.stream("GET", url) as response, path.open("wb") as file:
                if response.status_code != HTTPStatus.OK:
                    gone = response.is_client_error and response.status_code != HTTPStatus.TOO_MANY_REQUESTS
                    return NoDownload(f"the link answers {response.status_code}", gone=gone)
                for chunk in _bounded(response, LARGEST_VIDEO_BYTES):
                    if stop():
                        raise Stopped
                    digest.update(chunk)
                    size += file.write(chunk)
        except httpx.InvalidURL as error:
            return NoDownload(f"the link is no URL: {error}", gone=True)
        except (httpx.HTTPError, _TooLongError) as error:
            return NoDownload(f"{type(error).__name__}: {error}", gone=False)
        return Download(size, digest.hexdigest())


class Asker:
    """The pump's client for GETs; lives on the pump's own event loop."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(transport=AiohttpTransport(), timeout=ASK_TIMEOUT_S, follow_redirects=False)

    async def ask(self, call: Call) -> Answer | NoAnswer:
        """One GET; any failure is no news."""
        body = bytearray()
        try:
            async with (
                asyncio.timeout(ASK_TIMEOUT_S),
                self._client.stream(call.method, call.url, headers=dict(call.headers), json=call.body) as response,
            ):
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > LONGEST_ANSWER_BYTES:
                        return NoAnswer(f"more than {LONGEST_ANSWER_BYTES} bytes")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return NoAnswer(f"{type(error).__name__}: {error}")
        return Answer(response.status_code, _lower(response), bytes(body))

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.aclose()


class _TooLongError(Exception):
    """More bytes, or more time, than any honest answer takes."""


def _bounded(response: httpx.Response, most_bytes: int, until: float = math.inf) -> Iterator[bytes]:
    """The body in chunks: no more than so many bytes, none after `until` on the monotonic clock."""
    total = 0
    for chunk in response.iter_bytes(CHUNK_BYTES):
        total += len(chunk)
        if total > most_bytes:
            raise _TooLongError(f"more than {most_bytes} bytes")
        if time.monotonic() > until:
            raise _TooLongError("the answer came too slowly")
        yield chunk


def _lower(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}
