"""The stores that this user has bought into, so that a command given in another folder, or by a clock that lacks the
user's settings, does not buy the same videos again into a store that nobody named.

They are files in the user's state folder; whoever deletes them loses nothing but this check.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from config.settings import Settings
from jobs.errors import StoreRefused, StoreUnavailable, StoreUnnamed
from ledger.objects import open_store
from ledger.shelf import Shelf, plan_ids
from producer.plan import Plan
from producer.stored import s3_options


def remember_store(url: str) -> None:
    """Note that real money goes into this store. A folder that cannot be written is no error: nothing is noted."""
    with suppress(OSError):
        _folder().mkdir(parents=True, exist_ok=True)
        _file(url).write_text(url, encoding="utf-8")


def check_store(plan: Plan, settings: Settings) -> None:
    """Refuse to buy into the usual store, which depends on the current folder, what another store has already.

    A store that was named, by flag, environment or file, is what was meant. Raises StoreUnnamed.
    """
    if "store" in settings.model_fields_set:
        return
    wanted = set(plan_ids(plan.path)) - plan.bought
    for url in _others(settings.store):
        shelf = Shelf(open_store(url, s3=s3_options(settings)), simulated=False)
        try:
            there = wanted.intersection(shelf.store.shelves(shelf.job_key("x").rpartition("/")[0]))
        except (StoreRefused, StoreUnavailable) as error:
            raise _unnamed(
                f"{url} may have these videos, and cannot be read: {error.message}", url, settings
            ) from error
        if there:
            videos = f"{len(there):,} of the {len(wanted):,} videos to make"
            raise _unnamed(f"{videos} were asked for before, in {url}", url, settings)


def _unnamed(why: str, url: str, settings: Settings) -> StoreUnnamed:
    return StoreUnnamed(
        f"{why}; no store was named, and this folder's own, {settings.store}, does not have them",
        f"go on there: --store {url}; or to buy them here once more: --store {settings.store}; nothing was queued",
    )


def _others(url: str) -> Iterator[str]:
    """The other stores, each once; one that cannot be read is left out."""
    with suppress(OSError):
        for file in sorted(_folder().iterdir()):
            if file != _file(url):
                yield file.read_text(encoding="utf-8")


def _file(url: str) -> Path:
    return _folder() / hashlib.sha256(url.encode()).hexdigest()[:16]


def _folder() -> Path:
    """`wanbatch/stores` in the user's state folder (XDG_STATE_HOME, else ~/.local/state)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "wanbatch" / "stores"
