"""APIMart's dialect: what is sent, and what every documented or odd answer means."""

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

APIMART = provider("apimart")
ID = "task_01J9HA7JPQ9A0Z6JZ3V8M9W6PZ"
URL = "https://upload.apimart.ai/f/video/1-a.mp4"


COMMON = {
    "model": "wan2.6",
    "prompt": "a red shoe",
    "negative_prompt": "",
    "resolution": "720p",
    "duration": 5,
    "audio": True,
    "shot_type": "single",
    "prompt_extend": True,
    "watermark": False,
    "seed": 7,
}
IMAGE = {"image_urls": ["https://example.com/shoe.png"]}


@pytest.mark.parametrize(
    ("mode", "changes", "body"),
    [
        (
            Mode.T2V,
            {"resolution": "1080p", "aspect_ratio": "4:3", "duration_s": 10, "shot_type": "multi", "watermark": True},
            COMMON
            | {"resolution": "1080p", "aspect_ratio": "4:3", "duration": 10, "shot_type": "multi", "watermark": True},
        ),
        (
            Mode.T2V,
            {"audio_track": "https://example.com/a.mp3", "prompt_expansion": False},
            COMMON | {"aspect_ratio": "16:9", "audio_url": "https://example.com/a.mp3", "prompt_extend": False},
        ),
        (Mode.I2V, {"template": "flying"}, COMMON | IMAGE | {"template": "flying"}),
        (
            Mode.I2V,
            {"model": "flash", "audio": False, "duration_s": 2},
            COMMON | IMAGE | {"model": "wan2.6-i2v-flash", "audio": False, "duration": 2},
        ),
    ],
    ids=["t2v", "driven by a track", "i2v", "silent flash"],
)
def test_what_is_ordered(
    mode: Mode, changes: dict[str, Any], body: dict[str, Any], job: Callable[..., Job], at: Endpoint
) -> None:
    """An image makes it image to video, and takes the ratio's place; sound is always said: one default is none."""
    call = APIMART.submit_call(job(mode, **changes), at, "j:1")
    assert (call.method, call.url) == ("POST", "https://api.example/v1/videos/generations")
    assert call.body == body


def test_a_send_has_a_key_of_its_own(job: Callable[..., Job], at: Endpoint) -> None:
    """The key counts only beside the version of the answer's shape; a look carries neither."""
    call = APIMART.submit_call(job(), at, "j:1")
    assert call.headers == {
        "Authorization": "Bearer secret-key",
        "Content-Type": "application/json",
        "Idempotency-Key": "j:1",
        "X-APIMart-Response-Version": "2026-07-27",
    }
    assert APIMART.check_call(ID, at).headers == {"Authorization": "Bearer secret-key"}


@pytest.mark.parametrize(
    ("status", "body", "reading"),
    [
        (200, {"code": 200, "data": [{"status": "submitted", "task_id": ID}]}, Accepted(ID)),
        (
            202,
            {"code": 202, "data": {"id": ID, "status": "queued", "object": "generation.task"}, "request_id": "r-1"},
            Accepted(ID, "r-1"),
        ),
        (200, {"code": 200, "data": {"task_id": ID}}, Accepted(ID)),
    ],
)
def test_accepted_in_both_shapes(status: int, body: Any, reading: Accepted) -> None:
    """The plain shape holds a list, the versioned one an object."""
    assert APIMART.read_submit(answer(status, body)) == reading


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"code": 200, "data": []}),
        (200, {"code": 200, "data": [[ID]]}),
        (200, {"code": 200}),
        (200, b"<html>"),
        (409, error("idempotency_in_progress", "in progress")),
        (409, error("idempotency_key_reused", "another body")),
        (409, error(409, "unknown end", "idempotency_result_indeterminate")),
        (500, error("server_error", "build_request_failed: invalid size")),
        (502, error("bad_gateway")),
        (503, error("service_unavailable")),
        (503, b""),
    ],
)
def test_a_submit_whose_answer_proves_nothing_is_lost(status: int, body: Any) -> None:
    """A 409 about the key says that the send came before; a bare 503 may have come after the purchase."""
    assert isinstance(APIMART.read_submit(answer(status, body)), Lost)


def test_a_key_that_could_not_be_kept_bought_nothing() -> None:
    """That one 503 says that nothing was carried out, so the job waits and is asked for again."""
    reading = APIMART.read_submit(answer(503, error("idempotency_unavailable", "try later"), retry_after="9"))
    assert isinstance(reading, Rejected)
    assert (reading.kind, reading.retry_after_s) == (Kind.PROVIDER_DOWN, 9.0)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error("invalid_request_error", "duration must be one of 5, 10, 15"), Kind.BAD_REQUEST),
        (400, error("nsfw_content_detected", "The request was rejected"), Kind.CONTENT_REFUSED),
        (400, error(400, "NSFW content in the prompt", "invalid_request_error"), Kind.CONTENT_REFUSED),
        (401, error(401, "invalid API key", "authentication_error"), Kind.KEY_REFUSED),
        (
            402,
            error("payment_required", "[token_id=1] insufficient balance (current: 0.000000 USD, required: 0.05 USD)"),
            Kind.OUT_OF_CREDIT,
        ),
        (403, error(403, "insufficient balance", "permission_error"), Kind.OUT_OF_CREDIT),
        (403, error(403, "this key may not use wan2.6", "permission_error"), Kind.KEY_REFUSED),
        (409, error("conflict", "something else"), Kind.BAD_REQUEST),
        (413, b"", Kind.BAD_REQUEST),
        (429, error(429, "too many requests", "rate_limit_error"), Kind.RATE_LIMITED),
    ],
)
def test_a_definite_no(status: int, body: Any, kind: Kind) -> None:
    """Nothing was bought; the code, or the type beside a code that is a number, tells the kind."""
    reading = APIMART.read_submit(answer(status, body))
    assert isinstance(reading, Rejected)
    assert reading.kind is kind
    assert reading.hint


def task(status: str, **told: Any) -> Answer:
    """A task as documented."""
    return answer(200, {"code": 200, "data": {"id": ID, "status": status, "progress": 0, **told}})


@pytest.mark.parametrize("status", ["submitted", "pending", "queued", "processing", "in_progress"])
def test_still_rendering(status: str, at: Endpoint) -> None:
    """Two pages of the docs have two sets of words for it."""
    assert APIMART.read_check(task(status), ID, at) == Open()


@pytest.mark.parametrize("url", [URL, [URL], [URL, "https://upload.apimart.ai/2.mp4"]])
def test_a_video_with_its_cost(url: Any, at: Endpoint) -> None:
    """`url` is an array or a string; dollars and credits are both told."""
    done = task("completed", cost=0.25, credits_cost=2.5, result={"videos": [{"url": url, "expires_at": 1763174708}]})
    assert APIMART.read_check(done, ID, at) == Finished(
        URL, Decimal("0.25"), (Decimal("2.5"), "APIMart credits"), url_life_s=86_400
    )


def test_a_cost_that_is_not_told_is_unknown(at: Endpoint) -> None:
    """Then the price list settles; it is never 0."""
    assert APIMART.read_check(task("completed", result={"videos": {"url": URL}}), ID, at) == Finished(
        URL, url_life_s=86_400
    )


@pytest.mark.parametrize(
    ("status", "told", "kind"),
    [
        ("failed", error("task_failed", "upstream error"), Kind.RENDER_FAILED),
        (
            "failed",
            {"error": {"message": "x", "type": "task_failed", "param": "", "code": "task_failed"}},
            Kind.RENDER_FAILED,
        ),
        ("failed", error("nsfw_content_detected", "rejected"), Kind.CONTENT_REFUSED),
        ("failed", error("task_failed", "inappropriate content"), Kind.CONTENT_REFUSED),
        ("cancelled", {}, Kind.RENDER_FAILED),
    ],
)
def test_a_failed_render_is_refunded(status: str, told: dict[str, Any], kind: Kind, at: Endpoint) -> None:
    """Failed and cancelled tasks end the job and cost nothing."""
    reading = APIMART.read_check(task(status, **told), ID, at)
    assert isinstance(reading, Failed)
    assert (reading.why.kind, reading.billed) == (kind, False)


@pytest.mark.parametrize(
    "given",
    [
        task("completed", result={"videos": []}),
        task("completed", result=None),
        task("paused"),
        answer(200, {"code": 200, "data": [{"status": "completed"}]}),
        answer(402, error("payment_required", "insufficient balance")),
        answer(404, error(404, "task not found")),
        answer(503),
        answer(200, b"<html>"),
    ],
)
def test_no_news_is_no_failure(given: Answer, at: Endpoint) -> None:
    """Also not that the account is empty, which every call then says."""
    assert isinstance(APIMART.read_check(given, ID, at), Unreadable)


@pytest.mark.parametrize(
    ("headers", "wait_s", "until"),
    [
        ({"retry_after": "7"}, 7.0, None),
        ({"x_ratelimit_reset": "12"}, 12.0, None),
        ({"x_ratelimit_reset": "1795248000"}, None, datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ({}, None, None),
    ],
)
def test_when_to_look_again(
    headers: dict[str, str], wait_s: float | None, until: datetime | None, at: Endpoint
) -> None:
    """A reset is told as seconds to go or as an instant; the figure itself says which."""
    assert APIMART.read_check(answer(429, **headers), ID, at) == Throttled(wait_s, until)


@pytest.mark.parametrize(
    ("status", "body", "left"),
    [
        (200, {"success": True, "remain_balance": 10.5, "remain_credits": 105, "unlimited_quota": False}, "10.5"),
        (200, {"success": True, "remain_balance": -1, "remain_credits": -1, "unlimited_quota": True}, None),
        (200, {"success": True, "remain_balance": 3, "unlimited_quota": True}, None),
        (200, {"success": False, "message": "invalid key", "remain_balance": 0}, None),
        (402, error("payment_required"), None),
    ],
)
def test_balance(status: int, body: Any, left: str | None, at: Endpoint) -> None:
    """A failure comes as HTTP 200 too, and a key without a limit of its own tells no figure."""
    call = APIMART.balance_call(at)
    assert call is not None
    assert (call.method, call.url) == ("GET", "https://api.example/v1/balance")
    told = APIMART.read_balance(answer(status, body))
    assert told == (None if left is None else Balance(Decimal(left), "USD"))


def test_there_is_no_list_to_find_a_lost_submit_in(at: Endpoint) -> None:
    """So a lost submit is held for a person, however long it lasts."""
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert (APIMART.memory_s, APIMART.find_calls(now, now, at)) == (0, ())
