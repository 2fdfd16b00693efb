"""The object store as the rest of the house sees it: one small interface, its errors, and the door that opens it.

What must outlive Redis lives here, in `file:///dir` (`ledger/files.py`) or `s3://bucket/prefix` (`ledger/s3.py`).
boto3 is heavy, so the S3 side is imported only when an `s3://` store is opened.
"""

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from jobs.errors import ObjectNotFound, StoreRefused

#: Bytes. The longest key that S3 takes.
LONGEST_KEY_BYTES: Final = 1024
#: Bytes. The longest name between two slashes that common file systems take.
LONGEST_NAME_BYTES: Final = 255

#: Bytes of an object that are in memory at once where it is read in pieces.
PIECE_BYTES: Final = 8 * 1024 * 1024

#: Seconds. What was begun so long ago and never finished was left by a crash: no write takes a day.
ABANDONED_AFTER_S: Final = 86_400.0

#: Control characters and lone surrogates.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

#: What nearly all keys are: names of plain letters, none of which begins with a dot.
_PLAIN: Final = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")

#: Small objects by their keys.
Notes = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """How to reach an S3 store. What is None comes from the usual AWS chain (environment, profile, instance role)."""

    endpoint_url: str | None = None
    region: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 30.0
    #: Tries of one request in all, the first included.
    max_attempts: int = 4


class ObjectStore(Protocol):
    """Durable bytes under slash-separated keys; every method is safe to call from many threads.

    Keys and prefixes are relative to the store. Any method may raise StoreUnavailable (a 5xx, a timeout, a lost
    connection after the client's own retries: the same call may succeed later) or StoreRefused (wrong key, missing
    bucket, full disk: repeating it changes nothing until a person acts), of `jobs/errors.py`.
    """

    @property
    def url(self) -> str:
        """The store's identity: absolute, normalised, without a trailing slash and without credentials."""
        ...

    def uri(self, key: str) -> str:
        """Return the object's full address, as a manifest names it (`s3://bucket/prefix/key`, `file:///dir/key`)."""
        ...

    def put(self, key: str, data: bytes, *, content_type: str = "application/json", if_absent: bool = False) -> bool:
        """Store the bytes; they are durable when this returns True.

        With `if_absent` an object that is there is never overwritten, and the answer is False. A client that
        retried after a lost answer may see its own first write: compare the content before believing in a rival.
        """
        ...

    def put_file(self, key: str, path: Path, *, content_type: str, sha256: str, notes: Notes | None = None) -> None:
        """Stream a local file into the store, over what is there; `sha256` (hex) becomes metadata on S3.

        A file at a `landing` for this key is taken over and is gone afterwards. `notes` are small objects (JSON) that
        tell of it: put after it, and as durable when this returns.
        """
        ...

    def landing(self, key: str) -> Path | None:
        """Return a fresh place from which `put_file` takes a file without a copy, or None if the store is elsewhere.

        Who asks for it removes what it leaves there.
        """
        ...

    def get(self, key: str) -> bytes:
        """Return the whole object; raise ObjectNotFound."""
        ...

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start`: fewer at the end, none past it; raise ObjectNotFound."""
        ...

    def exists(self, key: str) -> bool:
        """Tell whether there is an object under the key."""
        ...

    def size(self, key: str) -> int:
        """Return the object's size in bytes; raise ObjectNotFound."""
        ...

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield every key that starts with the prefix (a string, not a folder), however many there are.

        The keys of one folder come together; beyond that stores differ in how they sort.
        """
        ...

    def shelves(self, prefix: str = "") -> Iterator[str]:
        """Yield the names of the folders directly inside the folder `prefix`, without reading what they hold.

        A folder whose last object was deleted may still be named.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove the object; removing what is not there is no error."""
        ...

    def presign(self, key: str, expires_s: int) -> str:
        """Return a link that a browser can open: signed and expiring on S3, the plain `file:` URL for files."""
        ...

    def local_path(self, key: str) -> Path | None:
        """Return where the object lies on this machine's disk, or None if the store is elsewhere."""
        ...

    def sweep(self) -> None:
        """Remove unfinished writes of ours that are a day old and were left by crashes."""
        ...

    def probe_if_absent(self) -> bool:
        """Try for real whether the store itself honours `if_absent` between rivals; many S3 look-alikes ignore it."""
        ...


def open_store(url: str, *, s3: S3Options | None = None) -> ObjectStore:
    """Open `file:///absolute/dir` or `s3://bucket/prefix`; nothing is read or written yet.

    Raises StoreRefused when the URL is neither, with what would be right.
    """
    scheme, separator, rest = url.partition("://")
    if scheme == "file" and separator:
        from ledger.files import FileStore  # noqa: PLC0415 - files.py imports this module's contract

        return FileStore(rest)
    if scheme == "s3" and separator:
        from ledger.s3 import S3Store  # noqa: PLC0415 - boto3 costs 100 ms, and file stores never need it

        return S3Store(rest, s3 or S3Options())
    raise StoreRefused(f"store {url!r} is not understood", hint="write file:///absolute/folder or s3://bucket/prefix")


def pieces(store: ObjectStore, key: str) -> Iterator[bytes]:
    """The object's bytes, a bounded piece at a time, however long it is. Raises ObjectNotFound."""
    for start in range(0, store.size(key), PIECE_BYTES):
        yield store.get_range(key, start, PIECE_BYTES)


@contextmanager
def as_file(store: ObjectStore, key: str) -> Iterator[Path]:
    """The object as a local file: itself where the store is files, else a copy for as long as the block lasts.

    Raises ObjectNotFound.
    """
    if (here := store.local_path(key)) is not None:
        if not here.exists():
            raise ObjectNotFound(f"{store.uri(key)} is not there")
        yield here
        return
    with tempfile.NamedTemporaryFile(prefix="wanbatch-", suffix=PurePosixPath(key).suffix) as copy:
        copy.writelines(pieces(store, key))
        copy.flush()
        yield Path(copy.name)


def check_key(key: str) -> str:
    """Return the key if every store can hold it under exactly this name, else raise StoreRefused saying why not."""
    if len(key) <= LONGEST_NAME_BYTES and _PLAIN.fullmatch(key):
        return key
    for problem in _problems(key):
        raise StoreRefused(f"{key!r} cannot be an object's key: {problem}")
    return key


def is_hidden(key: str) -> bool:
    """Tell whether the key belongs to the store's own housekeeping (`.tmp`, `.ledger`, ...) and is no object."""
    return key.startswith(".")


def _problems(key: str) -> Iterator[str]:
    """Say what is wrong with a key, one thing after the other."""
    names = key.split("/")
    if _UNPRINTABLE.search(key):
        yield "it holds a control character or half of a surrogate pair"
    if "" in names:
        yield "it is empty, begins or ends with a slash, or has two slashes together"
    if "." in names or ".." in names:
        yield "it has a step '.' or '..' in it"
    if is_hidden(key):
        yield "names that begin with a dot are the store's own"
    if len(key.encode()) <= LONGEST_NAME_BYTES:
        return
    if len(key.encode()) > LONGEST_KEY_BYTES:
        yield f"it is longer than {LONGEST_KEY_BYTES} bytes"
    if any(len(name.encode()) > LONGEST_NAME_BYTES for name in names):
        yield f"a name in it is longer than {LONGEST_NAME_BYTES} bytes"
