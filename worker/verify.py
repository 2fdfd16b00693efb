"""Is the file that came the video that was ordered? Asked before a job is called done, since it has been paid for.

A file that fails is kept and marked, so every finding is a sentence for the person who will look at it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jobs.mp4 import Movie, read_movie

#: Seconds. A render may be this much shorter or longer than ordered (whole frames, audio frames).
DURATION_TOLERANCE_S: Final = 0.5
#: Frames a second. Wan renders 30; what lies outside is a damaged index.
PLAUSIBLE_FPS: Final = (8.0, 121.0)
#: Sample entries that browsers and ad platforms play: H.264, H.265, AV1, VP9.
PLAYABLE_CODECS: Final = frozenset({"avc1", "avc3", "hvc1", "hev1", "av01", "vp09"})
#: Bytes read to see what came in place of a video, and characters of it shown.
FIRST_BYTES: Final = 512
SHOWN_CHARACTERS: Final = 60

#: Beginnings of what servers send in place of a video, in lower case.
_PAGES: Final = (
    ((b"<!doctype html", b"<html", b"<head", b"<body"), "an HTML page"),
    ((b"<?xml", b"<error", b"<"), "an XML page"),
    ((b"{", b"["), "a JSON answer"),
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What was ordered: pixels (None where an image decides), seconds, and whether there is sound (None: either)."""

    width: int | None
    height: int | None
    duration_s: float
    audio: bool | None


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the file is: pixels, seconds, frames a second, codec as MP4 names it. None: the file does not say."""

    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    fps: float | None = None
    codec: str | None = None
    has_audio: bool | None = None
    #: What is wrong, each a clause for a person; empty when the file is what was ordered.
    problems: tuple[str, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether the file is what was ordered."""
        return not self.problems


def verify(path: Path, expected: Expectation) -> VideoFacts:
    """Measure a local file and compare it with the order; only our own disk's failures raise (OSError)."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        stranger = _stranger(file.read(FIRST_BYTES), size)
        if stranger:
            return VideoFacts(problems=(stranger,))
        movie = read_movie(file, size)
    facts = _facts(movie)
    problems = (*movie.problems, *_faults(movie, size), *_differences(facts, expected))
    return VideoFacts(
        facts.width, facts.height, facts.duration_s, facts.fps, facts.codec, facts.has_audio, problems=problems
    )


def _stranger(beginning: bytes, size: int) -> str | None:
    """Name what came in place of an MP4, or None."""
    if not size:
        return "the file is empty"
    if beginning[4:8] == b"ftyp":
        return "the file is a QuickTime movie, not an MP4" if beginning[8:12] == b"qt  " else None
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    for marks, name in _PAGES:
        if text.lower().startswith(marks):
            return f"{name} came in place of a video: {_shown(text)}"
    if beginning.startswith(b"\x1a\x45\xdf\xa3"):
        return "the file is WebM or Matroska, not MP4"
    return f"the file is no MP4: it begins with {beginning[:8].hex(' ')}"


def _shown(text: bytes) -> str:
    """Return the beginning of a page on one line, without what a terminal would act on."""
    line = " ".join(text.decode("utf-8", "replace").split())
    return "".join(character if character.isprintable() else "?" for character in line[:SHOWN_CHARACTERS])


def _facts(movie: Movie) -> VideoFacts:
    """Return what the index says, without judging it."""
    if not movie.tracks:
        return VideoFacts()
    has_audio = movie.first("soun") is not None
    video = movie.first("vide")
    if video is None:
        return VideoFacts(has_audio=has_audio)
    return VideoFacts(
        width=video.width or None,
        height=video.height or None,
        duration_s=None if video.duration_s is None else round(video.duration_s, 3),
        fps=None if video.rate is None else round(video.rate, 3),
        codec=video.codec or None,
        has_audio=has_audio,
    )


def _faults(movie: Movie, size: int) -> Iterator[str]:
    """Say what makes the file a bad video, whatever was ordered."""
    video = movie.first("vide")
    if not movie.indexed:
        yield "the file has no index (moov), so no player can open it"
        return
    if video is None:
        yield "the file has no video track"
        return
    if not movie.media_bytes:
        yield "the file has no media data (mdat)"
    farthest = max(track.farthest for track in movie.tracks)
    if farthest >= size:
        yield f"the file is cut off: its index points to byte {farthest:,}, the file has {size:,}"
    if video.codec not in PLAYABLE_CODECS:
        yield f"its codec is {video.codec or 'not named'}; players need one of {', '.join(sorted(PLAYABLE_CODECS))}"
    lowest, highest = PLAUSIBLE_FPS
    if video.rate is not None and not lowest <= video.rate <= highest:
        yield f"its frame rate, {video.rate:.3g} frames a second, is not plausible"
    if video.duration_s is None:
        why = "it is fragmented" if movie.fragmented else "its index lists no frames"
        yield f"its duration could not be measured: {why}"


def _differences(facts: VideoFacts, expected: Expectation) -> Iterator[str]:
    """Say where the file differs from the order."""
    if facts.codec is None and facts.duration_s is None:
        return  # no video was found, which has been said
    ordered = (expected.width, expected.height)
    if None not in ordered and (facts.width, facts.height) != ordered:
        yield f"its frame is {facts.width}x{facts.height}, ordered was {expected.width}x{expected.height}"
    if facts.duration_s is not None and abs(facts.duration_s - expected.duration_s) > DURATION_TOLERANCE_S:
        yield f"it lasts {facts.duration_s:.2f} s, ordered were {expected.duration_s:g} s"
    if expected.audio and not facts.has_audio:
        yield "it has no audio track, though sound was ordered"
    if expected.audio is False and facts.has_audio:
        yield "it has an audio track, though silence was ordered"
