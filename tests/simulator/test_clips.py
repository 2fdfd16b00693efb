"""The videos, read by a parser that shares nothing with the writer."""

import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pytest

from simulator.clips import VARIANTS, clip

SIZES = [
    (1280, 720), (720, 1280), (960, 960), (1088, 832), (832, 1088),
    (1920, 1080), (1080, 1920), (1440, 1440), (1632, 1248), (1248, 1632),
]  # fmt: skip
FOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf")
ANNEX_SPS, ANNEX_IDR = 7, 5


@dataclass
class Track:
    """What the sample tables of one track say."""

    kind: bytes
    codec: bytes
    seconds: float
    size: tuple[int, int]
    samples: list[bytes]
    keys: list[int]


def walk(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Every box between two places, with where its content lies; they must fill the room exactly."""
    while start < end:
        length = int.from_bytes(data[start : start + 4])
        assert 8 <= length <= end - start
        yield data[start + 4 : start + 8], start + 8, start + length
        start += length


def table(data: bytes, start: int, shape: str, skip: int = 4) -> list[Any]:
    """The rows of a counted table."""
    count = int.from_bytes(data[start + skip : start + skip + 4])
    rows = [struct.unpack_from(shape, data, start + skip + 4 + row * struct.calcsize(shape)) for row in range(count)]
    return [row[0] if len(row) == 1 else row for row in rows]


def read(data: bytes) -> tuple[float, list[Track], dict[bytes, bytes]]:
    """The length in seconds, the tracks, and the top boxes of a file."""
    top = {kind: data[start:end] for kind, start, end in walk(data, 0, len(data))}
    tracks = []
    seconds = 0.0
    for kind, start, end in walk(top[b"moov"], 0, len(top[b"moov"])):
        if kind == b"mvhd":
            scale, ticks = struct.unpack_from(">II", top[b"moov"], start + 12)
            seconds = ticks / scale
        if kind == b"trak":
            tracks.append(track(data, top[b"moov"], start, end))
    return seconds, tracks, top


def track(data: bytes, moov: bytes, start: int, end: int) -> Track:
    """One track, every sample cut out of the file by its tables."""
    at: dict[bytes, int] = {}
    ends: dict[bytes, int] = {}

    def descend(low: int, high: int) -> None:
        for kind, inside, after in walk(moov, low, high):
            at[kind], ends[kind] = inside, after
            if kind in FOLDERS:
                descend(inside + (8 if kind == b"dref" else 0), after)

    descend(start, end)
    scale, ticks = struct.unpack_from(">II", moov, at[b"mdhd"] + 12)
    sizes = table(moov, at[b"stsz"], ">I", skip=8)
    assert sum(count * delta for count, delta in table(moov, at[b"stts"], ">II")) == ticks
    assert sum(count for count, _ in table(moov, at[b"stts"], ">II")) == len(sizes)
    chunks, runs = table(moov, at[b"stco"], ">I"), table(moov, at[b"stsc"], ">III")
    samples, number = [], 0
    for chunk, offset in enumerate(chunks, 1):
        length = next(length for first, length, _ in reversed(runs) if first <= chunk)
        place = offset
        for size in sizes[number : number + length]:
            samples.append(data[place : place + size])
            place += size
        number += length
    assert number == len(sizes)
    width, height = struct.unpack_from(">II", moov, ends[b"tkhd"] - 8)
    keys = table(moov, at[b"stss"], ">I") if b"stss" in at else []
    kind, codec = moov[at[b"hdlr"] + 8 : at[b"hdlr"] + 12], moov[at[b"stsd"] + 12 : at[b"stsd"] + 16]
    return Track(kind, codec, ticks / scale, (width >> 16, height >> 16), samples, keys)


def units(sample: bytes) -> list[int]:
    """The kinds of the H.264 units in a sample; their lengths must fill it exactly."""
    kinds, at = [], 0
    while at < len(sample):
        length = int.from_bytes(sample[at : at + 4])
        kinds.append(sample[at + 4] & 31)
        at += 4 + length
    assert at == len(sample)
    return kinds


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("duration_s", [2, 5, 10, 15])
@pytest.mark.parametrize("variant", range(VARIANTS))
def test_a_clip_is_what_was_asked_for(size: tuple[int, int], duration_s: int, variant: int) -> None:
    """Each size, length and colour has its frames and size, H.264 and AAC, and every sample lies whole in the file."""
    data = clip(*size, duration_s, "a-task", variant=variant, audio=True, pad_bytes=0)
    seconds, (picture, sound), top = read(data)
    assert list(top)[:3] == [b"ftyp", b"moov", b"mdat"]
    assert abs(seconds - duration_s) < 0.05
    assert (picture.kind, picture.codec, sound.kind, sound.codec) == (b"vide", b"avc1", b"soun", b"mp4a")
    assert picture.size == size
    assert len(picture.samples) == duration_s * 30
    assert picture.seconds == duration_s
    assert duration_s - 0.03 < sound.seconds <= duration_s
    for number, sample in enumerate(picture.samples, 1):
        assert (ANNEX_IDR in units(sample)) == (number in picture.keys)


def test_a_silent_clip_has_no_sound_track() -> None:
    """Silence is the absence of the track."""
    _, tracks, _ = read(clip(1280, 720, 5, "a-task", variant=0, audio=False, pad_bytes=0))
    assert [one.kind for one in tracks] == [b"vide"]


def test_each_clip_is_its_own() -> None:
    """Two tasks of the same order differ in bytes, and each holds its task's id."""
    one = clip(1280, 720, 5, "task-one", variant=0, audio=True, pad_bytes=0)
    two = clip(1280, 720, 5, "task-two", variant=0, audio=True, pad_bytes=0)
    assert one != two
    assert read(one)[2][b"uuid"].endswith(b"task-one")


def test_a_clip_can_be_made_long() -> None:
    """Padding adds bytes and nothing to see."""
    plain = clip(1280, 720, 5, "a-task", variant=0, audio=True, pad_bytes=0)
    long = clip(1280, 720, 5, "a-task", variant=0, audio=True, pad_bytes=9_000_000)
    assert len(long) == len(plain) + 9_000_008
    assert read(long)[0] == read(plain)[0]


def test_stretching_takes_under_a_millisecond() -> None:
    """The best of many clips of a known size, each of another length, is made within a millisecond."""
    clip(1920, 1080, 2, "a-task", variant=0, audio=True, pad_bytes=0)
    best_s = 1.0
    for duration_s in range(16, 60):
        began = time.perf_counter()
        clip(1920, 1080, duration_s % 13 + 16, str(duration_s), variant=0, audio=True, pad_bytes=0)
        best_s = min(best_s, time.perf_counter() - began)
    assert best_s < 0.001


def test_the_templates_are_small() -> None:
    """All sizes and colours together stay under 600 kB, and none is missing."""
    folder = resources.files("simulator") / "templates"
    files = {item.name: len(item.read_bytes()) for item in folder.iterdir() if item.name.endswith(".mp4")}
    assert set(files) == {f"{w}x{h}-{variant}.mp4" for w, h in SIZES for variant in range(VARIANTS)}
    assert sum(files.values()) < 600_000
