"""The matrix's known columns: their names, how a misspelt one is told, and what may stand in their cells.

Every other column is the user's own: an axis or a label.
"""

import difflib
import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast, get_args

from config.placements import load_placements
from jobs.job import FRAMES, SEED_MAX, Fit

PROMPT = "prompt"

#: Every column that decides something about the video, its purchase or its seed.
KNOWN = (
    PROMPT, "negative_prompt", "image_url", "fit", "reference_urls", "audio_url",
    "placement", "model", "resolution", "aspect_ratio", "size", "duration", "audio", "seed", "takes",
    "shot_type", "prompt_expansion", "watermark", "template", "provider", "priority",
)  # fmt: skip

#: Cells in which `|` is an ordinary character, because people write it there.
FREE_TEXT = frozenset({PROMPT, "negative_prompt"})

#: The column of a bad-rows file that says what was wrong; a mended file may keep it.
REASON = "_problem"

#: Names that people use for a known column. Read as a label, each would silently buy the wrong video.
SYNONYMS = {
    "negative": "negative_prompt", "neg_prompt": "negative_prompt",
    "image": "image_url", "img_url": "image_url", "start_image": "image_url", "first_frame": "image_url",
    "references": "reference_urls", "reference_url": "reference_urls", "reference_video_urls": "reference_urls",
    "fit_mode": "fit", "image_fit": "fit", "resize_mode": "fit", "ratio": "aspect_ratio", "aspect": "aspect_ratio",
    "length": "duration", "seconds": "duration", "duration_s": "duration",
    "shots": "shot_type", "multi_shot": "shot_type",
    "enhance_prompt": "prompt_expansion", "prompt_extend": "prompt_expansion",
}  # fmt: skip

#: How a provider's own orders spell a column; such an order is a row as it stands.
ALIASES = {"multi_shots": "shot_type", "enable_prompt_expansion": "prompt_expansion"}

#: What documents of Wan mention and nobody sells for Wan 2.6, by the columns that ask for it, and what comes near.
UNSOLD = {
    **dict.fromkeys(
        ("video_url", "input_video_url", "source_video", "source_video_url", "edit_video_url"),
        ("video-to-video", "a video in `reference_urls` lends its subject to a new scene"),
    ),
    **dict.fromkeys(
        ("voice_url", "voice_urls", "reference_voice", "reference_voice_url", "voice_reference"),
        ("a voice as a reference", "`audio_url` takes a sound file that the video follows"),
    ),
}

#: Columns that hold a prompt in other people's lists; named only where no `prompt` column is there.
PROMPT_LIKE = ("prompt", "prompts", "text", "caption", "captions", "prompt_en")

#: Likeness from which an unknown column counts as a misspelt known one (0 to 1).
LIKENESS = 0.84
TAKES_MAX = 100
PRIORITY_MAX = 9
#: Wan 2.6 renders whole seconds between these, whoever sells it; each provider sells fewer.
DURATION_S = (2, 15)

#: Where a name is taken.
OWN_LABEL = " (a label of your own needs another name)"

#: Choices that are named where one of them is due.
CHOICES_SHOWN = 30

#: Digits that are read of a number; longer ones are out of every range.
NUMBER_MAX = 12

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://|data:", re.IGNORECASE)
_FILE = re.compile(r"https?://[^\s/?#]+\.?[^\s]*|s3://[^\s/]+/\S.*|file:///\S.*", re.IGNORECASE)
_YES = frozenset({"true", "yes", "1", "on"})
_NO = frozenset({"false", "no", "0", "off"})


class Wrong(NamedTuple):
    """What is wrong with a cell or a name, and what would be right; `column` is where, if not in the cell itself."""

    problem: str
    fix: str
    column: str = ""


def canonical(name: str) -> str:
    """The name as known columns spell theirs: lower case, spaces and hyphens as underscores."""
    return re.sub(r"[\s\-]+", "_", name.strip()).lower()


def resolve(name: str) -> tuple[str, Wrong | None]:
    """The key under which a column's cells are kept: a known column, or the user's own name as it is written.

    With it comes what is wrong with a name that looks like a known column misspelt.
    """
    plain = canonical(name)
    plain = ALIASES.get(plain, plain)
    if plain in KNOWN or plain == REASON:
        return plain, None
    own = name.strip()
    if plain in UNSOLD:
        what, near = UNSOLD[plain]
        return own, Wrong(f"`{own}` asks for {what}, which nobody sells for Wan 2.6", f"the nearest: {near}")
    close = guessed(own)
    if close is None:
        return own, None
    wrong = Wrong(f"there is no column `{own}`", f"did you mean `{close}`?{OWN_LABEL}")
    return own, wrong


def guessed(name: str) -> str | None:
    """The known column that a name of none seems to mean, by what people call it or how it is spelt."""
    plain = canonical(name)
    close = [SYNONYMS[plain]] if plain in SYNONYMS else difflib.get_close_matches(plain, KNOWN, n=1, cutoff=LIKENESS)
    return close[0] if close else None


def no_prompt(names: Sequence[str]) -> Wrong:
    """What to say of a table without a `prompt` column."""
    if len(names) == 1 and canonical(names[0]) not in PROMPT_LIKE and len(names[0].split()) > 2:  # noqa: PLR2004
        return Wrong(
            "the table has no header row",
            "put a first line `prompt` above the prompts, or name the file .txt: it then is a prompt a line",
        )
    like = [name for name in names if canonical(name) in PROMPT_LIKE]
    like += difflib.get_close_matches(PROMPT, [name for name in names if name not in like], n=1, cutoff=0.6)
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")  # noqa: PLR2004
    fix = "add one; it may be a template over the others: A slow shot of {{ title }}"
    if like:
        fix = f"name the column `{like[0].strip()}` `prompt`"
    return Wrong(f"there is no column `prompt` (columns: {shown})", fix)


def control_character(text: str) -> Wrong | None:
    """What is wrong with text that holds an invisible control character; line breaks and tabs are fine."""
    found = _CONTROL.search(text)
    if found is None:
        return None
    code = ord(found.group())
    name = unicodedata.name(found.group(), "control character")
    return Wrong(f"holds an invisible {name.lower()} (U+{code:04X}) after {found.start()} characters", "remove it")


def meant(text: str, choices: Sequence[str]) -> str:
    """`one of a, b, c`, led by the closest of them where one is close."""
    spelt = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(text.lower(), spelt, n=1, cutoff=0.6)
    shown = ", ".join(choices[:CHOICES_SHOWN]) + (", ..." if len(choices) > CHOICES_SHOWN else "")
    return (f"did you mean `{spelt[close[0]]}`? " if close else "") + f"it is one of {shown}"


def _choice(*choices: str) -> Callable[[str], Any]:
    def read(text: str) -> str | Wrong:
        plain = text.lower()
        return plain if plain in choices else Wrong(f"`{text}` is not known here", meant(text, choices))

    return read


def _boolean(text: str) -> bool | Wrong:
    plain = text.lower()
    if plain in _YES or plain in _NO:
        return plain in _YES
    return Wrong(f"`{text}` is neither yes nor no", "write true or false")


def _shot_type(text: str) -> str | Wrong:
    """One shot or several; `multi_shots` of the providers' own orders says true or false."""
    plain = text.lower()
    spelt = "multi" if plain in _YES else "single" if plain in _NO else text
    return cast("str | Wrong", _choice("single", "multi")(spelt))


def _whole(low: int, high: int, example: str) -> Callable[[str], Any]:
    def read(text: str) -> int | Wrong:
        # Tables that once had gaps write whole numbers as 42.0.
        number = re.sub(r"\.0+$", "", text)
        if number.isascii() and number.isdigit() and low <= int(number[:NUMBER_MAX]) <= high:
            return int(number[:NUMBER_MAX])
        return Wrong(f"`{text}` is not a whole number from {low} to {high}", example)

    return read


def _duration_s(text: str) -> int | Wrong:
    number = re.sub(r"(\.0+)?\s*(s|sec|seconds)?$", "", text.lower())
    low, high = DURATION_S
    if number.isascii() and number.isdigit() and low <= int(number[:NUMBER_MAX]) <= high:
        return int(number)
    return Wrong(f"`{text}` is no length that Wan 2.6 renders", f"write whole seconds from {low} to {high}, like 5")


def _resolution(text: str) -> str | Wrong:
    plain = text.lower()
    for known in ("720p", "1080p"):
        if plain in {known, known[:-1]}:
            return known
    if re.fullmatch(r"\d+\s*[x*\u00d7]\s*\d+", plain):
        return Wrong(f"`{text}` is a size", "put it into a column `size`, or write 720p or 1080p")
    nearest = "1080p" if re.fullmatch(r"\d\d?k|9\d\dp?|\d{4,}p?", plain, re.ASCII) else "720p"
    return Wrong(f"nobody sells `{text}` for Wan 2.6", f"it is one of 720p, 1080p; the nearest is {nearest}")


def _aspect_ratio(text: str) -> str | Wrong:
    """A ratio; a spreadsheet that took 16:9 for a time of day and wrote 16:09:00 is understood."""
    ratios = sorted({ratio for _, ratio in FRAMES})
    parts = re.split(r"\s*[:x/]\s*", text)
    if all(part.isascii() and part.isdigit() for part in parts) and (len(parts) == 2 or parts[2:] == ["00"]):  # noqa: PLR2004
        ratio = f"{int(parts[0][:NUMBER_MAX])}:{int(parts[1][:NUMBER_MAX])}"
        if ratio in ratios:
            return ratio
    return Wrong(f"nobody sells the shape `{text}` for Wan 2.6", meant(_nearest(parts, ratios) or text, ratios))


def _nearest(parts: Sequence[str], ratios: Sequence[str]) -> str | None:
    """The ratio on sale that comes nearest to width and height; None where they are none."""
    if len(parts) != 2 or not all(re.fullmatch(r"0*[1-9]\d{0,3}", part, re.ASCII) for part in parts):  # noqa: PLR2004
        return None
    wanted = math.log(int(parts[0]) / int(parts[1]))

    def far(ratio: str) -> float:
        width, _, height = ratio.partition(":")
        return abs(math.log(int(width) / int(height)) - wanted)

    return min(ratios, key=far)


def _frame(text: str) -> tuple[str, str] | Wrong:
    """Resolution and aspect ratio of a size such as 1280*720 or 1280x720."""
    parts = re.fullmatch(r"(\d{1,5})\s*[x*\u00d7X]\s*(\d{1,5})", text)
    if parts is not None:
        wanted = (int(parts[1]), int(parts[2]))
        for key, frame in FRAMES.items():
            if frame == wanted:
                return key
    sizes = [f"{width}*{height}" for width, height in FRAMES.values()]
    return Wrong(f"`{text}` is no size that Wan 2.6 renders", meant(text.replace("x", "*"), sizes))


def _file(text: str) -> str | Wrong:
    """A web address, an object of S3, or a path; what lies there is looked at later."""
    if _SCHEME.match(text) is None or _FILE.fullmatch(text) is not None:
        return text
    return Wrong(
        f"`{text}` is no address of a file",
        "write https://example.com/shoe.jpg, s3://bucket/shoe.jpg, or a path such as images/shoe.jpg",
    )


def _taken(*choices: str) -> Callable[[str], Any]:
    """A choice under a name that people may have given to a label of their own."""

    def read(text: str) -> str | Wrong:
        value: str | Wrong = _choice(*choices)(re.sub(r"[\s-]+", "_", text))
        return Wrong(value.problem, value.fix + OWN_LABEL) if isinstance(value, Wrong) else value

    return read


def _urls(text: str) -> tuple[str, ...] | Wrong:
    """Addresses, each after a `;` or on a line of its own."""
    urls = []
    for part in re.split(r"[;\n]", text):
        if part.strip():
            url = _file(part.strip())
            if isinstance(url, Wrong):
                return Wrong(url.problem, url.fix + "; put `;` between several")
            urls.append(url)
    return tuple(urls)


#: How the text of a known column's cell is read: a value, or what is wrong with it.
READERS: dict[str, Callable[[str], Any]] = {
    "image_url": _file,
    "fit": _taken(*get_args(Fit)),
    "placement": _taken(*load_placements()),
    "reference_urls": _urls,
    "audio_url": _file,
    "model": _choice("standard", "flash"),
    "resolution": _resolution,
    "aspect_ratio": _aspect_ratio,
    "size": _frame,
    "duration": _duration_s,
    "audio": _boolean,
    "seed": _whole(0, SEED_MAX, "leave the cell empty for a seed that follows from the video"),
    "takes": _whole(1, TAKES_MAX, "leave the cell empty for one"),
    "shot_type": _shot_type,
    "prompt_expansion": _boolean,
    "watermark": _boolean,
    "template": str,
    "provider": str,
    "priority": _whole(0, PRIORITY_MAX, "higher goes first; leave the cell empty for 0"),
}
