"""AI/ML API's dialect: what is sent, and what every documented or odd answer means."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from jobs.job import Job, Mode
from providers.contract import (
    Accepted,
    Answer,
    Balance,
    Call,
    Endpoint,
    Failed,
    Finished,
    Found,
    Kind,
    Lost,
    Open,
    Rejected,
    Throttled,
    Unreadable,
)
from providers.registry import provider
from tests.providers.answers import answer

AIMLAPI = provider("aimlapi")
ID = "08zqLA021WrqNkIw2wc3P"
URL = "https://cdn.aimlapi.com/alpaca/2025.mp4?Expires=1767808493&OSSAccessKeyId=x&Signature=y%3D"
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


COMMON = {
    "prompt": "a red shoe",
    "negative_prompt": "",
    "resolution": "720p",
    "duration": 5,
    "shot_type": "single",
    "enhance_prompt": True,
    "seed": 7,
}


@pytest.mark.parametrize(
    ("mode", "changes", "body"),
    [
        (
            Mode.T2V,
            {"resolution": "1080p", "aspect_ratio": "3:4", "duration_s": 15, "shot_type": "multi"},
            COMMON
            | {"model": "alibaba/wan-2-6-t2v", "resolution": "1080p", "duration": 15, "shot_type": "multi"}
            | {"aspect_ratio": "3:4", "generate_audio": True},
        ),
        (
            Mode.T2V,
            {"audio_track": "https://example.com/a.mp3", "negative_prompt": "blur", "prompt_expansion": False},
            COMMON
            | {"model": "alibaba/wan-2-6-t2v", "negative_prompt": "blur", "enhance_prompt": False}
            | {"aspect_ratio": "16:9", "audio_url": "https://example.com/a.mp3"},
        ),
        (
            Mode.I2V,
            {},
            COMMON
            | {"model": "alibaba/wan-2-6-i2v", "image_url": "https://example.com/shoe.png", "generate_audio": True},
        ),
        (
            Mode.I2V,
            {"model": "flash", "audio": False},
            COMMON
            | {"model": "alibaba/wan-2-6-image-to-video-flash", "image_url": "https://example.com/shoe.png"}
            | {"generate_audio": False},
        ),
        (
            Mode.R2V,
            {},
            COMMON
            | {"model": "alibaba/wan-2-6-r2v", "aspect_ratio": "16:9", "video_urls": ["https://example.com/walk.mp4"]},
        ),
    ],
    ids=["t2v", "driven by a track", "i2v", "silent flash", "r2v"],
)
def test_what_is_ordered(
    mode: Mode, changes: dict[str, Any], body: dict[str, Any], job: Callable[..., Job], at: Endpoint
) -> None:
    """Every field with a price or a meaning is sent, since defaults are dear; the switch only without a track."""
    call = AIMLAPI.submit_call(job(mode, **changes), at, "j:1")
    assert (call.method, call.url) == ("POST", "https://api.example/v2/video/generations")
    assert call.headers == {
        "Authorization": "Bearer secret-key",
        "Content-Type": "application/json",
        "X-Client-Request-Id": "j:1",
    }
    assert call.body == body


def test_accepted() -> None:
    """A 200 with an id is a purchase; a header tells the id again, in case half of the answer is lost."""
    body = {"id": ID, "status": "queued", "meta": {"usage": {"credits_used": 3150000}}}
    assert AIMLAPI.read_submit(answer(200, body, x_request_id="r-1")) == Accepted(ID, "r-1")
    assert AIMLAPI.read_submit(answer(201, b'{"id": "08zq', x_inference_id=ID)) == Accepted(ID)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {}),
        (200, b"<html>"),
        (200, {"id": 7}),
        (500, {"message": "x"}),
        (502, b""),
        (503, b""),
        (504, {"title": "x"}),
    ],
)
def test_a_submit_whose_answer_proves_nothing_is_lost(status: int, body: Any) -> None:
    """A "Generation timeout" too: neither bought nor not bought."""
    assert isinstance(AIMLAPI.read_submit(answer(status, body)), Lost)


def problem(status: int, name: str, message: str) -> dict[str, Any]:
    """An error in the shape that the live service answers with."""
    told = {"title": name, "status": status, "message": message, "instance": "/v2/video/generations"}
    return {**told, "requestId": "r", "timestamp": "2026-08-30T00:00:00Z", "error": {"name": name, "message": message}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (
            400,
            problem(400, "Bad Request", "Body validation error: Expected 5 | 10 | 15"),
            Kind.BAD_REQUEST,
            "Bad Request",
        ),
        (400, problem(400, "Bad Request", "The prompt was flagged"), Kind.CONTENT_REFUSED, "Bad Request"),
        (401, problem(401, "Unauthorized", "Invalid API key"), Kind.KEY_REFUSED, "Unauthorized"),
        (402, b"", Kind.OUT_OF_CREDIT, "402"),
        (403, problem(403, "Forbidden", "You've run out of credits. Please top up"), Kind.OUT_OF_CREDIT, "Forbidden"),
        (403, {"message": "You've run out of credits", "path": "/v2", "statusCode": "403"}, Kind.OUT_OF_CREDIT, "403"),
        (403, b"", Kind.OUT_OF_CREDIT, "403"),
        (403, problem(403, "Forbidden", "This key has no scope for it"), Kind.KEY_REFUSED, "Forbidden"),
        (404, problem(404, "Not Found", "Model not found"), Kind.BAD_REQUEST, "Not Found"),
        (429, problem(429, "Too Many Requests", "Rate limit exceeded"), Kind.RATE_LIMITED, "Too Many Requests"),
    ],
)
def test_a_definite_no(status: int, body: Any, kind: Kind, code: str) -> None:
    """Out of credit is a 403 here, told by its words; both shapes of an error are read."""
    reading = AIMLAPI.read_submit(answer(status, body))
    assert isinstance(reading, Rejected)
    assert (reading.kind, reading.code) == (kind, code)
    assert reading.hint


def test_the_look_asks_by_a_parameter(at: Endpoint) -> None:
    """Whatever a task id holds, it stays one value of the query."""
    assert AIMLAPI.check_call(ID, at).url == f"https://api.example/v2/video/generations?generation_id={ID}"
    assert AIMLAPI.check_call("a&b=c", at).url.endswith("?generation_id=a%26b%3Dc")


@pytest.mark.parametrize(
    ("body", "reading"),
    [
        ({"id": ID, "status": "queued"}, Open()),
        ({"id": ID, "status": "generating", "video": None, "error": None}, Open()),
        (
            {"id": ID, "status": "completed", "video": {"url": URL}, "meta": {"usage": {"credits_used": 3150000}}},
            Finished(URL, Decimal("1.575"), (Decimal(3150000), "AI/ML credits"), url_life_s=86_400),
        ),
        ({"id": ID, "status": "completed", "video": {"url": URL}}, Finished(URL, url_life_s=86_400)),
    ],
)
def test_looks(body: Any, reading: Any, at: Endpoint) -> None:
    """Credits are worth a two-millionth of a dollar; where none are told, the cost is unknown."""
    assert AIMLAPI.read_check(answer(200, body), ID, at) == reading


@pytest.mark.parametrize(
    ("headers", "cost", "native"),
    [
        ({"x_aimlapi_credits_used": "3150000", "x_aimlapi_usd_spent": "1.575000000"}, "1.575", "3150000"),
        ({"x_aimlapi_usd_spent": "1.575000000"}, "1.575", None),
        ({"x_aimlapi_credits_used": "0", "x_aimlapi_usd_spent": "0.000000000"}, None, None),
        ({"x_aimlapi_credits_used": "many", "x_aimlapi_usd_spent": "free"}, None, None),
    ],
)
def test_a_cost_in_headers(headers: dict[str, str], cost: str | None, native: str | None, at: Endpoint) -> None:
    """They stand in where the body tells no credits; the look itself costs nothing, and is not the video."""
    reading = AIMLAPI.read_check(answer(200, {"status": "completed", "video": {"url": URL}}, **headers), ID, at)
    assert isinstance(reading, Finished)
    assert reading.cost_usd == (None if cost is None else Decimal(cost))
    assert reading.cost_native == (None if native is None else (Decimal(native), "AI/ML credits"))


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        ({"name": "Error", "message": "Something went wrong"}, Kind.RENDER_FAILED, "Error"),
        ({"name": "ContentError", "message": "Output data inspection failed"}, Kind.CONTENT_REFUSED, "ContentError"),
        (None, Kind.RENDER_FAILED, "error"),
    ],
)
def test_a_failed_render_costs_nothing(error: Any, kind: Kind, code: str, at: Endpoint) -> None:
    """The docs: failed jobs are never charged."""
    reading = AIMLAPI.read_check(answer(200, {"id": ID, "status": "error", "video": None, "error": error}), ID, at)
    assert isinstance(reading, Failed)
    assert (reading.why.kind, reading.why.code, reading.billed) == (kind, code, False)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"status": "completed", "video": None}),
        (200, {"status": "done"}),
        (401, problem(401, "Unauthorized", "x")),
        (404, problem(404, "Not Found", "Generation not found")),
        (504, problem(504, "Gateway Timeout", "Generation timeout")),
        (200, b"<html>"),
    ],
)
def test_no_news_is_no_failure(status: int, body: Any, at: Endpoint) -> None:
    """Whatever is no documented end leaves the job waiting."""
    assert isinstance(AIMLAPI.read_check(answer(status, body), ID, at), Unreadable)


def test_a_throttled_look(at: Endpoint) -> None:
    """A 429 says nothing of when; the pace slows down by itself."""
    assert AIMLAPI.read_check(answer(429), ID, at) == Throttled(None, None)


ROW = {
    "created": "2026-11-21T08:00:05.000Z",
    "status": "succeeded",
    "origin": "api",
    "model": "alibaba/wan-2-6-t2v",
    "cost": {"usd": 1.575, "credits": 3150000},
    "tokens": {"input": 0, "output": 0, "total": 0},
    "request_id": "r-1",
    "inference_id": ID,
    "client_request_id": "j:1",
}


def logged(*rows: Any, more: bool = False) -> Answer:
    """A page of the log."""
    return answer(200, {"data": rows, "pagination": {"limit": 100, "offset": 0, "total": 1, "has_more": more}})


def test_the_log_is_asked_from_then_to_now(at: Endpoint) -> None:
    """The whole window of this key, a hundred rows at a time, until no page follows."""
    (call,) = AIMLAPI.find_calls(NOW, NOW + timedelta(hours=4), at)
    url = "https://api.example/v2/logs?start=2026-11-21T08%3A00%3A00Z&end=2026-11-22T12%3A00%3A00Z&limit=100&offset="
    assert call == Call("GET", url + "0", {"Authorization": "Bearer secret-key"})
    page = AIMLAPI.read_find(logged(ROW, more=True), call)
    assert isinstance(page, Found)
    assert page.following == Call("GET", url + "100", {"Authorization": "Bearer secret-key"})
    last = AIMLAPI.read_find(logged(ROW), call)
    assert isinstance(last, Found)
    assert last.following is None


def test_a_row_is_known_by_our_own_name_of_the_send(job: Callable[..., Job], at: Endpoint) -> None:
    """Its task id, time, cost and end are told; no other send has that name, and a row without one is not ours."""
    (call,) = AIMLAPI.find_calls(NOW, NOW, at)
    foreign = ROW | {"client_request_id": None, "status": "failed", "cost": {"usd": 0, "credits": 0}}
    page = AIMLAPI.read_find(logged(ROW, foreign, ROW | {"inference_id": ""}, "odd"), call)
    assert isinstance(page, Found)
    ours, other = page.rows
    assert (ours.task_id, ours.created_at, ours.state) == (ID, NOW + timedelta(seconds=5), "succeeded")
    assert (ours.cost_usd, ours.cost_native) == (Decimal("1.575"), (Decimal(3150000), "AI/ML credits"))
    assert ours.told == AIMLAPI.told(job(), "j:1") != AIMLAPI.told(job(), "j:2")
    assert (other.state, other.cost_usd, dict(other.told)) == ("failed", Decimal(0), {"client_request_id": ""})


@pytest.mark.parametrize("body", [{}, {"data": []}, {"data": {}, "pagination": {"has_more": False}}, b"<html>"])
def test_a_page_that_is_none_proves_no_absence(body: Any, at: Endpoint) -> None:
    """Without rows and the word on what follows, nothing was listed."""
    (call,) = AIMLAPI.find_calls(NOW, NOW, at)
    assert isinstance(AIMLAPI.read_find(answer(200, body), call), Unreadable)


def test_absence_waits_for_the_longest_render() -> None:
    """The log shows what has ended; what may still render is not missing from it."""
    assert AIMLAPI.facts.unknown_settle_s > AIMLAPI.facts.longest_render_s
    assert AIMLAPI.memory_s > 30 * AIMLAPI.facts.unknown_settle_s


@pytest.mark.parametrize(
    ("status", "body", "left"),
    [
        (200, {"current_balance": 123.45, "currency": "USD"}, Balance(Decimal("123.45"), "USD")),
        (200, {"current_balance": 0}, Balance(Decimal(0), "USD")),
        (200, {"balance": 5}, None),
        (401, {"current_balance": 5}, None),
    ],
)
def test_balance(status: int, body: Any, left: Balance | None, at: Endpoint) -> None:
    """Dollars; nothing where the answer holds none."""
    call = AIMLAPI.balance_call(at)
    assert call is not None
    assert (call.method, call.url) == ("GET", "https://api.example/v2/billing")
    assert AIMLAPI.read_balance(answer(status, body)) == left
