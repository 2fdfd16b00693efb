"""Small files of every kind that goes into a render, right ones and wrong ones, made on the spot."""

import io
import struct
import wave
import zlib

from PIL import Image

from simulator.clips import clip

#: One frame of MP3 (MPEG 1, layer III, 128 kbit/s, 44.1 kHz) that holds silence; it lasts 1152 / 44100 s.
MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)


def picture(
    kind: str = "JPEG", size: tuple[int, int] = (640, 480), mode: str = "RGB", *, turned: int = 0, noise: bool = False
) -> bytes:
    """An image; `turned` is EXIF's number for how it is to be shown, `noise` makes it large."""
    image = Image.effect_noise(size, 200).convert(mode) if noise else Image.new(mode, size, _middle(mode))
    out = io.BytesIO()
    exif = Image.Exif()
    if turned:
        exif[0x0112] = turned
    image.save(out, kind, **({"exif": exif} if turned else {}))
    return out.getvalue()


def picture_bomb(side_px: int = 20_000) -> bytes:
    """A PNG of a few bytes whose header says that its sides have so many pixels."""
    data = picture("PNG", (1, 1), "L")
    header = b"IHDR" + struct.pack(">II", side_px, side_px) + data[24:29]
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


def wav(seconds: float = 5.0, rate_hz: int = 8000) -> bytes:
    """Silence, one channel of 16 bits."""
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate_hz)
        sound.writeframes(bytes(2 * round(seconds * rate_hz)))
    return out.getvalue()


def mp3(seconds: float = 5.0) -> bytes:
    """Silence of about that length."""
    return MP3_FRAME * round(seconds * 44_100 / 1152)


def film(seconds: int = 5) -> bytes:
    """An MP4 video whose index stands where the simulator's renders have it."""
    return clip(1280, 720, seconds, "reference", variant=0, audio=True, pad_bytes=0)


def _middle(mode: str) -> int | tuple[int, ...]:
    """A colour that is neither black nor white; half see-through where the mode has it."""
    return 90 if len(Image.new(mode, (1, 1)).getbands()) == 1 else (90, 140, 200, 128)[: len(mode)]
