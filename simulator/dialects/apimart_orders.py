"""What may be ordered at APIMart: wan2.6 from a text or a picture, and its flash model; reference video is not sold.

The prices are those of its guide. Two are made up: the flash model in 1080p, and that its silence costs no less.
"""

from typing import Any

from simulator.desk import Asked
from simulator.forms import BOOLEAN, INTEGER, STRING, URL, URLS, Field, Form, Refused, Wrong, parsed
from simulator.frames import ASPECTS, FRAMES, MAX_SEED, NEGATIVE_LIMIT, PROMPT_LIMIT, RESOLUTIONS
from simulator.renders import Order
from simulator.webhooks import CALL

#: Micro-USD per second by resolution.
T2V_UUSD = {"720p": 50_000, "1080p": 84_000}
I2V_UUSD = {"720p": 66_400, "1080p": 109_600}
FLASH_UUSD = {"720p": 16_800, "1080p": 28_000}
#: Characters that the gateway takes; the model reads the first 1,500 of them.
LONGEST_PROMPT = 5_000


def _said(wrong: Wrong) -> Refused:
    """A faulty field. Whether the live gateway reads over unknown names is not known; here they are caught."""
    return _refused(wrong.words())


def _refused(message: str) -> Refused:
    return Refused(400, "invalid_request_error", message)


_ALL = {
    "model": Field(STRING, needed=True),
    "prompt": Field(STRING, needed=True, most=LONGEST_PROMPT),
    # Its own pages contradict each other on pictures given as bytes: only a URL is taken.
    "image_urls": Field(URLS, [], least=1, most=1),
    "negative_prompt": Field(STRING, most=NEGATIVE_LIMIT, cut=True),
    "resolution": Field(STRING, "720p", RESOLUTIONS),
    "duration": Field(INTEGER, 5, (5, 10, 15)),
    # No bounds are documented; these are the model's own.
    "seed": Field(INTEGER, least=0, most=MAX_SEED),
    "prompt_extend": Field(BOOLEAN, default=True),
    "audio": Field(BOOLEAN, default=False),
    "audio_url": Field(URL),
    "shot_type": Field(STRING, "single", ("single", "multi")),
    "watermark": Field(BOOLEAN, default=False),
    "template": Field(STRING),
    "webhook": Field(URL),
}
FORMS = {
    "wan2.6": Form(_ALL | {"aspect_ratio": Field(STRING, None, ASPECTS)}, _said),
    "wan2.6-i2v-flash": Form(
        _ALL
        | {
            "image_urls": Field(URLS, needed=True, least=1, most=1),
            "resolution": Field(STRING, "1080p", RESOLUTIONS),
            "duration": Field(INTEGER, 5, least=2, most=15),
            "audio": Field(BOOLEAN, default=True),
        },
        _said,
    ),
}


def read(body: bytes) -> Asked:
    """The order, as received and as understood.

    Raises:
        Refused: an unknown model, a malformed body, or fields that are missing, wrong, unknown or exclude each other.
    """
    inputs = parsed(body)
    if inputs is None:
        raise _refused("invalid JSON body")
    name = inputs.get("model")
    form = FORMS.get(name) if isinstance(name, str) else None
    if form is None or not isinstance(name, str):
        raise _refused(f"model {str(name)[:64]} is not available")
    given = form.read(inputs)
    pictured = bool(given["image_urls"])
    if pictured and given.get("aspect_ratio") is not None:
        raise _refused("aspect_ratio is not supported with image_urls")
    if given["template"] is not None and not pictured:
        raise _refused("template needs image_urls")
    # Documented to need the prompt's extension: here nobody pays for shots that he will not get.
    if given["shot_type"] == "multi" and not given["prompt_extend"]:
        raise _refused("shot_type multi needs prompt_extend")
    notes = {} if given["webhook"] is None else {CALL: f"{given['webhook'].rstrip('/')}/callback"}
    return Asked(name, inputs, _order(name, given), notes, next(iter(given["image_urls"]), None))


def _order(name: str, given: dict[str, Any]) -> Order:
    """The clip to make and its price. A sound of one's own beats `audio`, except at the flash model."""
    flash = name != "wan2.6"
    prices_uusd = FLASH_UUSD if flash else I2V_UUSD if given["image_urls"] else T2V_UUSD
    width, height = FRAMES[given["resolution"], given.get("aspect_ratio") or "16:9"]
    audio = given["audio"] if flash else bool(given["audio"] or given["audio_url"])
    price_uusd = prices_uusd[given["resolution"]] * given["duration"]
    return Order(width, height, given["duration"], price_uusd, audio=audio, prompt=given["prompt"][:PROMPT_LIMIT])
