"""Feeds in XML: RSS and Atom with Google's fields, read as a stream, and never a way in."""

from pathlib import Path

import pytest

from tests.producer.catalogs import PLAIN, cells_of, opened, rows_of, told, written

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0">
<channel><title>The shop</title><link>https://shop.example</link>
{items}
</channel></rss>
"""
ITEM = """<item>
<title>Kettle</title><link>https://shop.example/k</link>
<description><![CDATA[<p>Two litres of <b>copper</b></p>]]></description>
<g:id>K1</g:id><g:gtin>0071234500042</g:gtin><g:price>1.299,00 EUR</g:price>
<g:image_link>https://x.com/a.jpg</g:image_link>
<g:additional_image_link>https://x.com/b.jpg</g:additional_image_link>
<g:additional_image_link>https://x.com/c.jpg</g:additional_image_link>
<g:shipping><g:country>DE</g:country><g:price>4.90 EUR</g:price></g:shipping>
</item>"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def test_an_rss_feed_is_read_item_by_item() -> None:
    """The channel's own title is no product's, fields within fields do not mix, and repeated ones are kept apart."""
    feed = written("feed.xml", RSS.format(items=ITEM))
    (row,) = rows_of(feed)
    assert row.line == 4
    assert (row.cells["title"], row.cells["gtin"], row.cells["price"]) == ("Kettle", "0071234500042", "1.299,00 EUR")
    assert row.cells["description"] == "Two litres of copper"
    assert row.cells["image_url"] == "https://x.com/a.jpg"
    (cells,) = cells_of(feed, '[[video]]\nprompt = "{{ title }}"\nreference_urls = "{{ images }}"\n')
    assert cells["reference_urls"] == "https://x.com/a.jpg;https://x.com/b.jpg;https://x.com/c.jpg"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig", "iso-8859-1", "windows-1252"])
def test_feeds_in_other_encodings(encoding: str) -> None:
    """As the declaration or the mark at the start says."""
    told_encoding = encoding.removesuffix("-sig")
    text = RSS.replace("UTF-8", told_encoding).format(items=ITEM.replace("Kettle", "Théière"))
    assert cells_of(written("feed.xml", text.encode(encoding)))[0]["title"] == "Théière"


def test_other_prefixes_for_googles_fields_and_atoms_links() -> None:
    """What counts is the namespace; an Atom link is an attribute."""
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:ns0="http://base.google.com/ns/1.0" xmlns:m="urn:m"><entry>'
        '<ns0:id>1</ns0:id><title>Plain</title><ns0:title>Mug</ns0:title><link href="https://s.example/m"/>'
        "<m:title>Other</m:title><ns0:image_link>https://x.com/a.jpg</ns0:image_link></entry></feed>"
    )
    (cells,) = cells_of(written("a.xml", atom))
    assert (cells["id"], cells["title"], cells["link"]) == ("1", "Mug", "https://s.example/m")


def test_atom_may_have_a_prefix_too() -> None:
    """Then it is its titles and summaries that have one; the product's page is the link of no other relation."""
    atom = (
        '<a:feed xmlns:a="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><a:entry>'
        "<g:id>007</g:id><a:title>Mug</a:title><a:summary>Nice</a:summary>"
        '<a:link rel="edit" href="https://s.example/edit"/><a:link rel="alternate" href="https://s.example/m"/>'
        "<g:image_link>https://x.com/a.jpg</g:image_link></a:entry></a:feed>"
    )
    (cells,) = cells_of(written("a.xml", atom))
    assert [cells[field] for field in ("id", "title", "description", "link")] == [
        "007",
        "Mug",
        "Nice",
        "https://s.example/m",
    ]


@pytest.mark.parametrize(
    "bomb",
    [
        '<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><rss><item><title>&b;</title></item></rss>',
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><item><title>&x;</title></item></rss>',
        '<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x" [<!ENTITY % p SYSTEM "http://127.0.0.1:9/"> %p;]><rss/>',
    ],
)
def test_entities_are_refused(bomb: str) -> None:
    """A feed that declares entities is told so, and neither a file nor an address is opened for it."""
    said = told(written("bomb.xml", '<?xml version="1.0"?>' + bomb))
    assert "bomb.xml:1: " in said
    assert "root:" not in said


def test_depth_and_size_are_bounded() -> None:
    """Elements without end, and a product without end, are given up."""
    deep = "<rss>" + "<a>" * 100 + "</a>" * 100 + "</rss>"
    assert "deep" in told(written("deep.xml", deep))
    long = RSS.format(items="<item><g:id>1</g:id><title>" + "x" * 1_100_000 + "</title></item>")
    assert "more than 1,048,576 characters" in told(written("long.xml", long))
    many = RSS.format(items="<item>" + "<g:a>1</g:a>" * 2100 + "</item>")
    assert "more than 2,000 fields" in told(written("many.xml", many))


def test_broken_xml_is_told_with_its_line() -> None:
    """The commonest slip is a bare ampersand."""
    said = told(written("feed.xml", RSS.format(items=ITEM.replace("Kettle", "Salt & pepper"))))
    assert "feed.xml:5: it is no well-formed XML here" in said
    assert "&amp;" in said


def test_bytes_of_another_page_are_told_as_such() -> None:
    """A feed that is saved as Windows-1252, and says that it is UTF-8 or nothing: no `&` is at fault."""
    text = RSS.format(items=ITEM.replace("Kettle", "Théière"))
    for declared in (text, text.replace(' encoding="UTF-8"', "")):
        said = told(written("feed.xml", declared.encode("cp1252")))
        assert "feed.xml:5: a byte here is no UTF-8, and the file names no other encoding" in said
        assert 'encoding="windows-1252"' in said


@pytest.mark.parametrize("before", ["\n\n", "\ufeff\n\n", "\r\n \n"])
def test_blank_lines_before_the_declaration_are_passed_over(before: str) -> None:
    """Many a shop's plugin leaves some; lines are counted from the file's first."""
    (row,) = rows_of(written("feed.xml", before + RSS.format(items=ITEM)))
    assert (row.line, row.cells["title"]) == (6, "Kettle")
    broken = RSS.format(items=ITEM.replace("Kettle", "Salt & pepper"))
    assert "feed.xml:7: it is no well-formed XML" in told(written("feed.xml", before + broken))


def test_a_web_page_is_no_feed() -> None:
    """Somebody saved the sign-in page; an empty feed holds no products."""
    assert "is a web page" in told(written("feed.xml", "<!DOCTYPE html><html><body>Sign in</body></html>"))
    assert "holds no products" in told(written("feed.xml", RSS.format(items="")))


def test_items_without_what_a_template_calls_are_each_told() -> None:
    """Each with the line of its item, and the field as the feed spells it."""
    feed = written("feed.xml", RSS.format(items=ITEM + "\n<item><g:id>2</g:id><title>Mug</title></item>"))
    rows = rows_of(feed, PLAIN.replace('image = ""\n', ""))
    (problem,) = rows[1].problems
    assert (problem.line, problem.column) == (13, "image_link")
    assert problem.problem == "the product has no image, which the template calls"
    with opened(feed) as catalog:
        assert catalog.read_as == "a Google Merchant feed: 2 products from 2 rows"
