"""The image that is made of a picture: its shape, its colours, its bytes, and no picture that breaks it."""

import io
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from config.facts import load_facts
from jobs.job import AspectRatio
from jobs.media import MediaFacts
from jobs.ratio import terms
from producer.columns import Wrong
from producer.fit import MOST_BYTES, Fitting, fit
from producer.sniff import look
from tests.samples import picture, picture_bomb

LIMIT = load_facts()["segmind"].media["image"]
RATIOS: tuple[AspectRatio, ...] = ("16:9", "9:16", "1:1", "4:3", "3:4")
PICTURES = {kind: picture(kind, (40, 30), noise=True) for kind in ("JPEG", "PNG", "WEBP", "BMP")}
RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 180, 20), (20, 20, 220), (255, 255, 255)


def encoded(image: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    """The bytes of a drawing."""
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def made(data: bytes, how: Any = "pad", ratio: AspectRatio = "9:16", most_bytes: int = MOST_BYTES) -> Image.Image:
    """The image that the picture becomes, decoded."""
    facts = look(io.BytesIO(data), len(data))
    assert isinstance(facts, MediaFacts)
    found = fit(data, facts, Fitting("a.png", how, ratio, LIMIT, most_bytes))
    assert not isinstance(found, Wrong), found
    assert len(found.data) == found.facts.size_bytes <= most_bytes
    image = Image.open(io.BytesIO(found.data))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (found.facts.width, found.facts.height))
    return image


def is_like(image: Image.Image, place: tuple[int, int], colour: tuple[int, ...]) -> bool:
    """Whether a pixel has a colour, but for what JPEG makes of it; negative places count from the end."""
    x, y = (at % side for at, side in zip(place, image.size, strict=True))
    found = image.getpixel((x, y))
    assert isinstance(found, tuple)
    return all(abs(one - other) < 12 for one, other in zip(found, colour, strict=True))


def quarters(width: int = 800, height: int = 600) -> Image.Image:
    """Red above green on the left, blue above white on the right."""
    image = Image.new("RGB", (width, height), WHITE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (0, height // 2, width // 2, height))
    image.paste(BLUE, (width // 2, 0, width, height // 2))
    return image


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("how", ["pad", "crop"])
@pytest.mark.parametrize("size", [(100, 100), (97, 73), (400, 90), (30, 500)])
def test_the_ratio_is_exact(how: str, ratio: AspectRatio, size: tuple[int, int]) -> None:
    """Whatever the picture, width and height are a multiple of the ratio's terms."""
    image = made(picture(size=size), how, ratio)
    across, down = terms(ratio)
    assert image.width * down == image.height * across


@pytest.mark.parametrize(
    ("size", "how", "ratio", "fitted"),
    [
        ((4000, 900), "pad", "9:16", (1080, 1920)),
        ((301, 5000), "pad", "4:3", (1920, 1440)),
        ((2300, 2100), "crop", "1:1", (1920, 1920)),
    ],
)
def test_no_image_is_larger_than_a_video(
    size: tuple[int, int], how: str, ratio: AspectRatio, fitted: tuple[int, int]
) -> None:
    """Neither side has more pixels than the longer side of a 1080p video."""
    assert made(picture(size=size), how, ratio).size == fitted


def test_padding_keeps_the_whole_picture() -> None:
    """Nothing of it is cut: all four quarters are there, between bars of the edges' own colours."""
    image = made(encoded(quarters()), "pad", "9:16")
    middle, across = image.height // 2, image.width
    assert is_like(image, (20, middle - 100), RED)
    assert is_like(image, (20, middle + 100), GREEN)
    assert is_like(image, (across - 20, middle - 100), BLUE)
    assert is_like(image, (across - 20, middle + 100), WHITE)


def test_a_bar_has_the_colour_of_the_edge_that_it_meets() -> None:
    """Above and below a wide picture, left and right of a tall one."""
    halves = Image.new("RGB", (800, 600), RED)
    halves.paste(GREEN, (0, 300, 800, 600))
    tall = made(encoded(halves), "pad", "9:16")
    assert is_like(tall, (5, 5), RED)
    assert is_like(tall, (-5, -5), GREEN)
    wide = made(encoded(halves.rotate(90, expand=True)), "pad", "16:9")
    assert is_like(wide, (5, 5), RED)
    assert is_like(wide, (-5, -5), GREEN)


def test_a_cut_keeps_the_middle() -> None:
    """Of a wide picture the sides go, alike."""
    bars = Image.new("RGB", (1600, 900), GREEN)
    bars.paste(RED, (0, 0, 200, 900))
    bars.paste(BLUE, (1400, 0, 1600, 900))
    image = made(encoded(bars), "crop", "9:16")
    assert is_like(image, (5, 5), GREEN)
    assert is_like(image, (-5, -5), GREEN)
    assert image.height >= 880


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGBA"), ("PNG", "LA"), ("WEBP", "RGBA"), ("PNG", "P")])
def test_see_through_parts_are_put_on_white(kind: str, mode: str) -> None:
    """Whatever colour hides below them."""
    if mode == "P":
        data = encoded(Image.new("P", (400, 400), 0), transparency=0)
    else:
        data = encoded(Image.new(mode, (400, 400), 0), kind)
    image = made(data, "pad", "1:1")
    assert is_like(image, (200, 200), WHITE)


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_turned_photo_stands_upright(turned: int) -> None:
    """All eight ways of EXIF: red above green on the left, and nothing that says to turn it again."""
    upright = quarters(600, 800)
    undo = {2: [0], 3: [3], 4: [1], 5: [5], 6: [2], 7: [6], 8: [4]}
    stored = upright
    for step in undo.get(turned, []):
        stored = stored.transpose(Image.Transpose(step))
    exif = Image.Exif()
    exif[0x0112] = turned
    image = made(encoded(stored, "JPEG", exif=exif, quality=95), "crop", "3:4")
    assert not image.getexif()
    assert is_like(image, (20, 20), RED)
    assert is_like(image, (20, -20), GREEN)
    assert is_like(image, (-20, 20), BLUE)


def test_colours_are_those_of_the_web() -> None:
    """Print colours and grey of 16 bits become sRGB; a profile is obeyed, and one that is none does no harm."""
    assert is_like(made(encoded(Image.new("CMYK", (400, 300), (0, 255, 255, 0)), "JPEG")), (5, 5), (255, 0, 0))
    assert is_like(made(encoded(Image.new("I;16", (400, 300), 32768))), (5, 5), (128, 128, 128))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert is_like(made(encoded(Image.new("RGB", (400, 300), RED), icc_profile=lab)), (5, 5), RED)
    assert is_like(made(encoded(Image.new("RGB", (400, 300), RED), icc_profile=b"no profile")), (5, 5), RED)


def test_bytes_are_kept_below_what_can_be_handed_over() -> None:
    """Where little fits, quality goes first, then pixels; where nothing does, it is said."""
    data = picture(size=(900, 700), noise=True)
    assert made(data, "crop", "1:1").width == 700
    assert made(data, "crop", "1:1", 330_000).width == 700
    assert made(data, "crop", "1:1", 240_000).width == 640
    facts = look(io.BytesIO(data), len(data))
    assert isinstance(facts, MediaFacts)
    found = fit(data, facts, Fitting("a", "crop", "1:1", LIMIT, 9000))
    assert found == Wrong("no image of it has less than 0.009 MB", "give a plainer one")


def test_pixels_are_counted_before_they_are_decoded() -> None:
    """A small file that would fill the memory is refused by its header."""
    data = picture_bomb()
    facts = look(io.BytesIO(data), len(data))
    assert isinstance(facts, MediaFacts)
    found = fit(data, facts, Fitting("a", "pad", "1:1", LIMIT, MOST_BYTES))
    assert found == Wrong("the image has 400 million pixels, and 64 million are fitted", "scale it")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(PICTURES)), st.data())
def test_no_bytes_break_it(kind: str, draw: st.DataObject) -> None:
    """A picture with bytes changed or cut away becomes an image or a sentence."""
    data = bytearray(PICTURES[kind])
    for at in draw.draw(st.lists(st.integers(0, len(data) - 1), max_size=8)):
        data[at] = draw.draw(st.integers(0, 255))
    cut = bytes(data[: draw.draw(st.integers(20, len(data)))])
    facts = look(io.BytesIO(cut), len(cut))
    if isinstance(facts, MediaFacts):
        fit(cut, facts, Fitting("a", "pad", "9:16", LIMIT, MOST_BYTES))
