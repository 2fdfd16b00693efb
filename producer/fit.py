"""Another image out of a picture, of the ratio that a row asks for: padded or cut, upright, and nowhere see-through.

The picture comes from a stranger: whatever its bytes are, the answer is an image or a sentence.
"""

import io
from typing import Final, Literal, NamedTuple

from PIL import Image, ImageCms, ImageOps, ImageStat

from config.facts import MediaLimit
from jobs.job import AspectRatio
from jobs.media import MediaFacts
from jobs.ratio import terms
from producer.columns import Wrong
from producer.sniff import BROKEN, DECODED_PIXELS

#: Pixels of the longer side at most, tried in turn until the bytes suffice: those of a 1080p video, then less.
LONGEST_PX: Final = (1920, 1280, 960, 640)
#: JPEG's quality, tried in turn at each size.
QUALITIES: Final = (95, 85, 75)
#: What shows through see-through parts.
GROUND: Final = (255, 255, 255)
#: Bytes of an image made here at most: what providers take in the order itself.
MOST_BYTES: Final = 5_000_000


class Fitting(NamedTuple):
    """A picture, and what is to come of it; `limit` is what the provider takes, `most_bytes` the most that an image
    made of it may have.
    """

    uri: str
    how: Literal["pad", "crop"]
    ratio: AspectRatio
    limit: MediaLimit
    most_bytes: int

    @property
    def recipe(self) -> str:
        """All but the picture that decides what is made, as a name."""
        return f"{self.how}-{self.ratio.replace(':', 'x')}-{self.most_bytes}"


class Made(NamedTuple):
    """An image that was made, and the bytes of it."""

    facts: MediaFacts
    data: bytes


def fit(data: bytes, facts: MediaFacts, wanted: Fitting) -> Made | Wrong:
    """The image that the picture becomes, a JPEG in sRGB, the same bytes for the same picture and the same Pillow.

    Nothing is decoded before its pixels are counted. What is too small stays small: it is for the caller to refuse.
    """
    pixels = (facts.width or 0) * (facts.height or 0)
    if pixels > DECODED_PIXELS:
        problem = f"the image has {pixels / 1e6:.0f} million pixels, and {DECODED_PIXELS // 10**6} million are fitted"
        return Wrong(problem, "scale it")
    try:
        with Image.open(io.BytesIO(data), formats=[facts.format]) as picture:
            picture.draft(None, (LONGEST_PX[0], LONGEST_PX[0]))  # large JPEGs are decoded no larger than is needed
            flat = _flat(ImageOps.exif_transpose(picture))
        for longest_px in LONGEST_PX:
            shaped = _shaped(flat, wanted, longest_px)
            for quality in QUALITIES:
                made = _jpeg(shaped, quality)
                if len(made) <= wanted.most_bytes:
                    return Made(MediaFacts("image", "JPEG", len(made), *shaped.size, colours="RGB"), made)
    except (*BROKEN, MemoryError):
        return Wrong(f"the {facts.format} image is damaged or cut off", "export it, or upload it, again")
    return Wrong(f"no image of it has less than {wanted.most_bytes / 1_000_000:.6g} MB", "give a plainer one")


def _flat(image: Image.Image) -> Image.Image:
    """The image in sRGB, see-through parts on white."""
    if image.mode.startswith("I"):  # 16 bits of grey, of which a plain conversion would keep the lower half
        image = image.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")
    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (*GROUND, 255)), image).convert("RGB")
    if profile and image.mode in {"RGB", "CMYK"}:
        try:
            seen = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, seen, ImageCms.createProfile("sRGB"), outputMode="RGB")
            return converted or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError):
            pass  # a profile that does not fit its image says nothing of its colours
    return image.convert("RGB")


def _shaped(image: Image.Image, wanted: Fitting, longest_px: int) -> Image.Image:
    """The image in exactly the ratio, no larger than it was but for the pixels that the ratio's terms need."""
    across, down = terms(wanted.ratio)
    most = longest_px // max(across, down)
    if wanted.how == "crop":
        unit = max(1, min(image.width // across, image.height // down, most))
        return ImageOps.fit(image, (unit * across, unit * down))
    unit = min(max(-(-image.width // across), -(-image.height // down)), most)
    return _padded(image, (unit * across, unit * down))


def _padded(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The whole image in the middle, each bar in the middle colour of the edge that it meets."""
    whole = ImageOps.contain(image, size)
    width, height = whole.size
    padded = Image.new("RGB", size)
    if width == size[0]:
        padded.paste(_colour(whole, (0, 0, width, 1)), (0, 0, width, size[1] // 2))
        padded.paste(_colour(whole, (0, height - 1, width, height)), (0, size[1] // 2, *size))
    else:
        padded.paste(_colour(whole, (0, 0, 1, height)), (0, 0, size[0] // 2, height))
        padded.paste(_colour(whole, (width - 1, 0, width, height)), (size[0] // 2, 0, *size))
    padded.paste(whole, ((size[0] - width) // 2, (size[1] - height) // 2))
    return padded


def _colour(image: Image.Image, strip: tuple[int, int, int, int]) -> tuple[int, ...]:
    return tuple(round(level) for level in ImageStat.Stat(image.crop(strip)).median)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=0, optimize=True)
    return out.getvalue()
