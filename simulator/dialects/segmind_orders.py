"""What may be ordered at Segmind and at which price: the two Wan 2.6 models, their fields and their values."""

from simulator.desk import Asked
from simulator.forms import BOOLEAN, INTEGER, STRING, URL, Field, Form, Refused, Wrong, parsed
from simulator.renders import Order

#: Micro-USD per second of output, by resolution.
PRICES_UUSD = {720: 125_000, 1080: 187_500}
T2V_SIZES = {"1280*720": 720, "720*1280": 720, "1920*1080": 1080, "1080*1920": 1080}
I2V_RESOLUTIONS = {"720p": (1280, 720), "1080p": (1920, 1080)}


def _said(wrong: Wrong) -> Refused:
    """A missing or wrongly typed field is a 400, a value that is not sold a 406."""
    field = wrong.field
    if wrong.fault == "missing" or field is None:
        return Refused(400, "", f"Missing required field: {wrong.name}")
    if wrong.fault == "kind":
        return Refused(400, "", f"Invalid type for field {wrong.name}: expected {field.kind.words}")
    allowed = ", ".join(map(str, field.choices))
    return Refused(406, "", f"Invalid value for {wrong.name}: {wrong.value!r}. Allowed values: {allowed}")


_FIELDS = {
    "image": Field(URL),
    "prompt": Field(STRING, needed=True),
    "negative_prompt": Field(STRING),
    "audio": Field(URL),
    "duration": Field(INTEGER, 5, (5, 10, 15)),
    "size": Field(STRING),
    "resolution": Field(STRING),
    "seed": Field(INTEGER),
    "multi_shots": Field(BOOLEAN, default=False),
    "enable_prompt_expansion": Field(BOOLEAN, default=True),
}
#: Names that are not documented are read over, and a null stands for the default.
FORMS = {
    "wan-2.6-t2v": Form(
        _FIELDS | {"size": Field(STRING, "1280*720", tuple(T2V_SIZES))}, _said, strict=False, null=True
    ),
    "wan-2.6-i2v": Form(
        _FIELDS | {"image": Field(URL, needed=True), "resolution": Field(STRING, "720p", tuple(I2V_RESOLUTIONS))},
        _said, strict=False, null=True,
    ),
}  # fmt: skip


def read(slug: str, body: bytes) -> Asked:
    """The order, as received and as understood.

    Raises:
        Refused: an unknown model, a malformed body, a missing field, or a value that is not sold.
    """
    form = FORMS.get(slug)
    if form is None:
        raise Refused(404, "", f"Model {slug} not found")
    inputs = parsed(body)
    if inputs is None:
        raise Refused(400, "", "Bad Request: the body is not a JSON object")
    given = form.read(inputs)
    if slug == "wan-2.6-t2v":
        (width, height), lines = map(int, given["size"].split("*")), T2V_SIZES[given["size"]]
    else:
        (width, height), lines = I2V_RESOLUTIONS[given["resolution"]], int(given["resolution"][:-1])
    price_uusd = PRICES_UUSD[lines] * given["duration"]
    order = Order(width, height, given["duration"], price_uusd, prompt=given["prompt"])
    return Asked(slug, inputs, order, picture=given["image"] if slug == "wan-2.6-i2v" else None)
