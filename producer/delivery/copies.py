"""Copies of videos: streamed out of the store, a piece at a time, with the word that a machine made them."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from jobs.disclosure import disclose
from jobs.errors import ObjectNotFound
from jobs.mp4 import Malformed
from ledger.objects import ObjectStore, pieces


class NotCopied(Exception):
    """There is no copy to be had of what lies in the store; the message is a clause for a person."""


class Copy(NamedTuple):
    """A copy's own SHA-256 in hex and its size."""

    sha256: str
    bytes: int


def fill(path: Path, store: ObjectStore, key: str, *, sha256: str, identifier: str | None) -> Copy:
    """Copy a video out of the store into a file; under its identifier the copy says that a machine made it.

    Raises NotCopied where the stored bytes are missing or not those of `sha256`, or the copy cannot say so.
    """
    digest = hashlib.sha256()
    try:
        with path.open("w+b") as out:
            for piece in pieces(store, key):
                digest.update(piece)
                out.write(piece)
            if digest.hexdigest() != sha256:
                raise NotCopied("what lies in the store is not the video that its record tells of")
            if identifier is not None:
                digest.update(disclose(out, identifier))
            return Copy(digest.hexdigest(), out.tell())
    except ObjectNotFound as error:
        raise NotCopied("its video is no longer in the store") from error
    except Malformed as error:
        raise NotCopied(
            f"it cannot say that a machine made it: {error} (--no-ai-disclosure copies it as it is)"
        ) from error


def sha256_of(store: ObjectStore, key: str) -> str:
    """The SHA-256 of an object as it lies there, in hex. Raises ObjectNotFound."""
    digest = hashlib.sha256()
    for piece in pieces(store, key):
        digest.update(piece)
    return digest.hexdigest()
