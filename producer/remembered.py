"""What was seen of files on the web, kept in the store, a file a campaign: any machine that plans it next need ask only
whether they have changed.

An entry is named by the hash of its address, which may hold a signature, and tells nothing of it. Whoever deletes the
file loses nothing but time.
"""

import hashlib
import json
import threading
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from jobs.errors import ObjectNotFound, StoreRefused, StoreUnavailable
from jobs.media import MediaFacts
from ledger.shelf import Shelf

#: How long an entry that no plan asked for is kept.
KEPT: Final = timedelta(days=30)
#: The shape of an entry; another one is not read.
SHAPE: Final = 1


class Entry(NamedTuple):
    """What a file is, its SHA-256 included; the ETag by which its server knows these very bytes, if it tells one; and
    the day of the last look.
    """

    facts: MediaFacts
    etag: str | None
    on: date


class Remembered:
    """The entries of one campaign; safe to use from many threads. Nothing is known before `begin` has named it."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._key = ""
        self._entries: dict[str, Entry] = {}
        self._new = False
        self._lock = threading.Lock()

    def begin(self, campaign: str) -> None:
        """Read what is known of a campaign's files; what nobody here has written is passed over."""
        self._key = self._shelf.key("media", "seen", f"{campaign}.jsonl")
        try:
            lines = self._shelf.store.get(self._key).splitlines()
        except ObjectNotFound:
            return
        oldest = _today() - KEPT
        for line in lines:
            try:
                told = json.loads(line)
                entry = Entry(MediaFacts(**told["facts"]), told["etag"], date.fromisoformat(told["on"]))
                if told["shape"] == SHAPE and entry.facts.sha256 is not None and entry.on >= oldest:
                    self._entries[told["address"]] = entry
            except (ValueError, KeyError, TypeError):
                continue

    def recall(self, url: str) -> Entry | None:
        """What was seen at that address; None when nothing is known."""
        return self._entries.get(_named(url))

    def keep(self, url: str, facts: MediaFacts, etag: str | None) -> None:
        """Remember what was just seen."""
        entry = Entry(facts, etag, _today())
        with self._lock:
            self._new |= self._entries.get(_named(url)) != entry
            self._entries[_named(url)] = entry

    def save(self) -> str | None:
        """Write what is new into the store; why it cannot be, where the store takes no writes."""
        with self._lock:
            if not self._new:
                return None
            lines = [
                {"shape": SHAPE, "address": name, "on": entry.on.isoformat(), "etag": entry.etag,
                 "facts": asdict(entry.facts)}
                for name, entry in self._entries.items()
            ]  # fmt: skip
            self._new = False
        data = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        try:
            self._shelf.store.put(self._key, data.encode(), content_type="application/x-ndjson")
        except (StoreRefused, StoreUnavailable) as error:
            return error.message
        return None


def _named(url: str) -> str:
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()


def _today() -> date:
    return datetime.now(UTC).date()
