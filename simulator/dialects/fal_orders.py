"""What may be ordered at fal and at which price: its five Wan 2.6 endpoints, their fields and their values.

fal's queue takes whatever it is handed; what is wrong with an input is found by the model, and told as its result.
"""

from dataclasses import dataclass
from typing import Any

from simulator.forms import (
    BOOLEAN,
    INTEGER,
    PICTURE,
    STRING,
    URL,
    URLS,
    Field,
    Form,
    Kind,
    Refused,
    Wrong,
    is_data_uri,
    is_url,
)
from simulator.renders import Order

#: Width and height by aspect ratio: (720p, 1080p).
SIZES = {
    "16:9": ((1280, 720), (1920, 1080)),
    "9:16": ((720, 1280), (1080, 1920)),
    "1:1": ((960, 960), (1440, 1440)),
    "4:3": ((1088, 832), (1632, 1248)),
    "3:4": ((832, 1088), (1248, 1632)),
}
#: References of reference-to-video/flash, pictures and videos together.
MAX_REFERENCES = 5


class Invalid(Refused):
    """An input that the model will not take; `detail` is fal's account of the first fault."""

    def __init__(self, name: str, kind: str, message: str, value: Any, ctx: dict[str, Any] | None = None) -> None:
        super().__init__(422, kind, message)
        url = f"https://docs.fal.ai/errors/#{kind}"
        self.detail = {"loc": ["body", name], "msg": message, "type": kind, "url": url, "input": value}
        if ctx:
            self.detail["ctx"] = ctx


def _said(wrong: Wrong) -> Invalid:
    """The fault under a type of fal's error reference, or of pydantic, which it builds on, where that has none."""
    field = wrong.field
    match wrong.fault:
        case "missing":
            return Invalid(wrong.name, "missing", "Field required", wrong.value)
        case "choice" if field:
            words = " or ".join(f"'{one}'" for one in field.choices)
            return Invalid(
                wrong.name, "one_of", f"Input should be {words}", wrong.value, {"expected": list(field.choices)}
            )
        case "bounds" if field and field.least is not None and len(wrong.value) < field.least:
            words = f"Sequence should have at least {field.least} items"
            return Invalid(wrong.name, "sequence_too_short", words, wrong.value, {"min_length": field.least})
        case "bounds" if field:
            words = f"Sequence should have at most {field.most} items"
            return Invalid(wrong.name, "sequence_too_long", words, wrong.value, {"max_length": field.most})
    kind = field.kind.json if field else "value"
    return Invalid(wrong.name, f"{kind}_type", f"Input should be a valid {kind}", wrong.value)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint. Prices are micro-USD per second with sound: (720p, 1080p). `silent` is a silent one's share."""

    form: Form
    prices_uusd: tuple[int, int]
    silent: float = 1.0


#: A picture's address or the picture itself, in a list.
_PICTURES = Kind("array", "an array of uris", lambda value: isinstance(value, list) and all(map(_is_picture, value)))
_FULL, _FLASH = (100_000, 150_000), (50_000, 75_000)


def _is_picture(value: Any) -> bool:
    return is_url(value) or is_data_uri(value)


def _form(
    own: dict[str, Field], *, durations: tuple[str, ...] = ("5", "10", "15"), shaped: bool = True, multi: bool = False,
    characters: int = 800,
) -> Form:  # fmt: skip
    """A form with what all share. Names that it does not hold are read over, and a null stands for the default."""
    fields = own | {
        "prompt": Field(STRING, "", needed=True, most=characters),
        "negative_prompt": Field(STRING, most=500),
        "resolution": Field(STRING, "1080p", ("720p", "1080p")),
        "duration": Field(STRING, "5", durations),
        "enable_prompt_expansion": Field(BOOLEAN, default=True),
        "multi_shots": Field(BOOLEAN, default=multi),
        "seed": Field(INTEGER),
        "enable_safety_checker": Field(BOOLEAN, default=True),
    }
    if shaped:
        fields["aspect_ratio"] = Field(STRING, "16:9", tuple(SIZES))
    return Form(fields, _said, strict=False, null=True)


_AUDIO = {"audio_url": Field(URL)}
_IMAGE = {"image_url": Field(PICTURE, needed=True), **_AUDIO}
#: The prices are from a third party's catalogue, which gives reference-to-video/flash the price of the other
#: model; only the share of a silent one is documented. Whether input seconds are billed is not: here they are not.
ENDPOINTS = {
    "wan/v2.6/text-to-video": Endpoint(_form(_AUDIO, multi=True), _FULL),
    "wan/v2.6/image-to-video": Endpoint(_form(_IMAGE, shaped=False), _FULL),
    "wan/v2.6/image-to-video/flash": Endpoint(_form(_IMAGE, shaped=False), _FLASH),
    "wan/v2.6/reference-to-video": Endpoint(
        _form({"video_urls": Field(URLS, needed=True, least=1, most=3)}, durations=("5", "10")), _FULL
    ),
    "wan/v2.6/reference-to-video/flash": Endpoint(
        _form(
            {
                "video_urls": Field(URLS, most=3),
                "image_urls": Field(_PICTURES, most=MAX_REFERENCES),
                "enable_audio": Field(BOOLEAN, default=True),
            },
            durations=("5", "10"),
            characters=1500,
        ),
        _FULL,
        silent=0.25,
    ),
}


def understand(endpoint: Endpoint, inputs: dict[str, Any]) -> Order:
    """The clip to make and its price.

    Raises:
        Invalid: the first fault of the input.
    """
    given = endpoint.form.read(inputs)
    if "image_urls" in given:
        references = [*(given["video_urls"] or []), *(given["image_urls"] or [])]
        if not 1 <= len(references) <= MAX_REFERENCES:
            words = f"Between 1 and {MAX_REFERENCES} references are needed in video_urls and image_urls"
            raise Invalid("video_urls", "value_error", words, given["video_urls"])
    high = given["resolution"] == "1080p"
    width, height = SIZES[given.get("aspect_ratio", "16:9")][high]
    duration_s, audio = int(given["duration"]), given.get("enable_audio", True)
    price_uusd = round(endpoint.prices_uusd[high] * duration_s * (1 if audio else endpoint.silent))
    return Order(width, height, duration_s, price_uusd, audio=audio, prompt=given["prompt"])
