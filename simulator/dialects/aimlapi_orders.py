"""What may be ordered at AI/ML API: four models, their fields, and prices.

Only the price of 1080p is documented (a credit is half a micro-dollar: 3,150,000 for ten seconds). The rest is made up.
"""

from dataclasses import dataclass
from typing import Any

from simulator.desk import Asked
from simulator.forms import BOOLEAN, INTEGER, PICTURE, STRING, URL, URLS, Field, Form, Refused, Wrong, parsed
from simulator.frames import ASPECTS, FRAMES, MAX_SEED, NEGATIVE_LIMIT, PROMPT_LIMIT, RESOLUTIONS
from simulator.renders import Order

#: The longest side of a refusal's echo of a wrong value.
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Model:
    """One model's form, and its prices in micro-USD per second by resolution."""

    form: Form
    prices_uusd: dict[str, int]


def _said(wrong: Wrong) -> Refused:
    """A faulty field, in the words of the validator."""
    return Refused(400, "ValidationError", f"Body validation error: {wrong.name}: {_fault(wrong)}")


def _fault(wrong: Wrong) -> str:
    received = "undefined" if wrong.fault == "missing" else repr(wrong.value)[:_SHOWN]
    if wrong.field is None:
        # Whether the live validator reads over unknown names is not known; here they are caught.
        return f"Unrecognized key(s) in object: '{wrong.name}'"
    if wrong.fault == "bounds":
        return wrong.words()
    if wrong.fault == "choice":
        wanted = " | ".join(f"'{choice}'" for choice in wrong.field.choices)
        return f"Invalid enum value. Expected {wanted}, received {received}"
    return f"Expected {wrong.field.kind.json}, received {received}"


_ALL = {
    "model": Field(STRING, needed=True),
    "prompt": Field(STRING, "", needed=True, most=PROMPT_LIMIT, cut=True),
    "resolution": Field(STRING, "1080p", RESOLUTIONS),
    "duration": Field(INTEGER, 10, (5, 10, 15)),
    "negative_prompt": Field(STRING, most=NEGATIVE_LIMIT, cut=True),
    # No bounds are documented; these are the model's own.
    "seed": Field(INTEGER, least=0, most=MAX_SEED),
    "shot_type": Field(STRING, "single", ("single", "multi")),
    "enhance_prompt": Field(BOOLEAN, default=True),
}
_SOUND = {"audio_url": Field(URL), "generate_audio": Field(BOOLEAN, default=True)}
_ASPECT = {"aspect_ratio": Field(STRING, "16:9", ASPECTS)}
_FULL, _FLASH = {"720p": 105_000, "1080p": 157_500}, {"720p": 52_500, "1080p": 78_750}
MODELS = {
    "alibaba/wan-2-6-t2v": Model(Form(_ALL | _SOUND | _ASPECT, _said), _FULL),
    "alibaba/wan-2-6-i2v": Model(Form(_ALL | _SOUND | {"image_url": Field(PICTURE, needed=True)}, _said), _FULL),
    "alibaba/wan-2-6-image-to-video-flash": Model(
        Form(
            _ALL | _SOUND | {"image_url": Field(URL, needed=True), "resolution": Field(STRING, "720p", RESOLUTIONS)},
            _said,
        ),
        _FLASH,
    ),
    "alibaba/wan-2-6-r2v": Model(
        Form(_ALL | _ASPECT | {"video_urls": Field(URLS, needed=True, least=1, most=3)}, _said), _FULL
    ),
}


def read(body: bytes) -> Asked:
    """The order, as received and as understood.

    Raises:
        Refused: an unknown model, a malformed body, or a field that is missing, wrong or unknown.
    """
    inputs = parsed(body)
    if inputs is None:
        raise Refused(400, "ValidationError", "Body validation error: Expected object, received something else")
    name = inputs.get("model")
    if not isinstance(name, str) or not name:
        raise _said(Wrong("model", "missing", name, _ALL["model"]))
    model = MODELS.get(name)
    if model is None:
        raise Refused(404, "NotFound", f"Model {name[:_SHOWN]} not found")
    given = model.form.read(inputs)
    # Documented to take effect only with the prompt's expansion: here nobody pays for shots that he will not get.
    if given["shot_type"] == "multi" and not given["enhance_prompt"]:
        raise Refused(400, "ValidationError", "Body validation error: shot_type: multi needs enhance_prompt to be true")
    return Asked(name, inputs, _order(model, given), picture=given.get("image_url"))


def _order(model: Model, given: dict[str, Any]) -> Order:
    """The clip to make and its price; a picture is taken for 16:9 here."""
    width, height = FRAMES[given["resolution"], given.get("aspect_ratio", "16:9")]
    audio = bool(given.get("audio_url")) or given.get("generate_audio", True)
    price_uusd = model.prices_uusd[given["resolution"]] * given["duration"]
    return Order(width, height, given["duration"], price_uusd, audio=audio, prompt=given["prompt"])
