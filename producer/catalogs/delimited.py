"""Catalogs in text: CSV and TSV with a header, and JSONL with an object a line."""

import csv
import io
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePath
from typing import Any, BinaryIO

from jobs.errors import Problem
from producer.catalogs.sheet import NAMES_FROM, SEVERAL, Record, column_names, record
from producer.columns import REASON
from producer.encoding import Encoding, detect
from producer.jsonl import is_object, parsed, trouble
from producer.readers import first_line, not_text, refuse_other_formats
from producer.rows import CELL_MAX, Lines
from producer.tables import broken, csv_reader, delimiter_of, header_record


def open_text(file: BinaryIO, name: str) -> "Table | Objects":
    """The table or list of objects in a text file; BadInput for one that is neither."""
    encoding = detect(file, name)
    text = io.TextIOWrapper(file, encoding.codec, newline="")
    try:
        first = first_line(text)
        refuse_other_formats(first, name)
        if is_object(first):
            return Objects(name, encoding, text)
        return Table(name, encoding, text, first)
    except UnicodeDecodeError as error:
        raise not_text(name, encoding, error) from error


class Table:
    """A catalog with a header and a record a row."""

    feed = False

    def __init__(self, name: str, encoding: Encoding, text: io.TextIOWrapper, first: str) -> None:
        self.name, self.doubt = name, encoding.doubt
        self._encoding, self._text = encoding, text
        self._delimiter = delimiter_of(first, prefer_tab=PurePath(name).suffix.lower() in {".tsv", ".tab"})
        if first.lower().startswith("sep=") and len(first) == len("sep=") + 1:
            self._delimiter = first[-1]
        self._padding = re.compile(f'" +(?={re.escape(self._delimiter)}|\r?\n|$)')
        lines = self._top()
        line, cells = header_record(csv_reader(self._snug(lines), self._delimiter), lines)
        self.names = column_names(cells, name, line)

    def __iter__(self) -> Iterator[Record]:
        """A record a row; blank rows are passed over."""
        lines = self._top()
        reader = csv_reader(self._snug(lines), self._delimiter)
        try:
            header_record(reader, lines)
            yield from self._records(reader, lines)
        except UnicodeDecodeError as error:
            raise not_text(self.name, self._encoding, error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._text.close()

    def _top(self) -> Lines:
        self._text.seek(0)
        return Lines(self._text, self.name)

    def _snug(self, lines: Lines) -> Iterator[str]:
        """The lines without the spaces that some exporters put after a quoted cell, to align their columns."""
        for line in lines:
            yield self._padding.sub('"', line) if '" ' in line else line

    def _records(self, reader: Any, lines: Lines) -> Iterator[Record]:
        while True:
            lines.take()
            line = lines.count + 1
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Record(line, {}, (broken(self.name, line, lines.take(), error),))
            else:
                found = record(line, values, self.names, lines.take(), self.name)
                if found is not None:
                    yield found


class Objects:
    """A catalog with a JSON object a line; the names are those of its first objects."""

    feed = False

    def __init__(self, name: str, encoding: Encoding, text: io.TextIOWrapper) -> None:
        self.name, self.doubt = name, encoding.doubt
        self._encoding, self._text = encoding, text
        self.names = tuple(dict.fromkeys(key for each in islice(self, NAMES_FROM) for key in each.cells))

    def __iter__(self) -> Iterator[Record]:
        """A record an object; blank lines and `#` comments are passed over."""
        self._text.seek(0)
        lines = Lines(self._text, self.name)
        try:
            for text in lines:
                lines.take()
                stripped = text.strip()
                if stripped and not stripped.startswith("#"):
                    yield self._record(stripped, lines.count)
        except UnicodeDecodeError as error:
            raise not_text(self.name, self._encoding, error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._text.close()

    def _record(self, text: str, line: int) -> Record:
        value = parsed(text)
        if value is None:
            return Record(
                line, {}, (Problem(self.name, line, "", text[:200], trouble(text), "write one {...} a line"),)
            )
        cells = {name.strip(): told for name, content in value.items() if (told := _told(content)) and name != REASON}
        return Record(line, cells)


def _told(content: Any) -> str:
    """A JSON value as the text that a table would hold; of an object, its own JSON."""
    if content is None:
        return ""
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, list):
        return SEVERAL.join(filter(None, map(_told, content)))
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    return text.strip()[:CELL_MAX]
