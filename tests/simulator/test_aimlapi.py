"""AI/ML API's dialect against its contract, one promise a row."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.simulator.conftest import Street

GENERATIONS = "/v2/video/generations"
PICTURE, VIDEO = "https://x/y.png", "https://x/y.mp4"
T2V = {"model": "alibaba/wan-2-6-t2v", "prompt": "a cat", "resolution": "720p", "duration": 5}
I2V = T2V | {"model": "alibaba/wan-2-6-i2v", "image_url": PICTURE}
FLASH = T2V | {"model": "alibaba/wan-2-6-image-to-video-flash", "image_url": PICTURE}
R2V = T2V | {"model": "alibaba/wan-2-6-r2v", "video_urls": [VIDEO]}


def buy(one: Street, body: dict[str, Any] | None = None, *, name: str | None = None, **more: Any) -> httpx.Response:
    """Order a video of five seconds, under a name of our own where one is given."""
    headers = {} if name is None else {"x-client-request-id": name}
    return one.gateway("aimlapi", "POST", GENERATIONS, headers=headers, json=(body or T2V) | more)


def ask(one: Street, task: str, **request: Any) -> httpx.Response:
    """One look."""
    return one.gateway("aimlapi", "GET", f"{GENERATIONS}?generation_id={task}", **request)


def logs(one: Street, query: str = "period=24h") -> list[dict[str, Any]]:
    """The rows of one page."""
    rows: list[dict[str, Any]] = one.gateway("aimlapi", "GET", f"/v2/logs?{query}").json()["data"]
    return rows


def test_a_generation_runs_from_queue_to_video(street: Callable[..., Street]) -> None:
    """queued, generating, completed at the same path; credits at the submit, the link at the end, money in headers."""
    one = street()
    bought = buy(one, name="order-1")
    task = bought.json()["id"]
    assert (bought.status_code, len(task)) == (200, 21)
    assert bought.json() == {"id": task, "status": "queued", "meta": {"usage": {"credits_used": 1_050_000}}}
    assert bought.headers["x-inference-id"] == task
    assert bought.headers["x-client-request-id"] == "order-1"
    assert (bought.headers["x-aimlapi-credits-used"], bought.headers["x-aimlapi-usd-spent"]) == ("1050000", "0.525")
    seen = []
    for wait_s in (0, 1, 99, 1):
        one.real_s += wait_s
        seen.append(ask(one, task))
    assert [answer.json()["status"] for answer in seen] == ["queued", "generating", "generating", "completed"]
    assert "x-aimlapi-usd-spent" not in seen[2].headers
    assert seen[3].headers["x-aimlapi-usd-spent"] == "0.525"
    url = seen[3].json()["video"]["url"]
    assert one.call("GET", url).content[4:8] == b"ftyp"
    one.real_s += 86_400
    assert one.call("GET", url).status_code == 403
    assert one.gateway("aimlapi", "GET", "/v2/billing").json() == {"current_balance": 9999.475, "currency": "USD"}


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        (T2V, "0.525"),
        ({"model": "alibaba/wan-2-6-t2v", "prompt": "a cat"}, "1.575"),
        (T2V | {"resolution": "1080p", "duration": 15, "aspect_ratio": "3:4"}, "2.3625"),
        (I2V, "0.525"),
        ({"model": "alibaba/wan-2-6-i2v", "prompt": "x", "image_url": "data:image/png;base64,AAAA"}, "1.575"),
        ({"model": "alibaba/wan-2-6-image-to-video-flash", "prompt": "x", "image_url": PICTURE}, "0.525"),
        (FLASH | {"resolution": "1080p"}, "0.39375"),
        (R2V, "0.525"),
        ({"model": "alibaba/wan-2-6-r2v", "prompt": "x", "video_urls": [VIDEO] * 3}, "1.575"),
    ],
)
def test_prices_and_defaults(street: Callable[..., Street], body: dict[str, Any], cost: str) -> None:
    """Ten seconds of 1080p by default, 720p at the flash model; 1080p costs $0.1575 a second, whatever goes in."""
    one = street()
    assert buy(one, body).status_code == 200
    one.real_s += 200
    assert [purchase["cost_usd"] for purchase in one.purchases()] == [cost]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (T2V | {"model": "wan-9"}, 404, "wan-9"),
        (T2V | {"model": 5}, 400, "model"),
        ({"prompt": "x"}, 400, "model"),
        ({"model": "alibaba/wan-2-6-t2v"}, 400, "prompt: Expected string, received undefined"),
        (T2V | {"prompt": None}, 400, "prompt"),
        (T2V | {"duration": 7}, 400, "duration"),
        (T2V | {"duration": "5"}, 400, "duration: Expected integer, received '5'"),
        (T2V | {"resolution": "480p"}, 400, "resolution: Invalid enum value. Expected '720p' | '1080p'"),
        (T2V | {"aspect_ratio": "21:9"}, 400, "aspect_ratio"),
        (T2V | {"seed": -1}, 400, "seed"),
        (T2V | {"seed": 2**31}, 400, "seed"),
        (T2V | {"shot_type": "many"}, 400, "shot_type"),
        (T2V | {"shot_type": "multi", "enhance_prompt": False}, 400, "shot_type"),
        (T2V | {"audio_url": "a.mp3"}, 400, "audio_url"),
        (T2V | {"watermark": True}, 400, "watermark"),
        (T2V | {"image_url": PICTURE}, 400, "image_url"),
        (T2V | {"model": "alibaba/wan-2-6-i2v"}, 400, "image_url"),
        (I2V | {"image_url": "data:text/plain;base64,AAAA"}, 400, "image_url"),
        (I2V | {"aspect_ratio": "16:9"}, 400, "aspect_ratio"),
        (FLASH | {"image_url": "data:image/png;base64,AAAA"}, 400, "image_url"),
        (T2V | {"model": "alibaba/wan-2-6-r2v"}, 400, "video_urls"),
        (R2V | {"video_urls": [VIDEO] * 4}, 400, "video_urls"),
        (R2V | {"audio_url": "https://x/y.mp3"}, 400, "audio_url"),
    ],
)
def test_wrong_orders(street: Callable[..., Street], body: dict[str, Any], status: int, words: str) -> None:
    """What is not sold is refused by the validator's words, names the field, and buys nothing."""
    one = street()
    answer = one.gateway("aimlapi", "POST", GENERATIONS, json=body)
    assert answer.status_code == answer.json()["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["message"] == answer.json()["error"]["message"]
    assert set(answer.json()) == {"title", "status", "message", "instance", "requestId", "timestamp", "error"}
    assert one.purchases() == []


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_garbage_is_a_400(street: Callable[..., Street], content: bytes) -> None:
    """A body that is no object is refused, never a 500."""
    assert street().gateway("aimlapi", "POST", GENERATIONS, content=content).status_code == 400


def test_long_texts_are_cut(street: Callable[..., Street]) -> None:
    """The model takes 1,500 characters and loses the rest without a word."""
    assert buy(street(), prompt="x" * 5_000, negative_prompt="y" * 5_000).status_code == 200


def test_keys(street: Callable[..., Street]) -> None:
    """A missing and a foreign key are a 401 on every path."""
    one = street()
    for path in (f"{GENERATIONS}?generation_id=x", "/v2/billing", "/v2/logs?period=1h"):
        for headers in ({}, {"authorization": "Bearer real"}, {"authorization": "sim-one"}):
            answer = one.call("GET", "/aimlapi" + path, headers=headers)
            assert (answer.status_code, answer.json()["status"]) == (401, 401)


def test_a_look_at_nothing(street: Callable[..., Street]) -> None:
    """An unknown or foreign id is a 404; a look without an id is a 400."""
    one = street()
    task = buy(one).json()["id"]
    assert ask(one, "nobody").status_code == 404
    assert ask(one, task, key="sim-two").status_code == 404
    assert one.gateway("aimlapi", "GET", GENERATIONS).status_code == 400


@pytest.mark.parametrize(
    ("weather", "name"), [({"p_failed": 1}, "GenerationFailed"), ({"p_refused": 1}, "ContentPolicyViolation")]
)
def test_a_failure_is_a_200_and_free(street: Callable[..., Street], weather: dict[str, Any], name: str) -> None:
    """A bad end is the status `error` with a name and words; it is not charged, and the logs have it at zero."""
    one = street(**weather)
    task = buy(one).json()["id"]
    one.real_s += 200
    answer = ask(one, task)
    assert (answer.status_code, answer.json()["status"], answer.json()["error"]["name"]) == (200, "error", name)
    assert one.purchases()[0]["cost_usd"] == "0"
    assert [(row["status"], row["cost"]["usd"]) for row in logs(one)] == [("failed", 0)]


def test_a_refused_word_is_taken_and_fails(street: Callable[..., Street]) -> None:
    """The content check speaks in the generation, not at its submit."""
    one = street()
    task = buy(one, prompt="a forbidden cat").json()["id"]
    one.real_s += 200
    assert ask(one, task).json()["error"]["name"] == "ContentPolicyViolation"


def test_credit_runs_out_with_a_403(street: Callable[..., Street]) -> None:
    """An account that cannot pay for what it orders, on top of what renders, is a 403 with the documented words."""
    one = street(balance_usd=0.6)
    assert [buy(one).status_code for _ in range(2)] == [200, 403]
    assert "run out of credits" in buy(one).json()["message"]


def test_a_clients_own_name_comes_back(street: Callable[..., Street]) -> None:
    """A valid name is echoed and stays in the logs; a malformed one is dropped without a word, and the order runs."""
    one = street()
    for name in ("order-1:a.b_c", "with space", "x" * 129, "x" * 128):
        answer = buy(one, name=name)
        assert answer.status_code == 200
        assert answer.headers.get("x-client-request-id") == (None if len(name) > 128 or " " in name else name)
    one.real_s += 200
    assert [row["client_request_id"] for row in logs(one)] == ["x" * 128, None, None, "order-1:a.b_c"]


def test_only_what_has_ended_is_in_the_logs(street: Callable[..., Street]) -> None:
    """A request shows after its outcome, later still where the weather says so, and never before."""
    one = street(late_history_s=30.0)
    task = buy(one, name="order-1").json()["id"]
    one.real_s += 100
    assert logs(one) == []
    one.real_s += 30
    assert logs(one) == []
    one.real_s += 1
    (row,) = logs(one)
    assert row["inference_id"] == task
    assert row["cost"] == {"usd": 0.525, "credits": 1_050_000}
    assert (row["created"], row["status"], row["model"]) == (
        "2026-11-21T12:00:00.000Z", "succeeded", "alibaba/wan-2-6-t2v",
    )  # fmt: skip
    assert one.gateway("aimlapi", "GET", "/v2/logs?period=1h", key="sim-two").json()["data"] == []


def test_the_logs_are_paged_and_filtered(street: Callable[..., Street]) -> None:
    """Newest first, 50 a page; models and outcomes may be repeated and are never split on commas."""
    one = street()
    for number in range(60):
        buy(one, name=f"n{number}")
    one.real_s += 200
    page = one.gateway("aimlapi", "GET", "/v2/logs?period=1d").json()
    assert page["pagination"] == {"limit": 50, "offset": 0, "total": 60, "has_more": True}
    assert page["data"][0]["client_request_id"] == "n59"
    assert [row["client_request_id"] for row in logs(one, "period=1h&limit=2&offset=58")] == ["n1", "n0"]
    assert len(logs(one, "period=1h&status=succeeded&status=failed")) == 50
    assert logs(one, "period=1h&status=failed") == []
    assert len(logs(one, "period=1h&model=wan-2-6-t2v&limit=100")) == 60
    assert logs(one, "period=1h&model=alibaba/wan-2-6-t2v,x") == []
    assert len(logs(one, "start=2026-11-21T11:59:59&end=2026-11-21T12:00:00Z&limit=100")) == 60
    assert logs(one, "start=2026-11-20T00:00:00Z&end=2026-11-21T00:00:00Z") == []


@pytest.mark.parametrize(
    "query",
    ["", "period=24h&start=2026-11-01&end=2026-11-02", "start=2026-11-01", "period=soon", "period=0h", "period=93d",
     "start=2026-11-02&end=2026-11-01", "start=x&end=y", "period=1h&status=succeeded,failed", "period=1h&limit=101",
     "period=1h&offset=-1", "period=1h" + "&model=x" * 51],
)  # fmt: skip
def test_wrong_questions_to_the_logs(street: Callable[..., Street], query: str) -> None:
    """A window that is missing, doubled or too wide, and filters that do not exist, are a 400."""
    assert street().gateway("aimlapi", "GET", f"/v2/logs?{query}").status_code == 400


def test_the_logs_take_two_hundred_a_minute(street: Callable[..., Street]) -> None:
    """The next one is a 429 without Retry-After, and a violation; submits have a window only where one is asked for."""
    one, narrow = street(), street(submits_per_minute=1, slots=1)
    codes = [one.gateway("aimlapi", "GET", "/v2/logs?period=1h") for _ in range(201)]
    assert [answer.status_code for answer in codes] == [200] * 200 + [429]
    assert "retry-after" not in codes[200].headers
    assert one.call("GET", "/_simulator/violations").json()["count"] == 1
    assert [buy(one).status_code for _ in range(70)] == [200] * 70
    assert [buy(narrow).status_code for _ in range(2)] == [200, 429]
    narrow.real_s += 60
    assert buy(narrow).status_code == 429


def test_charges_land_after_completion(street: Callable[..., Street]) -> None:
    """One charge for each completed generation, under its id, later still where the weather says so."""
    one = street(late_history_s=30.0)
    task = buy(one).json()["id"]
    one.real_s += 130

    def charges(query: str = "") -> dict[str, Any]:
        body: dict[str, Any] = one.gateway("aimlapi", "GET", f"/v2/billing/transactions?{query}").json()
        return body

    assert charges() == {"data": [], "pagination": {"next_cursor": None, "has_more": False}}
    one.real_s += 1
    assert charges("direction=CHARGE&type=MODEL_USAGE&from=2026-11-21T12:01:41Z")["data"] == [
        {"created_at": "2026-11-21T12:01:41.000Z", "direction": "CHARGE", "type": "MODEL_USAGE", "reference_id": task,
         "model": "alibaba/wan-2-6-t2v", "amount": {"usd": 0.525, "credits": 1_050_000}},
    ]  # fmt: skip
    for query in (
        "direction=TOPUP",
        "type=BONUS",
        "to=2026-11-21T12:01:41Z",
        "from=2026-11-22T00:00:00Z&to=2027-01-01",
    ):
        assert charges(query)["data"] == []


def test_charges_are_walked_by_cursor(street: Callable[..., Street]) -> None:
    """Pages follow each other without a gap; a cursor of one's own is a 400, and so are wrong filters."""
    one = street()
    bought = [buy(one).json()["id"] for _ in range(5)]
    one.real_s += 200
    pages: list[dict[str, Any]] = []
    for _ in range(3):
        more = f"&cursor={pages[-1]['pagination']['next_cursor']}" if pages else ""
        pages.append(one.gateway("aimlapi", "GET", f"/v2/billing/transactions?limit=2{more}").json())
    seen = [row["reference_id"] for page in pages for row in page["data"]]
    assert pages[2]["pagination"] == {"next_cursor": None, "has_more": False}
    assert sorted(seen) == sorted(bought)
    for query in (
        "cursor=abc",
        "cursor=W10",
        "limit=0",
        "direction=IN",
        "type=x",
        "from=y",
        "from=2026-02-01&to=2026-01-01",
    ):
        assert one.gateway("aimlapi", "GET", f"/v2/billing/transactions?{query}").status_code == 400
