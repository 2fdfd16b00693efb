"""The names of videos whose files lie on the web: by what the files hold, so that another address of the same bytes
buys nothing, and other bytes under the same address do.

Older videos were named by the addresses, as are those that were planned where nobody looks. They keep their names: such
a one stands for what its address held when it was looked at first, which the store remembers, and for nothing else.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from itertools import islice, product
from pathlib import Path
from typing import Final, NamedTuple

from jobs.errors import BadInput, StoreRefused, StoreUnavailable
from jobs.identity import variant_id
from jobs.job import Job, Render
from jobs.media import with_media
from ledger.shelf import Shelf, plan_ids

#: Older names of one video that are tried.
TRIED: Final = 8


class Names(NamedTuple):
    """What stands for the addresses of a video's files in its name: their contents; `older`, what else may have stood
    for the same.
    """

    contents: Mapping[str, str]
    older: tuple[Mapping[str, str], ...] = ()

    def stands(self, uri: str, name: str) -> bool:
        """Whether a name is one of the file at that address."""
        return name == self.contents.get(uri, uri) or any(name == each.get(uri) for each in self.older)

    def has(self, render: Render, variant: str) -> bool:
        """Whether a variant is this render under one of its names."""
        return any(variant == variant_id(with_media(render, each)) for each in (self.contents, *self.older))


class Contents:
    """Gives videos their names. `last` opens what a campaign knows of its videos, a file like a plan."""

    def __init__(self, shelf: Shelf, last: Callable[[str], AbstractContextManager[Path | None]]) -> None:
        self._shelf = shelf
        self._last = last
        self._campaign = ""
        self._asked: frozenset[str] | None = None
        self._held: dict[str, set[str]] | None = None
        self._addresses: dict[str, list[str]] = {}
        self._new: list[tuple[str, str]] = []

    def begin(self, campaign: str) -> None:
        """Take heed of the videos that this campaign has asked for."""
        self._campaign = campaign

    def names(self, contents: Mapping[str, str]) -> Names:
        """The names of a video by the contents of its addresses."""
        if not contents:
            return Names(contents)
        held = self._claims()
        choices = [
            [
                *([uri] if content in held.get(uri, {content}) else []),
                *(address for address in self._addresses.get(content, ()) if address != uri),
            ]
            for uri, content in contents.items()
        ]
        tried = islice(product(*choices), TRIED)
        return Names(contents, tuple(dict(zip(contents, each, strict=True)) for each in tried))

    def chosen(self, names: Names, named: Callable[[Mapping[str, str]], Job]) -> Job:
        """The job under its name: that of the contents, unless an older one was asked for and this one never was."""
        job = named(names.contents)
        if not names.older or self._known(job.job_id):
            return job
        for older in names.older:
            other = named(older)
            if self._known(other.job_id):
                for uri, address in older.items():
                    self._claim(address, names.contents[uri])
                return other
        return job

    def save(self) -> str | None:
        """Write into the store what is new of the older names; why it cannot be, where the store takes no writes.

        Each writing is an object of its own, named by what is in it: two desks never undo what the other wrote.
        """
        if not self._new:
            return None
        lines = (json.dumps({"address": address, "content": content}) for address, content in sorted(self._new))
        data = "".join(f"{line}\n" for line in lines).encode()
        self._new = []
        key = self._shelf.key("media", "addresses", f"{hashlib.sha256(data).hexdigest()}.jsonl")
        try:
            self._shelf.store.put(key, data, content_type="application/x-ndjson", if_absent=True)
        except (StoreRefused, StoreUnavailable) as error:
            return error.message
        return None

    def _known(self, job_id: str) -> bool:
        """Whether a job was ever begun, or is one that this campaign has asked for."""
        if self._shelf.begun(job_id):
            return True
        if self._asked is None:
            found: list[str] = []
            with suppress(BadInput), self._last(self._campaign) as plan:
                found = list(plan_ids(plan)) if plan is not None else []
            self._asked = frozenset(found)
        return job_id in self._asked

    def _claims(self) -> dict[str, set[str]]:
        """What addresses in older names stand for."""
        if self._held is None:
            self._held = {}
            store = self._shelf.store
            for key in store.list(self._shelf.key("media", "addresses", "")):
                try:
                    for line in store.get(key).splitlines():
                        told = json.loads(line)
                        self._note(told["address"], told["content"])
                except (ValueError, KeyError, TypeError) as error:
                    hint = (
                        "it says what older videos were made of: restore it, or delete it, and they may be bought anew"
                    )
                    raise StoreRefused(f"{store.uri(key)} is damaged", hint) from error
        return self._held

    def _claim(self, address: str, content: str) -> None:
        if content not in self._claims().get(address, ()):
            self._note(address, content)
            self._new.append((address, content))

    def _note(self, address: str, content: str) -> None:
        self._claims().setdefault(address, set()).add(content)
        self._addresses.setdefault(content, []).append(address)
