"""A campaign's name: as given, or after the matrix's file."""

import re
import unicodedata

from jobs.errors import BadInput
from producer.encoding import Source

#: Letters of a campaign's name, which is also a folder's.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_name(text: str) -> bool:
    """Whether a campaign may be called so."""
    return _NAME.fullmatch(text) is not None


def campaign_name(source: Source, *, given: str | None, simulated: bool) -> str:
    """The campaign's name: as given, else after the file. BadInput where there is neither, or it is no name."""
    if given is not None:
        if not is_name(given):
            raise BadInput(
                f"`{given}` is no name for a campaign",
                hint="Use up to 100 letters, digits, dots, hyphens and underscores: --campaign summer-2026",
            )
        return given
    if source == "-":
        raise BadInput("A matrix from standard input needs a name for its campaign", hint="Add --campaign NAME.")
    folded = unicodedata.normalize("NFKD", source.stem).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", folded).strip("-._")[:90]
    if not stem:
        raise BadInput(f"No campaign can be named after {source}", hint="Add --campaign NAME.")
    return f"simulated-{stem}" if simulated else stem
