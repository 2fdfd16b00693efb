"""Catalogs in Excel workbooks: the sheet's rows as text, as a person sees them in the cells.

Excel keeps `00712345678905` as a number and `8.80609E+12` as what it shows: identifiers are written out in full, with
the zeros and decimals that the cell's format asks for.
"""

import datetime as dt
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from decimal import Decimal
from typing import BinaryIO, Final

from defusedxml.common import DefusedXmlException

from jobs.errors import BadInput, Problem
from producer.catalogs.cells import Cell, Cells
from producer.catalogs.cells import Sheet as Tab
from producer.catalogs.sheet import Record, column_names, record

#: Bytes of a workbook, unpacked; a bomb says more in its own table of contents, and is held to what it says there.
UNPACKED_BYTES: Final = 1 << 29
#: Rows at the top in which the header is looked for.
HEADER_WITHIN: Final = 100
_ZEROS: Final = re.compile(r"0{2,}")
_DIGIT: Final = re.compile(r"[0#?]")
#: In formats whose decimals are none of the number's own: percentages and powers of ten.
_OTHERWISE: Final = re.compile(r"%|E[+-]", re.IGNORECASE)
_CURRENCY: Final = re.compile(r"\[\$([^\]-]+)[^\]]*\]|\"([^\"]+)\"|([$\u20ac\u00a3\u00a5])")
#: What a broken workbook makes of its readers: zip, deflate, XML, and the parts that miss each other.
_BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, struct.error, KeyError, ValueError, TypeError, AttributeError, IndexError, EOFError,
    OSError, OverflowError, RuntimeError, SyntaxError,
)  # fmt: skip


class Workbook:
    """A catalog on one sheet of an Excel workbook: the first that has a header, or the one of the given name."""

    feed = False
    doubt: Problem | None = None

    def __init__(self, file: BinaryIO, name: str, sheet: str | None) -> None:
        self.name = name
        self._file = file
        try:
            _bounded(file, name)
            self._cells = Cells(file)
            self._tab, self._header, self.names = self._chosen(sheet)
        except _BROKEN as error:
            raise _unreadable(name, error) from error

    def __iter__(self) -> Iterator[Record]:
        """A record a row below the header; blank ones are passed over."""
        try:
            for line, cells in self._cells.rows(self._tab):
                if line > self._header:
                    found = record(line, [_text(cell) for cell in cells], self.names, "", self.name)
                    if found is not None:
                        yield found
        except _BROKEN as error:
            raise _unreadable(self.name, error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._cells.close()
        self._file.close()

    def _chosen(self, wanted: str | None) -> tuple[Tab, int, tuple[str, ...]]:
        tabs = {tab.title: tab for tab in self._cells.sheets}
        if wanted is not None and wanted not in tabs:
            raise BadInput(f"{self.name} has no sheet `{wanted}`", hint="Its sheets: " + ", ".join(tabs))
        for tab in sorted(tabs.values(), key=lambda tab: tab.hidden):
            if wanted in {None, tab.title} and (header := self._header_of(tab)) is not None:
                line, cells = header
                return tab, line, column_names(cells, self.name, line)
        raise BadInput(f"{self.name} holds no header", hint="Start the sheet with a row of column names.")

    def _header_of(self, tab: Tab) -> tuple[int, list[str]] | None:
        """The first row that is not blank and no `#` comment, with its number."""
        for line, row in self._cells.rows(tab):
            cells = [_text(cell) for cell in row]
            if line > HEADER_WITHIN:
                break
            if any(cells) and not next(filter(None, cells)).startswith("#"):
                return line, cells
        return None


def _text(cell: Cell) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value, cell.shape.partition(";")[0])
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, dt.date | dt.time) else str(value)


def _number(value: float, shape: str) -> str:
    """A number in full, never `8.8E+12`, with the leading zeros, the decimals and the currency of its format, where it
    has them.
    """
    exact = Decimal(value) if isinstance(value, int) else Decimal(format(value, ".15g"))
    digits = re.sub(r"\[\$[^\]]*\]|\"[^\"]*\"|\\.", "", shape)
    if _ZEROS.fullmatch(digits) and exact == exact.to_integral_value():
        return f"{int(exact):0{len(digits)}d}"
    text = format(exact, "f")
    decimals = re.search(r"0\.(0+)", digits)
    if decimals and not _OTHERWISE.search(digits) and -exact.as_tuple().exponent <= len(decimals[1]):  # type: ignore[operator]
        text = format(exact, f".{len(decimals[1])}f")
    elif "." in text:
        text = text.rstrip("0").rstrip(".")
    currency = _CURRENCY.search(shape) if "0" in digits else None
    if currency is None:
        return text
    sign = next(filter(None, currency.groups())).strip()
    if _DIGIT.search(re.sub(r"\[[^\]]*\]|\"[^\"]*\"", "", shape[: currency.start()])):
        return f"{text} {sign}"
    return f"{sign} {text}" if sign.isalpha() else f"{sign}{text}"


def _bounded(file: BinaryIO, name: str) -> None:
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
    if not any(part.filename == "[Content_Types].xml" for part in parts):
        raise BadInput(f"{name} is a zip archive, and no Excel workbook", hint="Unpack it, and give the file in it.")
    unpacked = sum(part.file_size for part in parts)
    if unpacked > UNPACKED_BYTES:
        raise BadInput(
            f"{name} unpacks to {unpacked:,} bytes", hint=f"Up to {UNPACKED_BYTES:,} are read; save the sheet as CSV."
        )
    file.seek(0)


def _unreadable(name: str, error: Exception) -> BadInput:
    said = "it declares entities" if isinstance(error, DefusedXmlException) else str(error).partition("\n")[0][:200]
    hint = "Open it, and save the sheet as a new workbook or as CSV UTF-8."
    return BadInput(f"{name} is a workbook that cannot be read: {said}", hint=hint)
