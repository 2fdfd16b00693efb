"""Whole pictures, of which others are made: each is fetched once while it is among those last used."""

import hashlib
import io
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from jobs.media import MediaFacts, is_web
from producer.columns import Wrong
from producer.fetch import MOST_BYTES, Unfetchable, Web
from producer.remembered import Remembered
from producer.sniff import look
from producer.sources import PIECE_BYTES, Sources, measured

#: Pictures out of the web that lie in temporary files at a time; a row asks for all its ratios of one at once.
KEPT: Final = 32

_CHANGED: Final = Wrong("it has just changed", "give the same command again")


def whole(url: str) -> str:
    """The name under which a picture is remembered of which all was read."""
    return f"whole {url}"


class Original(NamedTuple):
    """What is known of a picture, its SHA-256 included, and how its bytes are had (which raises Unfetchable)."""

    facts: MediaFacts
    sha256: str
    read: Callable[[], bytes]


class Originals:
    """Opens pictures on the web, in files and in S3; safe to use from many threads.

    Copies of pictures out of the web lie in `spool` for a while; `count` is told of every look (`looked`) and of
    everything that was only remembered (`recalled`).
    """

    def __init__(
        self,
        web: Web | None,
        sources: Sources,
        remembered: Remembered | None,
        spool: Path,
        count: Callable[..., None],
    ) -> None:
        self._web = web
        self._sources = sources
        self._remembered = remembered
        self._spool = spool
        self._count = count
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Future[Original | Wrong]] = OrderedDict()

    def get(self, uri: str) -> Original | Wrong:
        """The picture; whoever asks while another thread fetches it waits for that one."""
        with self._lock:
            found = self._known.get(uri)
            mine = found is None
            if found is None:
                found = self._known[uri] = Future()
                if len(self._known) > KEPT:
                    oldest, _ = self._known.popitem(last=False)
                    self._copy(oldest).unlink(missing_ok=True)
            self._known.move_to_end(uri)
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
        before = self._remembered.recall(whole(url)) if self._remembered is not None else None
        if before is not None and before.fresh:
            self._count(recalled=1)
            return self._on_demand(url, before.facts)
        self._count(looked=1)
        fetched = self._fetch(url, before.validators if before else {})
        if isinstance(fetched, Wrong):
            return fetched
        if fetched is not None:
            return self._on_demand(url, fetched[0])
        if before is None:
            return Wrong("its server says that it has not changed, but nobody had it", "mend its server")
        return self._on_demand(url, before.facts)

    def _on_demand(self, url: str, facts: MediaFacts) -> Original:
        """A picture of the web whose copy may be gone, or may never have been there: it is then fetched anew."""
        sha256 = facts.sha256 or ""

        def read() -> bytes:
            with suppress(FileNotFoundError):
                return self._copy(url).read_bytes()
            fetched = self._fetch(url, {})
            if isinstance(fetched, Wrong):
                raise Unfetchable(fetched)
            if fetched is None or fetched[0].sha256 != sha256:
                raise Unfetchable(_CHANGED)
            return fetched[1]

        return Original(replace(facts, sha256=None), sha256, read)

    def _fetch(self, url: str, validators: dict[str, str]) -> tuple[MediaFacts, bytes] | Wrong | None:
        """Fetch all of a picture, and lay a copy down; None when it is what the validators say."""
        if self._web is None:
            raise ValueError("nothing is fetched here")
        found = self._web.open(url, validators, whole=True)
        if found is None:
            return None
        with found:
            if found.size > MOST_BYTES:
                problem = f"the picture has {found.size / 1_000_000:.6g} MB, too much to make another image of it here"
                return Wrong(problem, f"give one of at most {MOST_BYTES // 1_000_000} MB")
            data = b"".join(iter(lambda: found.read(PIECE_BYTES), b""))
        file = io.BytesIO(data)
        size, sha256 = measured(file)
        facts = look(file, size)
        if isinstance(facts, Wrong):
            return facts
        facts = replace(facts, sha256=sha256)
        self._spool.mkdir(parents=True, exist_ok=True)
        partial = self._spool / f"{secrets.token_hex(8)}.partial"
        partial.write_bytes(data)
        partial.replace(self._copy(url))
        if self._remembered is not None:
            self._remembered.keep(whole(url), facts, found.validators)
        return facts, data

    def _copy(self, url: str) -> Path:
        return self._spool / f"{hashlib.sha256(url.encode('utf-8', 'surrogatepass')).hexdigest()}.original"
