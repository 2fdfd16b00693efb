"""What is known of a file that goes into a render: its kind by its bytes, its size, and what a provider may refuse."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from jobs.job import Render

Kind = Literal["image", "audio", "video"]


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """A file by its own bytes, whatever its name or its server says.

    `format` is one of JPEG, PNG, BMP, WEBP; WAV, MP3; MP4, MOV. `width` and `height` are in pixels as stored, `colours`
    is how an image's pixels are kept (RGB, CMYK, ...), `turned` that its EXIF data asks for it to be shown turned.
    What the file does not say is None.
    """

    kind: Kind
    format: str
    size_bytes: int
    width: int | None = None
    height: int | None = None
    alpha: bool = False
    colours: str = ""
    turned: bool = False
    duration_s: float | None = None


def media_of(render: Render) -> Iterator[tuple[str, str]]:
    """Column and address of every file that goes in, in the order of the columns."""
    if render.image is not None:
        yield "image_url", render.image
    for uri in render.references:
        yield "reference_urls", uri
    if render.audio_track is not None:
        yield "audio_url", render.audio_track
