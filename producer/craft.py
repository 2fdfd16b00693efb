"""What somebody who knows Wan remarks of a video's words before it is bought: shots that do not add up, and more speech
than the seconds hold. These are warnings; nothing is refused for them.
"""

import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from jobs.job import Render
from producer.columns import PROMPT, Wrong
from producer.matrix import Trouble

#: Words a second at which people speak; faster speech is rushed, or cut off at the end.
SPOKEN_WORDS_A_S: Final = 2.5
#: What one sign of Chinese, Japanese or Korean counts for, in words.
SIGN_WORDS: Final = 0.5
#: Characters of the prompt that are shown of what is remarked on.
SHOWN: Final = 60

_TIME: Final = r"\d+:\d\d(?:\.\d+)?|\d+(?:\.\d+)?"
_SPAN: Final = rf"(?P<{{0}}b>{_TIME})\s*s?\s*(?:-|\u2013|\u2014|~|\uff5e|to)\s*(?P<{{0}}e>{_TIME})\s*"
_SECONDS: Final = r"(?:s|secs?|seconds?|\u79d2)\b"
#: `Shot 2 [3-6s]`, `[00:03-00:06]`, or a line that opens with `3-6s:`.
_MARK: Final = re.compile(
    r"(?:(?P<shot>\bshot\s*#?|\u955c\u5934\s*|\u7b2c\s*)(?P<number>\d+)\s*(?:\u4e2a\u955c\u5934)?\s*[:.,]?\s*)?"
    rf"[\[(\uff08\u3010]\s*{_SPAN.format('in')}(?P<unit>{_SECONDS})?\s*[\])\uff09\u3011]"
    rf"|^\s*{_SPAN.format('at')}{_SECONDS}\s*:",
    re.IGNORECASE | re.MULTILINE,
)
#: What every mark holds; most prompts have none, and are not read any further.
_SPANNED: Final = re.compile(r"\d\s*s?\s*(?:[-\u2013\u2014~\uff5e]|to)\s*\d")
_SHOT: Final = re.compile(r"\bshot\s*#?(\d+)\b|\u955c\u5934\s*(\d+)", re.IGNORECASE)
_SHOT_WORD: Final = re.compile("hot|HOT|\u955c\u5934")
#: Words in quotes; a `"` behind a figure stands for inches.
_QUOTED: Final = re.compile(
    '(?<!\\d)"([^"]+)"|\u201c([^\u201d]+)\u201d|\u00ab([^\u00bb]+)\u00bb|\u201e([^\u201c\u201d]+)[\u201c\u201d]|\u300c([^\u300d]+)\u300d'
)
_SAID: Final = re.compile(
    r"\b(?:says?|said|saying|asks?|whispers?|shouts?|announces?|narrat(?:or|es)|voice-?over)\b"
    '[^"\u201c\u00ab\u201e\u300c:.\n]{0,40}:\\s*([^"\u201c\u00ab\u201e\u300c\n.!?]+)',
    re.IGNORECASE,
)
#: Without one of these nobody speaks.
_HEARD: Final = re.compile('["\u201c\u00ab\u201e\u300c:]')
#: What stands before words that are seen, not heard.
_WRITTEN: Final = re.compile(
    r"\b(?:reads?|reading|texts?|signs?|captions?|titles?|titled|logos?|label(?:s|led)?|words?|lettering|letters|"
    r"printed|written|subtitles?|slogan|called|named|says in print)\b[\w\s,:]{0,12}$",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+(?:['\u2019-][^\W_]+)*")


class Shot(NamedTuple):
    """A shot as the prompt marks it: its number where it has one, its seconds, the mark, and where its words begin."""

    number: int | None
    begin_s: float
    end_s: float
    mark: str
    at: int


def remarks(render: Render) -> Iterator[Trouble]:
    """Everything worth a second look in the words of one video."""
    shots = marked_shots(render.prompt)
    if shots or _SHOT_WORD.search(render.prompt):
        yield from _kind(render, shots)
        yield from _order(shots)
    if shots and shots[-1].end_s != render.duration_s:
        end, duration = _s(shots[-1].end_s), render.duration_s
        lost = "what comes later is lost" if _goes_on(shots, render) else "the rest has no shot"
        wrong = Wrong(
            f"the shots end at {end} s (`{shots[-1].mark}`) and the video lasts {duration} s: {lost}",
            f"set duration to {end}, or let the last mark end at {duration}",
        )
        yield Trouble(PROMPT, shots[-1].mark, wrong)
    if render.audio and render.audio_track is None and _HEARD.search(render.prompt):
        yield from _speech(render, shots)


def is_cut_off(render: Render) -> bool:
    """Whether the prompt marks shots that go on after the video has ended."""
    return _goes_on(marked_shots(render.prompt), render)


def _goes_on(shots: Sequence[Shot], render: Render) -> bool:
    return bool(shots) and shots[-1].end_s > render.duration_s


def marked_shots(prompt: str) -> Sequence[Shot]:
    """The shots that a prompt marks with their seconds; a lone span without a number is prose."""
    if _SPANNED.search(prompt) is None:
        return ()
    shots = []
    for found in _MARK.finditer(prompt):
        begin, end = found["inb"] or found["atb"], found["ine"] or found["ate"]
        if found["inb"] and not (found["shot"] or found["unit"] or (":" in begin and ":" in end)):
            continue
        number = int(found["number"]) if found["number"] else None
        shots.append(Shot(number, _seconds(begin), _seconds(end), " ".join(found.group().split()), found.end()))
    return shots if len(shots) > 1 or any(shot.number for shot in shots) else ()


def _kind(render: Render, shots: Sequence[Shot]) -> Iterator[Trouble]:
    """A prompt of several shots in a row that asks for one."""
    if render.shot_type == "multi":
        return
    count = max(len(shots), len(set(_SHOT.findall(render.prompt))))
    if count < 2:  # noqa: PLR2004 - several
        return
    wrong = Wrong(f"the prompt has {count} shots, and a `single` video has no cuts", "set shot_type to multi")
    yield Trouble("shot_type", render.shot_type, wrong)
    if not render.prompt_expansion:
        wrong = Wrong(
            "several shots are made with prompt expansion only, and it is off", "set prompt_expansion to true"
        )
        yield Trouble("prompt_expansion", "false", wrong)


def _order(shots: Sequence[Shot]) -> Iterator[Trouble]:
    """Marks that do not follow upon each other from 0."""
    for place, shot in enumerate(shots, start=1):
        if shot.end_s <= shot.begin_s:
            wrong = Wrong(f"the shot `{shot.mark}` ends before it begins", "write the earlier second first")
            yield Trouble(PROMPT, shot.mark, wrong)
        if shot.number is not None and shot.number != place:
            wrong = Wrong(f"shot {shot.number} stands where shot {place} is due", "number the shots from 1 in order")
            yield Trouble(PROMPT, shot.mark, wrong)
    if shots and shots[0].begin_s:
        begin = _s(shots[0].begin_s)
        wrong = Wrong(f"the first shot begins at {begin} s: nothing is said of what comes before", "let it begin at 0")
        yield Trouble(PROMPT, shots[0].mark, wrong)
    for before, shot in pairwise(shots):
        if shot.begin_s < before.begin_s:
            wrong = Wrong(f"`{shot.mark}` comes after `{before.mark}`, and is earlier", "put the shots in order")
            yield Trouble(PROMPT, shot.mark, wrong)
        elif shot.begin_s != before.end_s:
            what = "nothing is said of" if shot.begin_s > before.end_s else "two shots share"
            span = "-".join(map(_s, sorted((before.end_s, shot.begin_s))))
            wrong = Wrong(f"{what} {span} s, before `{shot.mark}`", f"let it begin at {_s(before.end_s)}")
            yield Trouble(PROMPT, shot.mark, wrong)


def _speech(render: Render, shots: Sequence[Shot]) -> Iterator[Trouble]:
    """More words than can be said in a shot, or in the whole video."""
    rushed = False
    for place, shot in enumerate(shots, start=1):
        end = shots[place].at if place < len(shots) else len(render.prompt)
        if shot.end_s > shot.begin_s:
            for wrong in _rushed(render.prompt[shot.at : end], shot.end_s - shot.begin_s, f" in `{shot.mark}`"):
                rushed = True
                yield wrong
    if not rushed:
        yield from _rushed(render.prompt, render.duration_s, "")


def _rushed(text: str, lasts_s: float, where: str) -> Iterator[Trouble]:
    spoken = spoken_words(text)
    words = sum(SIGN_WORDS if ord(word[0]) > 0x3000 else 1 for part in spoken for word in _WORD.findall(part))  # noqa: PLR2004 - where Chinese and its kin begin
    if words <= SPOKEN_WORDS_A_S * lasts_s:
        return
    shown = spoken[0][:SHOWN] + ("..." if len(spoken[0]) > SHOWN or len(spoken) > 1 else "")
    problem = (
        f"{math.ceil(words)} words are spoken in {_s(lasts_s)} s{where}, from `{shown}` on: {words / lasts_s:.1f} a "
        f"second, where people speak about {SPOKEN_WORDS_A_S}"
    )
    most, least_s = math.floor(SPOKEN_WORDS_A_S * lasts_s), math.ceil(words / SPOKEN_WORDS_A_S)
    fix = f"shorten them to {most} words, or give them {least_s} s"
    yield Trouble(PROMPT, shown, Wrong(problem, fix))


def spoken_words(text: str) -> list[str]:
    """The parts of a prompt that somebody says: in quotes, or after `says:`; not what a sign reads."""
    quoted = [
        next(filter(None, found.groups()))
        for found in _QUOTED.finditer(text)
        if not _WRITTEN.search(text[max(0, found.start() - 40) : found.start()])
    ]
    return quoted + _SAID.findall(text)


def _seconds(text: str) -> float:
    minutes, colon, seconds = text.rpartition(":")
    return (int(minutes) * 60 if colon else 0) + float(seconds)


def _s(seconds: float) -> str:
    return f"{seconds:g}"
