"""What may be ordered at DashScope (international prices): the Wan 2.6 models, their fields, values and prices."""

import json
from dataclasses import dataclass
from typing import Any, Literal

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
_NEEDED = {"t2v": ("prompt",), "i2v": ("img_url",), "r2v": ("prompt",)}
_KINDS: dict[str, tuple[type, ...]] = {
    "prompt": (str,),
    "negative_prompt": (str,),
    "audio_url": (str,),
    "img_url": (str,),
    "template": (str,),
    "reference_urls": (list,),
    "reference_video_urls": (list,),
    "size": (str,),
    "resolution": (str,),
    "duration": (int,),
    "prompt_extend": (bool,),
    "shot_type": (str,),
    "watermark": (bool,),
    "audio": (bool,),
    "seed": (int,),
}


class Refused(Exception):
    """The order is not taken; `status` and `code` are the dialect's."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def read(body: bytes) -> tuple[str, dict[str, Any], Order]:
    """The model, the body as received, and the order that it makes.

    A size that is not sold is taken and fails as a task, as documented; every other wrong value is refused at once.

    Raises:
        Refused: an unknown model, a malformed body, or a field that is missing or wrong.
    """
    whole = _object(body)
    name = whole.get("model")
    model = MODELS.get(name) if isinstance(name, str) else None
    if model is None or not isinstance(name, str):
        raise Refused("ModelNotFound", f"Model not exist: {name}.", status=404)
    inputs, parameters = _part(whole, "input"), _part(whole, "parameters")
    _check(model, inputs, parameters)
    return name, whole, _order(model, inputs, parameters)


def lines_of(width: int, height: int) -> int:
    """The resolution class of a size: 720 or 1080."""
    return LOW if f"{width}*{height}" in SIZES_720 else HIGH


def _order(model: Model, inputs: dict[str, Any], parameters: dict[str, Any]) -> Order:
    """The clip to make and its price."""
    if model.kind == "i2v":
        size = RESOLUTIONS[parameters.get("resolution", "1080P")]
    else:
        size = parameters.get("size", "1920*1080")
    broken = None
    if size not in SIZES_720 + SIZES_1080:
        size, broken = "1920*1080", ("InvalidParameter", f"The size is not match {size}")
    width, height = map(int, size.split("*"))
    duration_s = parameters.get("duration", 5)
    price_uusd = model.prices_uusd[lines_of(width, height) == HIGH]
    audio = parameters.get("audio", True) if model.can_be_silent else True
    input_s = _input_video_s(inputs, duration_s) if model.kind == "r2v" else 0
    return Order(
        width, height, duration_s, (price_uusd if audio else price_uusd // 2) * (duration_s + input_s), audio=audio,
        input_video_s=input_s, prompt=inputs.get("prompt", "")[:PROMPT_LIMIT], broken=broken,
    )  # fmt: skip


def _input_video_s(inputs: dict[str, Any], duration_s: int) -> int:
    """Billed seconds of reference video; pictures are free."""
    paths = [url.split("?")[0].lower() for url in _references(inputs)]
    return min(INPUT_VIDEO_S, duration_s) if any(path.endswith(_VIDEO_ENDINGS) for path in paths) else 0


def _references(inputs: dict[str, Any]) -> list[str]:
    return [str(url) for url in inputs.get("reference_urls") or inputs.get("reference_video_urls") or []]


def _check(model: Model, inputs: dict[str, Any], parameters: dict[str, Any]) -> None:
    """Refuse missing fields, wrong types and wrong values."""
    for name, value in {**inputs, **parameters}.items():
        kinds = _KINDS.get(name, (object,))
        if not isinstance(value, kinds) or (kinds == (int,) and isinstance(value, bool)):
            raise Refused("InvalidParameter", f"{name} must be of type {kinds[0].__name__}")
    for name in _NEEDED[model.kind]:
        if not inputs.get(name):
            raise Refused("InvalidParameter", f"Required input parameter missing: {name}")
    if model.kind == "r2v" and not 1 <= len(_references(inputs)) <= MAX_REFERENCES:
        raise Refused("InvalidParameter", f"reference_urls must hold 1 to {MAX_REFERENCES} urls")
    _within(parameters, "duration", model.durations_s)
    _within(parameters, "shot_type", ("single", "multi"))
    if model.kind == "i2v":
        _within(parameters, "resolution", tuple(RESOLUTIONS))
    if not 0 <= parameters.get("seed", 0) <= MAX_SEED:
        raise Refused("InvalidParameter", f"seed must be within [0, {MAX_SEED}]")


def _within(parameters: dict[str, Any], name: str, allowed: tuple[Any, ...]) -> None:
    if name in parameters and parameters[name] not in allowed:
        raise Refused("InvalidParameter", f"{name} must be one of {', '.join(map(str, allowed))}")


def _object(body: bytes) -> dict[str, Any]:
    try:
        whole = json.loads(body)
    except ValueError:
        whole = None
    if not isinstance(whole, dict):
        raise Refused("BadRequest", "The request body is not a JSON object.")
    return whole


def _part(whole: dict[str, Any], name: str) -> dict[str, Any]:
    part = whole.get(name, {})
    if not isinstance(part, dict):
        raise Refused("InvalidParameter", f"{name} must be an object")
    return part
