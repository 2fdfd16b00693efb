"""Whole pictures, of which others are made: each is fetched once while it is among the last ones."""

import hashlib
import io
import secrets
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from jobs.media import MediaFacts, is_web
from producer.columns import Wrong
from producer.fetch import Unfetchable
from producer.sniff import look
from producer.sources import Sources, measured
from producer.webfiles import WebFiles

#: Bytes of a picture on the web of which another image is made, at most.
MOST_BYTES: Final = 32 * 1024 * 1024
#: Pictures out of the web that lie in temporary files at a time; a row asks for all its ratios of one at once.
KEPT: Final = 32

_CHANGED: Final = Wrong("it has just changed", "give the same command again")


class Original(NamedTuple):
    """What is known of a picture, its SHA-256 included, and how its bytes are had (which raises Unfetchable)."""

    facts: MediaFacts
    sha256: str
    read: Callable[[], bytes]


class Originals:
    """Opens pictures on the web, in files and in S3; safe to use from many threads.

    Copies of pictures out of the web lie in `spool` for a while; `count` is told of every look (`looked`).
    """

    def __init__(
        self,
        files: WebFiles | None,
        sources: Sources,
        spool: Path,
        count: Callable[..., None],
    ) -> None:
        self._files = files
        self._sources = sources
        self._spool = spool
        self._count = count
        self._lock = threading.Lock()
        self._known: dict[str, Future[Original | Wrong]] = {}
        self._laid: deque[str] = deque()

    def get(self, uri: str) -> Original | Wrong:
        """The picture; whoever asks while another thread fetches it waits for that one."""
        with self._lock:
            found = self._known.get(uri)
            mine = found is None
            if found is None:
                found = self._known[uri] = Future()
        if mine:
            try:
                found.set_result(self._seen(uri))
            except BaseException as error:
                found.set_exception(error)
                raise
        return found.result()

    def _seen(self, uri: str) -> Original | Wrong:
        try:
            if is_web(uri):
                return self._of_web(uri)
            self._count(looked=1)
            with self._sources.opened(uri) as file:
                size, sha256 = measured(file)
                facts = look(file, size)
        except Unfetchable as error:
            return error.wrong
        except OSError as error:
            return Wrong(f"it cannot be read: {error.strerror}", "give a file that can be read")
        return facts if isinstance(facts, Wrong) else Original(facts, sha256, lambda: self._read(uri, sha256))

    def _read(self, written: str, sha256: str) -> bytes:
        with self._sources.opened(written) as file:
            if measured(file)[1] != sha256:
                raise Unfetchable(_CHANGED)
            return file.read()

    def _of_web(self, url: str) -> Original | Wrong:
        if self._files is None:
            raise ValueError("nothing is fetched here")
        facts = self._fetched(url, self._files)
        return facts if isinstance(facts, Wrong) else self._on_demand(url, facts, self._files)

    def _on_demand(self, url: str, facts: MediaFacts, files: WebFiles) -> Original:
        """A picture of the web whose copy may be gone, or may never have been there: it is then fetched anew."""
        sha256 = facts.sha256 or ""

        def read() -> bytes:
            with suppress(FileNotFoundError):
                return self._copy(url).read_bytes()
            file = io.BytesIO()
            again = files.look(url, file, anew=True)
            if isinstance(again, Wrong):
                raise Unfetchable(again)
            if again.sha256 != sha256:
                raise Unfetchable(_CHANGED)
            return file.getvalue()

        return Original(facts, sha256, read)

    def _fetched(self, url: str, files: WebFiles) -> MediaFacts | Wrong:
        """What a picture is; a copy of it is laid down where it came."""
        self._spool.mkdir(parents=True, exist_ok=True)
        partial = self._spool / f"{secrets.token_hex(8)}.partial"
        try:
            with partial.open("w+b") as file:
                facts = files.look(url, file)
            if isinstance(facts, MediaFacts) and facts.size_bytes > MOST_BYTES:
                problem = f"the picture has {facts.size_bytes / 1_000_000:.6g} MB, too much to make another image of it"
                return Wrong(problem, f"give one of at most {MOST_BYTES // 1_000_000} MB")
            if partial.stat().st_size:
                self._lay(partial, url)
            return facts
        finally:
            partial.unlink(missing_ok=True)

    def _lay(self, partial: Path, url: str) -> None:
        with self._lock:
            partial.replace(self._copy(url))
            self._laid.append(url)
            if len(self._laid) > KEPT:
                self._copy(self._laid.popleft()).unlink(missing_ok=True)

    def _copy(self, url: str) -> Path:
        return self._spool / f"{hashlib.sha256(url.encode('utf-8', 'surrogatepass')).hexdigest()}.original"
