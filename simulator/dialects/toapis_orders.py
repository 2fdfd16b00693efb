"""What may be ordered at ToAPIs: two models that choose text, picture or reference video by what is given.

Only the prices of the flash model are documented, in yuan; they stand here at about 7.1 a dollar. Those of the other
model are made up. Reference video is taken to cost no more than its output.
"""

from typing import Any, Literal

from simulator.desk import Asked
from simulator.forms import BOOLEAN, INTEGER, OBJECT, STRING, URL, URLS, Field, Form, Refused, Wrong, parsed
from simulator.frames import ASPECTS, FRAMES, MAX_SEED, NEGATIVE_LIMIT, PROMPT_LIMIT, RESOLUTIONS
from simulator.renders import Order
from simulator.webhooks import CALL

#: Micro-USD per second by model, sound and resolution.
PRICES_UUSD = {
    ("wan2.6", True): {"720p": 100_000, "1080p": 150_000},
    ("wan2.6-flash", True): {"720p": 42_000, "1080p": 70_000},
    ("wan2.6-flash", False): {"720p": 21_000, "1080p": 35_000},
}
MAX_REFERENCES = 3


def _said(wrong: Wrong) -> Refused:
    """A faulty field. Whether the live gateway reads over unknown names is not known; here they are caught."""
    return _refused(wrong.words())


def _refused(message: str) -> Refused:
    return Refused(400, "invalid_request", message)


FORM = Form(
    {
        "model": Field(STRING, needed=True),
        "prompt": Field(STRING, "", most=PROMPT_LIMIT, cut=True),
        # A picture is a URL: its bytes are no longer taken.
        "image_urls": Field(URLS, [], least=1, most=1),
        "aspect_ratio": Field(STRING, None, ASPECTS),
        "resolution": Field(STRING, "1080p", RESOLUTIONS),
        "duration": Field(INTEGER, 5, (5, 10, 15)),
        "negative_prompt": Field(STRING, most=NEGATIVE_LIMIT, cut=True),
        # No bounds are documented; these are the model's own.
        "seed": Field(INTEGER, least=0, most=MAX_SEED),
        "prompt_extend": Field(BOOLEAN, default=True),
        "audio": Field(BOOLEAN, default=True),
        "shot_type": Field(STRING, "single", ("single", "multi")),
        "watermark": Field(BOOLEAN, default=False),
        "metadata": Field(OBJECT, {}),
        "client_business_id": Field(STRING, most=128),
        "callback_url": Field(URL),
    },
    _said,
)
METADATA = Form({"reference_urls": Field(URLS, [], least=1, most=MAX_REFERENCES)}, _said)


def read(body: bytes, *, webhook: bool) -> Asked:
    """The order, as received and as understood; `webhook` says whether its token has one.

    That only path and query may differ from the token's own address is not looked at.

    Raises:
        Refused: an unknown model, a malformed body, or fields that are missing, wrong, unknown or exclude each other.
    """
    inputs = parsed(body)
    if inputs is None:
        raise _refused("The request body is not a JSON object")
    given = FORM.read(inputs)
    references = METADATA.read(given["metadata"])["reference_urls"]
    if given["model"] not in ("wan2.6", "wan2.6-flash"):
        raise _refused(f"Model {given['model'][:64]} is not available")
    if given["callback_url"] and not webhook:
        raise Refused(400, "webhook_not_configured", "callback_url was passed but the token has no webhook")
    mode: Literal["t2v", "i2v", "r2v"] = "r2v" if references else "i2v" if given["image_urls"] else "t2v"
    _check(given, mode, references)
    told = {"client_business_id": given["client_business_id"], CALL: given["callback_url"]}
    notes = {name: value for name, value in told.items() if value is not None}
    return Asked(given["model"], inputs, _order(given), notes, next(iter(given["image_urls"]), None))


def _check(given: dict[str, Any], mode: str, references: list[str]) -> None:
    """Refuse what excludes each other, or does nothing in this mode."""
    if references and given["image_urls"]:
        raise _refused("image_urls cannot be combined with metadata.reference_urls")
    if mode == "t2v" and given["model"] == "wan2.6-flash":
        raise _refused("wan2.6-flash needs image_urls or metadata.reference_urls")
    if mode == "t2v" and not given["prompt"]:
        raise _refused("prompt is required in text-to-video mode")
    if mode == "i2v" and given["aspect_ratio"] is not None:
        raise _refused("aspect_ratio is not supported in image-to-video mode")
    # Documented for the other modes, and to need the prompt's extension: nobody pays for shots that he will not get.
    if given["shot_type"] == "multi" and (mode == "i2v" or not given["prompt_extend"]):
        raise _refused("shot_type multi needs prompt_extend, and is not for image-to-video mode")


def _order(given: dict[str, Any]) -> Order:
    """The clip to make and its price. Sound can be left out of the flash model alone, which makes it cheaper."""
    width, height = FRAMES[given["resolution"], given["aspect_ratio"] or "16:9"]
    audio = given["audio"] or given["model"] == "wan2.6"
    price_uusd = PRICES_UUSD[given["model"], audio][given["resolution"]] * given["duration"]
    return Order(width, height, given["duration"], price_uusd, audio=audio, prompt=given["prompt"])
