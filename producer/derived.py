"""Images that were made of pictures, and what the store remembers of them.

What was made once is used from then on: another version of Pillow may write other bytes, and other bytes would be
another video to buy.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final, NamedTuple

from jobs.errors import ObjectNotFound
from jobs.media import MediaFacts
from ledger.shelf import Shelf

#: The shape of what is remembered; another one is not read.
SHAPE: Final = 1


class Derived(NamedTuple):
    """An image made of a picture by a recipe; `path` is where it lies until the store has it, None where it has."""

    facts: MediaFacts
    original_sha256: str
    recipe: str
    path: Path | None

    @property
    def address(self) -> str:
        """The address that it has, or will have, in the store."""
        return f"media:{self.facts.sha256}.jpg"


def recall(shelf: Shelf, original_sha256: str, recipe: str) -> Derived | None:
    """The image that was made before and lies in the store; None where there is none."""
    try:
        told = json.loads(shelf.store.get(shelf.derived_key(original_sha256, recipe)))
        facts = MediaFacts(**told["facts"])
    except ObjectNotFound:
        return None
    except (ValueError, KeyError, TypeError):
        return None  # written by nobody who is known here: it is made anew
    found = Derived(facts, original_sha256, recipe, None)
    known = told.get("shape") == SHAPE and facts.sha256 is not None
    return found if known and shelf.store.exists(shelf.media_key(found.address)) else None


def remember(shelf: Shelf, made: Derived) -> None:
    """Tell later plans of an image that lies in the store by now."""
    told = {"shape": SHAPE, "facts": asdict(made.facts)}
    shelf.store.put(shelf.derived_key(made.original_sha256, made.recipe), json.dumps(told).encode())
