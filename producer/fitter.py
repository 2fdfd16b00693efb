"""Pictures as the rows want them: as they are where that will do, else the image that was or is now made of them."""

import hashlib
import threading
from dataclasses import replace
from pathlib import Path
from typing import Final

from jobs.media import MediaFacts, is_web
from jobs.ratio import is_near
from ledger.shelf import Shelf
from producer.columns import Wrong
from producer.derived import Derived, recall
from producer.fetch import Unfetchable
from producer.fit import Fitting, fit
from producer.originals import Original, Originals
from providers.media import misfits

#: Pictures that are decoded at the same time: each takes up to 600 MB for a moment.
AT_ONCE: Final = 2


class Fitter:
    """Makes images into `spool`, unless `shelf` knows that they were made before; safe to use from many threads."""

    def __init__(self, originals: Originals, spool: Path, shelf: Shelf | None) -> None:
        self._originals = originals
        self._spool = spool
        self._shelf = shelf
        self._at_once = threading.Semaphore(AT_ONCE)

    def image(self, wanted: Fitting) -> MediaFacts | Derived | Wrong:
        """What goes in for the picture: itself where it is of the ratio and the provider takes it, else another image.

        What is no picture comes back as it is.
        """
        original = self._originals.get(wanted.uri)
        if isinstance(original, Wrong):
            return original
        if original.facts.kind != "image" or _will_do(original.facts, wanted):
            return replace(original.facts, sha256=original.sha256)
        if self._shelf is not None and (before := recall(self._shelf, original.sha256, wanted.recipe)) is not None:
            return before
        with self._at_once:
            return self._make(original, wanted)

    def _make(self, original: Original, wanted: Fitting) -> Derived | Wrong:
        try:
            made = fit(original.read(), original.facts, wanted)
        except Unfetchable as error:
            return error.wrong
        if isinstance(made, Wrong):
            return made
        sha256 = hashlib.sha256(made.data).hexdigest()
        self._spool.mkdir(parents=True, exist_ok=True)
        path = self._spool.absolute() / f"{sha256}.jpg"
        path.write_bytes(made.data)
        return Derived(replace(made.facts, sha256=sha256), original.sha256, wanted.recipe, path)


def _will_do(facts: MediaFacts, wanted: Fitting) -> bool:
    """Whether the picture may go in untouched."""
    near = is_near(facts.width or 1, facts.height or 1, wanted.ratio)
    small = is_web(wanted.uri) or facts.size_bytes <= wanted.most_bytes
    return near and small and not facts.turned and not any(misfits(facts, wanted.limit, "", fittable=False))
