"""Where a key stands in a TOML file: the standard library's reader says what it holds, not on which line."""

import re
from collections.abc import Sequence

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_QUOTES = re.compile(r'"""|\'\'\'')

Path = tuple[str | int, ...]


class Places:
    """The lines of a TOML file's tables and keys, by their path: `("video", 0, "duration")`."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        table: Path = ()
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

    def _table(self, names: Sequence[str], number: int, *, several: bool) -> Path:
        path: Path = ()
        for at, name in enumerate(names):
            path = (*path, name)
            last = at == len(names) - 1
            if last and several:
                self._counts[path] = self._counts.get(path, 0) + 1
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
            self._lines.setdefault(path, number)
        return path


def _names(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]
