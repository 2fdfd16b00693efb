"""Catalogs that other people exported go through as they are: recognised, put together by product, nothing mangled."""

from pathlib import Path

import pytest

from tests.producer.catalogs import PLAIN, REAL, cells_of, opened, rows_of, told

SHOPIFY = "a Shopify export"
APPAREL = REAL / "shopifypartners__product-csvs__apparel.csv"
JEWELRY = REAL / "shopifypartners__product-csvs__jewelery.csv"
LAMPS = REAL / "PacktPublishing__Shopify-Theme-Customization-with-Liquid__Product-data.csv"
WOO = REAL / "ClassicPress__classic-commerce__sample-data_sample_products.csv"
WIX = REAL / "DevinReid__Wix-to-Facebook-Catalog__catalog_products.csv"
META = REAL / "MaatarChaima__product_feeds__catalog_productsV3.csv"
GOOGLE = REAL / "jabadia__gmc-learning-site__feed.tsv"
ATOM = REAL / "RinatR__feeds__google_atom_example.xml"
PRESTA = REAL / "thirtybees__thirtybees__docs_csv_import_products_import.csv"
ADS = REAL / "google-marketing-solutions__copycat__py_copycat_data_demo_data_existing_ads.csv"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test writes its template into a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("file", "read_as"),
    [
        (APPAREL, f"{SHOPIFY}: 20 products from 22 rows"),
        (JEWELRY, f"{SHOPIFY}: 20 products from 41 rows"),
        (LAMPS, f"{SHOPIFY}: 20 products from 21 rows"),
        (WOO, "a WooCommerce export: 15 products from 24 rows"),
        (WIX, "a Wix export: 33 products from 128 rows"),
        (META, "a Meta catalog: 3 products from 3 rows"),
        (GOOGLE, "a Google Merchant feed: 6 products from 22 rows"),
        (ATOM, "a Google Merchant feed: 7 products from 7 rows"),
        (PRESTA, "a PrestaShop export: 7 products from 7 rows"),
    ],
    ids=lambda value: value.name.partition("__")[0] if isinstance(value, Path) else "",
)
def test_every_real_catalog_goes_through(file: Path, read_as: str) -> None:
    """It is told by its columns, and each product has its title in the prompt and no trouble."""
    with opened(file) as catalog:
        assert catalog.read_as == read_as
        rows = list(catalog)
    assert [str(problem) for row in rows for problem in row.problems] == []
    assert len(rows) == catalog.products
    assert all(row.cells["title"] and "<" not in row.cells["description"] for row in rows)


def test_shopify_variants_speak_for_one_product() -> None:
    """Rows below a handle add pictures and variants; the colour that is told is the one that is shown."""
    cells = {each["id"]: each for each in cells_of(JEWELRY)}
    bracelet = cells["chain-bracelet"]
    assert (bracelet["title"], bracelet["color"], bracelet["price"]) == ("7 Shakra Bracelet", "Blue", "42.99")
    assert bracelet["image_url"].endswith("/navy-blue-chakra-bracelet_925x.jpg")
    assert cells["choker-with-bead"]["image_url"].endswith("/black-choker-with-bead_925x.jpg")


def test_shopify_html_is_read_as_words() -> None:
    """Headings and paragraphs end as sentences do, and no tag is left."""
    chairs = next(each for each in cells_of(LAMPS) if each["id"] == "black-armchairs")
    assert chairs["description"].startswith("Description. Lorem ipsum dolor sit amet, consectetur adipiscing elit. ")
    assert "Ingredients. Pellentesque" in chairs["description"]


def test_woo_variations_far_from_their_parent_lend_it_price_and_colour() -> None:
    """The variable product has no price of its own; it has the first variation's, and that one's picture."""
    tee, hoodie = cells_of(WOO)[:2]
    assert (tee["title"], tee["price"], tee["color"]) == ("T-Shirt", "25", "Blue")
    assert tee["image_url"].endswith("t-shirt-blue.png")
    assert (hoodie["price"], hoodie["sale_price"], hoodie["color"]) == ("45", "42", "Red")


def test_wix_names_of_pictures_become_addresses() -> None:
    """Wix leaves out where its pictures lie, and paints its colours with swatches."""
    cells = {each["title"]: each for each in cells_of(WIX)}
    shirt = cells["Cult of Mathilda T-Shirt"]
    assert shirt["image_url"] == "https://static.wixstatic.com/media/a47bec_5d5931d309c440e58ae748d45778c293~mv2.jpg"
    assert cells["Fiona's Cloth Collar"]["color"] == "Red"


def test_meta_comments_are_no_products_and_prices_stay_as_written() -> None:
    """The row of explanations is passed over; decimal commas and currencies are left alone; a lost GTIN is told."""
    rows = rows_of(META)
    assert [row.line for row in rows] == [3, 4, 5]
    assert [row.cells["price"] for row in rows] == ["49,00 TND", "29,00 TND", "19.99 EUR"]
    notes = [str(note) for row in rows if row.origin for note in row.origin.notes]
    assert len(notes) == 1
    assert f"{META}:5: gtin: `4.00638E+12` is what a spreadsheet made of a number" in notes[0]
    assert "gtin" not in rows[2].cells


def test_a_template_that_calls_a_lost_gtin_is_told_the_row() -> None:
    """What only costs a label otherwise is an error where the video would say it."""
    with_gtin = PLAIN.replace("{{ title }}", "{{ title }} {{ gtin }}").replace("[[video]]", 'gtin = "-"\n[[video]]')
    problems = [str(problem) for row in rows_of(META, with_gtin) for problem in row.problems]
    assert len(problems) == 1
    assert problems[0].startswith(f"{META}:5: gtin: ")


def test_google_identifiers_keep_every_digit() -> None:
    """A GTIN is text, however much it looks like a number; items of one group are one product."""
    first = cells_of(GOOGLE)[0]
    assert (first["gtin"], first["price"], first["brand"]) == ("8123456700019", "349.00 EUR", "Northridge")


def test_a_feed_names_the_line_of_each_entry() -> None:
    """An entry's problem is where the entry begins."""
    rows = rows_of(ATOM)
    assert [row.line for row in rows][:2] == [3, 23]
    assert rows[0].cells["gtin"] == "71919219405200"
    assert rows[0].cells["title"] == 'LG 22LB4510 - 22" LED TV - 1080p (FullHD)'


def test_prestashop_by_its_importers_columns() -> None:
    """Its headers carry stars, hints and examples in brackets."""
    pod = cells_of(PRESTA)[0]
    assert (pod["title"], pod["brand"], pod["price"], pod["gtin"]) == ("iPod Nano", "Apple", "100", "1234567890123")
    assert pod["image_url"] == "http://localhost/thirtybees/img/p/1/5/15.jpg"


def test_a_table_of_another_kind_is_read_with_its_columns_named() -> None:
    """Any table goes through once the template says which column is which; until then each lack is named."""
    problems = told(ADS)
    assert "template.toml:8: prompt: the template calls `title`" in problems
    assert "[columns] title = " in problems
    mapped = '[columns]\ntitle = "Ad Group"\n[[video]]\nprompt = "{{ title }}: {{ headline_1 }}"\n'
    cells = cells_of(ADS, mapped)
    assert cells[0]["title"] == "Living Room Furniture"
    assert cells[0]["headline_1"] == "Shop Living Room Sets"
