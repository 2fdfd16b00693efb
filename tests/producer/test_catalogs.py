"""What people's catalogs do to a reader: grouping, odd cells, columns of one's own, and where each thing is told."""

import contextlib
import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import BadInput
from producer.catalogs.plaintext import plain_text
from producer.catalogs.shapes import plain
from producer.readers import read_matrix
from tests.producer.catalogs import PLAIN, cells_of, opened, rows_of, told, written

SHOP = "Handle,Title,Vendor,Option1 Name,Option1 Value,Variant Price,Variant Barcode,Image Src,Variant Image\n"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def test_rows_of_a_product_may_stand_apart() -> None:
    """A catalog that was sorted in a spreadsheet is put together again, in the order in which products begin."""
    shop = written("s.csv", SHOP + "a,,,,Clay,2,,,\nb,Bowl,V,,,3,,b.jpg,\na,Apron,V,Colour,Moss,2,007,a.jpg,m.jpg\n")
    with opened(shop) as catalog:
        rows = list(catalog)
        assert [row.cells["title"] for row in catalog] == ["Apron", "Bowl"], "a second reading gives the same"
    assert (rows[0].line, rows[0].cells["gtin"], rows[0].cells["id"]) == (4, "007", "a")


@pytest.mark.parametrize(
    ("each", "colours"), [("product", ["Moss"]), ("variant", ["Moss", "Moss", "Clay"]), ("color", ["Moss", "Clay"])]
)
def test_videos_a_product_a_variant_or_a_colour(each: str, colours: list[str]) -> None:
    """A template says what gets videos of its own; a variant has its own picture, and the product's words."""
    shop = written(
        "s.csv",
        SHOP
        + "a,Apron,V,Colour,Moss,2,,a.jpg,moss.jpg\n"
        + "a,,,,Moss,3,,b.jpg,moss.jpg\n"
        + "a,,,,Clay,4,,,clay.jpg\n"
        + "a,,,,,,,c.jpg,\n",
    )
    cells = cells_of(shop, f'[products]\neach = "{each}"\n{PLAIN}')
    assert [row["color"] for row in cells] == colours
    assert {row["title"] for row in cells} == {"Apron"}
    assert [row["image_url"] for row in cells] == [f"{colour.lower()}.jpg" for colour in colours]


def test_a_sale_price_is_of_the_variant_whose_price_is_told() -> None:
    """One variant's sale is none of another's, whichever row they stand in."""
    shop = written(
        "w.csv",
        "ID,Type,SKU,Name,Regular price,Sale price,Parent\n"
        "1,variable,HOOD,Hoodie,,,\n2,variation,HB,,45,,HOOD\n3,variation,HG,,50,39,id:1\n4,simple,CAP,Cap,12,9,\n",
    )
    assert [(row["price"], row["sale_price"]) for row in cells_of(shop)] == [("45", ""), ("12", "9")]
    each = cells_of(shop, f'[products]\neach = "variant"\n{PLAIN}')
    assert [(row["price"], row["sale_price"]) for row in each] == [("45", ""), ("50", "39"), ("12", "9")]


GOOGLE = "id,item_group_id,title,price,link,image_link\n"
WOO = "ID,Type,SKU,Name,Regular price,Parent\n"


@pytest.mark.parametrize(
    ("catalog", "notes"),
    [
        ("id,title,price\n1,Cup,2\n1,Bowl,3\n", ["3: id: the id `1` stands on line 2 already"]),
        ("id,title,price\n1,Cup,2\n1,Cup,2\n1,Cup,3\n", ["3: id: the id `1` stands on line 2 already"]),
        (GOOGLE + "1,,Cup,2,l,i\n2,,Jug,2,l,i\n1,,Cup,3,l,i\n", ["4: id: the id `1` stands on line 2 already"]),
        (GOOGLE + "1,g,Cup,2,l,i\n2,g,Red cup,2,l,i\n2,g,Jug,2,l,i\n", ["4: id: the id `2` stands on line 3 already"]),
        (SHOP + "a,Cup,V,,,2,,,\na,Bowl,V,,,2,,,\n", ["3: Handle: the id `a` stands on line 2 already"]),
        (SHOP + "a,Cup,V,,Red,2,,,\na,Cup,V,,Red,2,,,\n", ["3: Handle: the id `a` stands on line 2 already"]),
        (WOO + "1,simple,S,Cup,2,\n2,simple,S,Bowl,3,\n", ["3: SKU: the id `S` stands on line 2 already"]),
        (SHOP + "a,Cup,V,,Red,2,,,\na,Cup,V,,Blue,2,,,\na,,,,Grey,,,,\n", []),
        (GOOGLE + "1,g,Cup,2,l,i\n2,g,Red cup,2,l,i\n", []),
        (WOO + "1,variable,S,Cup,,\n2,variation,S1,Cup red,3,S\n3,variation,S2,Cup red,3,id:1\n", []),
        ("id,title,size\n1,Cup,S\n1,Cup,M\n1,,L\n", []),
    ],
)
def test_an_id_that_stands_there_twice_is_noted(catalog: str, notes: list[str]) -> None:
    """The same row again, or another product of the same id, with both lines; variants of a product are neither."""
    name = "c.csv"
    found = [str(note) for row in rows_of(written(name, catalog)) if row.origin for note in row.origin.notes]
    assert [note.partition(";")[0] for note in found] == [f"{name}:{note}" for note in notes]


def test_bars_and_braces_in_a_product_are_its_own_words(tmp_path: Path) -> None:
    """A title with `|` is no axis, and one with braces is no template."""
    shop = written("s.csv", SHOP + 'a,"Lamp | {{ brand }} | 40 cm",V,,,2,,a.jpg,\n')
    (row,) = rows_of(shop)
    assert row.origin is not None
    assert "title" in row.origin.literal
    assert row.cells["title"] == "Lamp | {{ brand }} | 40 cm"


@pytest.mark.parametrize("price", ["1.299,00", "1 299,00 €", "$1,299.00", "0,99 TND", "1'299.00 CHF", "12.50"])
def test_prices_stay_as_they_are_written(price: str) -> None:
    """No price is parsed, rounded or given another sign."""
    assert cells_of(written("s.csv", SHOP + f'a,Apron,V,,,"{price}",,a.jpg,\n'))[0]["price"] == price


def test_a_lack_is_told_with_the_catalogs_own_column() -> None:
    """The line and column are those of the file that the person has."""
    shop = written("s.csv", SHOP + "a,Apron,,,,2,,a.jpg,\n")
    (row,) = rows_of(shop, '[[video]]\nprompt = "{{ title }} by {{ brand }}, {{ image }}"\n')
    (problem,) = row.problems
    assert str(problem).startswith("s.csv:2: Vendor: the product has no brand, which the template calls; ")
    assert problem.fix == 'fill it in, or give the template a default: [defaults] brand = "..."'


def test_short_rows_are_filled_and_long_ones_are_told() -> None:
    """Exporters leave empty last cells out; a row with more cells than the header has lost a quote."""
    shop = written("s.csv", SHOP + "a,Apron,V\nb,Bowl,V,,,2,,b.jpg,,extra\n")
    short, long = rows_of(shop)
    assert short.cells["title"] == "Apron"
    assert [problem.line for problem in long.problems] == [3]
    assert "10 cells where the header has 9" in str(long.problems[0])


def test_objects_and_semicolons_are_catalogs_too() -> None:
    """JSONL with lists and numbers, and a table with `;`, once their columns are named."""
    template = '[columns]\ntitle = "Produktname"\nimage = "Bilder"\nid = "Nr"\n'
    template += '[[video]]\nprompt = "{{ title }}, {{ preis }}"\n'
    template += 'image_url = "{{ image }}"\n'
    lines = written(
        "p.jsonl", '{"Nr": 7, "Produktname": "Krug", "Preis": 12.50, "Bilder": ["https://x.de/a.jpg", "b.jpg"]}\n'
    )
    table = written("p.csv", "Nr;Produktname;Preis;Bilder\n7;Krug;12.50;https://x.de/a.jpg\n7;;;c.jpg\n")
    for file in (lines, table):
        (cells,) = cells_of(file, template)
        assert (cells["id"], cells["title"], cells["preis"]) == ("7", "Krug", "12.50")
        assert cells["image_url"] == "https://x.de/a.jpg"


def test_a_column_that_is_not_there_is_told_with_the_likeliest() -> None:
    """By the line of the template that names it."""
    problems = told(
        written("p.csv", "Nr,Name\n7,Krug\n"), '[columns]\ntitle = "Nmae"\n[[video]]\nprompt = "{{ title }}"\n'
    )
    assert "template.toml:2: columns.title: p.csv has no column `Nmae`; did you mean `Name`?" in problems


def test_pictures_are_parted_and_made_whole() -> None:
    """Several in one cell, addresses without a scheme, and escaped ones."""
    cell = "//cdn.x.com/a.jpg?w=1&amp;h=2, https://x.com/b,c.jpg;d.jpg"
    template = '[[video]]\nprompt = "{{ title }}"\nreference_urls = "{{ images }}"\n'
    (cells,) = cells_of(written("s.csv", SHOP + f'a,Apron,V,,,2,,"{cell}",\n'), template)
    assert cells["reference_urls"] == "https://cdn.x.com/a.jpg?w=1&h=2;https://x.com/b,c.jpg;d.jpg"


def test_a_spreadsheets_error_is_no_word() -> None:
    """`#REF!` in a field that the template calls is told; elsewhere it is only noted."""
    shop = written("s.csv", SHOP + "a,#REF!,V,,,#N/A,,a.jpg,\n")
    (row,) = rows_of(shop)
    assert ["s.csv:2: Title: the cell holds the spreadsheet's error `#REF!`" in str(one) for one in row.problems] == [
        True
    ]
    assert row.origin is not None
    assert [note.column for note in row.origin.notes] == ["Variant Price"]


@pytest.mark.parametrize(
    "header", ["Handle,Title,Variant Price", "id,title,image_link,price", "ID,Type,Name,Regular price,Images"]
)
def test_a_catalog_is_never_taken_for_a_matrix(header: str) -> None:
    """Without a template it is recognised, and the way to go on is said."""
    with pytest.raises(BadInput, match="a catalog of products, and no matrix") as caught:
        read_matrix(written("shop.csv", header + "\n1,2,3\n"))
    assert "--template examples/product-video.toml" in caught.value.hint


def test_a_matrix_is_never_taken_for_a_catalog() -> None:
    """A file with prompts of its own needs no template, and says so."""
    assert "leave --template out" in told(written("m.csv", "prompt,title\na boat,x\n"))


@pytest.mark.parametrize(
    ("html", "words"),
    [
        (
            "<h2>Soft</h2><p>Made of wool &amp; silk</p><ul><li>One</li><li>Two.</li></ul>",
            "Soft. Made of wool & silk. One. Two.",
        ),
        ("a < b and b > c", "a < b and b > c"),
        ("5 &lt; 6", "5 < 6"),
        ("&lt;p&gt;Twice&lt;/p&gt; escaped", "Twice. escaped."),
        ("one<br>two<br/>three", "one two three"),
        ("<style>p{color:red}</style>red<script>alert(1)</script>", "red"),
        ("<b>bold</b>est", "boldest"),
        ("<p>never closed", "never closed"),
        ("line\r\n  breaks\u00a0here", "line breaks here"),
        ("Mug & <Saucer>, size <M>", "Mug & <Saucer>, size <M>"),
        ("<p>Size <M> &amp; <b>up</b></p>", "Size <M> & up"),
        ('<o:p></o:p><my-box><pclass="x">Words<font color=red> of</font></my-box><u1:p> Word', "Words of Word"),
    ],
)
def test_html_is_read_as_a_person_would(html: str, words: str) -> None:
    """Tags part or join words as they do on a page; what is no HTML is left alone."""
    assert plain_text(html) == words


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Body (HTML)", "body"), ("g:image link", "image_link"), ("Image URLs (x,y,z...)", "image_urls"),
        ("video[0].url", "video_0_url"), ("Größe", "größe"), ("Google Shopping / Gender", "google_shopping_gender"),
        ("(odd)", "odd"), ("***", "_"),
    ],
)  # fmt: skip
def test_columns_are_called_plainly(name: str, key: str) -> None:
    """Hints in brackets, signs and capitals make no difference."""
    assert plain(name) == key


def test_the_products_rows_can_be_written_again() -> None:
    """What is told of a product comes with all of its rows, as they were."""
    shop = written("s.csv", SHOP + 'a,"Apron, long",V,,,2,007,a.jpg,\na,,,,,3,,b.jpg,\n')
    (row,) = rows_of(shop)
    assert row.origin is not None
    assert list(csv.reader(row.origin.written().splitlines())) == [
        ["a", "Apron, long", "V", "", "", "2", "007", "a.jpg", ""],
        ["a", "", "", "", "", "3", "", "b.jpg", ""],
    ]


@pytest.mark.parametrize("barcode", ["'0071234500042", '"=""0071234500042"""', "0071234500042"])
def test_marks_that_keep_a_number_text_are_no_part_of_it(barcode: str) -> None:
    """Shops and spreadsheets put an apostrophe or a formula around a GTIN, so that its zeros stay."""
    assert cells_of(written("s.csv", SHOP + f"a,Apron,V,,,2,{barcode},a.jpg,\n"))[0]["gtin"] == "0071234500042"


def test_woo_writes_line_breaks_out() -> None:
    """Its export spells a line break as a backslash and an n."""
    woo = written("w.csv", "ID,Type,SKU,Name,Regular price,Description,Images\n1,simple,a,Mug,2,Two\\nlines,m.jpg\n")
    assert cells_of(woo)[0]["description"] == "Two lines"


def test_a_feed_of_another_kind_is_a_table() -> None:
    """A blog's feed has no product of Google's; its fields may be mapped as any table's."""
    feed = written("blog.xml", "<rss><channel><item><title>News</title><wp:id>1</wp:id></item></channel></rss>")
    with opened(feed, '[[video]]\nprompt = "{{ title }}"\n') as catalog:
        assert catalog.read_as == "a table: 1 product from 1 row"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("---\nlayout: null\n---\nid\ttitle\n", "starts with YAML front matter"),
        ('"id,title,price"\n"1,""Mug"",2"\n', "was exported twice"),
        ('"id,title,price\n1,""Mug"",2\n2,""Bowl"",3"\n', "was exported twice"),
        ('[{"id": 1}]', "is one JSON array"),
        ("", "is empty"),
        ("\x1f\x8b\x08\x00", "is compressed with gzip"),
    ],
)
def test_what_is_no_table_is_told(content: str, words: str) -> None:
    """Each in the words that help."""
    assert words in told(written("shop.csv", content.encode("latin-1")))


def test_old_pages_and_semicolons() -> None:
    """A French feed in Windows-1252, and PrestaShop's own sample with `;` and commas in its header."""
    french = "id\ttitle\tdescription\timage_link\tprice\n1\tThéière\tFaïence d'été\thttps://x.fr/a.jpg\t49,00 EUR\n"
    (cells,) = cells_of(written("f.tsv", french.encode("cp1252")))
    assert (cells["title"], cells["price"]) == ("Théière", "49,00 EUR")
    presta = (
        "Product ID;Active (0/1);Name *;Categories (x,y,z...);Price tax excluded;Tax rules ID;Image URLs (x,y,z...);"
        'Feature (Name:Value:Position:Customized)\n1;1;Mug;"Home,Mugs";11.90;53;https://x.fr/a.jpg,https://x.fr/b.jpg;'
        "Color:White:1,Material:Ceramic:2\n"
    )
    with opened(written("p.csv", presta)) as catalog:
        assert catalog.read_as == "a PrestaShop export: 1 product from 1 row"
        (row,) = catalog
    assert (row.cells["price"], row.cells["color"], row.cells["image_url"]) == ("11.90", "White", "https://x.fr/a.jpg")


def test_the_newer_shopify_export() -> None:
    """Its columns have other names; options and pictures are the same."""
    head = "Title,URL handle,Description,Vendor,Type,Status,SKU,Barcode,Option1 name,Option1 value,Price,"
    shop = written(
        "n.csv",
        head + "Product image URL,Variant image URL,Color (product.metafields.shopify.color-pattern)\n"
        "Mug,mug,<p>Enamel</p>,Northlight,Mugs,Active,NL-1,0071,Color,Moss,18.5,https://x.com/a.jpg,,moss; clay\n"
        ",mug,,,,,NL-2,0072,,Clay,18.5,,,\n",
    )
    with opened(shop) as catalog:
        assert catalog.read_as == "a Shopify export: 1 product from 2 rows"
        (row,) = catalog
    assert (row.cells["color"], row.cells["gtin"], row.cells["price"]) == ("Moss", "0071", "18.5")


def test_columns_that_were_aligned_with_spaces() -> None:
    """Spaces around names, cells and closing quotes are no part of them, and a last row may be short."""
    shop = written(
        "s.csv",
        'Handle ,Title      ,"Body (HTML)"     ,Vendor     ,Variant Price,Image Src\n'
        'mug    ,Fernway mug,"<p>Enamel, ""fired"" twice</p>"   ,Northlight ,18.50        ,https://x.com/a.jpg\n'
        'bowl   ,"Bowl"     ,"Two\nlines"  ,Northlight ,"9.00"   \n',
    )
    mug, bowl = cells_of(shop)
    assert (mug["title"], mug["description"], mug["price"]) == ("Fernway mug", 'Enamel, "fired" twice', "18.50")
    assert (bowl["title"], bowl["description"], bowl["price"]) == ("Bowl", "Two lines", "9.00")


def test_wix_names_of_pictures_in_other_feeds() -> None:
    """Feeds that were made of a Wix shop keep its bare names; rows with nothing but an id belong to the product."""
    name = "c2714b_6fc0215980b54f07b720aca8c4d8cf1d~mv2.jpeg"
    feed = written(
        "pins.csv",
        f"id,title,description,image_link,price,availability\np1,Tutu | Pink,<p>Soft</p>,{name};{name},25,InStock\n"
        "p1,,,,,InStock\np1,,,,,InStock\n",
    )
    (cells,) = cells_of(feed)
    assert cells["image_url"] == f"https://static.wixstatic.com/media/{name}"
    assert cells["title"] == "Tutu | Pink"


GERMAN = "ID,Typ,Artikelnummer,Name,Beschreibung,Angebotspreis,Regulärer Preis,Bilder,Übergeordnetes Produkt,"
FRENCH = "ID,Type,UGS,Nom,Description,Tarif promo,Tarif régulier,Images,Parent,"
SPANISH = "ID,Tipo,SKU,Nombre,Descripción,Precio rebajado,Precio normal,Imágenes,Superior,"
ITALIAN = "ID,Tipo,SKU,Nome,Descrizione,Prezzo in offerta,Prezzo di listino,Immagine,Genitore,"
DUTCH = "ID,Type,Artikelnummer,Naam,Beschrijving,Actieprijs,Reguliere prijs,Afbeeldingen,Hoofd,"
POLISH = "ID,Typ,SKU,Nazwa,Opis,Cena promocyjna,Cena,Obrazki,Element nadrzędny,"


@pytest.mark.parametrize(
    "header",
    [
        GERMAN + "Attribut 1 Name,Attribut 1 Wert(e)",
        FRENCH + "Nom de l\u2019attribut 1,Valeur(s) de l\u2019attribut 1 ",
        SPANISH + "Nombre del atributo 1,Valor(es) del atributo 1",
        ITALIAN + "Nome dell'attributo 1,Valore dell'attributo 1",
    ],
)
def test_woo_exports_in_the_shops_language(header: str) -> None:
    """Their columns are found, variations join their parent, and problems name the column as it is written."""
    rows = '1,variable,K,Tee,Soft,,,t.jpg,,Farbe,"Rot, Blau"\n2,variation,K-1,Tee - Rot,,,25,r.jpg,K,Farbe,Rot\n'
    woo = written("w.csv", f"{header}\n{rows}")
    with opened(woo) as catalog:
        assert catalog.read_as == "a WooCommerce export: 1 product from 2 rows"
        (row,) = catalog
    assert (row.cells["title"], row.cells["price"], row.cells["color"]) == ("Tee", "25", "Rot")
    assert row.origin is not None
    assert row.origin.places["price"] == ("w.csv", 3, header.split(",")[6])
    with pytest.raises(BadInput, match="a WooCommerce export"):
        read_matrix(woo)


@pytest.mark.parametrize(
    "header",
    [
        DUTCH + "Naam eigenschap 1,Waarde eigenschap 1",
        POLISH + "Nazwa atrybutu 1,Wartości atrybutu 1",
    ],
)
def test_woo_exports_of_more_shops(header: str) -> None:
    """Dutch and Polish ones, as those shops wrote them."""
    rows = '1,variable,K,Tee,Soft,,,t.jpg,,Kleur,"Rood, Blauw"\n2,variation,K-1,Tee,,9,"1.025,00",r.jpg,K,Kleur,Rood\n'
    with opened(written("w.csv", f"{header}\n{rows}")) as catalog:
        assert catalog.read_as == "a WooCommerce export: 1 product from 2 rows"
        (row,) = catalog
    assert (row.cells["title"], row.cells["price"], row.cells["color"]) == ("Tee", "1.025,00", "Rood")


@pytest.mark.parametrize(
    "header",
    [
        '"Product ID";Image;Name;Reference;Category;"Price (tax excl.)";"Price (tax incl.)";Quantity;Status;Position',
        "Product ID;Image;Nom;Référence;Catégorie;Prix (HT);Prix (TTC);Quantité;État;Position",
        "ID;Imagen;Nombre;Referencia;Categoría;Precio (imp. excl.);Precio (imp. incl.);Cantidad;Estado;Posición",
    ],
)
def test_the_list_that_prestashop_exports(header: str) -> None:
    """Its products are known by their number, and cost what shoppers pay; a column is named as it is written."""
    row = "7;https://x.com/a.jpg;Tasse;R-7;Maison;23,90 €;28,68 €;3;1;0"
    template = '[[video]]\nprompt = "{{ title }}, {{ price }}"\nimage_url = "{{ image }}"\n'
    shop = written("p.csv", f"{header}\n{row}\n")
    with opened(shop, template) as catalog:
        assert catalog.read_as == "a PrestaShop export: 1 product from 1 row"
        (found,) = catalog
    cells = found.cells
    assert (cells["id"], cells["title"], cells["price"], cells["sku"]) == ("7", "Tasse", "28,68 €", "R-7")
    assert found.origin is not None
    assert found.origin.places["price"].column == header.split(";")[6].strip('"')


@pytest.mark.parametrize(("each", "seen"), [("product", [("Red", "20")]), ("variant", [("Red", "20"), ("Blue", "21")])])
def test_the_newer_wix_export(each: str, seen: list[tuple[str, str]]) -> None:
    """Options are called choices there, prices stand with the variants, and each picture on a row of its own."""
    shop = written(
        "x.csv",
        "handle,fieldType,name,plainDescription,media,brand,price,sku,productOptionName1,productOptionChoices1\n"
        "P1,PRODUCT,Mug,<p>Nice</p>,,V,,,Color,#ff0000:Red;#0000ff:Blue\n"
        "P1,VARIANT,,,,,20,S-R,Color,Red\nP1,VARIANT,,,,,21,S-B,Color,Blue\n"
        "P1,MEDIA,,,https://x.com/1.jpg,,,,,\nP1,MEDIA,,,https://x.com/2.jpg,,,,,\n",
    )
    cells = cells_of(shop, f'[products]\neach = "{each}"\n{PLAIN}')
    assert [(row["color"], row["price"]) for row in cells] == seen
    assert {row["image_url"] for row in cells} == {"https://x.com/1.jpg"}


def test_meta_knows_pictures_by_number_too() -> None:
    """`image[0].url` is what others call image_link."""
    feed = written(
        "m.csv",
        "id,title,description,price,image[0].url,image[1].url,brand,video[0].url\n"
        "007,Mug,Nice,10 EUR,https://x.com/1.jpg,https://x.com/2.jpg,V,\n",
    )
    template = '[[video]]\nprompt = "{{ title }}"\nreference_urls = "{{ images }}"\n'
    with opened(feed, template) as catalog:
        assert catalog.read_as == "a Meta catalog: 1 product from 1 row"
        (row,) = catalog
    assert row.cells["reference_urls"] == "https://x.com/1.jpg;https://x.com/2.jpg"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from([SHOP, "id,title,image_link,price\n", '{"id": "1"}\n', "<rss><item>", "ID,Type,Name\n"]),
    rest=st.text(st.sampled_from("abc1,;|\"<>&'{}[]#/:\\.\t\n\r \x00\x1f\ufeff\u202e\xe9")),
)
def test_any_file_gives_rows_or_a_sentence(start: str, rest: str) -> None:
    """Nothing that a file may hold is met with anything but rows, their problems, or one refusal in words."""
    with contextlib.suppress(BadInput):
        rows = rows_of(written("any.csv", (start + rest).encode()))
        assert all(row.problems or row.cells for row in rows)


def test_products_that_the_shop_hides_are_noted_once() -> None:
    """They get videos as all others do, but whoever pays is told how to leave them out."""
    shop = written(
        "s.csv",
        "Handle,Title,Published,Image Src\na,Apron,TRUE,a.jpg\nb,Bowl,FALSE,b.jpg\nc,Cup,FALSE,c.jpg\n",
    )
    notes = [note for row in rows_of(shop) if row.origin for note in row.origin.notes]
    assert [(note.line, note.column) for note in notes] == [(3, "Published")]
    assert notes[0].fix == "--where published=TRUE leaves them out"
