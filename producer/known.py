"""What a campaign knows of its videos by their keys, kept beside its plans, which may hold only a part of them."""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from ledger.objects import as_file
from ledger.shelf import Shelf
from producer.planfile import iter_plan
from producer.refresh import key_of
from producer.stored import last_plan

#: Its name on the campaign's shelf: a plan's lines, one for each key that was ever asked for, as it was asked for last.
NAME: Final = "known.jsonl"


@contextmanager
def known_videos(shelf: Shelf, campaign: str) -> Iterator[Path | None]:
    """What is known, as a file like a plan; the last plan where nothing was kept yet; None for a new campaign.

    Raises BadInput where the last plan is needed and gone.
    """
    store, key = shelf.store, shelf.campaign_key(campaign, NAME)
    if not store.exists(key):
        with last_plan(shelf, campaign) as plan:
            yield plan
    else:
        with as_file(store, key) as known:
            yield known


def keep_known(shelf: Shelf, campaign: str, plan: Path, key: Sequence[str]) -> None:
    """Keep a plan's videos by their keys, and those that were known before and that it does not ask for."""
    with (
        known_videos(shelf, campaign) as before,
        tempfile.NamedTemporaryFile(prefix="wanbatch-known-", suffix=".jsonl") as new,
    ):
        now = _copied(plan, new, key, frozenset())
        if before is not None:
            _copied(before, new, key, now)
        new.flush()
        new.seek(0)
        sha256 = hashlib.file_digest(new, "sha256").hexdigest()
        path = shelf.campaign_key(campaign, NAME)
        shelf.store.put_file(path, Path(new.name), content_type="application/x-ndjson", sha256=sha256)


def known_again(shelf: Shelf, campaign: str, plan: Path, key: Sequence[str]) -> int:
    """How many videos of a plan the campaign knows by their keys, whatever they show by now."""
    with known_videos(shelf, campaign) as before:
        keys = frozenset(key_of(line, key) for line in iter_plan(before)) if before is not None else frozenset()
    return sum(key_of(line, key) in keys for line in iter_plan(plan))


def _copied(plan: Path, out: IO[bytes], key: Sequence[str], besides: frozenset[bytes]) -> frozenset[bytes]:
    """Copy the lines whose keys are not `besides`; answers their keys."""
    found = set()
    with plan.open("rb") as texts:
        for text, line in zip(texts, iter_plan(plan), strict=True):
            mine = key_of(line, key)
            if mine not in besides:
                found.add(mine)
                out.write(text)
    return frozenset(found)
