"""A product catalog through the front door: from a shop's export and a template to videos."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.driving import ROOT, Ended, agree, good_videos, manifest_of, typed, wanbatch
from tests.mediaserver import serving
from tests.services import Simulator

CATALOG = ROOT / "examples" / "catalog.csv"
TEMPLATE = ROOT / "examples" / "product-video.toml"
#: Catalogs that other people published; they lie beside the checkout.
REAL = ROOT.parent / "shared" / "inputs"
JEWELRY = REAL / "shopifypartners__product-csvs__jewelery.csv"
WIX = REAL / "DevinReid__Wix-to-Facebook-Catalog__catalog_products.csv"


def plan(folder: Path, *arguments: str | Path, given: bytes = b"", env: dict[str, str] | None = None) -> Ended:
    """A plan with its store in the folder."""
    return typed("plan", *arguments, "--store", (folder / "out").as_uri(), cwd=folder, given=given, env=env)


def test_the_example_is_made(tmp_path: Path, simulator: Callable[..., Simulator]) -> None:
    """Three products get three videos each: the photo animated, and a scene for each of two hooks."""
    provider = simulator("--speed", "300")
    env = {"WANBATCH_SIMULATOR_URL": provider.url}
    store = ("--store", (tmp_path / "out").as_uri())
    made = wanbatch("run", CATALOG, "--template", TEMPLATE, "--json", *store, cwd=tmp_path, env=env)
    assert made.code == 0, made.err
    assert "read as a Shopify export: 3 products from 4 rows\n" in made.err
    lines = manifest_of(Path(made.json["manifest"]))
    good_videos(lines)
    agree(provider, lines)
    assert Counter((line["variant"]["video"], line["mode"]) for line in lines) == {
        ("photo", "i2v"): 3,
        ("scene", "t2v"): 6,
    }
    kettle = next(line for line in lines if line["labels"]["id"] == "ember-camp-kettle")
    assert (kettle["labels"]["gtin"], kettle["labels"]["price"]) == ("0071234500042", "89.00")
    assert kettle["image"]["uri"] == "catalog/ember-camp-kettle.jpg"
    assert "Two litres of beaten copper for the first fire of the day." in kettle["prompt"]
    again = plan(tmp_path, CATALOG, "--template", TEMPLATE, "--json", env=env)
    assert (again.json["to_buy"], again.json["already_bought"]) == (0, 9)


def test_a_catalog_needs_a_template(tmp_path: Path) -> None:
    """It is recognised, nothing is planned of it, and the way on is said; a feed and a workbook are told theirs too."""
    refused = plan(tmp_path, JEWELRY)
    assert refused.code == 2
    assert "is a Shopify export: a catalog of products, and no matrix" in refused.err
    assert "--template examples/product-video.toml" in refused.err
    feed = plan(tmp_path, REAL / "RinatR__feeds__google_atom_example.xml")
    assert feed.code == 2
    assert "--template" in feed.err


def test_a_catalog_from_standard_input(tmp_path: Path) -> None:
    """What is piped in is spooled, told by its columns, and planned like the file."""
    piped = plan(tmp_path, "-", "--campaign", "x", "--template", TEMPLATE, "--json", given=JEWELRY.read_bytes())
    assert piped.code == 0, piped.err
    assert "read as a Shopify export: 20 products from 41 rows" in piped.err
    assert piped.json["variants"] == 60


def test_bad_products_can_be_left_out_mended_and_planned(tmp_path: Path) -> None:
    """Each lack is told with the catalog's line and column; the bad products go to a file with all their rows."""
    refused = plan(tmp_path, WIX, "--template", TEMPLATE)
    assert refused.code == 2
    assert f"{WIX}:27: productImageUrl: the product has no image, which the template calls" in refused.err
    assert "read as a Wix export: 33 products from 128 rows, has 3 problems in 3 products" in refused.err
    shown = plan(tmp_path, WIX, "--template", TEMPLATE, "--where", "published=true")
    assert shown.code == 0, "the shop shows none of the three"
    assert "the shop does not show" not in shown.out
    skipped = plan(tmp_path, WIX, "--template", TEMPLATE, "--skip-bad-rows", "--json")
    assert skipped.code == 0, skipped.err
    assert "the first of the products that the shop does not show" in skipped.err
    kept = tmp_path / f"{WIX.stem}.bad-rows.csv"
    rows = kept.read_text().splitlines()
    assert rows[0].startswith("_problem,handleId,fieldType,name,")
    kept.write_text(kept.read_text().replace(",Product,The Commander's Collar,", ",Product,The Collar,"))
    again = plan(tmp_path, kept.name, "--template", TEMPLATE)
    assert again.code == 2
    assert "read as a Wix export: 3 products from " in again.err


def test_the_templates_slips_are_told_once(tmp_path: Path) -> None:
    """What the provider does not sell is a problem of the template's line, not of every product."""
    template = tmp_path / "t.toml"
    template.write_text('[[video]]\nprompt = "{{ title }}"\nduration = 7\n')
    refused = plan(tmp_path, JEWELRY, "--template", "t.toml")
    assert refused.code == 2
    assert refused.err.count("t.toml:3: duration: 7 ") == 1
    assert "has 1 problem in 20 products" in refused.err


def test_a_feed_on_the_web_is_planned_afresh(tmp_path: Path) -> None:
    """Its address stands where a file would; it is fetched each time, so that tomorrow's plan sees tomorrow's shop."""
    with serving() as server:
        address = server.hold("/jewelry.csv", JEWELRY.read_bytes())
        arguments = (f"{address}?key=s3cret", "--template", TEMPLATE, "--json")
        planned = plan(tmp_path, *arguments)
        assert planned.code == 0, planned.err
        assert (planned.json["campaign"], planned.json["variants"]) == ("simulated-jewelry", 60)
        server.hold("/jewelry.csv", b"Handle,Title,Image Src\nx,,https://x.com/a.jpg\n")
        refused = plan(tmp_path, *arguments)
        assert refused.code == 2
        assert f"{address}:2: Title: the product has no title" in refused.err
        assert "s3cret" not in planned.err + refused.err


def test_photos_are_brought_to_the_templates_ratio(tmp_path: Path) -> None:
    """A template names the shape and how photos of another one are made to fit; else it is their trouble."""
    template = tmp_path / "upright.toml"
    video = '[[video]]\nprompt = "{{ title }}"\nimage_url = "{{ image }}"\naspect_ratio = ["9:16", "1:1"]\n'
    template.write_text(video + 'fit = "pad"\n')
    planned = plan(tmp_path, CATALOG, "--template", template, "--json")
    assert planned.code == 0, planned.err
    assert planned.json["variants"] == 6
    template.write_text(video)
    refused = plan(tmp_path, CATALOG, "--template", template)
    assert refused.code == 2
    assert "has 6 problems in 3 products; nothing was queued" in refused.err
    assert f"{CATALOG}:5: Image Src: the image is 16:9 (1280 x 720 pixels)" in refused.err
