"""Feeds that ad systems take, with their own rules for videos. What each rule rests on is in docs/deliver.md.

A feed only adds videos to products that the catalog there has already: a line a product, by its id.
"""

import csv
import ipaddress
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final, Protocol, TextIO
from urllib.parse import urlsplit

from config.placements import load_placements
from jobs.errors import BadInput
from jobs.job import AspectRatio
from jobs.ratio import is_near, shape_of
from producer.delivery.delivered import LISTED, Delivered
from producer.manifest import FORMULA_STARTS

MB: Final = 1_000_000
#: Bytes of a video at most. Meta for Developers, "Dynamic media", read on 2026-11-29.
META_BYTES: Final = 200 * MB
#: What Google takes beside length and ratio, which are the placement's of this name (config/placements.toml): Merchant
#: Center Help, "Video link [video_link]" (support.google.com/merchants/answer/15216925), read on 2026-11-29.
MERCHANT: Final = "merchant"
GOOGLE_BYTES: Final = 500 * MB
#: Pixels of a video's shorter side at least.
GOOGLE_PX: Final = 720
#: Characters of a link at most, and links of a product.
GOOGLE_LINK: Final = 2000
GOOGLE_LINKS: Final = 10

_URL: Final = re.compile(r"[A-Za-z0-9\-._~:/@!$&'()*+;=%\[\]]+")
#: How names end that only a private network knows; a name without a dot is another one.
_PRIVATE: Final = (".internal", ".lan", ".local", ".localhost")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")


class Feed(Protocol):
    """A table that an ad system fetches; `name` is also the field of a copy that says whether it is listed."""

    @property
    def name(self) -> str:
        """How `--feed` calls it."""
        ...

    @property
    def file(self) -> str:
        """The table's name, beside the copies."""
        ...

    @property
    def content_type(self) -> str:
        """The table's media type."""
        ...

    def refusals(self, copy: Delivered) -> Iterator[str]:
        """Each reason for which the ad system would not take this copy."""
        ...

    def write(self, copies: Iterable[Delivered], out: TextIO) -> None:
        """Write the table of these copies, all of them taken."""
        ...


class Meta:
    """A supplementary feed of a Meta catalog (CSV): the id, a column for each of its videos, and what they are."""

    name = "meta"
    file = "meta.csv"
    content_type = "text/csv; charset=utf-8"

    def refusals(self, copy: Delivered) -> Iterator[str]:
        """At most 200 MB; any length and shape."""
        yield from _anywhere(copy)
        if copy.bytes > META_BYTES:
            yield f"it has {copy.bytes / MB:,.0f} MB, and Meta takes up to {META_BYTES // MB} MB"

    def write(self, copies: Iterable[Delivered], out: TextIO) -> None:
        """`id, video[0].url, video[1].url, ..., creative_id, utm_content`."""
        products = by_product(copies)
        most = max(map(len, products.values()), default=1)
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["id", *(f"video[{number}].url" for number in range(most)), "creative_id", "utm_content"])
        for product, videos in products.items():
            urls = [str(copy.url) for copy in videos] + [""] * (most - len(videos))
            writer.writerow([product, *urls, *_told(videos)])


class Google:
    """A supplemental source of Google Merchant Center (TSV): the id and its `video_link`."""

    name = "google"
    file = "google.tsv"
    content_type = "text/tab-separated-values; charset=utf-8"

    def refusals(self, copy: Delivered) -> Iterator[str]:
        """6 to 240 s, 16:9, 9:16 or 1:1, 720 pixels or more, at most 500 MB, under a link that Google reads."""
        yield from _anywhere(copy)
        merchant = load_placements()[MERCHANT]
        if copy.duration_s is None:
            yield "how long it lasts is not known"
        elif not merchant.lasts(copy.duration_s):
            shortest, longest = merchant.length_s
            yield f"it lasts {copy.duration_s:.2f} s, and Google takes {shortest} to {longest} s"
        yield from _shape(copy.width, copy.height, merchant.aspect_ratios)
        if copy.bytes > GOOGLE_BYTES:
            yield f"it has {copy.bytes / MB:,.0f} MB, and Google takes up to {GOOGLE_BYTES // MB} MB"
        if copy.url and len(copy.url) > GOOGLE_LINK:
            yield f"its link has {len(copy.url):,} characters, and Google takes up to {GOOGLE_LINK:,}"

    def write(self, copies: Iterable[Delivered], out: TextIO) -> None:
        """`id, video_link, creative_id, utm_content`; a product's links are joined by commas."""
        writer = csv.writer(out, delimiter="\t", lineterminator="\n")
        writer.writerow(["id", "video_link", "creative_id", "utm_content"])
        for product, videos in by_product(copies).items():
            writer.writerow([product, ",".join(str(copy.url) for copy in videos), *_told(videos)])


FEEDS: Final[dict[str, Feed]] = {feed.name: feed for feed in (Meta(), Google())}


def judged(copies: Iterable[Delivered], feed: Feed, *, asked: Container[str]) -> Iterator[Delivered]:
    """All copies; those whose names are asked for, or were before, with what the feed says of them: listed, or every
    reason why not.
    """
    links: defaultdict[str | None, int] = defaultdict(int)
    for copy in copies:
        if copy.name not in asked and getattr(copy, feed.name) is None:
            yield copy
            continue
        reasons = list(feed.refusals(copy))
        if not reasons:
            links[copy.product_id] += 1
            if isinstance(feed, Google) and links[copy.product_id] > GOOGLE_LINKS:
                reasons = [f"Google takes {GOOGLE_LINKS} videos of a product, and this is one more"]
        yield copy.model_copy(update={feed.name: "; ".join(reasons) or LISTED})


def by_product(copies: Iterable[Delivered]) -> dict[str, list[Delivered]]:
    """The copies of each product, in the list's order."""
    products: defaultdict[str, list[Delivered]] = defaultdict(list)
    for copy in copies:
        products[str(copy.product_id)].append(copy)
    return products


def public_base(url: str) -> str:
    """The address under which the public finds the copies, without a slash at its end.

    Raises BadInput for one that an ad system cannot fetch from, or that would stop working: links must be static.
    """
    parts = urlsplit(url.strip())
    hint = "name where the copies are served: --public-base-url https://cdn.example.com/videos"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadInput(f"--public-base-url {url!r} is no http(s) address", hint=hint)
    if parts.query or parts.fragment:
        raise BadInput("--public-base-url has a query or a fragment: signed links expire", hint=hint)
    if parts.username or parts.password:
        raise BadInput("--public-base-url holds a user name: nobody can log in for an ad system", hint=hint)
    if _is_private(parts.hostname):
        raise BadInput(f"--public-base-url {url!r} leads to a private network, where no ad system comes", hint=hint)
    address = url.strip().rstrip("/").replace(",", "%2C")
    if not _URL.fullmatch(address):
        hint = "percent-encode what is not a letter, a digit or one of -._~ (a space is %20)"
        raise BadInput(f"--public-base-url {url!r} has characters that stand in no link", hint=hint)
    return address


def _is_private(host: str) -> bool:
    """Whether a host is plainly none that the public reaches; nobody is asked."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE)


def _anywhere(copy: Delivered) -> Iterator[str]:
    """What no ad system takes."""
    if copy.simulated:
        yield "it is simulated: no ad system may get it"
    if not copy.product_id:
        yield "its row does not say which product it shows"
    elif copy.product_id.startswith(FORMULA_STARTS) or _CONTROL.search(copy.product_id):
        yield f"its product's id {copy.product_id[:40]!r} is no text that a table can hold safely"


def _shape(width: int | None, height: int | None, ratios: Sequence[AspectRatio]) -> Iterator[str]:
    """What Google has against the frame."""
    if not width or not height:
        yield "how large its frame is is not known"
        return
    if not any(is_near(width, height, ratio) for ratio in ratios):
        yield f"its shape is {shape_of(width, height)}, and Google takes {', '.join(ratios)}"
    if min(width, height) < GOOGLE_PX:
        yield f"it has {width} x {height} pixels, and Google takes {GOOGLE_PX} or more on the shorter side"


def _told(videos: Sequence[Delivered]) -> tuple[str, str]:
    """What tells the videos of a product apart in reports."""
    return ";".join(copy.creative_id for copy in videos), ";".join(copy.utm_content for copy in videos)
