"""TOML that people write, with the line of each key, which the standard library's reader does not tell."""

import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from jobs.errors import BadInput, Problem

#: Bytes of such a file; prompts are short.
TOML_BYTES: Final = 1 << 20
#: Tables and lists in one another; campaign files have five.
DEPTH_MAX: Final = 20
#: Columns whose cells name files.
FILES: Final = ("image_url", "reference_urls", "audio_url")
_FAR: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_QUOTES = re.compile(r'"""|\'\'\'')

Keys = tuple[str | int, ...]


class Places:
    """The lines of a TOML file's tables and keys, by their path: `("video", 0, "duration")`."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Keys, int] = {}
        self._counts: dict[Keys, int] = {}
        table: Keys = ()
        inside = ""
        for number, line in enumerate(text.splitlines(), start=1):
            if not inside:
                if header := _HEADER.match(line):
                    table = self._table(_names(header[2]), number, several=header[1] == "[[")
                elif key := _KEY.match(line):
                    path = table
                    for name in _names(key[1]):
                        path = (*path, name)
                        self._lines.setdefault(path, number)
            for quote in _QUOTES.findall(line):
                inside = "" if quote == inside else inside or quote

    def line(self, path: Sequence[str | int]) -> int:
        """The line of a key, or of the nearest table around it that is known; else 1."""
        for end in range(len(path), 0, -1):
            if found := self._lines.get(tuple(path[:end])):
                return found
        return 1

    def _table(self, names: Sequence[str], number: int, *, several: bool) -> Keys:
        path: Keys = ()
        for at, name in enumerate(names):
            path = (*path, name)
            last = at == len(names) - 1
            if last and several:
                self._lines.setdefault(path, number)
                self._counts[path] = self._counts.get(path, 0) + 1
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
            self._lines.setdefault(path, number)
        return path


def read_toml(path: Path, what: str, example: str) -> tuple[dict[str, Any], Places]:
    """The tables of a file, and their places; BadInput calls it `what`, and names an `example`."""
    text = _text(path, what, example)
    try:
        tables, places = tomllib.loads(text), Places(text)
        if _is_deep(tables):
            raise RecursionError
        return tables, places
    except RecursionError:
        problem = Problem(str(path), 1, "", "", "tables or lists are nested too deeply", f"see {example}")
        raise BadInput(f"{path} is no {what} that can be used", [problem]) from None
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at line (\d+)", str(error))
        words = str(error).partition(" (at ")[0]
        line = int(where[1]) if where else len(text.splitlines())
        problem = Problem(
            str(path), line, "", "", f"the TOML cannot be read: {words}", 'a text stands in quotes: "..."'
        )
        raise BadInput(f"{path} is no {what} that can be used", [problem]) from error


def innermost(tables: dict[str, Any], path: Sequence[str | int]) -> tuple[dict[str, Any], str, tuple[str, ...]]:
    """The innermost key on a path, the table that it stands in, and all keys down to it, without numbers."""
    at: Any = tables
    holder, keys = tables, [str(path[0])]
    for depth, part in enumerate(path):
        if isinstance(at, dict) and part in at:
            keys = [str(each) for each in path[: depth + 1] if not isinstance(each, int)]
            holder, at = at, at[part]
        elif isinstance(at, list) and isinstance(part, int) and part < len(at):
            at = at[part]
        else:
            break
    return holder, keys[-1], tuple(keys)


def scalar(value: Any) -> str:
    """A TOML value as the text of a matrix's cell; ValueError for a list, a table or a date."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError("is neither text, a number, true nor false")


def several(value: Any) -> str:
    """A value, or a list of them as an axis: parted by `|`. Raises ValueError."""
    if not isinstance(value, list):
        return scalar(value)
    if any("|" in scalar(each) for each in value):
        raise ValueError("a value of a list holds a `|`, which parts values")
    return "|".join(map(scalar, value))


def seen_from(base: Path, folder: Path, written: str) -> str:
    """Files that are named in one folder, several with `|`, `;` or line breaks between, as seen from another."""
    there = os.path.relpath(folder, base)
    parts = re.split(r"([|;\n])", written)
    return "".join(part if part in "|;\n" else _near(part.strip(), there) for part in parts)


def _near(written: str, folder: str) -> str:
    return written if not written or _FAR.match(written) or Path(written).is_absolute() else f"{folder}/{written}"


def _is_deep(told: Any) -> bool:
    """Whether tables and lists stand in one another deeper than in any file that is meant."""
    level = [told]
    for _ in range(DEPTH_MAX):
        level = [each for one in level for each in (one.values() if isinstance(one, dict) else one)]
        level = [each for each in level if isinstance(each, dict | list)]
        if not level:
            return False
    return True


def _text(path: Path, what: str, example: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(TOML_BYTES + 1)
    except OSError as error:
        raise BadInput(
            f"the {what} {path} cannot be read: {error.strerror}", hint=f"It is a TOML file, such as {example}."
        ) from error
    if len(data) > TOML_BYTES:
        raise BadInput(f"the {what} {path} is larger than {TOML_BYTES:,} bytes", hint="Is it the right file?")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"the {what} {path} is not UTF-8 throughout", hint="Save it again as UTF-8.") from error


def _names(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]
