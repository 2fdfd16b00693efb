"""What a file is by its bytes: right ones measured, wrong ones named, and no bytes at all that break it."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.media import MediaFacts
from producer.columns import Wrong
from producer.sniff import look
from tests.samples import film, mp3, picture, wav


def seen(data: bytes) -> MediaFacts | Wrong:
    """The look at those bytes."""
    return look(io.BytesIO(data), len(data))


def wrong(data: bytes) -> str:
    """Why those bytes cannot be used."""
    found = seen(data)
    assert isinstance(found, Wrong), found
    return found.problem


def fine(data: bytes) -> MediaFacts:
    """What those bytes are."""
    found = seen(data)
    assert isinstance(found, MediaFacts), found
    return found


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP"])
def test_an_image_is_measured(kind: str) -> None:
    """Format, pixels and bytes come out of the image itself."""
    data = picture(kind, (800, 600))
    found = fine(data)
    assert (found.kind, found.format, found.width, found.height, found.alpha) == ("image", kind, 800, 600, False)
    assert found.size_bytes == len(data)


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("PNG", "LA"), ("WEBP", "RGBA")], ids=["PNG", "grey PNG", "WEBP"]
)
def test_see_through_parts_are_found(kind: str, mode: str) -> None:
    """An alpha channel is seen, which providers refuse."""
    assert fine(picture(kind, mode=mode)).alpha


def test_a_palette_with_a_see_through_colour_counts_as_alpha() -> None:
    """A PNG may name a see-through colour without an alpha channel."""
    from PIL import Image  # noqa: PLC0415 - this one test draws by hand

    out = io.BytesIO()
    Image.new("P", (300, 300)).save(out, "PNG", transparency=0)
    assert fine(out.getvalue()).alpha


def test_print_colours_and_turned_photos_are_told() -> None:
    """CMYK and an EXIF orientation are part of the facts."""
    assert fine(picture(mode="CMYK")).colours == "CMYK"
    assert fine(picture(turned=6)).turned
    assert not fine(picture()).turned


@pytest.mark.parametrize(("data", "kind"), [(wav(4.5), "WAV"), (mp3(4.5), "MP3")], ids=["WAV", "MP3"])
def test_a_sound_is_timed(data: bytes, kind: str) -> None:
    """Format and seconds."""
    found = fine(data)
    assert (found.kind, found.format) == ("audio", kind)
    assert found.duration_s == pytest.approx(4.5, abs=0.06)


def test_a_video_is_timed() -> None:
    """Format, frame and seconds."""
    found = fine(film(7))
    assert (found.kind, found.format, found.width, found.height) == ("video", "MP4", 1280, 720)
    assert found.duration_s == pytest.approx(7, abs=0.1)


def test_a_quicktime_video_is_told_by_its_brand() -> None:
    """A MOV is an MP4 of another brand."""
    assert fine(film(2).replace(b"ftypisom", b"ftypqt  ", 1)).format == "MOV"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP"])
def test_an_image_that_is_cut_off_is_named(kind: str) -> None:
    """Half an image is no image, though its header is whole."""
    data = picture(kind, noise=True)
    assert "damaged or cut off" in wrong(data[: len(data) // 2])


def test_what_follows_an_image_does_no_harm() -> None:
    """Phones append a film to their photos; the photo is whole all the same."""
    assert fine(picture() + bytes(50_000)).format == "JPEG"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><title>Sign in</title>", "a page of HTML"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b'{"error": "expired"}', "JSON or text"),
        (b"GIF89a" + bytes(20), "a GIF"),
        (b"\x00\x00\x00\x1cftypheic" + bytes(20), "a HEIC image"),
        (b"\x00\x00\x00\x1cftypM4A " + bytes(20), "an M4A sound"),
        (b"\x1aE\xdf\xa3" + bytes(20), "WebM"),
        (b"\x93\x01\x02\xfe" + bytes(20), "of no kind that is known here"),
        (wav()[:-4000], "cut off"),
        (film()[:-4000], "damaged"),
        (b"ID3" + bytes(60), "no sound"),
    ],
    ids=["empty", "HTML", "SVG", "JSON", "GIF", "HEIC", "M4A", "WebM", "noise", "cut WAV", "cut MP4", "MP3 tag alone"],
)
def test_what_is_no_media_is_named(data: bytes, said: str) -> None:
    """People learn what their file is instead."""
    assert said in wrong(data)


STARTS = [
    picture(),
    picture("PNG", mode="RGBA"),
    picture("WEBP"),
    picture("BMP", (20, 20)),
    wav(0.1),
    mp3(0.3),
    film(1),
]


@given(data=st.data())
def test_no_bytes_break_it(data: st.DataObject) -> None:
    """Whatever a stranger's file holds, the answer is facts or a sentence."""
    whole = bytearray(data.draw(st.sampled_from(STARTS)))
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=12)):
        whole[at % len(whole)] = value
    end = data.draw(st.integers(0, len(whole)))
    assert isinstance(seen(bytes(whole[:end])), MediaFacts | Wrong)
