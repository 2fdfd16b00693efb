"""What an MP4 says about itself: its box headers and its `moov`, from a few small reads and without a codec.

The file comes from a stranger. Work and memory are bounded, and whatever the bytes are the answer is a Movie with
what could be read and a sentence for each thing that is wrong. Layouts: ISO/IEC 14496-12.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import mul
from typing import BinaryIO, Final

#: Bytes. The index of a 15 s video takes about 10 kB; one above this is not read.
LARGEST_INDEX_BYTES: Final = 1024 * 1024
#: Boxes side by side; real files have about ten.
MOST_BOXES: Final = 1_000

HEADER_BYTES: Final = 8
LONG_HEADER_BYTES: Final = 16
#: A box begins with its length and its name.
_BOX: Final = struct.Struct(">I4s")


class Malformed(Exception):
    """The bytes are not what their box promises; the message is a clause for a person."""


@dataclass(slots=True)
class Track:
    """One track; `ticks` is its length in units of 1/`timescale` s, frame sizes are in pixels (0: not said)."""

    kind: str = ""
    codec: str = ""
    width: int = 0
    height: int = 0
    timescale: int = 0
    samples: int = 0
    ticks: int = 0
    #: Byte in the file where the farthest run of samples begins.
    farthest: int = 0

    @property
    def duration_s(self) -> float | None:
        """Length in seconds, by its samples; None when it does not say."""
        return self.ticks / self.timescale if self.ticks and self.timescale else None

    @property
    def rate(self) -> float | None:
        """Samples (for video: frames) a second; None when it does not say."""
        return self.samples * self.timescale / self.ticks if self.ticks and self.timescale else None


@dataclass(slots=True)
class Movie:
    """What was read; `indexed` tells that there was a `moov`, `fragmented` that the samples are listed elsewhere."""

    tracks: list[Track] = field(default_factory=list)
    media_bytes: int = 0
    indexed: bool = False
    fragmented: bool = False
    problems: list[str] = field(default_factory=list)

    def first(self, kind: str) -> Track | None:
        """Return the first track of a kind (`vide`, `soun`), or None."""
        return next((track for track in self.tracks if track.kind == kind), None)


def read_movie(file: BinaryIO, size: int) -> Movie:
    """Read a file of `size` bytes that begins with an `ftyp` box."""
    movie = Movie()
    try:
        for name, start, end in top_boxes(file, size):
            if name == b"moov" and not movie.indexed:
                _read_index(file, start, end, movie)
            elif name == b"mdat":
                movie.media_bytes += end - start
            elif name == b"moof":
                movie.fragmented = True
    except Malformed as problem:
        movie.problems.append(str(problem))
    return movie


def top_boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, start, end) of the boxes that stand whole in the file, payload without header."""
    at = 0
    for _ in range(MOST_BOXES):
        if at >= size:
            return
        file.seek(at)
        head = file.read(LONG_HEADER_BYTES)
        if len(head) < HEADER_BYTES:
            raise Malformed(f"the file is cut off: its last {len(head)} bytes are no whole box")
        name, header, length = _header(head, 0, size - at)
        if at + length > size:
            needs = f"the {_shown(name)} box needs {at + length:,} bytes"
            raise Malformed(f"the file is cut off: {needs}, the file has {size:,}")
        yield name, at + header, at + length
        at += length
    raise Malformed(f"the file has more than {MOST_BOXES:,} boxes side by side; the rest was not read")


def _header(data: bytes | memoryview, at: int, room: int) -> tuple[bytes, int, int]:
    """Return the name of the box at a place, and the bytes of its header and of all of it; `room` is left around it."""
    length, name = _BOX.unpack_from(data, at)
    header = HEADER_BYTES
    if length == 1:
        header, length = LONG_HEADER_BYTES, _number(data, at + HEADER_BYTES, 8)
    elif length == 0:
        length = room
    if length < header:
        raise Malformed(f"the {_shown(name)} box is damaged: it claims to be {length} bytes long")
    return name, header, length


def _shown(raw: bytes) -> str:
    """Return a name of four bytes as a person may see it."""
    name = raw.decode("latin-1")
    return name if name.isascii() and name.isprintable() else ascii(name)


def _read_index(file: BinaryIO, start: int, end: int, movie: Movie) -> None:
    """Fill the movie from its `moov`."""
    movie.indexed = True
    if end - start > LARGEST_INDEX_BYTES:
        raise Malformed(
            f"its index (moov) has {end - start:,} bytes, more than any video of ours needs; it was not read"
        )
    file.seek(start)
    for name, content in _children(b"moov", memoryview(file.read(end - start))):
        if name == b"trak":
            movie.tracks.append(_track(content))
        elif name == b"mvex":
            movie.fragmented = True


def _children(parent: bytes, data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the boxes inside a box; a tail shorter than a header is padding."""
    at, size = 0, len(data)
    for _ in range(MOST_BOXES):
        if at + HEADER_BYTES > size:
            return
        (length, name), header = _BOX.unpack_from(data, at), HEADER_BYTES
        if length < HEADER_BYTES:
            name, header, length = _header(data, at, size - at)
        if at + length > size:
            raise Malformed(f"the {_shown(parent)} box is damaged: its {_shown(name)} is longer than itself")
        yield name, data[at + header : at + length]
        at += length
    raise Malformed(f"the {_shown(parent)} box has more than {MOST_BOXES:,} boxes inside")


def _track(data: memoryview) -> Track:
    track = Track()
    _descend(b"trak", data, track)
    return track


def _descend(parent: bytes, data: memoryview, track: Track) -> None:
    """Read a box of the track and the one below it: four steps down, however deep a stranger nests."""
    below = _BELOW.get(parent)
    for name, content in _children(parent, data):
        if name == below:
            _descend(name, content, track)
        elif (read := _READERS.get(name)) is not None:
            read(content, track)


def _tkhd(data: memoryview, track: Track) -> None:
    """Frame size, as 16.16 fixed point numbers at the end of the track's header."""
    at = 88 if _number(data, 0, 1) else 76
    track.width, track.height = _number(data, at, 4) >> 16, _number(data, at + 4, 4) >> 16


def _mdhd(data: memoryview, track: Track) -> None:
    track.timescale = _number(data, 20 if _number(data, 0, 1) else 12, 4)


def _hdlr(data: memoryview, track: Track) -> None:
    track.kind = bytes(data[8:12]).decode("latin-1")


def _stsd(data: memoryview, track: Track) -> None:
    track.codec = _shown(bytes(data[12:16]))


def _stts(data: memoryview, track: Track) -> None:
    """Add up the table of (samples, ticks a sample)."""
    numbers = _numbers(_table(data, 8), "I")
    track.samples += sum(numbers[::2])
    track.ticks += sum(map(mul, numbers[::2], numbers[1::2]))


def _stco(data: memoryview, track: Track) -> None:
    track.farthest = max(_numbers(_table(data, 4), "I"), default=0)


def _co64(data: memoryview, track: Track) -> None:
    track.farthest = max(_numbers(_table(data, 8), "Q"), default=0)


_BELOW = {b"trak": b"mdia", b"mdia": b"minf", b"minf": b"stbl"}
_READERS = {
    b"tkhd": _tkhd, b"mdhd": _mdhd, b"hdlr": _hdlr, b"stsd": _stsd, b"stts": _stts, b"stco": _stco, b"co64": _co64,
}  # fmt: skip


def _table(data: memoryview, row_bytes: int) -> memoryview:
    """Return the rows of a counted table."""
    end = 8 + row_bytes * _number(data, 4, 4)
    if end > len(data):
        raise Malformed("a table in its index is shorter than it claims")
    return data[8:end]


def _numbers(table: memoryview, kind: str) -> tuple[int, ...]:
    """All numbers of a table at once, each of the kind that `struct` calls so."""
    return struct.unpack(f">{len(table) // struct.calcsize('>' + kind)}{kind}", table)


def _number(data: bytes | memoryview, at: int, width: int) -> int:
    """Read an unsigned big-endian number of `width` bytes."""
    digits = data[at : at + width]
    if len(digits) < width:
        raise Malformed("a box in it is shorter than its kind must be")
    return int.from_bytes(digits, "big")
