"""Bytes to rows: a matrix from a file or from standard input, one row at a time, each with its line."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, Self

from jobs.errors import BadInput
from producer.columns import PROMPT, canonical
from producer.encoding import Encoding, Source, detect, open_source
from producer.jsonl import is_object, objects
from producer.rows import CELL_MAX, Lines, Row
from producer.tables import Header, delimiter_of, read_header, records

Format = Literal["csv", "tsv", "jsonl", "txt"]

SUFFIXES: dict[str, Format] = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
}  # fmt: skip

#: Endings of a list with a prompt a line. Others are refused: a README read as prompts would cost real money.
PROSE_SUFFIXES = frozenset({"", ".txt", ".text", ".list", ".prompts"})

#: Characters in a column's name; a longer first cell is prose.
NAME_MAX = 80


@dataclass(frozen=True)
class Matrix:
    """An open matrix: its name, format, encoding and, for a table, its header.

    Iterating gives its rows, lazily, and again as often as wanted, one iteration at a time. Close it, or use it as a
    context manager.
    """

    name: str
    format: Format
    encoding: Encoding
    header: Header
    text: io.TextIOWrapper = field(repr=False)

    def __iter__(self) -> Iterator[Row]:
        """Rows in file order, from the top; raises BadInput where the bytes stop being text."""
        self.text.seek(0)
        lines = Lines(self.text, self.name)
        try:
            if self.format == "jsonl":
                yield from objects(lines)
            elif self.format == "txt":
                yield from _prose(lines)
            else:
                yield from records(lines, self.header)
        except UnicodeDecodeError as error:
            raise _not_text(self.name, self.encoding, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self.text.close()


def read_matrix(source: Source) -> Matrix:
    """Open a matrix and understand its header; `-` is standard input.

    Raises BadInput for a file that is no matrix: missing, empty, binary, without a `prompt` column, with misspelt or
    doubled columns. Troubles of single rows come with the rows.
    """
    file = open_source(source)
    try:
        return _open(file, source)
    except BaseException:
        file.close()
        raise


def _open(file: BinaryIO, source: Source) -> Matrix:
    name = "-" if source == "-" else str(source)
    csv.field_size_limit(CELL_MAX)
    encoding = detect(file, name)
    text = io.TextIOWrapper(file, encoding.codec, newline="")
    try:
        first = _first_line(text)
        _refuse_other_formats(first, name)
        shape = _format(source, first)
        text.seek(0)
        header = Header("", (), "")
        if shape == "txt":
            header = Header("", (PROMPT,), "")
        elif shape != "jsonl":
            header = read_header(Lines(text, name), first, prefer_tab=shape == "tsv")
    except UnicodeDecodeError as error:
        raise _not_text(name, encoding, error) from error
    return Matrix(name, shape, encoding, header, text)


def _not_text(name: str, encoding: Encoding, error: UnicodeDecodeError) -> BadInput:
    return BadInput(f"{name} is not {encoding.said} throughout: {error.reason}", hint="Save it again as UTF-8.")


def _first_line(text: io.TextIOWrapper) -> str:
    """The first line that says something; comment rows that start with # are passed over."""
    fallback = ""
    while line := text.readline(CELL_MAX):
        stripped = line.strip()
        if stripped and not stripped.startswith(("#", '"#')):
            return line.rstrip("\r\n")
        fallback = fallback or stripped
        quotes = stripped.count('"')
        while quotes % 2 and (line := text.readline(CELL_MAX)):
            # A quoted comment goes on over several lines.
            quotes += line.count('"')
    return fallback


def _refuse_other_formats(first: str, name: str) -> None:
    start = first.strip().lower()
    if start == "---":
        raise BadInput(f"{name} starts with YAML front matter", hint="Remove the block between the two `---` lines.")
    if start.startswith(("<?xml", "<!doctype", "<html", "<rss", "<feed")):
        raise BadInput(f"{name} is XML or HTML, not a table", hint="Export the table as CSV, TSV or JSONL.")
    if start == "[":
        raise BadInput(f"{name} is one JSON array", hint="Write one object a line (JSONL): jq -c '.[]' FILE")


def _format(source: Source, first: str) -> Format:
    """What the name's ending says; else what the first line looks like."""
    suffix = "" if source == "-" else Path(source).suffix.lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if is_object(first):
        return "jsonl"
    delimiter = delimiter_of(first)
    names = [canonical(cell) for cell in next(csv.reader([first], delimiter=delimiter), [])]
    if PROMPT in names and all(len(name) < NAME_MAX for name in names):
        return "tsv" if delimiter == "\t" else "csv"
    if suffix not in PROSE_SUFFIXES:
        raise BadInput(
            f"{source} is no kind of matrix that is known by its name",
            hint="Call it .csv, .tsv or .jsonl; a list with a prompt a line is .txt.",
        )
    return "txt"


def _prose(lines: Lines) -> Iterator[Row]:
    """A prompt a line; blank lines are passed over."""
    for text in lines:
        prompt = text.strip()
        raw = lines.take()
        if prompt:
            yield Row(lines.count, {PROMPT: prompt}, raw)
