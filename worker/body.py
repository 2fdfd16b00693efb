"""The body of an answer, bounded as sent and as unpacked: a few bytes may unpack to gigabytes."""

import zlib
from collections.abc import Iterator, Mapping

from worker.exchange import Exchange

#: No answer of an API is longer; more of it is not read.
LONGEST_ANSWER_BYTES = 2 * 1024 * 1024


class Unreadable(Exception):
    """More bytes than any honest answer has, or a body that cannot be unpacked."""


def bounded(exchange: Exchange, most_bytes: int) -> Iterator[bytes]:
    """The body in chunks, no more than so many bytes."""
    total = 0
    for chunk in exchange.chunks():
        total += len(chunk)
        if total > most_bytes:
            raise Unreadable(f"more than {most_bytes} bytes")
        yield chunk


def unpacked(headers: Mapping[str, str], raw: bytes) -> bytes:
    """The body without its Content-Encoding, within the same bound: a few bytes may unpack to gigabytes."""
    if headers.get("content-encoding", "identity").lower() not in ("gzip", "deflate"):
        return raw
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # either header
    try:
        body = unpacking.decompress(raw, LONGEST_ANSWER_BYTES)
    except zlib.error as error:
        raise Unreadable(f"the body cannot be unpacked: {error}") from error
    if unpacking.unconsumed_tail:
        raise Unreadable(f"more than {LONGEST_ANSWER_BYTES} bytes, packed into {len(raw)}")
    return body
