"""A product catalog as the rows of a matrix: each product through the videos of a template."""

import csv
import difflib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, Self

from jobs.errors import BadInput, Problem
from producer.catalogs.groups import Groups
from producer.catalogs.opening import open_sheet
from producer.catalogs.products import Columns, Found, Product
from producer.catalogs.shapes import FIELDS, Shape, by_id, plain, told
from producer.catalogs.sheet import Record, Sheet
from producer.catalogs.template import NEAREST, VIDEO, CampaignTemplate, VideoTemplate
from producer.columns import FREE_TEXT, KNOWN, PROMPT, Wrong
from producer.encoding import Source, open_source
from producer.prompts import Template, compiled, filled, is_template
from producer.rows import Origin, Place, Removed, Row, Survey
from producer.tables import Header

#: Fields that go to the manifest with every video, where the catalog has them.
LABELS: Final = (
    "id", "sku", "gtin", "title", "brand", "price", "sale_price", "color", "type", "availability", "published", "link",
)  # fmt: skip
#: What says that a product is not shown, and what the others then say.
HIDDEN: Final = {"false": "true", "0": "1", "no": "yes", "draft": "active", "archived": "active"}
#: Settings that a picture may not fit.
SHAPES: Final = ("aspect_ratio", "size", "fit")
#: Settings that are filled with a product's fields before the row is read.
FILLED: Final = tuple(column for column in KNOWN if column not in FREE_TEXT)


class Catalog:
    """An open catalog, read once and put together by product; a context manager.

    Iterating gives a row a video: the products in file order, of each the template's videos. `shape` is the format that
    was recognised, `products` and `records` count what the file holds.
    """

    format: Final = "csv"
    noun: Final = "product"
    removed: Final[Sequence[Removed]] = ()

    def __init__(self, sheet: Sheet, template: CampaignTemplate) -> None:
        self.name = sheet.name
        self.template = template
        self.doubt = sheet.doubt
        names = {plain(name) for name in sheet.names}
        if PROMPT in names:
            hint = "It says itself what its videos are: leave --template out."
            raise BadInput(f"{sheet.name} is a matrix: it has a column `prompt`", hint=hint)
        self.shape, spelling = told(names, feed=sheet.feed)
        self.columns = Columns(sheet.names, self.shape, template.columns, spelling)
        self.header = Header(",", sheet.names, "")
        refresh = template.refresh
        asked = (*refresh.key, *(refresh.on or ())) if refresh else ()
        self._labels = tuple(dict.fromkeys([*(field for field in LABELS if self.columns.has(field)), *asked]))
        axes = dict.fromkeys(axis for video in template.videos for axis in video.multiplied)
        self.refresh = refresh and refresh._replace(key=(*refresh.key, VIDEO, *axes))
        _fits(self.columns, template, self.name)
        self.seen: Survey | None = self._survey()
        self._told_hidden = False
        self._groups = Groups()
        try:
            keys = self._keys()
            for record in sheet:
                self._groups.add(record, () if record.problems else keys(self.columns.plain(record)))
        except BaseException:
            self._groups.close()
            raise
        self.products, self.records = self._groups.count, self._groups.records

    @property
    def read_as(self) -> str:
        """What the file was taken for: `a Shopify export: 312 products from 1,204 rows`."""
        rows = f"{self.records:,} row" + ("" if self.records == 1 else "s")
        return f"{self.shape.said}: {self.products:,} product" + ("" if self.products == 1 else "s") + f" from {rows}"

    def __iter__(self) -> Iterator[Row]:
        """A row a video; a record that cannot be read is a row with its problems."""
        self._told_hidden = False
        for records in self._groups:
            problems = [problem for record in records for problem in record.problems]
            write = partial(_written, records, self.columns.names)
            if problems:
                yield Row(records[0].line, {}, "", tuple(problems), Origin(write))
                continue
            whole = Product(records, self.columns)
            notes = tuple(self._doubles(whole)) if len(records) > 1 else ()
            for product in whole.each(self.template.each):
                for number, video in enumerate(self.template.videos):
                    yield self._row(product, video, write, notes, first=number == 0)
                    notes = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the products go."""
        self._groups.close()

    def _keys(self) -> Callable[[Mapping[str, str]], tuple[str, ...]]:
        """How a record's keys are told: by the shape, or by the column that a template calls the id."""
        if "id" not in self.template.columns:
            return self.shape.keys
        column = next(iter(self.columns.fields["id"]), "")
        return lambda cells: by_id({"id": cells.get(column, "")})

    def _survey(self) -> Survey:
        videos = self.template.videos
        axes = {axis for video in videos for axis in video.axes} | ({VIDEO} if len(videos) > 1 else set())
        axes |= {"title"} & set(self._labels)
        columns = {column for video in videos for column in (*video.settings, *video.fields)}
        return Survey(frozenset({*columns, *axes, *self._labels}), frozenset(axes))

    def _row(
        self,
        product: Product,
        video: VideoTemplate,
        write: Callable[[], str],
        notes: Sequence[Problem],
        *,
        first: bool,
    ) -> Row:
        """One video of one product: its settings, filled; the product's fields, as they are; or what is wrong."""
        template = self.template
        found = {name: product.field(name) for name in (*self._labels, *sorted(video.fields))}
        values = {name: each.text or template.defaults.get(name, "") for name, each in found.items() if not each.wrong}
        problems = [problem for name in sorted(video.fields) if (problem := self._lack(name, found[name]))]
        places = {name: Place(self.name, each.line, each.column) for name, each in found.items()}
        cells = dict(values)
        for column, text in video.settings.items():
            places[column] = Place(template.file, video.lines[column], column)
            if column in FREE_TEXT or not is_template(text):
                cells[column] = text
                continue
            places[column] = next((places[name] for name in _called(text) if name in found), places[column])
            ready = "" if problems else filled(text, values, frozenset(values), frozenset(values))
            if isinstance(ready, Wrong):
                problems.append(Problem(*places[column], text[:200], ready.problem, ready.fix))
            else:
                cells[column] = ready
        if is_template(video.settings.get("image_url", "")):
            # Whether a ratio is right depends on the product's picture.
            places |= {column: places["image_url"] for column in SHAPES if column in places}
        for axis, text in video.axes.items():
            cells[axis], places[axis] = text, Place(template.file, video.lines[axis], f"axes.{axis}")
        if len(template.videos) > 1:
            cells[VIDEO] = video.name
        literal = frozenset(found) | {column for column in FILLED if is_template(video.settings.get(column, ""))}
        spoilt = (self._lack(name, each) for name, each in found.items() if each.wrong and name not in video.fields)
        noted = [*notes, *(note for note in spoilt if note and first)]
        if first and not problems:
            noted.extend(self._hidden(found.get("published")))
        origin = Origin(write, literal | {VIDEO}, frozenset(values), places, tuple(noted))
        return Row(product.line, cells, "", tuple(problems), origin)

    def _doubles(self, product: Product) -> Iterator[Problem]:
        """A note on each row that repeats another one, or that is another product's with the same id."""
        for found, line in product.doubles():
            what = (
                f"the id `{found.text}` stands on line {line:,} already"
                if found.text
                else f"line {line:,} says the same"
            )
            fix = "they are taken for one product; delete one, or give it an id of its own"
            yield Problem(self.name, found.line, found.column, found.text, what, fix)

    def _hidden(self, published: Found | None) -> Iterator[Problem]:
        """A note on the first product that its shop does not show: a video for it may be money for nothing."""
        shown = HIDDEN.get(published.text.lower()) if published else None
        if published is None or shown is None or self._told_hidden:
            return
        self._told_hidden = True
        value = shown.upper() if published.text.isupper() else shown
        what = f"the first of the products that the shop does not show (`{published.text}`)"
        fix = f"--where published={value} leaves them out"
        yield Problem(self.name, published.line, published.column, published.text, what, fix)

    def _lack(self, name: str, found: Found) -> Problem | None:
        """What is wrong with a field that the template calls, in this product."""
        if found.wrong is not None:
            return Problem(self.name, found.line, found.column, found.text[:200], found.wrong.problem, found.wrong.fix)
        if found.text or name in self.template.defaults:
            return None
        fix = f'fill it in, or give the template a default: [defaults] {name} = "..."'
        return Problem(
            self.name, found.line, found.column, "", f"the product has no {name}, which the template calls", fix
        )


def read_catalog(source: Source, template: CampaignTemplate, name: str | None = None) -> Catalog:
    """Read a catalog (`-` is standard input) for a template; `name` is what messages call it.

    Raises BadInput for a file that is no catalog, or that does not have what the template calls.
    """
    file = open_source(source)
    try:
        sheet = open_sheet(file, name or str(source), sheet=template.sheet)
    except BaseException:
        file.close()
        raise
    try:
        return Catalog(sheet, template)
    finally:
        sheet.close()


def _fits(columns: Columns, template: CampaignTemplate, name: str) -> None:
    """BadInput where the template names columns or fields that this catalog does not have."""
    problems = []
    for field, column in template.columns.items():
        if not columns.fields[field]:
            close = difflib.get_close_matches(column, columns.names, n=1, cutoff=0.6)
            fix = f"did you mean `{close[0]}`?" if close else "its columns: " + ", ".join(columns.names[:30])
            line = template.lines["columns", field]
            problems.append(
                Problem(template.file, line, f"columns.{field}", column, f"{name} has no column `{column}`", fix)
            )
    known = sorted({*(field for field in FIELDS if columns.has(field)), *columns.own, *columns.mapped})
    for field in template.defaults:
        if field not in FIELDS and not columns.has(field):
            line = template.lines["defaults", field]
            wrong = _unknown(field, known, columns.shape, name)
            problems.append(Problem(template.file, line, f"defaults.{field}", "", wrong.problem, wrong.fix))
    for video in template.videos:
        for field in sorted(video.fields):
            if not columns.has(field) and field not in template.defaults:
                wrong = _unknown(field, known, columns.shape, name)
                column = next(each for each, text in video.settings.items() if field in _called(text))
                problems.append(Problem(template.file, video.lines[column], column, field, wrong.problem, wrong.fix))
    problems.extend(_unrefreshed(columns, template, known, name))
    if problems:
        raise BadInput(f"{template.file} does not fit {name}, which was read as {columns.shape.said}", problems)


def _unrefreshed(columns: Columns, template: CampaignTemplate, known: Sequence[str], name: str) -> Iterator[Problem]:
    """Columns by which products are known again, or refreshed, that this catalog does not have."""
    refresh = template.refresh
    for field in (*refresh.key, *(refresh.on or ())) if refresh else ():
        if not columns.has(field):
            wrong = _unknown(field, known, columns.shape, name)
            yield Problem(template.file, template.lines["", "products"], "products", field, wrong.problem, wrong.fix)


def _unknown(field: str, known: Sequence[str], shape: Shape, name: str) -> Wrong:
    if field in FIELDS:
        what = f"the template calls `{field}`, and {name} ({shape.said}) has no column for it"
        fix = f'name one: [columns] {field} = "...", or give it a default: [defaults] {field} = "..."'
        return Wrong(what, fix)
    close = [NEAREST[field]] if field in NEAREST else difflib.get_close_matches(field, known, n=1, cutoff=0.6)
    fix = f"did you mean {{{{ {close[0]} }}}}?" if close else "it has " + ", ".join(known[:40])
    return Wrong(f"the template calls `{field}`, and {name} ({shape.said}) has no such field", fix)


def _called(text: str) -> list[str]:
    """The fields that a setting's text calls."""
    template = compiled(text)
    return sorted(template.fields) if isinstance(template, Template) else []


def _written(records: Sequence[Record], names: Sequence[str]) -> str:
    """The product's rows as CSV, for whoever mends them."""
    out = io.StringIO(newline="")
    rows = csv.writer(out, lineterminator="\n")
    rows.writerows([record.cells.get(name, "") for name in names] for record in records)
    return out.getvalue()
