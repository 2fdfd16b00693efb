"""The names of copies: a pattern over what the manifest says of a video, in letters that every system takes."""

import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from jobs.errors import BadInput
from jobs.ratio import shape_of
from jobs.record import ManifestLine
from producer.columns import Wrong, meant

#: Characters that a name must stay under, its ending included.
NAME_BELOW: Final = 100
ENDING: Final = ".mp4"
#: The name of a copy for which none was asked.
USUAL: Final = "{campaign}_{ratio}_{dur}s_{creative_id}_t{take}"

#: What the manifest itself says of every video; a column of the matrix that is called like one of these yields to it.
FIELDS: Final[dict[str, Callable[[ManifestLine], str]]] = {
    "campaign": lambda line: line.campaign,
    "creative_id": lambda line: line.creative_id,
    "dur": lambda line: str(line.duration_s),
    "job_id": lambda line: line.job_id,
    "mode": lambda line: line.mode,
    "model": lambda line: line.model,
    "provider": lambda line: line.provider,
    "ratio": lambda line: _ratio(line).replace(":", "x"),
    "resolution": lambda line: line.resolution,
    "seed": lambda line: str(line.seed),
    "take": lambda line: str(line.take),
    "variant_id": lambda line: line.variant_id,
}

#: Latin letters that are no letter with a mark, and how they are written without them.
_LETTERS: Final = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h"})
_LITERAL: Final = re.compile(r"[a-z0-9._-]*")


class Part(NamedTuple):
    """A piece of a pattern: the text before a field, and the field, if one follows."""

    before: str
    field: str | None


@dataclass
class _Word:
    """A piece of a name, and whether it may be cut."""

    text: str
    cut: bool = False


class Misnamed(NamedTuple):
    """Why a video has no name: the field at fault (empty: the whole), its text, and what would be right."""

    field: str
    text: str
    wrong: Wrong


class Pattern:
    """A pattern for names such as `{client}_{hook}_{ratio}_t{take}`.

    `columns` are the campaign's own, `fixed` holds values for fields that no column has. Raises BadInput for a pattern
    that no video could be named by, with everything that is wrong with it.
    """

    def __init__(self, text: str, columns: Iterable[str], fixed: Mapping[str, str]) -> None:
        self._columns = frozenset(columns)
        self._fixed = dict(fixed)
        taken = sorted(FIELDS.keys() & fixed)
        if taken:
            raise BadInput(f"--set {taken[0]}: the manifest says this of every video itself", hint="leave it out")
        self._parts = tuple(_parts(text))
        wrong = list(self._wrong())
        if wrong:
            raise BadInput(f"--name {text!r}: " + "; ".join(each.problem for each in wrong), hint=wrong[0].fix)

    def name(self, line: ManifestLine) -> str | Misnamed:
        """The name of a video's copy with its ending, or why it has none.

        Where it would be too long, the longest of the words that people chose are cut; identities and numbers never.
        """
        words = []
        for before, field in self._parts:
            words.append(_Word(before))
            if field is not None:
                text = self._text(field, line)
                word = _Word(slug(text), cut=field == "campaign" or field not in FIELDS)
                if not word.text:
                    return Misnamed(field, text, _unnamed(field, text))
                words.append(word)
        while (over := sum(len(word.text) for word in words) + len(ENDING) - NAME_BELOW + 1) > 0:
            longest = max((word for word in words if word.cut), key=lambda word: len(word.text), default=None)
            if longest is None or len(longest.text) == 1:
                wrong = Wrong(f"its name has {over} characters too many", "leave a field out of --name")
                return Misnamed("", "".join(word.text for word in words), wrong)
            longest.text = longest.text[:-1].rstrip("-")
        return "".join(word.text for word in words) + ENDING

    def _text(self, field: str, line: ManifestLine) -> str:
        """What a field says of a video; empty where the row says nothing."""
        if field in FIELDS:
            return FIELDS[field](line)
        return self._fixed.get(field) or column_text(line, field) or ""

    def _wrong(self) -> Iterator[Wrong]:
        """What is wrong with the pattern itself."""
        known = [*FIELDS, *self._fixed, *sorted(self._columns)]
        fields = [part.field for part in self._parts if part.field is not None]
        for field in fields:
            if field not in known:
                fix = f"{meant(field, known)}; or say it for all: --set {field}=VALUE"
                yield Wrong(f"nothing is called {{{field}}}", fix)
        for part in self._parts:
            if not _LITERAL.fullmatch(part.before):
                yield Wrong(
                    f"{part.before!r} is not made of a to z, 0 to 9, `_`, `-` and `.`", "folders belong into --to"
                )
        if not fields:
            yield Wrong("it names every video alike", f"write for example {USUAL}")
        elif self._parts[0].before[:1] in {".", "-"}:
            yield Wrong("it begins with a dot or a hyphen", "begin with a letter or a digit")


def slug(text: str) -> str:
    """The text in a to z, 0 to 9 and `-`: letters without their marks, all else as hyphens."""
    marked = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    bare = "".join(letter for letter in marked if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "-", bare).strip("-")


def column_text(line: ManifestLine, column: str) -> str | None:
    """What one of the campaign's own columns says of a video; None where it has none of that name."""
    return line.variant.get(column, line.labels.get(column))


def _parts(text: str) -> Iterator[Part]:
    """Cut a pattern into its pieces. Raises BadInput where the braces do not match."""
    try:
        for before, field, cut, conversion in string.Formatter().parse(text.strip()):
            if cut or conversion:
                raise ValueError(f"{{{field}}} is followed by more than its name")
            yield Part(before.lower(), None if field is None else field.strip())
    except ValueError as error:
        raise BadInput(f"--name {text!r}: {error}", hint=f"write fields as {{hook}}: {USUAL}") from None


def _unnamed(field: str, text: str) -> Wrong:
    if not text.strip():
        return Wrong(f"{{{field}}} is empty here", f"fill the column, or leave {{{field}}} out of --name")
    fix = f"add a column with a plain word for it, or leave {{{field}}} out of --name"
    return Wrong(f"{{{field}}} has no letter from a to z and no digit", fix)


def _ratio(line: ManifestLine) -> str:
    """The ratio that was asked for; where an image decided, the video's own; empty where nobody knows."""
    if line.aspect_ratio is not None:
        return line.aspect_ratio
    video = line.video
    return shape_of(video.width, video.height) if video and video.width and video.height else ""
