"""The slips: each is played by the same hands on both sides, in a folder of its own."""

import io
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from PIL import Image

from benchmarks.mistakes.sides import Side

VIDEO_USD = Decimal("0.625")
FOUR_USD, FIVE_USD = 4 * VIDEO_USD, 5 * VIDEO_USD
NOTHING_USD = Decimal(0)
PRODUCTS = ("lamp", "kettle", "jacket", "tent")


class Slip(NamedTuple):
    """A mistake; `play` makes it. `asked_usd` is what a person knowingly asks for in it, `ours_usd` what our side must
    have spent at its end, and `said` is a pattern that a line of our last command must match. `play` is also told the
    address at which the folder's files are.
    """

    name: str
    play: Callable[[Side, str], None]
    asked_usd: Decimal
    ours_usd: Decimal
    said: str


def _csv(side: Side, file: str, columns: str, *rows: str) -> None:
    path = side.folder / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join((columns, *rows, "")), encoding="utf-8")


def _products(side: Side, file: str, *, words: str = "in soft morning light") -> None:
    _csv(side, file, "prompt", *(f"A {product} on a windowsill {words}" for product in PRODUCTS))


def _photo(side: Side, file: str, size: tuple[int, int], *, colour: str = "orange", alpha: bool = False) -> None:
    data = io.BytesIO()
    Image.new("RGBA" if alpha else "RGB", size, (255, 128, 0, 90) if alpha else colour).save(data, "PNG")
    (side.folder / file).write_bytes(data.getvalue())


def _rehearsed(side: Side, _: str) -> None:
    _products(side, "lamps.csv")
    side.rehearses("lamps.csv")
    side.makes("lamps.csv")


def _renamed(side: Side, _: str) -> None:
    _products(side, "lamps.csv")
    side.makes("lamps.csv")
    (side.folder / "lamps.csv").rename(side.folder / "lamps-final.csv")
    side.makes("lamps-final.csv")


def _other_file(side: Side, _: str) -> None:
    _products(side, "lamps.csv")
    side.makes("lamps.csv")
    _products(side, "old/lamps.csv", words="as we had them last year")
    side.makes("old/lamps.csv")


def _elsewhere(side: Side, _: str) -> None:
    _products(side, "lamps.csv")
    side.makes("lamps.csv", folder="ads")
    side.makes("lamps.csv", folder="downloads")


def _by_cron(side: Side, _: str) -> None:
    _products(side, "lamps.csv")
    side.settings["WANBATCH_STORE"] = (side.folder / "videos").as_uri()
    side.makes("lamps.csv")
    side.makes("lamps.csv", by_cron=True)


def _on_sale(side: Side, _: str) -> None:
    for price in ("49.00", "39.00"):
        words = "The {{ product }}, now for {{ price }} dollars"
        _csv(side, "sale.csv", "prompt,product,price", *(f'"{words}",{product},{price}' for product in PRODUCTS))
        side.makes("sale.csv")


def _bumped(side: Side, web: str) -> None:
    _photo(side, "shoe.png", (1280, 720))
    for version in (1, 2):
        rows = (f"the {product} turns,{web}/shoe.png?v={version}" for product in PRODUCTS)
        _csv(side, "shop.csv", "prompt,image_url", *rows)
        side.makes("shop.csv", web=True)


def _replaced(side: Side, web: str) -> None:
    rows = (f"the {product} turns,{web}/{product}.png" for product in PRODUCTS)
    _csv(side, "shop.csv", "prompt,image_url", *rows)
    for colour in ("orange", "blue"):
        for product in PRODUCTS:
            _photo(side, f"{product}.png", (1280, 720), colour=colour if product == "lamp" else "green")
        side.makes("shop.csv", web=True)


def _identical(side: Side, _: str) -> None:
    _csv(side, "lamps.csv", "prompt", *["A lamp on a windowsill"] * 4)
    side.makes("lamps.csv")


def _long_shots(side: Side, _: str) -> None:
    shots = "Shot 1 [0-3s] the {0} in rain. Shot 2 [3-10s] the {0} dries."
    _csv(side, "shots.csv", "prompt,shot_type", *(f"{shots.format(product)},multi" for product in PRODUCTS))
    side.makes("shots.csv")


def _square(side: Side, web: str) -> None:
    _photo(side, "square.png", (800, 800))
    rows = (f"the {product} turns,{web}/square.png,9:16" for product in PRODUCTS)
    _csv(side, "stories.csv", "prompt,image_url,aspect_ratio", *rows)
    side.makes("stories.csv", web=True)


def _see_through(side: Side, web: str) -> None:
    _photo(side, "cutout.png", (1280, 720), alpha=True)
    _csv(side, "shop.csv", "prompt,image_url", *(f"the {product} turns,{web}/cutout.png" for product in PRODUCTS))
    side.makes("shop.csv", web=True)


def _local(side: Side, _: str) -> None:
    _photo(side, "shoe.png", (1280, 720))
    _csv(side, "shop.csv", "prompt,image_url", *(f"the {product} turns,shoe.png" for product in PRODUCTS))
    side.makes("shop.csv")


def _default_size(side: Side, _: str) -> None:
    _products(side, "lamps.csv")
    side.makes("lamps.csv", at="dashscope")


def _all_of_it(side: Side, _: str, rows: int = 5_000) -> None:
    _csv(side, "all.csv", "prompt", *(f"Product {number} on a windowsill" for number in range(rows)))
    side.makes("all.csv", budget=None)


def _refused(side: Side, _: str) -> None:
    _csv(side, "lamps.csv", "prompt", *(f"A forbidden lamp number {number}" for number in range(30)))
    side.makes("lamps.csv", budget="20")


def _unexpanded(side: Side, _: str) -> None:
    shots = "Shot 1 [0-2s] the {0} in rain. Shot 2 [2-5s] the {0} dries."
    rows = (f"{shots.format(product)},multi,false" for product in PRODUCTS)
    _csv(side, "shots.csv", "prompt,shot_type,prompt_expansion", *rows)
    side.makes("shots.csv")


def _both(side: Side, _: str) -> None:
    _products(side, "lamps.csv")
    side.makes_twice_at_once("lamps.csv")


SLIPS = (
    Slip("rehearsal, then real", _rehearsed, FOUR_USD, FOUR_USD, "REAL MONEY at Segmind"),
    Slip("renamed file", _renamed, FOUR_USD, FOUR_USD, "4 are there already; nothing left to make"),
    Slip("same name, other file", _other_file, FOUR_USD, FOUR_USD, "this plan shares 0 of them"),
    Slip("other working directory", _elsewhere, FOUR_USD, FOUR_USD, "4 of the 4 videos to make were asked for before"),
    Slip("cron without its environment", _by_cron, FOUR_USD, FOUR_USD, "4 of the 4 videos to make were asked for"),
    Slip("price in the template on sale day", _on_sale, FOUR_USD, FOUR_USD, "this plan shares 0 of them"),
    Slip("`?v=` bump", _bumped, FOUR_USD, FOUR_USD, "4 are there already; nothing left to make"),
    Slip("same URL, new image", _replaced, FIVE_USD, FIVE_USD, "1 because the image of `image_url` changed"),
    Slip("four identical rows", _identical, VIDEO_USD, VIDEO_USD, "3 repeats made only once"),
    Slip("shots longer than the clip", _long_shots, NOTHING_USD, NOTHING_USD, "without the shots that lie after"),
    Slip("square photo for 9:16", _square, NOTHING_USD, NOTHING_USD, "its video takes the image's shape, not 9:16"),
    Slip("PNG with alpha", _see_through, NOTHING_USD, NOTHING_USD, "see-through"),
    Slip("local path", _local, FOUR_USD, FOUR_USD, "1 file of media looked at"),
    Slip("1080p by default", _default_size, Decimal(2), Decimal(2), r"would cost \$2\.00"),
    Slip("5,000 rows without a budget", _all_of_it, NOTHING_USD, NOTHING_USD, "no budget was named"),
    Slip("every render refused", _refused, NOTHING_USD, NOTHING_USD, "^nothing more is bought: ten videos in a row"),
    Slip("multi-shot without expansion", _unexpanded, NOTHING_USD, NOTHING_USD, "several shots need prompt expansion"),
    Slip("two people press run", _both, FOUR_USD, FOUR_USD, "4 asked for before|4 are there already|4 there already"),
)
