"""ToAPIs' dialect: what is sent, and what every documented or odd answer means."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from jobs.job import Job, Mode
from providers.contract import (
    Accepted,
    Answer,
    Balance,
    Endpoint,
    Failed,
    Finished,
    Kind,
    Lost,
    Open,
    Rejected,
    Throttled,
    Unreadable,
)
from providers.registry import provider
from tests.providers.answers import answer, error

TOAPIS = provider("toapis")
ID = "video_01J9HA7JPQ9A0Z6JZ3V8M9W6PZ"
URL = "https://files.dashlyai.cc/wan/7712af45.mp4"


COMMON = {
    "model": "wan2.6",
    "prompt": "a red shoe",
    "negative_prompt": "",
    "resolution": "720p",
    "duration": 5,
    "audio": True,
    "prompt_extend": True,
    "watermark": False,
    "seed": 7,
    "client_business_id": "j:1",
}
SHAPE = {"aspect_ratio": "16:9", "shot_type": "single"}
WALK = {"metadata": {"reference_urls": ["https://example.com/walk.mp4"]}}


@pytest.mark.parametrize(
    ("mode", "changes", "body"),
    [
        (
            Mode.T2V,
            {"resolution": "1080p", "aspect_ratio": "1:1", "duration_s": 15, "shot_type": "multi", "watermark": True},
            COMMON
            | {"resolution": "1080p", "aspect_ratio": "1:1", "duration": 15, "shot_type": "multi", "watermark": True},
        ),
        (Mode.I2V, {"prompt": ""}, COMMON | {"prompt": "", "image_urls": ["https://example.com/shoe.png"]}),
        (Mode.R2V, {"negative_prompt": "blur"}, COMMON | SHAPE | WALK | {"negative_prompt": "blur"}),
        (
            Mode.I2V,
            {"model": "flash", "audio": False},
            COMMON | {"model": "wan2.6-flash", "audio": False, "image_urls": ["https://example.com/shoe.png"]},
        ),
        (Mode.R2V, {"model": "flash"}, COMMON | SHAPE | WALK | {"model": "wan2.6-flash"}),
    ],
    ids=["t2v", "i2v", "r2v", "silent flash", "flash r2v"],
)
def test_what_is_ordered(
    mode: Mode, changes: dict[str, Any], body: dict[str, Any], job: Callable[..., Job], at: Endpoint
) -> None:
    """What is given decides the model upstream, and never two at once; the send's name goes along in the body."""
    call = TOAPIS.submit_call(job(mode, **changes), at, "j:1")
    assert (call.method, call.url) == ("POST", "https://api.example/v1/videos/generations")
    assert call.headers == {"Authorization": "Bearer secret-key", "Content-Type": "application/json"}
    assert call.body == body


def test_accepted() -> None:
    """The page speaks of a task_id, the answer says id."""
    body = {"id": ID, "object": "generation.task", "model": "wan2.6", "status": "queued", "created_at": 1768380224}
    assert TOAPIS.read_submit(answer(200, body)) == Accepted(ID)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"object": "generation.task"}),
        (200, b"<html>"),
        (500, error("internal_error")),
        (503, error("rate_limit_unavailable")),
        (503, b""),
    ],
)
def test_a_submit_whose_answer_proves_nothing_is_lost(status: int, body: Any) -> None:
    """No page says that a 503 comes before the purchase."""
    assert isinstance(TOAPIS.read_submit(answer(status, body)), Lost)


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, error("invalid_request", "duration"), Kind.BAD_REQUEST, "invalid_request"),
        (401, error(401, "unauthorized", "authentication_error"), Kind.KEY_REFUSED, "authentication_error"),
        (402, error("insufficient_quota", "no quota"), Kind.OUT_OF_CREDIT, "insufficient_quota"),
        (403, error(403, "user quota", "insufficient_user_quota"), Kind.OUT_OF_CREDIT, "insufficient_user_quota"),
        (403, error(403, "not for you"), Kind.KEY_REFUSED, "403"),
        (404, error(404, "model not found", "not_found_error"), Kind.BAD_REQUEST, "not_found_error"),
        (422, error("content_policy_violation", "x"), Kind.CONTENT_REFUSED, "content_policy_violation"),
        (422, error(422, "seed is wrong"), Kind.BAD_REQUEST, "422"),
        (429, error("rate_limit_exceeded", "x"), Kind.RATE_LIMITED, "rate_limit_exceeded"),
    ],
)
def test_a_definite_no(status: int, body: Any, kind: Kind, code: str) -> None:
    """Codes are numbers or words; where one is a number, the type beside it tells more."""
    reading = TOAPIS.read_submit(answer(status, body))
    assert isinstance(reading, Rejected)
    assert (reading.kind, reading.code) == (kind, code)
    assert reading.hint


def task(status: str, **told: Any) -> Answer:
    """A task as documented."""
    return answer(200, {"id": ID, "object": "generation.task", "status": status, "progress": 0, **told})


@pytest.mark.parametrize("status", ["submitted", "queued", "in_progress"])
def test_still_rendering(status: str, at: Endpoint) -> None:
    """Open states wait."""
    assert TOAPIS.read_check(task(status), ID, at) == Open()


def test_a_video(at: Endpoint) -> None:
    """The answer tells no cost, so the price list settles."""
    times = {"created_at": 1768380224, "completed_at": 1768380411}
    done = task("completed", expires_at=0, result={"type": "video", "data": [{"url": URL, "format": "mp4"}]}, **times)
    assert TOAPIS.read_check(done, ID, at) == Finished(URL, url_life_s=86_400, took_s=187)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (error("generation_failed", "upstream error"), Kind.RENDER_FAILED),
        (error("generation_failed", "生成失败: 内容违反了内容政策"), Kind.CONTENT_REFUSED),
        (error("content_policy_violation"), Kind.CONTENT_REFUSED),
        ({}, Kind.RENDER_FAILED),
    ],
)
def test_a_failed_render_is_refunded(told: dict[str, Any], kind: Kind, at: Endpoint) -> None:
    """The code is the same for a breakdown and for refused content; the message, in any of its languages, tells."""
    reading = TOAPIS.read_check(task("failed", **told), ID, at)
    assert isinstance(reading, Failed)
    assert (reading.why.kind, reading.billed) == (kind, False)


@pytest.mark.parametrize(
    "given",
    [
        task("completed", result={"data": []}),
        task("completed", result={"data": [{"url": "none"}]}),
        task("expired"),
        answer(404, error(404, "任务不存在", "not_found_error")),
        answer(500),
        answer(200, b"<html>"),
    ],
)
def test_no_news_is_no_failure(given: Answer, at: Endpoint) -> None:
    """Whatever is no documented end leaves the job waiting."""
    assert isinstance(TOAPIS.read_check(given, ID, at), Unreadable)


@pytest.mark.parametrize(
    ("headers", "wait_s", "until"),
    [
        ({"retry_after": "7", "x_ratelimit_reset": "1795248000"}, 7.0, None),
        ({"x_ratelimit_reset": "1795248000"}, None, datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ({"x_ratelimit_reset": "3"}, 3.0, None),
    ],
)
def test_when_to_come_back(headers: dict[str, str], wait_s: float | None, until: datetime | None, at: Endpoint) -> None:
    """Retry-After first; the reset else, as seconds to go or as an instant."""
    throttled = answer(429, error("rate_limit_exceeded"), **headers)
    reading = TOAPIS.read_submit(throttled)
    assert isinstance(reading, Rejected)
    assert (reading.retry_after_s, reading.retry_at) == (wait_s, until)
    assert TOAPIS.read_check(throttled, ID, at) == Throttled(wait_s, until)


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({"success": True, "remain_balance": 4.2, "remain_credits": 840, "unlimited_quota": False}, "4.2"),
        ({"success": True, "remain_balance": -1, "unlimited_quota": True}, None),
        ({"success": False, "message": "x"}, None),
    ],
)
def test_balance(body: Any, left: str | None, at: Endpoint) -> None:
    """A failure comes as HTTP 200 too, and a key without a limit of its own tells no figure."""
    call = TOAPIS.balance_call(at)
    assert call is not None
    assert (call.method, call.url) == ("GET", "https://api.example/v1/balance")
    assert TOAPIS.read_balance(answer(200, body)) == (None if left is None else Balance(Decimal(left), "USD"))


def test_there_is_no_list_to_find_a_lost_submit_in(at: Endpoint) -> None:
    """So a lost submit is held for a person, however long it lasts."""
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert (TOAPIS.memory_s, TOAPIS.find_calls(now, now, at)) == (0, ())


@pytest.mark.parametrize(
    ("mode", "changes", "price"),
    [
        (Mode.T2V, {}, None),
        (Mode.I2V, {"model": "flash"}, "0.20445"),
        (Mode.I2V, {"model": "flash", "audio": False, "resolution": "1080p"}, "0.170375"),
        (Mode.R2V, {"model": "flash"}, "0.4089"),
    ],
)
def test_prices_in_yuan(mode: Mode, changes: dict[str, Any], price: str | None, job: Callable[..., Job]) -> None:
    """Flash is listed in CNY and converted; five seconds of a reference are reserved; the other is unknown."""
    assert TOAPIS.price_usd(job(mode, **changes).render) == (None if price is None else Decimal(price))
