"""Puts the files of a plan into the store, named by their content, before any job that needs one is queued."""

import hashlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from jobs.errors import BadInput
from jobs.media import content_type, stored_parts
from ledger.shelf import Shelf
from producer.derived import remember
from producer.fetch import Unfetchable
from producer.plan import Plan
from producer.sources import PIECE_BYTES, Sources

#: Files that are put at once.
AT_ONCE: Final = 8


def keep_media(plan: Plan, shelf: Shelf) -> None:
    """Store every file of the plan that is not there yet; a second time changes nothing.

    Raises BadInput for a file that has changed or gone since it was planned.
    """
    if not plan.kept:
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(partial(_keep, shelf=shelf, sources=plan.sources), plan.kept.items()))
        list(pool.map(partial(remember, shelf), plan.derived))


def _keep(kept: tuple[str, str], *, shelf: Shelf, sources: Sources) -> None:
    """One file: copied first, so that what is put is what was hashed."""
    uri, written = kept
    key = shelf.media_key(uri)
    if shelf.store.exists(key):
        return
    wanted, _ = stored_parts(uri) or ("", "")
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(prefix="wanbatch-media-") as copy:
        try:
            with sources.opened(written) as file:
                while piece := file.read(PIECE_BYTES):
                    digest.update(piece)
                    copy.write(piece)
        except Unfetchable as error:
            raise BadInput(f"{written}: {error.wrong.problem}", hint=f"{error.wrong.fix}; nothing was queued") from None
        copy.flush()
        if digest.hexdigest() != wanted:
            raise BadInput(
                f"{written} has changed since it was planned", hint="give the command again; nothing was queued"
            )
        shelf.store.put_file(key, Path(copy.name), content_type=content_type(uri), sha256=wanted)
