"""Catalogs in XML: RSS and Atom feeds with Google's `g:` fields, read as a stream and bounded.

A file from elsewhere may try to blow up or to reach out: entities are refused, nothing external is read, and what one
product may hold is limited.
"""

import codecs
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO, Final
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

import defusedxml.sax
from defusedxml.common import DefusedXmlException

from jobs.errors import BadInput, Problem
from producer.catalogs.sheet import NAMES_FROM, SEVERAL, Record
from producer.rows import CELL_MAX

#: What a product is called in a feed.
ITEMS: Final = frozenset({"item", "entry"})
#: Elements within each other; real feeds have about six.
DEPTH_MAX: Final = 50
#: Fields of one product.
FIELDS_MAX: Final = 2000
CHUNK_BYTES: Final = 1 << 16
_AGAIN: Final = "export the feed again; `&`, `<` and `>` in a text are written &amp;, &lt; and &gt;"
_GOOGLE: Final = "base.google.com/"
_ATOM: Final = "http://www.w3.org/2005/Atom"
#: Another encoding than UTF-8 that a declaration or a mark names.
_NAMED: Final = re.compile(rb"\s*<\?xml[^>]*\bencoding\s*=\s*[\"'](?!utf-?8)|\xff\xfe|\xfe\xff", re.IGNORECASE)


class Feed:
    """A catalog with an `<item>` (RSS) or `<entry>` (Atom) a product."""

    feed = True
    doubt: Problem | None = None

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self._file = file
        self.names = tuple(dict.fromkeys(key for each in islice(self, NAMES_FROM) for key in each.cells))
        if not self.names:
            raise BadInput(
                f"{name} holds no products", hint="A feed has an <item> (RSS) or an <entry> (Atom) a product."
            )

    def __iter__(self) -> Iterator[Record]:
        """A record a product."""
        blank = self._begin()
        items = _Items(self.name, blank.count(b"\n"))
        parser: Any = defusedxml.sax.make_parser()
        parser.setContentHandler(items)
        items.setDocumentLocator(parser)
        try:
            while chunk := self._file.read(CHUNK_BYTES):
                parser.feed(chunk)
                yield from items.taken()
            parser.close()
        except DefusedXmlException as error:
            raise self._refused(items, "it declares entities or a document type of its own") from error
        except ValueError as error:
            raise self._refused(items, str(error)) from error
        except SAXParseException as error:
            raise self._malformed(items, error) from error
        yield from items.taken()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _begin(self) -> bytes:
        """Go to where the XML begins; answers the blank lines before it, which shops' plugins leave there."""
        self._file.seek(0)
        start = self._file.read(CHUNK_BYTES)
        blank = start[: len(start) - len(start.removeprefix(codecs.BOM_UTF8).lstrip())]
        self._file.seek(0 if blank == codecs.BOM_UTF8 else len(blank))
        return blank

    def _malformed(self, items: "_Items", error: SAXParseException) -> BadInput:
        """What to tell: a byte that is none of UTF-8, where no other encoding is named, or another slip."""
        read = self._file.tell()
        self._file.seek(0)
        start = self._file.read(CHUNK_BYTES).removeprefix(codecs.BOM_UTF8)
        if not _NAMED.match(start) and not _is_utf8(self._file, read):
            fix = 'save it as UTF-8, or say what it is: <?xml version="1.0" encoding="windows-1252"?>'
            return self._refused(items, "a byte here is no UTF-8, and the file names no other encoding", fix)
        return self._refused(items, f"it is no well-formed XML here ({_words(error)})")

    def _refused(self, items: "_Items", what: str, fix: str = _AGAIN) -> BadInput:
        line = items.line()
        return BadInput(f"{self.name} cannot be read", [Problem(self.name, line, "", "", what, fix)])


class _Items(ContentHandler):
    """Gathers the fields of one product at a time."""

    def __init__(self, name: str, lines_before: int) -> None:
        super().__init__()
        self._lines_before = lines_before
        self._name = name
        self._locator: Locator | None = None
        self._google = {"g"}
        self._atom: set[str] = set()
        self._path: list[str] = []
        self._item_depth = 0
        self._line = 0
        self._fields: list[tuple[bool, str, str]] = []
        self._text: list[str] = []
        self._size = 0
        self._done: list[Record] = []

    def taken(self) -> list[Record]:
        """The products that were finished since the last call."""
        done, self._done = self._done, []
        return done

    def line(self) -> int:
        """The line that is being read."""
        return self._lines_before + ((self._locator.getLineNumber() if self._locator else None) or 0)

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - SAX spells it so
        """What knows the line; a parser that is fed does not call this by itself."""
        self._locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - SAX spells it so
        """An element opens: a product, or a field of one."""
        for key in attrs.getNames():
            if key.startswith("xmlns:") and _GOOGLE in attrs[key]:
                self._google.add(key.removeprefix("xmlns:"))
            elif key.startswith("xmlns:") and attrs[key] == _ATOM:
                self._atom.add(key.removeprefix("xmlns:"))
        self._path.append(name)
        if len(self._path) > DEPTH_MAX:
            raise ValueError(f"its elements lie more than {DEPTH_MAX} deep")
        if not self._item_depth:
            if name.rpartition(":")[2] in ITEMS:
                self._item_depth, self._line, self._size = len(self._path), self.line(), 0
                self._fields = []
            return
        self._flush(opening=True)
        if "href" in attrs.getNames() and attrs.get("rel", "alternate") == "alternate":
            # Atom's <link href="..."/> holds no text; one of another relation leads to something else.
            self._text.append(attrs["href"])

    def characters(self, content: str) -> None:
        """Text of a field."""
        if self._item_depth and len(self._path) > self._item_depth:
            self._size += len(content)
            if self._size > CELL_MAX:
                raise ValueError(f"a product holds more than {CELL_MAX:,} characters")
            self._text.append(content)

    def endElement(self, _name: str) -> None:  # noqa: N802 - SAX spells it so
        """An element closes; a product is done with its own."""
        if self._item_depth and len(self._path) == self._item_depth:
            self._done.append(Record(self._line, self._cells()))
            self._item_depth = 0
        elif self._item_depth:
            self._flush(opening=False)
        self._path.pop()

    def _flush(self, *, opening: bool) -> None:
        """Keep the text so far as the field's; an element that opens leaves it to its parent."""
        parts = self._path[self._item_depth : -1 if opening else None]
        text = "".join(self._text).strip()
        self._text = []
        if not text or not parts:
            return
        prefix, _, local = parts[0].rpartition(":")
        google = prefix in self._google
        if prefix and not google and prefix not in self._atom:
            local = f"{prefix}_{local}"
        inner = [part.rpartition(":")[2] for part in parts[1:]]
        self._fields.append((google, "_".join([local, *inner]), text))
        if len(self._fields) > FIELDS_MAX:
            raise ValueError(f"a product has more than {FIELDS_MAX:,} fields")

    def _cells(self) -> dict[str, str]:
        """The product's text by field; Google's own fields come before the feed's of the same name."""
        ours = {name for google, name, _ in self._fields if google}
        cells: dict[str, str] = {}
        for google, name, text in self._fields:
            if google or name not in ours:
                cells[name] = f"{cells[name]}{SEVERAL}{text}" if name in cells else text
        return cells


def _is_utf8(file: BinaryIO, until: int) -> bool:
    """Whether the file is, as far as it was read."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while file.tell() < until:
            decoder.decode(file.read(CHUNK_BYTES))
    except UnicodeDecodeError:
        return False
    return True


def _words(error: Exception) -> str:
    return str(getattr(error, "getMessage", lambda: error)())
