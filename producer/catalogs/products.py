"""Products out of a catalog's records: each field in words, and the line and column that it came from."""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from producer.catalogs.options import option
from producer.catalogs.plaintext import plain_text
from producer.catalogs.shapes import FIELDS, WIX_MEDIA, Shape, plain
from producer.catalogs.sheet import Record
from producer.columns import KNOWN, Wrong

#: What gets videos of its own: the product, each of its variants, or each of its colours.
Each = Literal["product", "variant", "color"]

#: Fields that are taken as they are written; all others are read as prose, without HTML.
_AS_WRITTEN: Final = frozenset({"id", "sku", "gtin", "price", "sale_price", "link", "image", "images"})
_IDENTIFIERS: Final = frozenset({"id", "sku", "gtin"})
_SHORTENED: Final = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE)
#: How a number is kept as text in a table: `'0071234500042` and `="0071234500042"`.
_AS_TEXT: Final = re.compile(r"'(\d+)|=\"([^\"]*)\"")
#: What tells a price that shoppers pay from the one without taxes beside it: `Price (tax incl.)`, `Prix (TTC)`.
_GROSS: Final = re.compile(r"\((?:[^()]*\b(?:incl|inkl)\b|TTC\))", re.IGNORECASE)
#: What a column of numbers with decimals makes of a GTIN.
_WHOLE: Final = re.compile(r"(\d{8,})[.,]0+")
_CELL_ERROR: Final = re.compile(r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!)")
#: Between pictures in one cell: a `;` or `|`, a line break, or a comma before the next address.
_NEXT_PICTURE: Final = re.compile(r"\s*[;|\n]\s*|,\s+|,(?=https?://|//)")
#: How Wix names pictures, in its own exports and in feeds that were made of them.
_WIX_NAME: Final = re.compile(r"[0-9a-f]{6}_[0-9a-f]{32}~mv2\S*")
_ADDRESS: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)


class Found(NamedTuple):
    """A field's text, and the line and column that it stands in, or would; `wrong` says why it cannot be used."""

    text: str
    line: int
    column: str
    wrong: Wrong | None = None


class Columns:
    """A catalog's columns, understood: which hold which field, by the shape or as a template maps them.

    `own` holds the names of the columns that are no field's, as templates spell them; `spelling` says what columns in
    another language are called in the shape's own.
    """

    def __init__(
        self, names: Sequence[str], shape: Shape, mapping: Mapping[str, str], spelling: Mapping[str, str]
    ) -> None:
        self.names = tuple(names)
        self.shape = shape
        self.spelt: dict[str, str] = {}
        for name in names:
            column = spelling.get(plain(name), plain(name))
            if column == "price" and _GROSS.search(name):
                self.spelt[column] = name
            else:
                self.spelt.setdefault(column, name)
        self.fields: dict[str, tuple[str, ...]] = {}
        for field in dict.fromkeys((*FIELDS, *mapping)):
            wanted = shape.fields.get(field, ())
            if field in mapping:
                wanted = (spelling.get(plain(mapping[field]), plain(mapping[field])),)
            self.fields[field] = tuple(column for column in wanted if column in self.spelt)
        if "image" in mapping and "images" not in mapping:
            self.fields["images"] = self.fields["image"]
        self.mapped = frozenset(mapping)
        self.own = frozenset(self.spelt) - frozenset(self.fields) - frozenset(KNOWN)

    def has(self, field: str) -> bool:
        """Whether the catalog has a place for this field or column."""
        if field in self.own or self.fields.get(field):
            return True
        name, *_ = self.shape.attribute or ("",)
        options = field in {"color", "material", "pattern", "product_size"} and field not in self.mapped
        return options and (name.format(1) in self.spelt or "feature" in self.spelt)

    def plain(self, record: Record) -> dict[str, str]:
        """The record's cells by their plain names."""
        return {column: record.cells[name] for column, name in self.spelt.items() if name in record.cells}


class Product:
    """One product, or one variant of it: asks its records for each field, the one that knows best first."""

    def __init__(self, records: Sequence[Record], columns: Columns, variant: int | None = None) -> None:
        self.records = records
        self._columns = columns
        self._cells = [columns.plain(record) for record in records]
        shape = columns.shape
        self._head = next((at for at, cells in enumerate(self._cells) if shape.head(cells)), 0)
        self.variants = [at for at, cells in enumerate(self._cells) if shape.variant(cells)] or [self._head]
        self._variant = variant
        first = self._head if variant is None else variant
        # What is neither the product's own row nor a variant's, such as one with a picture, is of all variants.
        others = {first, self._head, *(self.variants if variant is not None else ())}
        rest = (at for at in range(len(records)) if at not in others)
        self._order = tuple(dict.fromkeys((first, self._head, *rest)))
        self.line = records[first].line
        self._found: dict[str, Found] = {}

    def each(self, each: Each) -> Iterator["Product"]:
        """Itself, or each of its variants, or its first variant of each colour."""
        if each == "product":
            yield self
            return
        colours: set[str] = set()
        for at in self.variants:
            variant = Product(self.records, self._columns, at)
            colour = variant.field("color").text.lower()
            if each == "variant" or colour not in colours:
                yield variant
            colours.add(colour)

    def doubles(self) -> Iterator[tuple[Found, int]]:
        """Ids that stand there once more than they should, each with the line on which it stood first.

        A row may be there twice, or another product may have the same id: both had become one without a word.
        """
        rows: dict[frozenset[tuple[str, str]], int] = {}
        owners: dict[str, int] = {}
        for at, cells in enumerate(self._cells):
            found = self._own("id", at)
            first = rows.setdefault(frozenset(item for item in cells.items() if item[1]), at)
            if first == at and found.text and self._columns.shape.head(cells):
                first = owners.setdefault(found.text, at)
                if self._columns.shape.shared and not self._renamed(first, at):
                    first = at
            if first != at:
                yield found, self.records[first].line

    def _renamed(self, first: int, at: int) -> bool:
        titles = (self._own("title", first).text, self._own("title", at).text)
        return all(titles) and titles[0] != titles[1]

    def _own(self, name: str, at: int) -> Found:
        """What one record itself has in a field."""
        columns = self._columns.fields[name]
        column = next((each for each in columns if self._cells[at].get(each)), next(iter(columns), name))
        return self._read(name, self._cells[at].get(column, ""), at, column)

    def field(self, name: str) -> Found:
        """The text of a field or of a column of the catalog's own; empty where no record says it."""
        if name not in self._found:
            self._found[name] = self._said(name)
        return self._found[name]

    def _said(self, name: str) -> Found:
        if name in {"image", "images"}:
            return self._images(several=name == "images")
        if name not in self._columns.mapped and (found := self._option(name)):
            return found
        columns = self._columns.fields.get(name, (name,))
        for column in columns:
            for at in self._asked(name):
                if text := self._cells[at].get(column):
                    return self._read(name, text, at, column)
        column = self._columns.spelt.get(columns[0], columns[0]) if columns else name
        return Found("", self.line, column)

    def _asked(self, name: str) -> Sequence[int]:
        """The records to ask, in order; for a sale price the price's own, since another variant's would be a lie."""
        if name == "sale_price":
            for column in self._columns.fields["price"]:
                for at in self._order:
                    if self._cells[at].get(column):
                        return (at,)
        return self._order

    def _option(self, name: str) -> Found | None:
        at = self.variants if self._variant is None else [self._variant]
        told = option(name, self._cells[self._head], [self._cells[one] for one in at], self._columns.shape.attribute)
        if told is None:
            return None
        text, column = told
        line = next((one for one in at if self._cells[one].get(column)), self._head)
        return self._read(name, text, line, column)

    def _images(self, *, several: bool) -> Found:
        """The first picture, or all of them with `;` between; the one of the colour that is told comes first."""
        shape = self._columns.shape
        own = self._variant
        if own is None and len(self.variants) > 1 and self.field("color").text:
            own = self.variants[0]
        asked = [
            (column, own) for column in shape.variant_image if own is not None and "image" not in self._columns.mapped
        ]
        asked += [
            (column, at) for column in self._columns.fields["images" if several else "image"] for at in self._order
        ]
        first: Found | None = None
        pictures: dict[str, None] = {}
        for column, at in asked:
            text = self._cells[at].get(column, "") if at is not None else ""
            if text:
                found = self._read("image", text, at or 0, column)
                pictures.update(dict.fromkeys(self._addresses(found.text)))
                first = first or found
        if first is None or not pictures:
            column = next(iter(self._columns.fields["image"]), "image")
            return Found("", self.line, self._columns.spelt.get(column, column))
        return first._replace(text=";".join(pictures) if several else next(iter(pictures)))

    def _addresses(self, text: str) -> Iterator[str]:
        for part in _NEXT_PICTURE.split(html.unescape(text)):
            picture = part.strip().strip(",")
            if picture.startswith("//"):
                yield f"https:{picture}"
            elif picture:
                base = WIX_MEDIA if _WIX_NAME.fullmatch(picture) else self._columns.shape.image_base
                yield picture if _ADDRESS.match(picture) else base + picture

    def _read(self, name: str, text: str, at: int, column: str) -> Found:
        wrong = None
        if text.startswith("#") and _CELL_ERROR.fullmatch(text):
            wrong = Wrong(f"the cell holds the spreadsheet's error `{text}`", "mend it there, and export again")
        elif name in _IDENTIFIERS and "+" in text and _SHORTENED.fullmatch(text):
            fix = "give the column the format Text in the spreadsheet, fill it in again, and export again"
            wrong = Wrong(f"`{text}` is what a spreadsheet made of a number: its last digits are lost", fix)
        if name in _IDENTIFIERS and (marked := _AS_TEXT.fullmatch(text)):
            read = marked[1] or marked[2]
        elif name in _IDENTIFIERS and (whole := _WHOLE.fullmatch(text)):
            read = whole[1]
        elif name in _AS_WRITTEN:
            read = text.strip()
        else:
            read = plain_text(text.replace(self._columns.shape.line_break, "\n"))
        return Found(read, self.records[at].line, self._columns.spelt.get(column, column), wrong)
