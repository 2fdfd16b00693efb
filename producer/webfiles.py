"""Files on the web by their content: each is read whole once, and then only asked whether it is another by now.

Only a strong ETag is believed about that. A weak one, a date or a length may stay while the bytes change, and what is
not noticed would not be bought: where a server tells no more, all of it is read for every plan.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO, Final

from jobs.media import MediaFacts
from producer.columns import Wrong
from producer.fetch import Unfetchable, Web
from producer.remembered import Remembered
from producer.sniff import look
from producer.sources import LARGEST_BYTES, measured

#: Seconds that a whole file may take.
WITHIN_S: Final = 120.0

_TOO_LARGE: Final = Wrong(f"the file has more than {LARGEST_BYTES // 1_000_000} MB", "no render takes that")
_NEVER_HAD: Final = Wrong("its server says that it has not changed, but nobody had it", "mend its server")


class WebFiles:
    """Looks at files on the web; safe to use from many threads. `count` is told of what was read (`looked`) and of what
    was known and has not changed (`recalled`).
    """

    def __init__(self, web: Web, remembered: Remembered | None, count: Callable[..., None]) -> None:
        self._web = web
        self._remembered = remembered
        self._count = count

    def look(self, url: str, to: BinaryIO, *, anew: bool = False) -> MediaFacts | Wrong:
        """What the file is, its SHA-256 included. It is written to `to`, unless it is known and has not changed; `anew`
        has it read in any case.
        """
        before = self._remembered.recall(url) if self._remembered is not None and not anew else None
        try:
            fetched = self._web.download(
                url, to, most_bytes=LARGEST_BYTES, too_large=_TOO_LARGE, within_s=WITHIN_S,
                etag=before.etag if before else None,
            )  # fmt: skip
            if not fetched.sent:
                return self._known(url, before.facts, fetched.etag) if before and fetched.etag else _NEVER_HAD
            size, sha256 = measured(to)
            facts = look(to, size)
        except Unfetchable as error:
            return error.wrong
        finally:
            to.seek(0)
        self._count(looked=1)
        if isinstance(facts, Wrong):
            return facts
        return self._kept(url, replace(facts, sha256=sha256), fetched.etag)

    def _known(self, url: str, facts: MediaFacts, etag: str) -> MediaFacts:
        self._count(recalled=1)
        return self._kept(url, facts, etag)

    def _kept(self, url: str, facts: MediaFacts, etag: str | None) -> MediaFacts:
        if self._remembered is not None:
            self._remembered.keep(url, facts, etag)
        return facts
