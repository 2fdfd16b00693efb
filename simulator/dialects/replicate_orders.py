"""What may be ordered at Replicate and at which price: the two Wan 2.6 models, their fields and their values."""

import re
from typing import Any

from simulator.desk import Asked
from simulator.forms import BOOLEAN, INTEGER, PICTURE, STRING, URL, Field, Form, Refused, Wrong, is_url
from simulator.renders import Order
from simulator.webhooks import CALL

#: Micro-USD per second of output, by resolution; from a third party's catalogue, the public price page was not seen.
PRICES_UUSD = {720: 100_000, 1080: 150_000}
T2V_SIZES = {"1280*720": 720, "720*1280": 720, "1920*1080": 1080, "1080*1920": 1080}
I2V_RESOLUTIONS = {"720p": (1280, 720), "1080p": (1920, 1080)}
T2V, I2V = "wan-video/wan-2.6-t2v", "wan-video/wan-2.6-i2v"
_AFTER = re.compile(r"(\d{1,6})([smh]?)")
_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3_600}


def invalid(detail: str) -> Refused:
    """The 422 for an input that is not valid."""
    return Refused(422, "Input validation failed", f"- {detail}\n")


def _said(wrong: Wrong) -> Refused:
    field = wrong.field
    match wrong.fault:
        case "missing":
            return invalid(f"input: {wrong.name} is required")
        case "choice" if field:
            allowed = ", ".join(f'"{one}"' if isinstance(one, str) else str(one) for one in field.choices)
            return invalid(f"input.{wrong.name}: {wrong.name} must be one of the following: {allowed}")
        case "kind" if field and field.kind in (URL, PICTURE) and isinstance(wrong.value, str):
            return invalid(f"input.{wrong.name}: Does not match format 'uri'")
        case "kind" if field:
            given = _json_type(wrong.value)
            return invalid(f"input.{wrong.name}: Invalid type. Expected: {field.kind.json}, given: {given}")
    return invalid(f"input.{wrong.words()}")


_SHARED = {
    "prompt": Field(STRING, needed=True),
    "negative_prompt": Field(STRING),
    "audio": Field(URL),
    "duration": Field(INTEGER, 5, (5, 10, 15)),
    "seed": Field(INTEGER),
    "multi_shots": Field(BOOLEAN, default=False),
    "enable_prompt_expansion": Field(BOOLEAN, default=True),
}
#: A name that is on no form is read over; a null is of a wrong type.
FORMS = {
    T2V: Form(_SHARED | {"size": Field(STRING, "1280*720", tuple(T2V_SIZES))}, _said, strict=False),
    I2V: Form(
        {"image": Field(PICTURE, needed=True), "resolution": Field(STRING, "720p", tuple(I2V_RESOLUTIONS)), **_SHARED},
        _said, strict=False,
    ),
}  # fmt: skip


def read(model: str, whole: dict[str, Any] | None, cancel_after: str | None) -> Asked:
    """The order, as received and as understood. `cancel_after` is the header of that name, like `15m`.

    Raises:
        Refused: an unknown model, a body without an input, or an input that is not valid.
    """
    form = FORMS.get(model)
    if form is None:
        raise Refused(404, "", "The requested resource could not be found.")
    if whole is None:
        raise Refused(400, "", "JSON parse error")
    inputs = whole.get("input")
    if not isinstance(inputs, dict):
        raise invalid("input is required")
    given = form.read(inputs)
    if model == T2V:
        (width, height), lines = map(int, given["size"].split("*")), T2V_SIZES[given["size"]]
    else:
        (width, height), lines = I2V_RESOLUTIONS[given["resolution"]], int(given["resolution"][:-1])
    duration_s = given["duration"]
    order = Order(
        width, height, duration_s, PRICES_UUSD[lines] * duration_s, prompt=given["prompt"],
        deadline_s=_deadline_s(cancel_after),
    )  # fmt: skip
    return Asked(model, whole, order, _webhook(whole), picture=given.get("image"))


def _webhook(whole: dict[str, Any]) -> dict[str, str]:
    """The note of a webhook for the end of a prediction; those about its course (start, output, logs) are not made."""
    url, events = whole.get("webhook"), whole.get("webhook_events_filter", ["completed"])
    if url is None:
        return {}
    if not is_url(url):
        raise invalid("webhook: Does not match format 'uri'")
    known = {"start", "output", "logs", "completed"}
    if not isinstance(events, list) or not all(isinstance(each, str) and each in known for each in events):
        raise invalid(f"webhook_events_filter must be a list of {', '.join(sorted(known))}")
    return {CALL: url} if "completed" in events else {}


def _deadline_s(cancel_after: str | None) -> float | None:
    if cancel_after is None:
        return None
    read = _AFTER.fullmatch(cancel_after.strip())
    if read is None:
        raise Refused(422, "Invalid header", "Cancel-After must be a duration like 90s, 15m or 1h")
    return int(read[1]) * _UNITS_S[read[2]]


def _json_type(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")
