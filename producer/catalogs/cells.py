"""The cells of an Excel workbook: their values, and of their formats only what says how numbers are shown.

Fills, themes, names, validations and properties are not looked at. Many programs that write workbooks get them wrong,
and none of it is a product's. Other namespaces ("Strict Open XML") and other cases of names are read alike.
"""

import datetime as dt
import math
import posixpath
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from defusedxml.ElementTree import fromstring, iterparse
from openpyxl.styles.numbers import builtin_format_code, is_date_format, is_timedelta_format
from openpyxl.utils.cell import column_index_from_string
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel
from openpyxl.utils.escape import unescape

#: What a formula leaves that no spreadsheet has worked out yet: the error that spreadsheets have for it.
UNCALCULATED: Final = "#CALC!"
_TRUE: Final = ("1", "true")


class Cell(NamedTuple):
    """A cell's value, None where it is empty, and the format code that a number in it is shown by."""

    value: str | float | bool | dt.date | dt.time | dt.timedelta | None
    shape: str = "General"


class Sheet(NamedTuple):
    """A sheet of the workbook: where its cells lie in the archive."""

    title: str
    hidden: bool
    part: str


class Cells:
    """An open workbook; each sheet can be read as often as wanted. What is broken raises what its readers raise."""

    def __init__(self, file: BinaryIO) -> None:
        self._archive = zipfile.ZipFile(file)
        self._parts = {_plain(name): name for name in self._archive.namelist()}
        documents = [part for kind, part in self._related("").values() if kind == "officeDocument"]
        self._book = documents[0] if documents else "xl/workbook.xml"
        book = fromstring(self._read(self._book))
        self._related_parts = self._related(self._book)
        properties = book.find("{*}workbookPr")
        mac = properties is not None and properties.get("date1904") in _TRUE
        self._epoch = CALENDAR_MAC_1904 if mac else CALENDAR_WINDOWS_1900
        self._shapes = list(self._formats())
        self._strings = list(self._texts())
        self.sheets = tuple(self._listed(book.iterfind("{*}sheets/{*}sheet")))

    def close(self) -> None:
        """Let go of the archive."""
        self._archive.close()

    def rows(self, sheet: Sheet) -> Iterator[tuple[int, list[Cell]]]:
        """The rows that are not empty, each with its number."""
        number = 0
        with self._archive.open(self._parts[_plain(sheet.part)]) as part:
            for _, element in iterparse(part):
                if _local(element) == "row":
                    number = int(float(element.get("r", number + 1)))
                    yield number, self._row(element)
                    element.clear()

    def _row(self, row: Iterable[Any]) -> list[Cell]:
        cells: list[Cell] = []
        for element in row:
            if _local(element) == "c":
                letters = element.get("r", "").rstrip("0123456789")
                column = column_index_from_string(letters) if letters else len(cells) + 1
                cells += [Cell(None)] * (column - len(cells))
                cells[column - 1] = self._cell(element)
        return cells

    def _cell(self, element: Any) -> Cell:
        kind, parts = element.get("t", "n"), {_local(each): each for each in element}
        text = parts["v"].text if "v" in parts else None
        if kind == "inlineStr":
            return Cell(_text(parts["is"]) if "is" in parts else None)
        if not text:
            return Cell(UNCALCULATED if "f" in parts and kind != "str" else None)
        if kind == "s":
            return Cell(self._strings[int(text)])
        if kind == "b":
            return Cell(text.strip().lower() in _TRUE)
        if kind == "d":
            return Cell(dt.datetime.fromisoformat(text))
        return Cell(unescape(text)) if kind in {"str", "e"} else self._number(text, int(element.get("s", 0)))

    def _number(self, text: str, style: int) -> Cell:
        try:
            value = int(text) if text.strip("-").isdigit() else float(text)
        except ValueError:
            return Cell(text)
        shape = self._shapes[style] if style < len(self._shapes) else "General"
        if not math.isfinite(value):
            return Cell(text)
        if is_date_format(shape):
            try:
                return Cell(from_excel(value, self._epoch, timedelta=is_timedelta_format(shape)), shape)
            except (OverflowError, ValueError):
                return Cell(value)
        return Cell(value, shape)

    def _listed(self, sheets: Iterable[Any]) -> Iterator[Sheet]:
        for each in sheets:
            relation = next((text for name, text in each.attrib.items() if name.endswith("}id")), "")
            kind, part = self._related_parts.get(relation, ("", ""))
            if kind == "worksheet" and _plain(part) in self._parts:
                yield Sheet(each.get("name", ""), each.get("state", "visible") != "visible", part)

    def _formats(self) -> Iterator[str]:
        """The format code of each style of cells."""
        for part in self._of_kind("styles"):
            styles = fromstring(self._read(part))
            written = {each.get("numFmtId"): each.get("formatCode") for each in styles.iterfind("{*}numFmts/{*}numFmt")}
            for each in styles.iterfind("{*}cellXfs/{*}xf"):
                number = each.get("numFmtId", "0")
                yield written.get(number) or builtin_format_code(int(number)) or "General"

    def _texts(self) -> Iterator[str]:
        """The texts that cells share."""
        for part in self._of_kind("sharedStrings"):
            with self._archive.open(self._parts[_plain(part)]) as texts:
                for _, element in iterparse(texts):
                    if _local(element) == "si":
                        yield _text(element)
                        element.clear()

    def _of_kind(self, wanted: str) -> Iterator[str]:
        return (part for kind, part in self._related_parts.values() if kind == wanted and _plain(part) in self._parts)

    def _related(self, part: str) -> dict[str, tuple[str, str]]:
        """The parts that a part names: the kind and place of each, by the name that it has there."""
        folder, _, name = part.rpartition("/")
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        if _plain(relations) not in self._parts:
            return {}
        return {
            each.get("Id", ""): (
                each.get("Type", "").rpartition("/")[2],
                posixpath.join("/", folder, each.get("Target", "")),
            )
            for each in fromstring(self._read(relations))
        }

    def _read(self, part: str) -> bytes:
        if _plain(part) not in self._parts:
            raise ValueError(f"it has no part {part}")
        return self._archive.read(self._parts[_plain(part)])


def _plain(part: str) -> str:
    """A part's place, however it is written: from the root, with either slash, in any case."""
    return posixpath.normpath(part.replace("\\", "/")).lstrip("/").lower()


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _text(element: Any) -> str:
    """The words in a text of one or several formats, without what says how they are pronounced."""
    parts = [each for each in element if _local(each) in {"t", "r"}]
    words = (each.text if _local(each) == "t" else each.findtext("{*}t") for each in parts)
    return unescape("".join(each or "" for each in words))
