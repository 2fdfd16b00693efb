"""Whatever stands in an order, it is taken or refused in the dialect's own words; the simulator itself never breaks."""

import json
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest

from simulator.dialects import (
    aimlapi_orders,
    apimart_orders,
    dashscope_orders,
    fal_orders,
    replicate_orders,
    segmind_orders,
    toapis_orders,
)
from simulator.forms import Form
from tests.simulator.conftest import BEARERS, LOOP, VIDEO_SYNTHESIS, Street

ODD: list[Any] = [
    None, True, 0, -1, 1.5, 10**30, -(2**63), "", " ", "x", "x" * 20_000, "\u0000\ud800", [], [None], ["x"], [[]], {},
    {"x": 1}, float("nan"), "https://x/y.png", ["https://x/y.png"], ["https://x/y.png"] * 9,
    "data:image/png;base64,QQ==", "http://[", "720p",
]  # fmt: skip
HEADERS = [
    (b"host", b"street"), (b"content-type", b"application/json"), (b"x-api-key", b"sim-one"),
    (b"x-dashscope-async", b"enable"),
]  # fmt: skip


def orders_of(path: str, least: dict[str, Any], form: Form) -> list[tuple[str, dict[str, Any]]]:
    """The least order with each field of the form made odd, and one more field that no form has."""
    return [(path, least | {name: odd}) for name in [*form.fields, "hats"] for odd in ODD]


def segmind() -> list[tuple[str, dict[str, Any]]]:
    """Both models."""
    least = {"prompt": "x", "image": "https://x/y.png"}
    forms = segmind_orders.FORMS.items()
    return [order for slug, form in forms for order in orders_of(f"/segmind/v2/{slug}", least, form)]


def dashscope() -> list[tuple[str, dict[str, Any]]]:
    """Every model, with its two parts made odd in turn."""
    least = {"prompt": "x", "img_url": "https://x/y.png", "reference_urls": ["https://x/y.mp4"]}
    orders = []
    for model, (inputs, parameters) in dashscope_orders.FORMS.items():
        parts = [{"input": part} for _, part in orders_of("", least, inputs)]
        parts += [{"input": least, "parameters": part} for _, part in orders_of("", {}, parameters)]
        parts += [{"input": odd} for odd in ODD] + [{"parameters": odd} for odd in ODD]
        orders += [(VIDEO_SYNTHESIS, {"model": model, **part}) for part in parts]
    return orders


def gateways(name: str, forms: dict[str, Form], least: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every model of a dialect that takes one flat body."""
    path = f"/{name}{BEARERS[name][0]}"
    return [order for model, form in forms.items() for order in orders_of(path, {"model": model, **least}, form)]


def replicate() -> list[tuple[str, dict[str, Any]]]:
    """Both models, and odd things in place of the input."""
    least = {"prompt": "x", "image": "https://x/y.png"}
    orders = []
    for model, form in replicate_orders.FORMS.items():
        path = f"/replicate/v1/models/{model}/predictions"
        orders += [(path, {"input": inputs}) for _, inputs in orders_of(path, least, form)]
        orders += [(path, {"input": odd}) for odd in ODD]
    return orders


ORDERS = {
    "replicate": replicate(),
    "segmind": segmind(),
    "dashscope": dashscope(),
    "aimlapi": gateways("aimlapi", {name: one.form for name, one in aimlapi_orders.MODELS.items()}, {"prompt": "x"}),
    "apimart": gateways("apimart", apimart_orders.FORMS, {"prompt": "x"}),
    "toapis": gateways("toapis", {"wan2.6": toapis_orders.FORM, "wan2.6-flash": toapis_orders.FORM}, {"prompt": "x"}),
}


async def status(one: Street, path: str, order: Any = None, *, key: bytes = b"Bearer sim-one") -> int:
    """The status of an order, or of a look, handed to the application without a client: there are thousands."""
    scope = {
        "type": "http", "method": "GET" if order is None else "POST", "path": path, "raw_path": path.encode(),
        "root_path": "", "scheme": "http", "query_string": b"", "headers": [*HEADERS, (b"authorization", key)],
    }  # fmt: skip
    codes: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(order).encode(), "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        codes.extend([message["status"]] if "status" in message else [])

    await one.app(scope, receive, send)
    return codes[0]


@pytest.mark.parametrize("dialect", ORDERS)
def test_no_order_breaks_the_simulator(street: Callable[..., Street], dialect: str) -> None:
    """Each answer is a 2xx that bought one video, or a 4xx that bought none; both are met."""
    one = street(no_limits=True)

    async def ask_all() -> list[int]:
        return [await status(one, path, order) for path, order in ORDERS[dialect]]

    codes = LOOP.run(ask_all())
    assert {code // 100 for code in codes} == {2, 4}
    assert len(one.purchases()) == sum(code // 100 == 2 for code in codes)


@pytest.mark.parametrize("name", fal_orders.ENDPOINTS)
def test_fal_takes_every_order_and_tells_its_fate(street: Callable[..., Street], name: str) -> None:
    """Its queue refuses nothing: each result is a video or a 422, and the list can show every input."""
    one = street(no_limits=True)
    least = {"prompt": "x", "image_url": "https://x/y.png", "video_urls": ["https://x/y.mp4"]}
    orders = orders_of(f"/fal/queue/{name}", least, fal_orders.ENDPOINTS[name].form)

    async def order_all() -> set[int]:
        return {await status(one, path, order, key=b"Key sim-one") for path, order in orders}

    async def look_at(task_ids: list[str]) -> set[int]:
        paths = [f"/fal/queue/wan/v2.6/requests/{task_id}" for task_id in task_ids]
        return {await status(one, path, key=b"Key sim-one") for path in paths}

    assert LOOP.run(order_all()) == {200}
    one.real_s += 200
    ends: dict[str, list[str]] = {"succeeded": [], "failed": []}
    for row in one.purchases():
        ends[row["state"]].append(row["task_id"])
    assert len(ends["succeeded"]) + len(ends["failed"]) == len(orders)
    assert LOOP.run(look_at(ends["succeeded"])) == {200}
    assert LOOP.run(look_at(ends["failed"])) == {422}
    asked = {"endpoint_id": name, "expand": "payloads", "limit": 100}
    page = one.fal("GET", "/api/v1/models/requests/by-endpoint", params=asked).json()
    assert (len(page["items"]), page["has_more"]) == (100, True)
