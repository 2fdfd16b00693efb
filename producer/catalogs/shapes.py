"""The formats of catalogs: by which columns each is recognised, and which column holds which field of a product.

Columns are named here as `plain` spells them. What the shops' documents call them is in docs/catalogs.md.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from producer.catalogs.spellings import prestashop, woocommerce

#: What a template may call; every other column of a catalog by its own plain name.
FIELDS: Final = (
    "id", "sku", "gtin", "title", "description", "brand", "price", "sale_price", "color", "material", "pattern",
    "product_size", "type", "tags", "gender", "condition", "availability", "published", "link", "image", "images",
)  # fmt: skip

#: Where Wix keeps the pictures of its shops.
WIX_MEDIA: Final = "https://static.wixstatic.com/media/"

Cells = Mapping[str, str]
Fields = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Shape:
    """One format: `said` is its name to a person; it is recognised by all columns of `marks` and one of `hints`.

    `fields` holds, for a field, the columns that may hold it, the best first. `keys` tells what product a row belongs
    to: rows that share one of its keys are one product. `head` tells whether the row speaks for the product, `variant`
    whether it is one of its variants, whose own picture is in `variant_image`; `shared` tells that several rows with
    one id are usual. `attribute` holds how the columns are called that hold an option's name and, after it, its value;
    `image_base` goes before a picture's bare name, and `line_break` is how a line break in a text is written.
    """

    name: str
    said: str
    marks: frozenset[str]
    hints: frozenset[str]
    fields: Fields
    keys: Callable[[Cells], tuple[str, ...]]
    head: Callable[[Cells], bool] = lambda _: True
    variant: Callable[[Cells], bool] = lambda _: True
    variant_image: tuple[str, ...] = ()
    shared: bool = False
    attribute: tuple[str, ...] = ()
    image_base: str = ""
    line_break: str = "\n"


def plain(name: str) -> str:
    """A column's name as templates and shapes spell it: `g:image link`, `Image Link` and `image_link` are one."""
    bare = re.sub(r"\([^()]*\)?", " ", name) if not name.lstrip().startswith("(") else name
    bare = re.sub(r"^\s*g:", "", bare if bare.strip(" *#") else name)
    return re.sub(r"\W+", "_", bare.strip().lower()).strip("_") or "_"


def recognised(columns: Collection[str], *, feed: bool) -> Shape | None:
    """The shape whose marks are among the (plain) columns; None for a table of its own kind."""
    if "image_0_url" in columns:
        columns = {*columns, "image_link"}  # what Meta takes for one
    for shape in SHAPES:
        if shape.marks <= set(columns) and not shape.hints.isdisjoint(columns):
            return shape
    return GOOGLE if feed and not GOOGLE.marks.isdisjoint({*columns} - {"title"}) else None


def told(columns: Collection[str], *, feed: bool) -> tuple[Shape, Mapping[str, str]]:
    """The shape of a catalog, and what its columns are called there where they are in another language."""
    shape = recognised(columns, feed=feed)
    if shape is not None:
        return shape, {}
    for foreign, english in ((WOOCOMMERCE, woocommerce), (_PRESTASHOP_LIST, prestashop)):
        spelling = english(columns)
        if recognised({*columns, *spelling.values()}, feed=False) is foreign:
            return foreign, spelling
    return TABLE, {}


def by_id(cells: Cells) -> tuple[str, ...]:
    """Rows with the same id are one product."""
    return _some(cells, "id")


def _some(cells: Cells, *columns: str) -> tuple[str, ...]:
    return tuple(text for column in columns if (text := cells.get(column, "")))


def _grouped(cells: Cells) -> tuple[str, ...]:
    return _some(cells, "item_group_id") or _some(cells, "id")


def _woo_keys(cells: Cells) -> tuple[str, ...]:
    """A variation's parent by its SKU or as `id:741`; everything else by both of its own."""
    if "variation" in cells.get("type", "").lower() and cells.get("parent"):
        return (cells["parent"],)
    return _some(cells, "sku") + tuple(f"id:{text}" for text in _some(cells, "id"))


_SHOPIFY: Final = Shape(
    "shopify",
    "a Shopify export",
    frozenset({"title"}),
    frozenset({"handle", "url_handle"}),
    {
        "id": ("handle", "url_handle"),
        "sku": ("variant_sku", "sku"),
        "gtin": ("variant_barcode", "barcode"),
        "title": ("title",),
        "description": ("body", "body_html", "description"),
        "brand": ("vendor",),
        "price": ("variant_price", "price"),
        "color": ("color", "google_shopping_color"),
        "material": ("material", "fabric"),
        "product_size": (),
        "pattern": (),
        "type": ("type", "product_category", "standard_product_type", "custom_product_type"),
        "tags": ("tags",),
        "gender": ("google_shopping_gender", "target_gender"),
        "condition": ("google_shopping_condition",),
        "published": ("published", "published_on_online_store", "status"),
        "image": ("image_src", "product_image_url", "variant_image", "variant_image_url"),
        "images": ("image_src", "product_image_url", "variant_image", "variant_image_url"),
    },
    lambda cells: _some(cells, "handle", "url_handle"),
    head=lambda cells: bool(cells.get("title")),
    variant=lambda cells: bool(_some(cells, "option1_value", "variant_price", "price", "variant_sku")),
    variant_image=("variant_image", "variant_image_url"),
    shared=True,
    attribute=("option{}_name", "option{}_value"),
)
_GOOGLE_FIELDS: Final[Fields] = {
    "id": ("id",),
    "sku": ("mpn", "id"),
    "gtin": ("gtin",),
    "title": ("title",),
    "description": ("description", "rich_text_description", "summary"),
    "brand": ("brand",),
    "price": ("price",),
    "sale_price": ("sale_price",),
    "color": ("color", "colour"),
    "material": ("material",),
    "pattern": ("pattern",),
    "product_size": ("size",),
    "type": ("product_type", "google_product_category", "fb_product_category"),
    "gender": ("gender",),
    "condition": ("condition",),
    "availability": ("availability",),
    "link": ("link",),
    "image": ("image_link", "image_0_url"),
    "images": ("image_link", "additional_image_link", *(f"image_{number}_url" for number in range(20))),
}
GOOGLE: Final = Shape(
    "google",
    "a Google Merchant feed",
    frozenset({"id", "title", "image_link"}),
    frozenset({"price", "link", "availability", "description"}),
    _GOOGLE_FIELDS,
    _grouped,
    variant_image=("image_link", "image_0_url"),
)
_META: Final = Shape(
    "meta",
    "a Meta catalog",
    GOOGLE.marks,
    frozenset(
        {"fb_product_category", "quantity_to_sell_on_facebook", "video_0_url", "product_tags_0", "style_0",
         "origin_country", "custom_number_0", "disabled_capabilities", "manufacturer_info"}
    ),
    _GOOGLE_FIELDS,
    _grouped,
    variant_image=("image_link", "image_0_url"),
)  # fmt: skip
WOOCOMMERCE: Final = Shape(
    "woocommerce",
    "a WooCommerce export",
    frozenset({"type", "name"}),
    frozenset({"regular_price", "visibility_in_catalog", "is_featured"}),
    {
        "id": ("sku", "id"),
        "sku": ("sku",),
        "gtin": ("gtin_upc_ean_or_isbn", "gtin", "meta_global_unique_id"),
        "title": ("name",),
        "description": ("description", "short_description"),
        "brand": ("brands", "brand"),
        "price": ("regular_price", "price"),
        "sale_price": ("sale_price",),
        "color": (),
        "material": (),
        "pattern": (),
        "product_size": (),
        "type": ("categories",),
        "tags": ("tags",),
        "availability": ("in_stock",),
        "published": ("published",),
        "link": ("external_url",),
        "image": ("images",),
        "images": ("images",),
    },
    _woo_keys,
    head=lambda cells: "variation" not in cells.get("type", "").lower(),
    variant=lambda cells: "variation" in cells.get("type", "").lower(),
    variant_image=("images",),
    attribute=("attribute_{}_name", "attribute_{}_value"),
    line_break="\\n",
)
_WIX: Final = Shape(
    "wix",
    "a Wix export",
    frozenset({"fieldtype", "name"}),
    frozenset({"handleid", "handle"}),
    {
        "id": ("handleid", "handle"),
        "sku": ("sku",),
        "gtin": ("barcode",),
        "title": ("name",),
        "description": ("description", "plaindescription"),
        "brand": ("brand",),
        "price": ("price",),
        "color": (),
        "material": (),
        "pattern": (),
        "product_size": (),
        "type": ("collection", "categories", "categoryslugs"),
        "tags": ("ribbon",),
        "availability": ("inventory",),
        "published": ("visible",),
        "image": ("productimageurl", "media"),
        "images": ("productimageurl", "media"),
    },
    lambda cells: _some(cells, "handleid", "handle"),
    head=lambda cells: cells.get("fieldtype", "").lower() == "product",
    variant=lambda cells: cells.get("fieldtype", "").lower() == "variant",
    attribute=("productoptionname{}", "productoptiondescription{}", "productoptionchoices{}"),
    image_base=WIX_MEDIA,
)
_PRESTASHOP: Final = Shape(
    "prestashop",
    "a PrestaShop export",
    frozenset({"name"}),
    frozenset({"tax_rules_id", "supplier_reference", "url_rewritten", "friendly_url", "rewritten_url", "id_product"}),
    {
        "id": ("product_id", "id_product", "id"),
        "sku": ("reference",),
        "gtin": ("ean13", "ean_13", "gtin", "upc"),
        "title": ("name",),
        "description": ("description", "short_description", "summary", "description_short"),
        "brand": ("manufacturer", "brand"),
        "price": (
            "price_tax_excluded_or_price_tax_included", "price_tax_included", "price_tax_incl", "price_tax_excluded",
            "price_tax_excl", "price",
        ),
        "color": (),
        "material": (),
        "pattern": (),
        "product_size": (),
        "type": ("categories", "category", "category_default"),
        "tags": ("tags",),
        "condition": ("condition",),
        "published": ("active", "status"),
        "image": ("image_urls", "image_url", "images", "image"),
        "images": ("image_urls", "image_url", "images", "image"),
    },
    lambda cells: _some(cells, "product_id", "id_product", "id"),
)  # fmt: skip
#: What the list of products in its back office exports, where two columns are called price.
_PRESTASHOP_LIST: Final = replace(
    _PRESTASHOP,
    marks=frozenset({"image", "name", "reference", "category", "price", "quantity", "status"}),
    hints=frozenset({"product_id", "id"}),
)
#: A table of its own kind: its columns by their own names.
TABLE: Final = Shape(
    "table",
    "a table",
    frozenset(),
    frozenset(),
    {field: (field,) for field in FIELDS}
    | {"title": ("title", "name"), "image": ("image", "image_url", "image_link"), "product_size": ()},
    by_id,
    shared=True,
)
#: The most particular first: Meta's catalogs have all columns of Google's feeds.
SHAPES: Final = (_META, GOOGLE, WOOCOMMERCE, _WIX, _SHOPIFY, _PRESTASHOP, _PRESTASHOP_LIST)
