"""What is known of a file that goes into a render, and the name by which a stored one is kept: that of its content."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jobs.job import Render

Kind = Literal["image", "audio", "video"]

#: How a stored file of each format ends, and what HTTP calls it.
ENDINGS = {
    "JPEG": "jpg", "PNG": "png", "BMP": "bmp", "WEBP": "webp", "WAV": "wav", "MP3": "mp3", "MP4": "mp4", "MOV": "mov",
}  # fmt: skip
CONTENT_TYPES = {
    "jpg": "image/jpeg", "png": "image/png", "bmp": "image/bmp", "webp": "image/webp",
    "wav": "audio/wav", "mp3": "audio/mpeg", "mp4": "video/mp4", "mov": "video/quicktime",
}  # fmt: skip

#: The address of a file that lies in the store: its SHA-256 and its ending.
_STORED = re.compile(r"media:([0-9a-f]{64})\.(\w{3,4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """A file by its own bytes, whatever its name or its server says.

    `format` is one of JPEG, PNG, BMP, WEBP; WAV, MP3; MP4, MOV. `width` and `height` are in pixels as stored, `colours`
    is how an image's pixels are kept (RGB, CMYK, ...), `turned` that its EXIF data asks for it to be shown turned or
    mirrored, `lying` that this swaps its width and height.
    `sha256` is known where all of it was read. What the file does not say is None.
    """

    kind: Kind
    format: str
    size_bytes: int
    width: int | None = None
    height: int | None = None
    alpha: bool = False
    colours: str = ""
    turned: bool = False
    lying: bool = False
    duration_s: float | None = None
    sha256: str | None = None

    @property
    def stored(self) -> str | None:
        """Its content as an address, which it has, or would have, in the store; None where only a part was read."""
        return None if self.sha256 is None else f"media:{self.sha256}.{ENDINGS[self.format]}"


def media_of(render: Render) -> list[tuple[str, str]]:
    """Column and address of every file that goes in, in the order of the columns."""
    found = [("reference_urls", uri) for uri in render.references]
    if render.image is not None:
        found.insert(0, ("image_url", render.image))
    if render.audio_track is not None:
        found.append(("audio_url", render.audio_track))
    return found


def with_media(render: Render, others: Mapping[str, str]) -> Render:
    """The render with some of its addresses changed for others."""
    image, sound = render.image, render.audio_track
    changed = {
        "image": None if image is None else others.get(image, image),
        "references": tuple(others.get(uri, uri) for uri in render.references),
        "audio_track": None if sound is None else others.get(sound, sound),
    }
    return render.model_copy(update=changed)


def is_web(uri: str) -> bool:
    """Whether the address is one that a provider fetches by itself."""
    return uri.lower().startswith(("http://", "https://"))


def stored_parts(uri: str) -> tuple[str, str] | None:
    """SHA-256 and ending of a stored file's address; None for any other address."""
    found = _STORED.fullmatch(uri)
    return None if found is None else (found[1], found[2])


def content_type(uri: str) -> str:
    """What HTTP calls a stored file."""
    return CONTENT_TYPES[uri.rpartition(".")[2]]


def names_stored(value: Any) -> bool:
    """Whether a value of an order names a stored file, at any depth: what the provider is given in its place varies."""
    if isinstance(value, str):
        return stored_parts(value) is not None
    if isinstance(value, dict):
        return any(map(names_stored, value.values()))
    return isinstance(value, list | tuple) and any(map(names_stored, value))
