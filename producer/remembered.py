"""What was seen of media before, in files below the user's cache folder, so that the same plan need not fetch it again.

An entry is named by the hash of its address, which may hold a signature, and tells nothing of it. Whoever deletes the
folder loses nothing but time.
"""

import hashlib
import json
import os
import secrets
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from jobs.media import MediaFacts

#: Seconds for which an entry is believed without asking; from then on its server is asked whether the file has changed.
BELIEVED_S: Final = 3600.0
#: Seconds after which an entry that nobody used is thrown away.
KEPT_S: Final = 30 * 86_400.0
#: The shape of an entry; another one is not read.
SHAPE: Final = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """What was seen, how its server knows that version of it, and whether it may be believed unasked."""

    facts: MediaFacts
    validators: dict[str, str]
    fresh: bool


def usual_folder() -> Path:
    """`wanbatch/media` in the user's cache folder (XDG_CACHE_HOME, else ~/.cache)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wanbatch" / "media"


class Remembered:
    """The entries in one folder; safe to use from many threads and processes. A folder that cannot be used is no error:
    everything is then looked at anew.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            old = time.time() - KEPT_S
            for entry in os.scandir(folder):
                if entry.stat().st_mtime < old:
                    Path(entry.path).unlink(missing_ok=True)

    def recall(self, url: str) -> Entry | None:
        """What was seen at that address; None when nothing usable is remembered."""
        try:
            kept = json.loads(self._path(url).read_bytes())
            if kept["shape"] != SHAPE:
                return None
            fresh = 0 <= time.time() - kept["seen_at"] < BELIEVED_S
            return Entry(MediaFacts(**kept["facts"]), dict(kept["validators"]), fresh)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, url: str, facts: MediaFacts, validators: dict[str, str]) -> None:
        """Remember what was just seen."""
        path = self._path(url)
        kept = {"shape": SHAPE, "seen_at": time.time(), "facts": asdict(facts), "validators": validators}
        partial = path.with_suffix(f".{secrets.token_hex(4)}")
        with suppress(OSError):
            partial.write_text(json.dumps(kept), encoding="utf-8")
            partial.replace(path)

    def forget(self, url: str) -> None:
        """Look anew next time: what was seen was not good enough, and the person may mend it in its place."""
        with suppress(OSError):
            self._path(url).unlink(missing_ok=True)

    def _path(self, url: str) -> Path:
        return self._folder / hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
