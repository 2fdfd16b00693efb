"""The object store on a local disk: an object is a plain file that its owner can open, copy and back up.

An object appears whole or not at all: it is written and synced under another name (small ones beside their place, files
under `.tmp`), then linked or renamed into place.
"""

import errno
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from jobs.errors import ObjectNotFound, StoreRefused, StoreUnavailable
from ledger.abandoned import sweep, sweep_daily
from ledger.disk import UNFINISHED, folder_of, give_name, is_beside, make_folder, put, remove, sync, unfinished
from ledger.objects import Notes, check_key, is_hidden

_PASSING = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY, errno.EMFILE, errno.ENFILE}
_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space, then repeat the command",
    errno.EDQUOT: "the disk quota is used up: free some space, then repeat the command",
    errno.EROFS: "the disk is read-only: mount it for writing, or choose another --store",
    errno.EACCES: "this user may not do that: give it the right to the folder, or choose another --store",
    errno.EPERM: "this user or file system does not allow that: choose another --store",
    errno.EOPNOTSUPP: "this file system has no hard links: put the store on another disk, or use s3://",
    errno.ENOTDIR: "a part of its path is a file, not a folder: move that file away",
    errno.EISDIR: "there is a folder where the object should be: move that folder away",
}


class FileStore:
    """The `file:///dir` store; `place` is what follows `file://`. The folder is made by the first write."""

    def __init__(self, place: str) -> None:
        path = unquote(place.removeprefix("localhost"))
        if not path.startswith("/"):
            raise StoreRefused(f"store 'file://{place}' is not absolute", hint="write file:///full/path/to/folder")
        self._root = Path(path).resolve()
        self._folder = str(self._root)
        # What the objects' URLs begin with.
        self._uris = (self._root / "x").as_uri().removesuffix("x")
        self._temp = self._root / ".tmp"
        self._swept = False

    @property
    def url(self) -> str:
        """The folder as an absolute `file:` URL, symbolic links resolved."""
        return self._root.as_uri()

    def uri(self, key: str) -> str:
        """Return the file's `file:` URL."""
        return self._uris + quote(check_key(key))

    def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = "application/json",  # noqa: ARG002 - a plain file has no content type
        if_absent: bool = False,
    ) -> bool:
        """Write and sync the bytes, then name them; with `if_absent` answer False if the name was taken."""
        target = self._place(key)
        with self._explained("write", key):
            named = put(target, data, if_absent=if_absent)
            if named:
                sync(folder_of(target))
            return named

    def put_file(
        self,
        key: str,
        path: Path,
        *,
        content_type: str,  # noqa: ARG002 - a plain file has no content type
        sha256: str,  # noqa: ARG002 - nor other metadata; the record holds the hash
        notes: Notes | None = None,
    ) -> None:
        """Copy the file (in the kernel where it can) unless it lies beside its place; sync it, and put it there.

        Notes get their names after it, and the folder that they share is synced once.
        """
        target = self._place(key)
        with self._explained("write", key):
            if is_beside(str(path), target):
                sync(str(path))
                give_name(str(path), target)
            else:
                self._copy(path, target)
            folders = {folder_of(target)}
            for note, data in (notes or {}).items():
                place = self._place(note)
                put(place, data)
                folders.add(folder_of(place))
            for folder in folders:
                sync(folder)

    def landing(self, key: str) -> Path:
        """Return a new name beside the file's place, in a folder that is there."""
        target = self._place(key)
        with self._explained("write", key):
            make_folder(folder_of(target))
        return Path(unfinished(target))

    def get(self, key: str) -> bytes:
        """Return the file's bytes."""
        path = self._path(key)
        with self._explained("read", key):
            return path.read_bytes()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return a part of the file."""
        path = self._path(key)
        with self._explained("read", key), path.open("rb") as file:
            file.seek(start)
            return file.read(length)

    def exists(self, key: str) -> bool:
        """Tell whether there is a file of that name."""
        try:
            self.size(key)
        except ObjectNotFound:
            return False
        return True

    def size(self, key: str) -> int:
        """Return the file's size in bytes."""
        path = self._path(key)
        with self._explained("read", key):
            facts = path.stat()
            if stat.S_ISDIR(facts.st_mode):
                raise IsADirectoryError
            return facts.st_size

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the names of all files that start with the prefix, sorted as S3 sorts them."""
        folder, slash, _ = prefix.rpartition("/")
        with self._explained("list", prefix):
            for key in self._walk(folder + slash):
                if key.startswith(prefix):
                    yield key

    def shelves(self, prefix: str = "") -> Iterator[str]:
        """Yield the names of the folders directly inside a folder."""
        folder = prefix.strip("/")
        with self._explained("list", prefix):
            entries = _entries(self._root / folder if not folder else self._path(folder))
        for name, is_folder in entries:
            if is_folder and (folder or not is_hidden(name)):
                yield name.removesuffix("/")

    def delete(self, key: str) -> None:
        """Remove the file; its folder stays."""
        with self._explained("delete", key):
            self._path(key).unlink(missing_ok=True)

    def presign(self, key: str, expires_s: int) -> str:  # noqa: ARG002 - a local file needs no signature
        """Return the file's `file:` URL: whoever may read the folder may open it."""
        return self.uri(key)

    def local_path(self, key: str) -> Path | None:
        """Return the file's absolute path."""
        return self._path(key)

    def sweep(self) -> None:
        """Remove old files under `.tmp`, and once a day those beside the objects: that reads every folder."""
        with self._explained("sweep", ".tmp"):
            sweep(self._temp)
            sweep_daily(self._root, f"**/{UNFINISHED}*", self._temp)

    def probe_if_absent(self) -> bool:
        """Link a probe file twice in the store's folder: the second must be refused."""
        target = str(self._temp / f"probe-{uuid.uuid4().hex}")
        with self._explained("probe", ".tmp"):
            self._make_temp()
            try:
                return put(target, b"", if_absent=True) and not put(target, b"", if_absent=True)
            except OSError as error:
                if error.errno in {errno.EPERM, errno.EOPNOTSUPP}:
                    return False
                raise
            finally:
                remove(target)

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _place(self, key: str) -> str:
        """The same as a text, where it has to be quick."""
        return f"{self._folder}/{check_key(key)}"

    def _walk(self, folder: str) -> Iterator[str]:
        """Yield the keys below `folder` ('' or ending in a slash), depth first, in the order of the whole keys."""
        for name, is_folder in _entries(self._root / folder):
            if not folder and is_hidden(name):
                continue
            if is_folder:
                yield from self._walk(folder + name)
            elif not name.startswith(UNFINISHED):
                yield folder + name

    def _copy(self, path: Path, target: str) -> None:
        """Copy a file by way of a fresh name under `.tmp`, where nothing is left if that fails."""
        self._make_temp()
        temp = str(self._temp / uuid.uuid4().hex)
        try:
            shutil.copyfile(path, temp)
            sync(temp)
            make_folder(folder_of(target))
            give_name(temp, target)
        except BaseException:
            remove(temp)
            raise

    def _make_temp(self) -> None:
        if not self._swept:
            make_folder(str(self._temp))
            sweep(self._temp)
            self._swept = True

    def _explained(self, verb: str, key: str) -> "_Explained":
        return _Explained(self._root, verb, key)


@dataclass(frozen=True, slots=True)
class _Explained:
    """Turns the operating system's errors in its block into the store's, with what to do."""

    root: Path
    verb: str
    key: str

    def __enter__(self) -> None:
        """Nothing has gone wrong yet."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Raises ObjectNotFound, StoreRefused or StoreUnavailable for an OSError."""
        if not isinstance(error, OSError):
            return
        url = self.root.as_uri()
        if self.verb == "read" and isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
            raise ObjectNotFound(f"{url} has no object {self.key!r}") from error
        what = f"could not {self.verb} {self.key!r} in {url}: {error.strerror or error}"
        if error.errno in _PASSING:
            raise StoreUnavailable(what, hint="this may pass: the same command tries again") from error
        hint = _ADVICE.get(error.errno or 0, "look at the folder and its disk, then repeat the command")
        raise StoreRefused(what, hint=hint) from error


def _entries(folder: Path) -> list[tuple[str, bool]]:
    """List a folder as (name, is a folder); folders end in a slash, so that names sort as whole keys do."""
    try:
        with os.scandir(folder) as entries:
            listed = [(entry.name + "/", True) if entry.is_dir() else (entry.name, False) for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(listed)
