"""Catalogs in Excel workbooks: what a person sees in the cells, and nothing of what a hostile one would do."""

import contextlib
import datetime as dt
import zipfile
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest

from jobs.errors import BadInput
from tests.producer.catalogs import cells_of, rows_of, told, written

HEADER = ["id", "title", "description", "image_link", "price", "gtin", "fb_product_category"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def workbook(*rows: Sequence[object], formats: dict[str, str] | None = None, title: str = "Products") -> Path:
    """A workbook whose first sheet is hidden notes, and whose second holds these rows."""
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.title = "Notes"
    sheet = book.create_sheet(title)
    for row in rows:
        sheet.append(row)
    for cell, shape in (formats or {}).items():
        sheet[cell].number_format = shape
    book.save("shop.xlsx")
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


def test_styles_that_no_spreadsheet_writes_are_told_in_words() -> None:
    """Other programs leave fills empty, which the reader does not take; no class of its own is shown."""
    shop = workbook(HEADER)
    with zipfile.ZipFile(shop) as whole, zipfile.ZipFile("odd.xlsx", "w") as odd:
        for name in whole.namelist():
            data = whole.read(name)
            odd.writestr(name, data.replace(b"<fill><patternFill /></fill>", b"<fill />") if "styles" in name else data)
    words = told(Path("odd.xlsx"))
    assert "odd.xlsx is a workbook that cannot be read: expected a Fill" in words
    assert "save the sheet as a new workbook" in words


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
