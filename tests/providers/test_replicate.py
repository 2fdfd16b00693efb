"""Replicate's dialect: what is sent, and what every documented or odd answer means."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from jobs.job import Job, Mode
from providers.contract import (
    Accepted,
    Call,
    Candidate,
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

REPLICATE = provider("replicate")
ID = "gm3qorzdhgbfurvjtvhg6dckhu"
URL = "https://replicate.delivery/xezq/abc/tmp_video.mp4"
SLOW = {"detail": "Request was throttled. Your rate limit resets in ~30s."}


def prediction(status: str, **more: Any) -> dict[str, Any]:
    """A prediction as Replicate tells it."""
    urls = {"get": f"https://api.replicate.com/v1/predictions/{ID}", "cancel": "https://api.replicate.com/x"}
    return {"id": ID, "model": "wan-video/wan-2.6-t2v", "status": status, "error": None, "urls": urls, **more}


def test_text_to_video_call(job: Callable[..., Job], at: Endpoint) -> None:
    """The order is the input; every field that changes meaning or price is sent."""
    ordered = job(resolution="1080p", aspect_ratio="9:16", duration_s=10, shot_type="multi", negative_prompt="rain")
    call = REPLICATE.submit_call(ordered, at, "j:1")
    assert (call.method, call.url) == (
        "POST",
        "https://api.example/v1/models/wan-video/wan-2.6-t2v/predictions",
    )
    assert call.headers == {"Authorization": "Bearer secret-key", "Content-Type": "application/json"}
    assert call.body == {
        "input": {
            "prompt": "a red shoe",
            "negative_prompt": "rain",
            "size": "1080*1920",
            "duration": 10,
            "multi_shots": True,
            "enable_prompt_expansion": True,
            "seed": 7,
        }
    }


def test_image_to_video_call(job: Callable[..., Job], at: Endpoint) -> None:
    """The image gives the shape, so a resolution stands in place of the size; a track is `audio`."""
    call = REPLICATE.submit_call(job(Mode.I2V, audio_track="https://example.com/a.mp3"), at, "j:1")
    assert call.url == "https://api.example/v1/models/wan-video/wan-2.6-i2v/predictions"
    assert call.body == {
        "input": {
            "prompt": "a red shoe",
            "negative_prompt": "",
            "image": "https://example.com/shoe.png",
            "audio": "https://example.com/a.mp3",
            "resolution": "720p",
            "duration": 5,
            "multi_shots": False,
            "enable_prompt_expansion": True,
            "seed": 7,
        }
    }


@pytest.mark.parametrize(
    ("mode", "changes", "column", "problem"),
    [
        (Mode.R2V, {}, "reference_urls", "does not sell r2v"),
        (Mode.I2V, {"model": "flash"}, "model", "with the flash model"),
        (Mode.T2V, {"aspect_ratio": "1:1"}, "aspect_ratio", "1:1 is not sold"),
        (Mode.T2V, {"duration_s": 6}, "duration", "6 is not sold"),
        (Mode.T2V, {"audio": False}, "audio", "with sound only"),
        (Mode.T2V, {"watermark": True}, "watermark", "no watermark"),
    ],
)
def test_what_replicate_does_not_sell(
    mode: Mode, changes: dict[str, Any], column: str, problem: str, job: Callable[..., Job]
) -> None:
    """It is refused before any money moves, by its column."""
    (found,) = REPLICATE.complaints(job(mode, **changes).render)
    assert found.column == column
    assert problem in found.problem


def test_what_is_reserved(job: Callable[..., Job]) -> None:
    """The list's price for every second."""
    assert REPLICATE.price_usd(job().render) == Decimal("0.50")
    assert REPLICATE.price_usd(job(Mode.I2V, resolution="1080p", duration_s=15).render) == Decimal("2.25")


def test_keys_stay_out_of_reprs(job: Callable[..., Job], at: Endpoint) -> None:
    """A call or an endpoint in a log or a traceback shows no key."""
    assert "secret-key" not in repr((at, REPLICATE.submit_call(job(), at, "j:1"), REPLICATE.check_call(ID, at)))


def test_accepted() -> None:
    """A 201 with an id is a purchase, even of a prediction that has failed at once: the look tells how it ended."""
    assert REPLICATE.read_submit(answer(201, prediction("starting"))) == Accepted(ID)
    assert REPLICATE.read_submit(answer(201, prediction("failed", error="boom"))) == Accepted(ID)


@pytest.mark.parametrize(
    ("status", "body"),
    [(201, {}), (201, b"<html>"), (200, {"id": 17}), (200, {"id": "../x"}), (302, b""), (408, b""), (500, b"")],
)
def test_a_submit_whose_answer_proves_nothing_is_lost(status: int, body: Any) -> None:
    """Neither bought nor not bought: nobody may send it again."""
    assert isinstance(REPLICATE.read_submit(answer(status, body)), Lost)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"title": "Unauthenticated", "detail": "You did not pass a token", "status": 401}, Kind.KEY_REFUSED),
        (402, {"title": "Insufficient credit", "detail": "You have insufficient credit.", "status": 402},
         Kind.OUT_OF_CREDIT),
        (402, b"", Kind.OUT_OF_CREDIT),
        (403, {"detail": "A payment method is required"}, Kind.OUT_OF_CREDIT),
        (403, {"detail": "You do not have permission to perform this action."}, Kind.KEY_REFUSED),
        (404, {"detail": "The requested resource could not be found.", "status": 404}, Kind.BAD_REQUEST),
        (422, {"title": "Input validation failed", "detail": "- input.duration: must be one of 5, 10, 15"},
         Kind.BAD_REQUEST),
        (422, {"detail": "The prompt was flagged as sensitive."}, Kind.CONTENT_REFUSED),
        (429, SLOW, Kind.RATE_LIMITED),
        (405, b"<html>", Kind.BAD_REQUEST),
    ],
)  # fmt: skip
def test_a_definite_no(status: int, body: Any, kind: Kind) -> None:
    """A 4xx bought nothing; its problem document says why."""
    reading = REPLICATE.read_submit(answer(status, body))
    assert isinstance(reading, Rejected)
    assert reading.kind is kind
    assert reading.message
    assert reading.hint


def test_when_to_come_back(at: Endpoint) -> None:
    """A 429 says it in a header or in words, for submits and for looks alike; the header is the more exact."""
    for headers, wait_s in (({}, 30.0), ({"retry_after": "7"}, 7.0)):
        throttled = answer(429, SLOW, **headers)
        reading = REPLICATE.read_submit(throttled)
        assert isinstance(reading, Rejected)
        assert reading.retry_after_s == wait_s
        assert REPLICATE.read_check(throttled, ID, at) == Throttled(wait_s)
        assert REPLICATE.read_find(throttled, Call("GET", at.base_url)) == Throttled(wait_s)


def test_check_call_quotes_the_task_id(at: Endpoint) -> None:
    """Whatever a task id holds, it stays one segment of the path."""
    assert REPLICATE.check_call(ID, at).url == f"https://api.example/v1/predictions/{ID}"
    assert REPLICATE.check_call("a/b?c", at).url == "https://api.example/v1/predictions/a%2Fb%3Fc"


@pytest.mark.parametrize("state", ["starting", "processing"])
def test_still_rendering(state: str, at: Endpoint) -> None:
    """Open states wait."""
    assert REPLICATE.read_check(answer(200, prediction(state, output=None)), ID, at) == Open()


@pytest.mark.parametrize("output", [URL, [URL]])
def test_the_video(output: Any, at: Endpoint) -> None:
    """The output is the URL, which lives an hour; no cost and no seed are told."""
    body = prediction("succeeded", output=output, metrics={"predict_time": 171.2})
    body |= {"created_at": "2026-11-21T07:10:00.000Z", "completed_at": "2026-11-21T07:13:00.500Z"}
    assert REPLICATE.read_check(answer(200, body), ID, at) == Finished(url=URL, url_life_s=3600, took_s=180.5)


@pytest.mark.parametrize(
    ("state", "error", "kind", "billed"),
    [
        ("failed", "CUDA out of memory", Kind.RENDER_FAILED, None),
        ("failed", "The input or output was flagged as sensitive. (E005)", Kind.CONTENT_REFUSED, None),
        ("canceled", None, Kind.RENDER_FAILED, None),
        ("aborted", None, Kind.RENDER_FAILED, False),
    ],
)
def test_a_bad_end(state: str, error: str | None, kind: Kind, billed: bool | None, at: Endpoint) -> None:
    """Only what never began is known to cost nothing; the rest is not bought again by itself."""
    reading = REPLICATE.read_check(answer(200, prediction(state, error=error)), ID, at)
    assert isinstance(reading, Failed)
    assert (reading.why.kind, reading.why.code, reading.billed) == (kind, state, billed)
    assert reading.why.message == (error or f"the task ended {state}")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {}),
        (200, b"<html>"),
        (200, prediction("dreaming")),
        (200, prediction("succeeded", output=None, data_removed=True)),
        (200, prediction("succeeded", output=[])),
        (401, {"detail": "no", "status": 401}),
        (404, {"detail": "Prediction not found", "status": 404}),
        (500, b""),
        (503, prediction("failed")),
    ],
)
def test_no_news_is_no_failure(status: int, body: Any, at: Endpoint) -> None:
    """Whatever cannot be read as the prediction's end leaves the job waiting."""
    assert isinstance(REPLICATE.read_check(answer(status, body), ID, at), Unreadable)


def test_the_list_is_asked_from_an_instant_on(at: Endpoint) -> None:
    """One list holds the predictions of all models."""
    calls = REPLICATE.find_calls(datetime(2026, 11, 21, 8, tzinfo=UTC), datetime(2026, 11, 21, 9, tzinfo=UTC), at)
    url = "https://api.example/v1/predictions?created_after=2026-11-21T08%3A00%3A00Z"
    assert calls == (Call("GET", url, REPLICATE.headers(at)),)


def test_a_page_of_the_list_and_the_next() -> None:
    """Rows tell all that was sent until their data are removed; the next page is called as it is told."""
    asked = Call("GET", "https://api.example/v1/predictions", {"Authorization": "Bearer k"})
    sent = {"prompt": "a red shoe", "seed": 7}
    at = "2026-11-21T08:00:01.123Z"
    rows = [
        prediction("succeeded", input=sent, created_at=at),
        prediction("processing", input=sent) | {"id": "p2"},
        prediction("aborted", input={}, data_removed=True) | {"id": "p3"},
        prediction("succeeded") | {"id": "no/id"},
        7,
    ]
    following = "https://api.example/v1/predictions?cursor=cD0yMDI2"
    page = REPLICATE.read_find(answer(200, {"results": rows, "next": following, "previous": None}), asked)
    assert isinstance(page, Found)
    assert [(row.task_id, row.state) for row in page.rows] == [(ID, "succeeded"), ("p2", "open"), ("p3", "failed")]
    assert page.rows[0] == Candidate(
        ID,
        datetime(2026, 11, 21, 8, 0, 1, 123_000, tzinfo=UTC),
        "succeeded",
        {"model": "wan-video/wan-2.6-t2v", **sent},
    )
    assert page.rows[2].told == {"model": "wan-video/wan-2.6-t2v"}
    assert page.following == Call("GET", following, asked.headers)
    assert REPLICATE.read_find(answer(200, {"results": [], "next": None}), asked) == Found((), None)


def test_a_next_page_elsewhere_is_not_followed() -> None:
    """The token goes to Replicate's host only, and half a list proves nothing."""
    asked = Call("GET", "https://api.example/v1/predictions", {"Authorization": "Bearer k"})
    page = REPLICATE.read_find(answer(200, {"results": [], "next": "https://evil.example/v1/predictions"}), asked)
    assert isinstance(page, Unreadable)


def test_all_of_the_input_is_told(job: Callable[..., Job]) -> None:
    """A prediction is a job's only if everything that was sent agrees, seed included."""
    told = REPLICATE.told(job(), "j:1")
    assert told == {"model": "wan-video/wan-2.6-t2v", **REPLICATE.body(job())["input"]}


@pytest.mark.parametrize(("state", "unbilled"), [("aborted", True), ("canceled", False), ("processing", False)])
def test_cancel(state: str, unbilled: bool, at: Endpoint) -> None:
    """What was canceled while it ran is billed; only what never began is certain to cost nothing."""
    call = REPLICATE.cancel_call(ID, at)
    assert call is not None
    assert (call.method, call.url) == ("POST", f"https://api.example/v1/predictions/{ID}/cancel")
    assert REPLICATE.read_cancel(answer(200, prediction(state))) is unbilled
    assert REPLICATE.read_cancel(answer(404, prediction(state))) is False


def test_no_key_can_ask_for_the_balance(at: Endpoint) -> None:
    """Replicate shows it on its site only."""
    assert REPLICATE.balance_call(at) is None
