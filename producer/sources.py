"""Files that wanbatch itself reads, from this machine or from S3, since a provider cannot; they are kept by content."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast
from urllib.parse import unquote, urlsplit

from jobs.errors import ObjectNotFound, StoreRefused, StoreUnavailable
from ledger.objects import ObjectStore, pieces
from producer.columns import Wrong
from producer.fetch import Unfetchable

#: Bytes; nothing larger goes into a render.
LARGEST_BYTES: Final = 100_000_000
#: Bytes that are read at a time, and that stay in memory of an object out of S3.
PIECE_BYTES: Final = 8 * 1024 * 1024

OpenBucket = Callable[[str], ObjectStore]


class Sources:
    """Opens paths (relative to `base`) and `s3://bucket/key`; the buckets are opened by `bucket`, once each."""

    def __init__(self, base: Path, bucket: OpenBucket | None = None) -> None:
        self.base = base
        self._bucket = bucket
        self._buckets: dict[str, ObjectStore] = {}

    @contextmanager
    def opened(self, written: str) -> Iterator[BinaryIO]:
        """The file, from its first byte; raises Unfetchable with what to tell the person."""
        if written.lower().startswith("s3://"):
            with tempfile.SpooledTemporaryFile(PIECE_BYTES) as file:
                self._copy(written, cast("BinaryIO", file))
                file.seek(0)
                yield cast("BinaryIO", file)
            return
        path = self.path(written)
        try:
            if path.exists() and not path.is_file():
                raise Unfetchable(Wrong(f"{path} is no file", "name a file"))
            file_here = path.open("rb")
        except FileNotFoundError:
            fix = f"paths count from {self.base}; a web address begins with https://"
            raise Unfetchable(Wrong(f"there is no file {path}", fix)) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise Unfetchable(Wrong(f"{path} cannot be read: {reason}", "make it readable")) from error
        with file_here:
            yield file_here

    def path(self, written: str) -> Path:
        """Where a path or `file://` address of the matrix leads."""
        if written.lower().startswith("file://"):
            return Path(unquote(urlsplit(written).path))
        return self.base / written

    def _copy(self, written: str, to: BinaryIO) -> None:
        name, _, key = written[len("s3://") :].partition("/")
        try:
            bucket = self._opened_bucket(name)
            size = bucket.size(key)
            if size > LARGEST_BYTES:
                raise Unfetchable(Wrong(f"the object has {size / 1_000_000:.6g} MB", "no render takes above 100 MB"))
            to.writelines(pieces(bucket, key))
        except ObjectNotFound:
            raise Unfetchable(Wrong(f"there is no object {written}", "name one that is there")) from None
        except StoreUnavailable as error:
            fix = "this may pass: give the same command again"
            raise Unfetchable(Wrong(f"its store does not answer: {error.message}", fix)) from error
        except StoreRefused as error:
            raise Unfetchable(Wrong(error.message, error.hint or "see `wanbatch check`")) from error

    def _opened_bucket(self, name: str) -> ObjectStore:
        if self._bucket is None:
            raise Unfetchable(Wrong("no S3 store is set up here", "give a path or an https:// address"))
        if name not in self._buckets:
            self._buckets[name] = self._bucket(name)
        return self._buckets[name]


def measured(file: BinaryIO) -> tuple[int, str]:
    """Size in bytes and SHA-256 of a file, which is left at its start; raises Unfetchable for one that is too large."""
    digest, size = hashlib.sha256(), 0
    file.seek(0)
    while piece := file.read(PIECE_BYTES):
        digest.update(piece)
        size += len(piece)
        if size > LARGEST_BYTES:
            raise Unfetchable(Wrong(f"the file has more than {LARGEST_BYTES // 1_000_000} MB", "no render takes that"))
    file.seek(0)
    return size, digest.hexdigest()
