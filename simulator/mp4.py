"""Reads and writes the few MP4 boxes that the clips need. Layouts are those of ISO/IEC 14496-12."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_FOLDERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
#: Ticks per second of the movie's own clock.
MOVIE_TIMESCALE = 1_000


def box(kind: bytes, *content: bytes) -> bytes:
    """A box of the given four-letter kind."""
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, *content: bytes, version_flags: int = 0) -> bytes:
    """A box that opens with its version and flags."""
    return box(kind, struct.pack(">I", version_flags), *content)


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes side by side in `data`, as (kind, content)."""
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + length]
        at += length


def leaves(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every box below `data` that is not a mere folder, depth first."""
    for kind, content in boxes(data):
        if kind in _FOLDERS:
            yield from leaves(content)
        else:
            yield kind, content


@dataclass(frozen=True, slots=True)
class Samples:
    """One track's samples: `stsd` describes the codec, each sample lasts `delta` of `timescale` ticks a second."""

    kind: bytes
    stsd: bytes
    timescale: int
    delta: int
    data: tuple[bytes, ...]


def read_track(file: bytes, trak: bytes) -> Samples:
    """The samples of one track of a file whose sample tables are 32-bit and whose samples all last alike."""
    found = dict(leaves(trak))
    (timescale,) = struct.unpack_from(">I", found[b"mdhd"], 12)
    (delta,) = struct.unpack_from(">I", found[b"stts"], 12)
    (count,) = struct.unpack_from(">I", found[b"stsz"], 8)
    sizes = struct.unpack_from(f">{count}I", found[b"stsz"], 12)
    (chunks,) = struct.unpack_from(">I", found[b"stco"], 4)
    offsets = struct.unpack_from(f">{chunks}I", found[b"stco"], 8)
    data, sample = [], 0
    for offset, length in zip(offsets, _chunk_lengths(found[b"stsc"], chunks), strict=True):
        at = offset
        for size in sizes[sample : sample + length]:
            data.append(file[at : at + size])
            at += size
        sample += length
    return Samples(found[b"hdlr"][8:12], found[b"stsd"], timescale, delta, tuple(data))


def _chunk_lengths(stsc: bytes, chunks: int) -> list[int]:
    """How many samples each chunk holds."""
    (runs,) = struct.unpack_from(">I", stsc, 4)
    first = [struct.unpack_from(">II", stsc, 8 + 12 * run) for run in range(runs)]
    ends = [start for start, _ in first[1:]] + [chunks + 1]
    return [length for (start, length), end in zip(first, ends, strict=True) for _ in range(start, end)]


@dataclass(frozen=True, slots=True)
class Loop:
    """One track of a movie: `count` samples, by playing `samples` over and over; those lie in one piece at `offset`."""

    track_id: int
    samples: Samples
    count: int
    offset: int
    width: int = 0
    height: int = 0

    @property
    def duration(self) -> int:
        """Ticks of the movie's clock."""
        return round(self.count * self.samples.delta * MOVIE_TIMESCALE / self.samples.timescale)

    def box(self) -> bytes:
        """The track's `trak` box."""
        media = self.count * self.samples.delta
        header = struct.pack(">IIIII", 0, 0, self.track_id, 0, self.duration) + bytes(8)
        header += struct.pack(">hhhH", 0, 0, 0 if self.width else 0x100, 0) + _MATRIX
        header += struct.pack(">II", self.width << 16, self.height << 16)
        media_header = struct.pack(">IIIIHH", 0, 0, self.samples.timescale, media, 0x55C4, 0)
        handler = bytes(4) + self.samples.kind + bytes(12) + b"simulator\0"
        look = full_box(b"vmhd", bytes(8), version_flags=1) if self.width else full_box(b"smhd", bytes(4))
        where = box(b"dinf", full_box(b"dref", struct.pack(">I", 1), full_box(b"url ", version_flags=1)))
        media_box = box(
            b"mdia",
            full_box(b"mdhd", media_header),
            full_box(b"hdlr", handler),
            box(b"minf", look, where, self._tables()),
        )
        return box(b"trak", full_box(b"tkhd", header, version_flags=3), media_box)

    def _tables(self) -> bytes:
        """The sample tables: one chunk for each turn of the loop, all at the same place in the file."""
        turn = len(self.samples.data)
        turns, rest = divmod(self.count, turn)
        chunks = turns + bool(rest)
        sizes = [len(data) for data in self.samples.data]
        runs = [(1, turn, 1)] if turns else []
        runs += [(turns + 1, rest, 1)] if rest else []
        all_sizes = sizes * turns + sizes[:rest]
        keys = range(1, self.count + 1, turn)
        return box(
            b"stbl",
            box(b"stsd", self.samples.stsd),
            full_box(b"stts", struct.pack(">III", 1, self.count, self.samples.delta)),
            full_box(b"stss", struct.pack(f">I{len(keys)}I", len(keys), *keys)) if self.width else b"",
            full_box(b"stsc", struct.pack(">I", len(runs)), *(struct.pack(">III", *run) for run in runs)),
            full_box(b"stsz", struct.pack(f">II{self.count}I", 0, self.count, *all_sizes)),
            full_box(b"stco", struct.pack(f">I{chunks}I", chunks, *[self.offset] * chunks)),
        )


def movie_header(duration: int, next_track_id: int) -> bytes:
    """The `mvhd` box of a movie of `duration` ticks."""
    rate_volume = struct.pack(">IHHII", 0x10000, 0x100, 0, 0, 0)
    times = struct.pack(">IIII", 0, 0, MOVIE_TIMESCALE, duration)
    return full_box(b"mvhd", times, rate_volume, _MATRIX, bytes(24), struct.pack(">I", next_track_id))
