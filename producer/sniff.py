"""What a file is, by its bytes: an image, a sound or a video that Wan can start from, or something else, told by name.

Only headers are read, and a little of the end to see that it is all there. The file comes from a stranger: whatever the
bytes are, the answer is facts or a sentence.
"""

import struct
import zlib
from typing import BinaryIO, Final

from PIL import Image, UnidentifiedImageError
from tinytag import TinyTag, TinyTagException

from jobs.media import MediaFacts
from jobs.mp4 import read_movie
from producer.columns import Wrong

# Nothing is decoded before its pixels were counted, so Pillow need not warn of large ones.
Image.MAX_IMAGE_PIXELS = None

#: Bytes that tell one kind of file from another.
HEAD_BYTES: Final = 512
#: Bytes at the end in which an image's last mark must stand.
TAIL_BYTES: Final = 1024
#: Pixels up to which an image without its last mark is decoded, to see whether it is whole.
DECODED_PIXELS: Final = 8000 * 8000
#: EXIF's tag for how an image is turned; 1 is upright, and from 5 on width and height change places.
ORIENTATION: Final = 0x0112
LYING: Final = range(5, 9)
#: The bits of a frame's second byte that say "MPEG audio, layer III".
MP3_LAYER: Final = 0xE2
#: A RIFF file of unknown length, as programs leave it that write into a pipe.
UNKNOWN_LENGTH: Final = frozenset({0, 0xFFFFFFFF})

WANTED = "JPEG, PNG, BMP or WEBP for an image, WAV or MP3 for sound, MP4 or MOV for a video"

#: The last mark of an image that came whole.
_LAST: Final = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}

#: How files begin that nobody can start from; people take them for others.
_OTHERS: Final = (
    (b"GIF8", "a GIF"),
    (b"%PDF", "a PDF"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"OggS", "an Ogg file"),
    (b"fLaC", "a FLAC file"),
    (b"\x1aE\xdf\xa3", "a WebM or Matroska video"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "compressed with gzip"),
)
#: Brands of ISO media files that hold no video.
_BRANDS: Final = {b"heic": "a HEIC image", b"heix": "a HEIC image", b"mif1": "a HEIC image", b"avif": "an AVIF image",
                  b"avis": "an AVIF image", b"M4A ": "an M4A sound"}  # fmt: skip
#: What Pillow raises for damaged files.
BROKEN: Final = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError,
                  struct.error, zlib.error)  # fmt: skip


def look(file: BinaryIO, size: int) -> MediaFacts | Wrong:
    """What the file of `size` bytes is, or why it cannot be used. Errors of reading the file itself are not caught."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if not head:
        return Wrong("the file is empty", f"give {WANTED}")
    if image := _image_format(head):
        return _image(file, size, image)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return _sound(file, size, "WAV", _cut_riff(head, size))
    if head.startswith(b"ID3") or (head.startswith(b"\xff") and head[1:2] and head[1] & 0xE6 == MP3_LAYER):
        return _sound(file, size, "MP3", "")
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip") and head[8:12] not in _BRANDS:
        return _video(file, size, "MOV" if head[4:8] != b"ftyp" or head[8:12] == b"qt  " else "MP4")
    return Wrong(f"the file is {_named(head)}", f"give {WANTED}")


def _image_format(head: bytes) -> str:
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    return "BMP" if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0" else ""


def _named(head: bytes) -> str:
    """What the person may have taken for media."""
    for start, name in _OTHERS:
        if head.startswith(start):
            return name
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS:
        return _BRANDS[head[8:12]]
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "a page of HTML (a page about the file, a login or an error, not the file)"
    if text.startswith((b"<svg", b"<?xml")):
        return "XML or an SVG drawing"
    return "JSON or text" if text[:1] in (b"{", b"[") or text.isascii() else "of no kind that is known here"


def _image(file: BinaryIO, size: int, kind: str) -> MediaFacts | Wrong:
    """An image by its header; one whose last mark is missing is decoded, to see whether it is whole."""
    cut = Wrong(f"the {kind} image is damaged or cut off", "export it, or upload it, again")
    if kind == "BMP" and size < int.from_bytes(_at(file, 2, 4), "little"):
        return cut
    try:
        file.seek(0)
        with Image.open(file, formats=[kind]) as image:
            way_up = image.getexif().get(ORIENTATION, 1) if kind == "JPEG" else 1
            facts = MediaFacts(
                kind="image",
                format=kind,
                size_bytes=size,
                width=image.width,
                height=image.height,
                alpha=image.has_transparency_data,
                colours=image.mode,
                turned=way_up != 1,
                lying=way_up in LYING,
            )
            last = _LAST.get(kind)
            ends_well = last is None or last in _at(file, max(0, size - TAIL_BYTES), TAIL_BYTES)
            if not ends_well and image.width * image.height <= DECODED_PIXELS:
                image.load()
            return facts
    except UnidentifiedImageError:
        return cut
    except BROKEN as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return cut


def _at(file: BinaryIO, start: int, length: int) -> bytes:
    """A few bytes, the file left where it was."""
    here = file.tell()
    file.seek(start)
    found = file.read(length)
    file.seek(here)
    return found


def _cut_riff(head: bytes, size: int) -> str:
    told = int.from_bytes(head[4:8], "little")
    return "" if told in UNKNOWN_LENGTH or told + 8 <= size + 1 else "the WAV sound is cut off"


def _sound(file: BinaryIO, size: int, kind: str, problem: str) -> MediaFacts | Wrong:
    if problem:
        return Wrong(problem, "export it, or upload it, again")
    try:
        file.seek(0)
        tag = TinyTag.get(file_obj=file, tags=False)
    except (TinyTagException, *BROKEN) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return Wrong(f"the {kind} sound is damaged", "export it, or upload it, again")
    if not tag.duration:
        return Wrong(f"the file begins like {kind}, but holds no sound", "give WAV or MP3")
    return MediaFacts(kind="audio", format=kind, size_bytes=size, duration_s=round(tag.duration, 3))


def _video(file: BinaryIO, size: int, kind: str) -> MediaFacts | Wrong:
    movie = read_movie(file, size)
    if movie.problems:
        return Wrong(f"the {kind} video is damaged: {movie.problems[0]}", "export it, or upload it, again")
    picture = movie.first("vide")
    if picture is None:
        what = "holds no picture" if movie.indexed else "has no index (moov)"
        return Wrong(f"the file begins like {kind}, but {what}", "give an MP4 or MOV video")
    length_s = picture.duration_s
    return MediaFacts(
        kind="video",
        format=kind,
        size_bytes=size,
        width=picture.width or None,
        height=picture.height or None,
        duration_s=None if length_s is None else round(length_s, 3),
    )
