"""What may be ordered at Segmind and at which price: the two Wan 2.6 models, their fields and their values."""

import json
from typing import Any

from simulator.renders import Order

#: Micro-USD per second of output, by resolution.
PRICES_UUSD = {720: 125_000, 1080: 187_500}
T2V_SIZES = {"1280*720": 720, "720*1280": 720, "1920*1080": 1080, "1080*1920": 1080}
I2V_RESOLUTIONS = {"720p": (1280, 720), "1080p": (1920, 1080)}
DURATIONS_S = (5, 10, 15)
_KINDS: dict[str, tuple[type, str]] = {
    "prompt": (str, "a string"),
    "negative_prompt": (str, "a string"),
    "audio": (str, "a uri"),
    "image": (str, "a uri"),
    "size": (str, "a string"),
    "resolution": (str, "a string"),
    "duration": (int, "an integer"),
    "seed": (int, "an integer"),
    "multi_shots": (bool, "a boolean"),
    "enable_prompt_expansion": (bool, "a boolean"),
}


class Refused(Exception):
    """The order is not taken; `status` is the HTTP code that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def read(slug: str, body: bytes) -> tuple[dict[str, Any], Order]:
    """The inputs as received and the order that they make.

    Raises:
        Refused: an unknown model, a malformed body, a missing field, or a value that is not sold.
    """
    if slug not in ("wan-2.6-t2v", "wan-2.6-i2v"):
        raise Refused(404, f"Model {slug} not found")
    inputs = _object(body)
    _check_kinds(inputs)
    needed = ("prompt",) if slug == "wan-2.6-t2v" else ("image", "prompt")
    for name in needed:
        if not inputs.get(name):
            raise Refused(400, f"Missing required field: {name}")
    duration_s = _choice(inputs, "duration", 5, DURATIONS_S)
    if slug == "wan-2.6-t2v":
        size = _choice(inputs, "size", "1280*720", tuple(T2V_SIZES))
        (width, height), lines = map(int, size.split("*")), T2V_SIZES[size]
    else:
        resolution = _choice(inputs, "resolution", "720p", tuple(I2V_RESOLUTIONS))
        (width, height), lines = I2V_RESOLUTIONS[resolution], int(resolution[:-1])
    return inputs, Order(width, height, duration_s, PRICES_UUSD[lines] * duration_s, prompt=inputs["prompt"])


def _object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object."""
    try:
        inputs = json.loads(body)
    except ValueError:
        inputs = None
    if not isinstance(inputs, dict):
        raise Refused(400, "Bad Request: the body is not a JSON object")
    return inputs


def _check_kinds(inputs: dict[str, Any]) -> None:
    """Refuse a field of the wrong JSON type; null stands for its default."""
    for name, value in inputs.items():
        kind, words = _KINDS.get(name, (object, ""))
        wrong = not isinstance(value, kind) or (kind is int and isinstance(value, bool))
        if value is not None and wrong:
            raise Refused(400, f"Invalid type for field {name}: expected {words}")


def _choice(inputs: dict[str, Any], name: str, default: Any, allowed: tuple[Any, ...]) -> Any:
    """The value of an enumerated field."""
    value = inputs.get(name)
    value = default if value is None else value
    if value not in allowed:
        raise Refused(406, f"Invalid value for {name}: {value!r}. Allowed values: {', '.join(map(str, allowed))}")
    return value
