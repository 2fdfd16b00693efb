"""Videos of any length without a codec: a template of one short loop, played over and over by its sample tables.

The templates lie in `templates/`, made once by `templates/make.py`. A clip holds the template's samples once, so it
stays small and takes well under a millisecond; a `uuid` box with the task's id makes the bytes of each one its own.
"""

import functools
import struct
from dataclasses import dataclass
from importlib import resources

from simulator.mp4 import Loop, Samples, box, boxes, movie_header, read_track

#: Colour schemes that each size comes in.
VARIANTS = 4
#: The extended type of the box that holds a task's id.
TASK_BOX = bytes.fromhex("5e9a1d40c0de4c1bb0a7000000000001")


@dataclass(frozen=True, slots=True)
class Template:
    """One loop of picture and one of sound, of the same length."""

    width: int
    height: int
    picture: Samples
    sound: Samples


def clip(width: int, height: int, duration_s: int, task_id: str, *, variant: int, audio: bool, pad_bytes: int) -> bytes:
    """A playable MP4 (H.264, and AAC unless silent) of this size and length, at 30 frames a second.

    Raises:
        FileNotFoundError: no template has this size.
    """
    own = box(b"uuid", TASK_BOX, task_id.encode())
    pad = box(b"free", bytes(pad_bytes)) if pad_bytes else b""
    return _movie(width, height, duration_s, variant, audio) + pad + own


@functools.lru_cache(maxsize=128)
def _movie(width: int, height: int, duration_s: int, variant: int, audio: bool) -> bytes:
    """Everything of a clip but what makes it one task's own."""
    template = _template(width, height, variant)
    picture = b"".join(template.picture.data)
    sound = b"".join(template.sound.data) if audio else b""
    head = box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2avc1mp41")
    size = len(_moov(template, duration_s, audio, 0, 0))
    start = len(head) + size + 8
    return head + _moov(template, duration_s, audio, start, start + len(picture)) + box(b"mdat", picture, sound)


def _moov(template: Template, duration_s: int, audio: bool, picture_at: int, sound_at: int) -> bytes:
    """The `moov` box; its length does not depend on the two places in the file."""
    loops = [_loop(1, template.picture, duration_s, picture_at, template.width, template.height)]
    if audio:
        loops.append(_loop(2, template.sound, duration_s, sound_at))
    duration = max(loop.duration for loop in loops)
    return box(b"moov", movie_header(duration, len(loops) + 1), *(loop.box() for loop in loops))


def _loop(track_id: int, samples: Samples, duration_s: int, offset: int, width: int = 0, height: int = 0) -> Loop:
    count = duration_s * samples.timescale // samples.delta
    return Loop(track_id, samples, count, offset, width, height)


@functools.cache
def _template(width: int, height: int, variant: int) -> Template:
    """Read a template back into its samples. The encoder's priming frames at the head of the sound are dropped."""
    name = f"{width}x{height}-{variant % VARIANTS}.mp4"
    file = (resources.files("simulator") / "templates" / name).read_bytes()
    moov = next(content for kind, content in boxes(file) if kind == b"moov")
    tracks = [read_track(file, content) for kind, content in boxes(moov) if kind == b"trak"]
    picture, sound = sorted(tracks, key=lambda track: track.kind, reverse=True)
    seconds = len(picture.data) * picture.delta / picture.timescale
    turn = round(seconds * sound.timescale / sound.delta)
    sound = Samples(sound.kind, sound.stsd, sound.timescale, sound.delta, sound.data[-turn:])
    return Template(width, height, picture, sound)
