"""What may be ordered at DashScope (international prices): the Wan 2.6 models, their fields, values and prices."""

from dataclasses import dataclass
from typing import Any, Literal

from simulator.desk import Asked
from simulator.forms import BOOLEAN, INTEGER, PICTURE, STRING, URL, URLS, Field, Form, Refused, Wrong, parsed
from simulator.renders import Order

LOW, HIGH = 720, 1080
SIZES_720 = ("1280*720", "720*1280", "960*960", "1088*832", "832*1088")
SIZES_1080 = ("1920*1080", "1080*1920", "1440*1440", "1632*1248", "1248*1632")
RESOLUTIONS = {"720P": "1280*720", "1080P": "1920*1080"}
#: Characters of a prompt; what is beyond is silently cut.
PROMPT_LIMIT = 1_500
#: Seconds of reference video that are billed at most; a reference is taken to be at least so long.
INPUT_VIDEO_S = 5
MAX_REFERENCES = 5
MAX_SEED = 2**31 - 1
_VIDEO_ENDINGS = (".mp4", ".mov")


@dataclass(frozen=True, slots=True)
class Model:
    """What one model takes. Prices are micro-USD per second with sound: (720P, 1080P); silent ones cost half."""

    kind: Literal["t2v", "i2v", "r2v"]
    prices_uusd: tuple[int, int]
    durations_s: tuple[int, ...]
    can_be_silent: bool = False


_FULL, _FLASH = (100_000, 150_000), (50_000, 75_000)
_LONG, _SHORT = tuple(range(2, 16)), tuple(range(2, 11))
MODELS = {
    "wan2.6-t2v": Model("t2v", _FULL, _LONG),
    "wan2.6-i2v": Model("i2v", _FULL, _LONG),
    "wan2.6-i2v-flash": Model("i2v", _FLASH, _LONG, can_be_silent=True),
    "wan2.6-r2v": Model("r2v", _FULL, _SHORT),
    "wan2.6-r2v-flash": Model("r2v", _FLASH, _SHORT, can_be_silent=True),
    "wan2.6-t2v-us": Model("t2v", _FULL, (5, 10, 15)),
    "wan2.6-i2v-us": Model("i2v", _FULL, (5, 10, 15)),
}


def _said(wrong: Wrong) -> Refused:
    """A faulty field is InvalidParameter."""
    missing = f"Required input parameter missing: {wrong.name}"
    return Refused(400, "InvalidParameter", missing if wrong.fault == "missing" else wrong.words())


def _inputs(model: Model) -> Form:
    """The form of `input`; names that are not documented are read over."""
    fields = {
        "prompt": Field(STRING, "", needed=model.kind != "i2v", most=PROMPT_LIMIT, cut=True),
        "negative_prompt": Field(STRING),
        "audio_url": Field(URL),
        "img_url": Field(PICTURE, needed=model.kind == "i2v"),
        "template": Field(STRING),
        "reference_urls": Field(URLS),
        "reference_video_urls": Field(URLS),
    }
    return Form(fields, _said, strict=False)


def _parameters(model: Model) -> Form:
    """The form of `parameters`. A size that is not sold is no fault here: it fails as a task."""
    fields = {
        "size": Field(STRING, "1920*1080"),
        "resolution": Field(STRING, "1080P", tuple(RESOLUTIONS) if model.kind == "i2v" else ()),
        "duration": Field(INTEGER, 5, model.durations_s),
        "prompt_extend": Field(BOOLEAN, default=True),
        "shot_type": Field(STRING, "single", ("single", "multi")),
        "watermark": Field(BOOLEAN, default=False),
        "audio": Field(BOOLEAN, default=True),
        "seed": Field(INTEGER, least=0, most=MAX_SEED),
    }
    return Form(fields, _said, strict=False)


FORMS = {name: (_inputs(model), _parameters(model)) for name, model in MODELS.items()}


def read(body: bytes) -> Asked:
    """The model, the body as received, and the order that it makes.

    A size that is not sold is taken and fails as a task, as documented; every other wrong value is refused at once.

    Raises:
        Refused: an unknown model, a malformed body, or a field that is missing or wrong.
    """
    whole = parsed(body)
    if whole is None:
        raise Refused(400, "BadRequest", "The request body is not a JSON object.")
    name = whole.get("model")
    model = MODELS.get(name) if isinstance(name, str) else None
    if model is None or not isinstance(name, str):
        raise Refused(404, "ModelNotFound", f"Model not exist: {name}.")
    of_inputs, of_parameters = FORMS[name]
    inputs, parameters = of_inputs.read(_part(whole, "input")), of_parameters.read(_part(whole, "parameters"))
    if model.kind == "r2v" and not 1 <= len(_references(inputs)) <= MAX_REFERENCES:
        raise Refused(400, "InvalidParameter", f"reference_urls must hold 1 to {MAX_REFERENCES} urls")
    return Asked(name, whole, _order(model, inputs, parameters), picture=inputs.get("img_url"))


def lines_of(width: int, height: int) -> int:
    """The resolution class of a size: 720 or 1080."""
    return LOW if f"{width}*{height}" in SIZES_720 else HIGH


def _order(model: Model, inputs: dict[str, Any], parameters: dict[str, Any]) -> Order:
    """The clip to make and its price."""
    size = RESOLUTIONS[parameters["resolution"]] if model.kind == "i2v" else parameters["size"]
    broken = None
    if size not in SIZES_720 + SIZES_1080:
        size, broken = "1920*1080", ("InvalidParameter", f"The size is not match {size}")
    width, height = map(int, size.split("*"))
    duration_s = parameters["duration"]
    price_uusd = model.prices_uusd[lines_of(width, height) == HIGH]
    audio = parameters["audio"] if model.can_be_silent else True
    input_s = _input_video_s(inputs, duration_s) if model.kind == "r2v" else 0
    return Order(
        width, height, duration_s, (price_uusd if audio else price_uusd // 2) * (duration_s + input_s), audio=audio,
        input_video_s=input_s, prompt=inputs["prompt"], broken=broken,
    )  # fmt: skip


def _input_video_s(inputs: dict[str, Any], duration_s: int) -> int:
    """Billed seconds of reference video; pictures are free."""
    paths = [url.split("?")[0].lower() for url in _references(inputs)]
    return min(INPUT_VIDEO_S, duration_s) if any(path.endswith(_VIDEO_ENDINGS) for path in paths) else 0


def _references(inputs: dict[str, Any]) -> list[str]:
    return list(inputs["reference_urls"] or inputs["reference_video_urls"] or [])


def _part(whole: dict[str, Any], name: str) -> dict[str, Any]:
    part = whole.get(name, {})
    if not isinstance(part, dict):
        raise Refused(400, "InvalidParameter", f"{name} must be an object")
    return part
