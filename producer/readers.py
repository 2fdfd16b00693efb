"""Bytes to rows: a matrix from a file or from standard input, one row at a time, each with its line."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, Self

from jobs.errors import BadInput, Problem
from producer.catalogs.shapes import TABLE, plain, told
from producer.columns import PROMPT, canonical
from producer.encoding import Encoding, Source, detect, open_source
from producer.jsonl import is_object, objects, parsed
from producer.rows import CELL_MAX, Lines, Refresh, Removed, Row, Survey
from producer.tables import Header, delimiter_of, read_header, records

Format = Literal["csv", "tsv", "jsonl", "txt"]

SUFFIXES: dict[str, Format] = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
}  # fmt: skip

#: Endings of a list with a prompt a line. Others are refused: a README read as prompts would cost real money.
PROSE_SUFFIXES = frozenset({"", ".txt", ".text", ".list", ".prompts"})

#: What to say where a catalog is given as if it were a matrix.
NEEDS_TEMPLATE = "Say what videos its products get: --template examples/product-video.toml (see docs/catalogs.md)."

#: Characters in a column's name; a longer first cell is prose.
NAME_MAX = 80


class Rows(Protocol):
    """What is planned row by row: a matrix, or a catalog through a template; a context manager.

    `seen` is what is known of its columns before they are read, `read_as` what a catalog was taken for.
    """

    @property
    def name(self) -> str:
        """The file, as messages call it."""
        ...

    @property
    def format(self) -> Format:
        """How its rows are written down again."""
        ...

    @property
    def doubt(self) -> Problem | None:
        """What was guessed of how its text is written; None where that is certain."""
        ...

    @property
    def header(self) -> Header:
        """Its columns, where it is a table."""
        ...

    @property
    def seen(self) -> Survey | None:
        """Its columns and axes, where they are known beforehand."""
        ...

    @property
    def read_as(self) -> str:
        """What a catalog or a campaign file was taken for; empty for a matrix."""
        ...

    @property
    def noun(self) -> str:
        """What one of its rows is to whoever wrote it."""
        ...

    @property
    def refresh(self) -> Refresh | None:
        """What is a refresh of its videos; None where every change of a video is a video of its own."""
        ...

    @property
    def removed(self) -> Sequence[Removed]:
        """What its own rules have left out in the last iteration."""
        ...

    def __iter__(self) -> Iterator[Row]:
        """Rows in file order, from the top, as often as wanted."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


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
    seen: Survey | None = None
    read_as: str = ""
    noun: str = "row"
    refresh: Refresh | None = None
    removed: Sequence[Removed] = ()

    @property
    def doubt(self) -> Problem | None:
        """What was guessed of how its text is written; None where that is certain."""
        return self.encoding.doubt

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
            raise not_text(self.name, self.encoding, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self.text.close()


def read_matrix(source: Source, name: str | None = None) -> Matrix:
    """Open a matrix and understand its header; `-` is standard input; `name` is what messages call it.

    Raises BadInput for a file that is no matrix: missing, empty, binary, without a `prompt` column, with misspelt or
    doubled columns. Troubles of single rows come with the rows.
    """
    file = open_source(source)
    try:
        return _open(file, source, name or str(source))
    except BaseException:
        file.close()
        raise


def _open(file: BinaryIO, source: Source, name: str) -> Matrix:
    csv.field_size_limit(CELL_MAX)
    encoding = detect(file, name)
    text = io.TextIOWrapper(file, encoding.codec, newline="")
    try:
        first = first_line(text)
        refuse_other_formats(first, name)
        shape = _format(source, first)
        _refuse_catalog(first, name, shape)
        text.seek(0)
        header = Header("", (), "")
        if shape == "txt":
            header = Header("", (PROMPT,), "")
        elif shape != "jsonl":
            header = read_header(Lines(text, name), first, prefer_tab=shape == "tsv")
    except UnicodeDecodeError as error:
        raise not_text(name, encoding, error) from error
    return Matrix(name, shape, encoding, header, text)


def not_text(name: str, encoding: Encoding, error: UnicodeDecodeError) -> BadInput:
    """What to say of bytes that are not what the rest of the file is written in."""
    return BadInput(f"{name} is not {encoding.said} throughout: {error.reason}", hint="Save it again as UTF-8.")


def first_line(text: io.TextIOWrapper) -> str:
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


def refuse_other_formats(first: str, name: str) -> None:
    """Raise BadInput for a text that is no table, by its first line."""
    start = first.strip().lower()
    if start == "---":
        raise BadInput(f"{name} starts with YAML front matter", hint="Remove the block between the two `---` lines.")
    if start.startswith(("<?xml", "<!doctype", "<html", "<rss", "<feed")):
        hint = f"Export the table as CSV, TSV or JSONL. If it is a feed of products: {NEEDS_TEMPLATE}"
        raise BadInput(f"{name} is XML or HTML, not a table", hint=hint)
    if start == "[" or start.startswith("[{"):
        raise BadInput(f"{name} is one JSON array", hint="Write one object a line (JSONL): jq -c '.[]' FILE")


def _refuse_catalog(first: str, name: str, shape: Format) -> None:
    """Raise BadInput for a catalog, which asks for no video by itself."""
    if shape == "txt":
        return
    written = parsed(first) or {} if shape == "jsonl" else next(csv.reader([first], delimiter=delimiter_of(first)), [])
    columns = {plain(cell) for cell in written}
    catalog, _ = told(columns, feed=False)
    if catalog is not TABLE and PROMPT not in columns:
        raise BadInput(f"{name} is {catalog.said}: a catalog of products, and no matrix", hint=NEEDS_TEMPLATE)


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
