"""The desk's look at media: every address once, several at a time, while the rows stream by."""

import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self, cast

from jobs.media import MediaFacts, is_web
from ledger.shelf import Shelf
from producer.columns import Wrong
from producer.derived import Derived
from producer.fetch import Unfetchable, Web
from producer.fit import Fitting
from producer.fitter import Fitter
from producer.originals import Originals
from producer.remembered import Remembered
from producer.sniff import look
from producer.sources import Sources, measured
from producer.webfiles import WebFiles

#: Files that are looked at at the same time.
LOOKS_AT_ONCE: Final = 16
#: Bytes of a file on the web that are kept in memory while it is read; more goes to a temporary file.
IN_MEMORY_BYTES: Final = 1024 * 1024

#: What is asked for: an address, or what is to be made of the picture there.
Asked = str | Fitting
Seen = MediaFacts | Derived | Wrong


class Media:
    """What is known of each address; a context manager.

    `web` None fetches nothing: web addresses are then counted in `unlooked` and nothing is known of them. What no
    provider can fetch, `sources` opens: paths and objects of S3 are always looked at. Only what was seen stays.
    Images that are made of others lie in `spool`, unless `shelf` knows them from before.
    """

    def __init__(
        self,
        web: Web | None,
        sources: Sources,
        spool: Path,
        remembered: Remembered | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        self._web = web
        self._files = WebFiles(web, remembered, self._count) if web is not None else None
        self.sources = sources
        self._remembered = remembered
        self._pool = ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="media")
        self._lock = threading.Lock()
        self._known: dict[Asked, Seen | Future[Seen] | None] = {}
        self._fitter = Fitter(Originals(self._files, sources, spool, self._count), spool, shelf)
        #: Addresses that nobody looked at, files that were read, and those that were known and have not changed.
        self.unlooked = self.looked = self.recalled = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._web is not None:
            self._web.stopping.set()
        self._pool.shutdown(cancel_futures=True)
        if self._web is not None:
            self._web.close()
        self.save()

    def begin(self, campaign: str) -> None:
        """Read what is known of the campaign's files on the web."""
        if self._remembered is not None and self._web is not None:
            self._remembered.begin(campaign)

    def save(self) -> str | None:
        """Keep what was seen for the next plan; why it cannot be kept, where the store takes no writes."""
        return self._remembered.save() if self._remembered is not None else None

    def ask(self, asked: Asked) -> bool:
        """Begin to look at what is new. Answers whether `seen` would have to wait for it."""
        if asked not in self._known:
            self._known[asked] = self._begun(asked)
        found = self._known[asked]
        return isinstance(found, Future) and not found.done()

    def _begun(self, asked: Asked) -> Future[Seen] | None:
        uri = asked.uri if isinstance(asked, Fitting) else asked
        if not self.looks(uri):
            self.unlooked += 1
            return None
        if isinstance(asked, Fitting):
            return self._pool.submit(self._fitter.image, asked)
        if is_web(uri) and self._files is not None:
            return self._pool.submit(self._look, uri, self._files)
        return self._pool.submit(self._read, uri)

    def seen(self, asked: Asked) -> Seen | None:
        """What was asked for, or what is wrong with it; None when nobody looked."""
        found = self._known[asked]
        if isinstance(found, Future):
            self._known[asked] = found = found.result()
        return found

    def looks(self, uri: str) -> bool:
        """Whether addresses like this one are looked at."""
        return self._web is not None or not is_web(uri)

    def _read(self, written: str) -> Seen:
        """A file that will be stored: all of it is read, since its content is its name."""
        self._count(looked=1)
        try:
            with self.sources.opened(written) as file:
                size, sha256 = measured(file)
                facts = look(file, size)
        except Unfetchable as error:
            return error.wrong
        except OSError as error:
            return Wrong(f"it cannot be read: {error.strerror}", "give a file that can be read")
        return replace(facts, sha256=sha256) if isinstance(facts, MediaFacts) else facts

    def _look(self, url: str, files: WebFiles) -> Seen:
        with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
            return files.look(url, cast("BinaryIO", file))

    def _count(self, *, looked: int = 0, recalled: int = 0) -> None:
        with self._lock:
            self.looked += looked
            self.recalled += recalled
