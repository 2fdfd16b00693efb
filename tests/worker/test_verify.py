"""The check of a finished file: what it measures, what it finds, and that no bytes can break it."""

import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.verify import Expectation, VideoFacts, verify

ORDER = Expectation(width=1280, height=720, duration_s=5, audio=True)


def box(name: bytes, *content: bytes) -> bytes:
    """A box with a short header."""
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), name) + body


def numbers(*values: int) -> bytes:
    """32-bit numbers."""
    return struct.pack(f">{len(values)}I", *values)


def trak(
    kind: bytes,
    codec: bytes,
    samples: int,
    *,
    timescale: int,
    ticks: int,
    frame: tuple[int, int] = (0, 0),
    at: int = 40,
) -> bytes:
    """A track with the boxes that matter; version 0 headers."""
    tkhd = box(b"tkhd", bytes(76), numbers(frame[0] << 16, frame[1] << 16))
    mdhd = box(b"mdhd", bytes(12), numbers(timescale, samples * ticks), bytes(4))
    stbl = box(
        b"stbl",
        box(b"stsd", numbers(0, 1), box(codec, bytes(78))),
        box(b"stts", numbers(0, 1, samples, ticks)),
        box(b"stco", numbers(0, 1, at)),
    )
    return box(b"trak", tkhd, box(b"mdia", mdhd, box(b"hdlr", bytes(8), kind, bytes(13)), box(b"minf", stbl)))


def mp4(
    *,
    frames: int = 150,
    frame: tuple[int, int] = (1280, 720),
    codec: bytes = b"avc1",
    sound: bool = True,
    index_first: bool = False,
    at: int = 40,
) -> bytes:
    """A whole file: 30 frames a second, with sound of the same length."""
    tracks = [trak(b"vide", codec, frames, timescale=15360, ticks=512, frame=frame, at=at)]
    if sound:
        tracks.append(trak(b"soun", b"mp4a", frames * 1600 // 1024, timescale=48000, ticks=1024, at=at))
    moov, mdat = box(b"moov", box(b"mvhd", bytes(100)), *tracks), box(b"mdat", bytes(2000))
    return box(b"ftyp", b"isom", bytes(4)) + (moov + mdat if index_first else mdat + moov)


Check = Callable[..., VideoFacts]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Write the bytes to a file and verify it."""

    def write_and_verify(data: bytes, order: Expectation = ORDER) -> VideoFacts:
        file = tmp_path / "video.mp4"
        file.write_bytes(data)
        return verify(file, order)

    return write_and_verify


@pytest.mark.parametrize("index_first", [True, False])
def test_a_good_file_is_measured_and_verified(check: Check, index_first: bool) -> None:
    """Wherever its index stands, a file as ordered has all its facts and no problem."""
    facts = check(mp4(index_first=index_first))
    assert facts == VideoFacts(width=1280, height=720, duration_s=5.0, fps=30.0, codec="avc1", has_audio=True)
    assert facts.verified


def test_half_a_second_is_forgiven(check: Check) -> None:
    """A file may be half a second off, and no more."""
    assert check(mp4(frames=164)).verified
    assert check(mp4(frames=136)).verified
    assert check(mp4(frames=166)).problems == ("it lasts 5.53 s, ordered were 5 s",)
    assert check(mp4(frames=60)).problems == ("it lasts 2.00 s, ordered were 5 s",)


def test_another_frame_is_a_problem_unless_an_image_decides(check: Check) -> None:
    """The frame is compared with the order, and only measured where the order could not know it."""
    portrait = mp4(frame=(720, 1280))
    assert check(portrait).problems == ("its frame is 720x1280, ordered was 1280x720",)
    free = check(portrait, Expectation(width=None, height=None, duration_s=5, audio=None))
    assert (free.verified, free.width, free.height) == (True, 720, 1280)


def test_sound_is_as_ordered(check: Check) -> None:
    """Missing sound and unwanted sound are problems; an order that does not say takes both."""
    quiet = Expectation(width=1280, height=720, duration_s=5, audio=False)
    either = Expectation(width=1280, height=720, duration_s=5, audio=None)
    assert check(mp4(sound=False)).problems == ("it has no audio track, though sound was ordered",)
    assert check(mp4(), quiet).problems == ("it has an audio track, though silence was ordered",)
    assert check(mp4(sound=False), quiet).verified
    assert check(mp4(), either).verified
    assert check(mp4(sound=False), either).verified


def test_a_cut_file_says_how_much_is_missing(check: Check) -> None:
    """A file whose last box is not whole names that box, what it needs and what is there; the facts stay."""
    whole = mp4(index_first=True)
    facts = check(whole[:-500])
    assert facts.problems == (
        f"the file is cut off: the mdat box needs {len(whole):,} bytes, the file has {len(whole) - 500:,}",
        "the file has no media data (mdat)",
    )
    assert (facts.width, facts.duration_s) == (1280, 5.0)


def test_a_cut_that_boxes_cannot_show_is_found_by_the_index(check: Check) -> None:
    """Media that claims to run to the file's end is held against where the index says frames are."""
    endless = mp4(index_first=True, at=90_000).replace(
        struct.pack(">I4s", 2008, b"mdat"), struct.pack(">I4s", 0, b"mdat")
    )
    (problem,) = check(endless).problems
    assert problem.startswith("the file is cut off: its index points to byte 90,000")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(index_first=st.booleans(), share=st.floats(0, 0.9999))
def test_no_part_of_a_file_passes_for_the_whole(check: Check, index_first: bool, share: float) -> None:
    """Wherever a download broke off, the beginning of a file is not verified."""
    whole = mp4(index_first=index_first)
    assert not check(whole[: int(len(whole) * share)]).verified


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty"),
        (
            b"  <!DOCTYPE html>\n<html>Not here</html>",
            "an HTML page came in place of a video: <!DOCTYPE html> <html>Not",
        ),
        (b"\xef\xbb\xbf<HTML>gone", "an HTML page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied', "an XML page came in place of a video"),
        (b'{"error": "expired\x1b[2J"}', 'a JSON answer came in place of a video: {"error": "expired?[2J"}'),
        (b"\x1a\x45\xdf\xa3" + bytes(40), "WebM or Matroska"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "no MP4: it begins with ff d8 ff e0"),
        (box(b"ftyp", b"qt  ", bytes(8)), "QuickTime"),
    ],
)
def test_what_came_in_place_of_a_video_is_named(check: Check, data: bytes, says: str) -> None:
    """A page, another format or nothing at all is told in a clause, with a page's beginning made safe to print."""
    facts = check(data)
    assert len(facts.problems) == 1
    assert says in facts.problems[0]
    assert (facts.width, facts.duration_s, facts.has_audio) == (None, None, None)


FTYP = box(b"ftyp", b"isom", bytes(4))
MDAT = box(b"mdat", bytes(100))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (FTYP + MDAT, "has no index (moov)"),
        (FTYP + MDAT + box(b"moov"), "has no video track"),
        (FTYP + MDAT + box(b"moov", trak(b"soun", b"mp4a", 9, timescale=9, ticks=1)), "has no video track"),
        (FTYP + MDAT + b"\0\0\0\4junk", "damaged: it claims to be 4 bytes long"),
        (FTYP + MDAT + numbers(1) + b"junk" + bytes(8), "damaged: it claims to be 0 bytes long"),
        (FTYP + MDAT + b"\0\0\0", "its last 3 bytes are no whole box"),
        (FTYP + MDAT + box(b"moov", b"\0\0\xff\xfftrak"), "its trak is longer than itself"),
        (FTYP + MDAT + box(b"moov", box(b"trak", box(b"tkhd"))), "shorter than its kind must be"),
        (mp4().replace(numbers(0, 1, 150, 512), numbers(0, 9, 150, 512)), "a table in its index is shorter"),
        (mp4(codec=b"mp4v"), "its codec is mp4v; players need one of"),
        (mp4(codec=b"a\xff\n\0"), r"its codec is 'a\xff\n\x00'"),
        (mp4(frames=0), "its duration could not be measured: its index lists no frames"),
        (mp4().replace(numbers(0, 1, 150, 512), numbers(0, 1, 5, 15360)), "1 frames a second, is not plausible"),
    ],
)  # fmt: skip
def test_damage_is_named(check: Check, data: bytes, says: str) -> None:
    """Each kind of damage has its own words."""
    assert any(says in problem for problem in check(data).problems)


def test_a_fragmented_file_says_why_it_has_no_length(check: Check) -> None:
    """Where the frames are listed in fragments the length is unknown, and that is a problem rather than zero."""
    index = box(b"moov", trak(b"vide", b"avc1", 0, timescale=15360, ticks=512, frame=(1280, 720)), box(b"mvex"))
    facts = check(FTYP + index + box(b"moof", bytes(8)) + MDAT, Expectation(1280, 720, 5, None))
    assert (facts.duration_s, facts.fps, facts.codec) == (None, None, "avc1")
    assert facts.problems == ("its duration could not be measured: it is fragmented",)


def test_long_headers_and_offsets_are_read(check: Check) -> None:
    """64-bit box sizes, version 1 headers and 64-bit offsets, as large files have them, give the same facts."""
    tkhd = box(b"tkhd", b"\1", bytes(87), numbers(1280 << 16, 720 << 16))
    mdhd = box(b"mdhd", b"\1", bytes(19), numbers(15360), bytes(12))
    tables = [box(b"stts", numbers(0, 1, 150, 512)), box(b"co64", numbers(0, 1), struct.pack(">Q", 40))]
    stbl = box(b"stbl", box(b"stsd", numbers(0, 1), box(b"hvc1", bytes(78))), *tables)
    video = box(b"trak", tkhd, box(b"mdia", mdhd, box(b"hdlr", bytes(8), b"vide"), box(b"minf", stbl)))
    mdat = numbers(1) + b"mdat" + struct.pack(">Q", 16 + 100) + bytes(100)
    facts = check(FTYP + mdat + box(b"moov", video), Expectation(1280, 720, 5, None))
    assert facts == VideoFacts(width=1280, height=720, duration_s=5.0, fps=30.0, codec="hvc1", has_audio=False)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a million boxes side by side": lambda: box(b"free") * 1_000_000,
    "many boxes in the index": lambda: box(b"moov", box(b"free") * 100_000),
    "an index of 5 MB": lambda: box(b"moov", bytes(5_000_000)),
    "an index that claims an exabyte": lambda: numbers(1) + b"moov" + struct.pack(">Q", 1 << 60),
    "a track that nests without end": lambda: nested(b"trak", *[b"mdia", b"minf"] * 50_000),
    "a table of a megabyte": lambda: nested(
        b"trak", b"mdia", b"minf", b"stbl", inside=box(b"stts", numbers(0, 125_000), b"\xff" * 1_000_000)
    ),
}


def nested(*names: bytes, inside: bytes = b"") -> bytes:
    """An index of boxes in boxes, the last of which holds `inside`."""
    heads = [
        struct.pack(">I4s", 8 * deep + len(inside), name) for deep, name in enumerate(reversed((b"moov", *names)), 1)
    ]
    return b"".join(reversed(heads)) + inside


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_costs_little(check: Check, name: str) -> None:
    """Whatever a file claims, the answer comes in under 2 s of CPU and 16 MiB, with a problem in it."""
    data = FTYP + MDAT + HOSTILE[name]()
    tracemalloc.start()
    before_s = time.process_time()
    try:
        facts = check(data)
        took_s, peak_bytes = time.process_time() - before_s, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not facts.verified
    assert took_s < 2
    assert peak_bytes < 16 * 1024 * 1024


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", FTYP, FTYP + MDAT, FTYP + MDAT + b"\0\0\1\0moov"]))
def test_any_bytes_give_facts_with_problems(check: Check, noise: bytes, beginning: bytes) -> None:
    """Noise, alone or after a good beginning, is answered with problems and never with an exception."""
    assert check(beginning + noise).problems


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.data())
def test_a_damaged_byte_breaks_nothing(check: Check, data: st.DataObject) -> None:
    """A good file with bytes changed anywhere is read to the end of what can be read."""
    whole = bytearray(mp4(index_first=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(check(bytes(whole)), VideoFacts)
