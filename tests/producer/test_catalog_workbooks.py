"""Catalogs in Excel workbooks: what a person sees in the cells, and nothing of what a hostile one would do."""

import contextlib
import datetime as dt
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest

from jobs.errors import BadInput
from tests.producer.catalogs import PLAIN, cells_of, rows_of, told, written

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHARED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
HEADER = ["id", "title", "description", "image_link", "price", "gtin", "fb_product_category"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def workbook(*rows: Sequence[object], formats: dict[str, str] | None = None, title: str = "Products") -> Path:
    """A workbook whose first sheet is empty, and whose second holds these rows; texts are shared, as in Excel."""
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.title = "Notes"
    sheet = book.create_sheet(title)
    for row in rows:
        sheet.append(row)
    for cell, shape in (formats or {}).items():
        sheet[cell].number_format = shape
    book.save("inline.xlsx")
    texts: list[str] = []

    def shared(found: re.Match[str]) -> str:
        texts.append(found[1])
        return f't="s"><v>{len(texts) - 1}</v></c>'

    with zipfile.ZipFile("inline.xlsx") as inline, zipfile.ZipFile("shop.xlsx", "w") as shop:
        for name in inline.namelist():
            text = inline.read(name).decode()
            if "worksheets" in name:
                text = re.sub('t="inlineStr"><is><t>(.*?)</t></is></c>', shared, text)
            if name.endswith("workbook.xml.rels"):
                text = text.replace("</R", f'<Relationship Id="s" Type="{SHARED}" Target="sharedStrings.xml" /></R')
            shop.writestr(name, text)
        items = "".join(f"<si><t>{text}</t></si>" for text in texts)
        shop.writestr("xl/sharedStrings.xml", f'<sst xmlns="{MAIN}">{items}</sst>')
    return Path("shop.xlsx")


def test_numbers_that_were_identifiers_keep_their_digits() -> None:
    """Thirteen digits are never shown as 8.8E+12, and zeros that the format shows are there."""
    shop = workbook(
        ["# Required | The id", "# Required | The title"],
        HEADER,
        [42, "Kettle", "<p>Copper</p>", "https://x.com/a.jpg", 89, 8806091234567, "home"],
        [7, "Mug", "Enamel", "https://x.com/b.jpg", 1299.5, 71234500107, "home"],
        formats={"A3": "000000", "E3": "0.00", "E4": '#,##0.00 "€"', "F4": "0000000000000"},
    )
    first, second = cells_of(shop)
    assert (first["id"], first["price"], first["gtin"]) == ("000042", "89.00", "8806091234567")
    assert (second["id"], second["price"], second["gtin"]) == ("7", "1299.50 €", "0071234500107")
    assert [row.line for row in rows_of(shop)] == [3, 4]
    assert first["description"] == "Copper"


@pytest.mark.parametrize("shape", ["0.00E+00", "0.00", "#,##0.00", "##0.0E+0"])
def test_an_identifier_has_no_decimals(shape: str) -> None:
    """Whatever a spreadsheet shows of a GTIN, its digits are all there and no others."""
    shop = workbook(HEADER, ["a", "Kettle", "-", "a.jpg", 89, 8806091234567, "home"], formats={"F2": shape})
    (cells,) = cells_of(shop)
    assert cells["gtin"] == "8806091234567"


@pytest.mark.parametrize(
    ("shape", "shown"),
    [
        ("#,##0.00 [$\u20ac-407]", "1299.00 \u20ac"),
        ('#,##0.00\\ "EUR"', "1299.00 EUR"),
        ("[$$-409]#,##0.00", "$1299.00"),
        ('_("$"* #,##0.00_)', "$1299.00"),
        ("[$EUR] #,##0.00", "EUR 1299.00"),
        ("\u00a3#,##0", "\u00a31299"),
        ("[>1000]#,##0.00 [$\u20ac-407]", "1299.00 \u20ac"),
    ],
)
def test_a_currency_stands_where_the_cell_shows_it(shape: str, shown: str) -> None:
    """Before the number or after it, as its format has it."""
    shop = workbook(HEADER, ["a", "Kettle", "-", "a.jpg", 1299, 8806091234567, "home"], formats={"E2": shape})
    (cells,) = cells_of(shop)
    assert cells["price"] == shown


def test_other_cells_are_text_too() -> None:
    """Dates, truths and fractions as a table would hold them."""
    shop = workbook(
        ["id", "title", "image_link", "price", "season", "sold", "share"],
        ["a", "Mug", "a.jpg", 0.1 + 0.2, dt.date(2026, 5, 1), True, 0.5],
    )
    template = '[[video]]\nprompt = "{{ title }} {{ season }} {{ sold }} {{ share }} {{ price }}"\n'
    (cells,) = cells_of(shop, template)
    assert (cells["season"], cells["sold"], cells["share"], cells["price"]) == ("2026-05-01", "true", "0.5", "0.3")


def test_the_sheet_can_be_named() -> None:
    """The first with a header is read, unless a template names another one."""
    shop = workbook(HEADER, ["a", "Mug", "", "a.jpg", 1, "", ""])
    video = '[[video]]\nprompt = "{{ title }}"\n'
    assert cells_of(shop, f'[products]\nsheet = "Products"\n{video}')[0]["title"] == "Mug"
    assert "has no sheet `Prices`" in told(shop, f'[products]\nsheet = "Prices"\n{video}')
    assert "is no Excel workbook" in told(written("a.csv", "id,title\n1,x\n"), f'[products]\nsheet = "P"\n{video}')


def test_a_bomb_is_not_unpacked() -> None:
    """A workbook that says it unpacks to more than is read is refused before it is."""
    shop = workbook(HEADER, ["a", "Mug", "", "a.jpg", 1, "", ""])
    with zipfile.ZipFile(shop, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/more.xml", b"\0" * 1000)
        archive.getinfo("xl/more.xml").file_size = 600_000_000
    assert "unpacks to 600," in told(shop)


@pytest.mark.parametrize("cut", [200, 2000, -40])
def test_a_broken_workbook_is_told_in_words(cut: int) -> None:
    """Half an upload, or a zip of something else."""
    data = workbook(HEADER, ["a", "Mug", "", "a.jpg", 1, "", ""]).read_bytes()
    assert "cannot be read" in told(written("half.xlsx", data[:cut]))
    with zipfile.ZipFile("photos.zip", "w") as archive:
        archive.writestr("a.jpg", b"x")
    assert "no Excel workbook" in told(Path("photos.zip"))
    with zipfile.ZipFile("letter.docx", "w") as archive:
        archive.writestr("[Content_Types].xml", b"<Types/>")
    assert "cannot be read: it has no part xl/workbook.xml" in told(Path("letter.docx"))


def rewritten(shop: Path, part: str, old: str, new: str) -> Path:
    """The workbook with a text in those of its parts whose name holds `part` exchanged; it must be there."""
    found = False
    with zipfile.ZipFile(shop) as whole, zipfile.ZipFile("odd.xlsx", "w") as odd:
        for name in whole.namelist():
            text = whole.read(name).decode()
            found = found or (part in name and old in text)
            odd.writestr(name, text.replace(old, new) if part in name else text)
    assert found
    return Path("odd.xlsx")


ROW = [42, "Kettle", "<p>Copper</p>", "https://x.com/a.jpg", 89, 8806091234567, dt.date(2026, 5, 1)]
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("styles", "<fill><patternFill /></fill>", "<fill />"),
        ("styles", '<family val="2" />', '<family val="99" />'),
        ("styles", 'xfId="0"', 'xfId="77"'),
        ("styles", "</cellXfs>", '<xf numFmtId="999" /></cellXfs>'),
        ("sheet2", '<dimension ref="A1:G2" />', '<dimension ref="A1:A1" />'),
        ("sheet2", '<dimension ref="A1:G2" />', ""),
        ("sheet2", "<sheetViews>", '<sheetViews><sheetView view="sideways" workbookViewId="-9" />'),
        ("sheet2", "</sheetData>", '</sheetData><dataValidations><dataValidation type="odd" /></dataValidations>'),
        ("sheet2", "</sheetData>", '</sheetData><autoFilter ref="nowhere" /><hyperlinks><hyperlink /></hyperlinks>'),
        ("sheet2", '<row r="2">', "<row>"),
        ("sheet2", 'r="B2"', ""),
        ("workbook.xml", "<definedNames />", "<definedNames><definedName localSheetId='9' /></definedNames>"),
        ("workbook.xml", 'activeTab="0"', 'activeTab="17"'),
        ("docProps/core.xml", "<dc:creator>", "<dcterms:odd>yesterday</dcterms:odd><dc:creator>"),
        ("theme", "<", "&"),
        ("", MAIN, STRICT),
    ],
)  # fmt: skip
def test_what_is_no_value_does_not_matter(part: str, old: str, new: str) -> None:
    """Programs that write workbooks leave fills empty, name nothing, and say wrong sizes; the cells are there."""
    shop = workbook(HEADER, ROW, formats={"A2": "000000", "E2": "0.00"})
    (cells,) = cells_of(
        rewritten(shop, part, old, new), PLAIN.replace("{{ description }}", "{{ fb_product_category }}")
    )
    assert (cells["id"], cells["title"], cells["price"]) == ("000042", "Kettle", "89.00")
    assert (cells["gtin"], cells["fb_product_category"]) == ("8806091234567", "2026-05-01")


def test_parts_are_found_however_they_are_written() -> None:
    """In another case than they are named by, and with the other slash."""
    shop = workbook(HEADER, ROW)
    with zipfile.ZipFile(shop) as whole, zipfile.ZipFile("odd.xlsx", "w") as odd:
        for name in whole.namelist():
            odd.writestr(name.replace("sharedStrings", "SharedStrings").replace("xl/", "xl\\"), whole.read(name))
    (cells,) = cells_of(Path("odd.xlsx"))
    assert cells["title"] == "Kettle"


def test_texts_in_pieces_and_in_the_cells_themselves() -> None:
    """Of several formats, without what says how they are spoken, with line breaks that were spelt out."""
    shop = workbook(["id", "title", "brand"], ["a", "Kettle", "Two_x000A_lines"])
    pieces = "<r><t>Copper </t></r><r><t>kettle</t></r><rPh><t>kappa</t></rPh>"
    odd = rewritten(shop, "shared", "<t>Kettle</t>", pieces)
    assert cells_of(odd)[0]["title"] == "Copper kettle"
    inline = rewritten(shop, "sheet2", 'r="B2" t="s"><v>4</v>', f'r="B2" t="inlineStr"><is>{pieces}</is>')
    assert (cells_of(inline)[0]["title"], cells_of(inline)[0]["brand"]) == ("Copper kettle", "Two lines")


def test_a_formula_that_nobody_has_worked_out_is_an_error() -> None:
    """Programs write formulas without their values; an empty title would be bought."""
    shop = workbook(["id", "title", "brand"], ["a", "Kettle", "c"])
    (row,) = rows_of(rewritten(shop, "sheet2", 't="s"><v>4</v>', '><f>A2&amp;"!"</f><v></v>'))
    assert "the spreadsheet's error `#CALC!`" in str(row.problems[0])
    (cells,) = cells_of(rewritten(shop, "sheet2", 't="s"><v>5</v>', 't="str"><f>IF(A2="b","c","")</f><v></v>'))
    assert cells["brand"] == ""


def test_entities_in_a_workbook_are_refused() -> None:
    """The XML inside is held to the same rules as a feed."""
    shop = workbook(HEADER, ["a", "Mug", "", "a.jpg", 1, "", ""])
    bomb = '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet>&b;</worksheet>'
    with zipfile.ZipFile(shop) as old, zipfile.ZipFile("bomb.xlsx", "w") as new:
        for part in old.namelist():
            new.writestr(part, bomb if part == "xl/worksheets/sheet2.xml" else old.read(part))
    assert "cannot be read" in told(Path("bomb.xlsx"))


def test_a_workbook_with_broken_bytes_is_told_in_words() -> None:
    """Whichever byte was lost on the way, there is a sentence for it, or the rows are there."""
    data = workbook(HEADER, ["a", "Mug", "", "a.jpg", 1, "", ""]).read_bytes()
    for place in range(30, len(data), 97):
        broken = written("broken.xlsx", data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        with contextlib.suppress(BadInput):
            assert len(rows_of(broken)) <= 1
