"""fal's dialect: what is sent, and what every documented or odd answer means."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from jobs.job import Job, Mode
from providers.contract import (
    Accepted,
    Ask,
    Balance,
    Call,
    Candidate,
    CheckReading,
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

FAL = provider("fal")
ID = "80e732af-660e-45cd-bd63-580e4f2a94cc"
URL = "https://v3b.fal.media/files/b/0a867564/video.mp4"
LIST = "https://platform.example/v1/models/requests/by-endpoint"
RESULT = {"video": {"url": URL, "content_type": "video/mp4"}, "seed": 175932751, "actual_prompt": "a red shoe, lit"}


@pytest.fixture
def at() -> Endpoint:
    """The queue and the platform host."""
    return Endpoint("https://queue.example", "secret-key", {"api": "https://platform.example"})


def test_text_to_video_call(job: Callable[..., Job], at: Endpoint) -> None:
    """Every field is sent, since 1080p and several shots are fal's defaults; the duration is text."""
    call = FAL.submit_call(job(aspect_ratio="3:4", duration_s=10), at, "j:1")
    assert (call.method, call.url) == ("POST", "https://queue.example/wan/v2.6/text-to-video")
    assert call.headers == {"Authorization": "Key secret-key", "Content-Type": "application/json"}
    assert call.body == {
        "prompt": "a red shoe",
        "negative_prompt": "",
        "aspect_ratio": "3:4",
        "resolution": "720p",
        "duration": "10",
        "enable_prompt_expansion": True,
        "multi_shots": False,
        "seed": 7,
        "enable_safety_checker": True,
    }


@pytest.mark.parametrize(("model", "path"), [("standard", "image-to-video"), ("flash", "image-to-video/flash")])
def test_image_to_video_call(model: str, path: str, job: Callable[..., Job], at: Endpoint) -> None:
    """The image gives the shape, so no ratio is sent; flash has no switch for the sound here."""
    track = "https://example.com/a.mp3"
    ordered = job(Mode.I2V, model=model, shot_type="multi", resolution="1080p", audio_track=track)
    call = FAL.submit_call(ordered, at, "j:1")
    assert call.url == f"https://queue.example/wan/v2.6/{path}"
    assert call.body == {
        "prompt": "a red shoe",
        "negative_prompt": "",
        "image_url": "https://example.com/shoe.png",
        "audio_url": track,
        "resolution": "1080p",
        "duration": "5",
        "enable_prompt_expansion": True,
        "multi_shots": True,
        "seed": 7,
        "enable_safety_checker": True,
    }


def test_reference_to_video_call(job: Callable[..., Job], at: Endpoint) -> None:
    """The prompt's character1 and character2 are @Video1 and @Video2 at fal; other words stay as they are."""
    videos = ("https://example.com/ann.mp4", "https://example.com/bob.mov?v=2")
    prompt = "Character1 hands character2 a shoe; character3 and characters watch"
    call = FAL.submit_call(job(Mode.R2V, references=videos, prompt=prompt, prompt_expansion=False), at, "j:1")
    assert call.url == "https://queue.example/wan/v2.6/reference-to-video"
    assert call.body == {
        "prompt": "@Video1 hands @Video2 a shoe; character3 and characters watch",
        "negative_prompt": "",
        "video_urls": list(videos),
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "duration": "5",
        "enable_prompt_expansion": False,
        "multi_shots": False,
        "seed": 7,
        "enable_safety_checker": True,
    }


def test_mixed_references_are_renumbered(job: Callable[..., Job], at: Endpoint) -> None:
    """Flash takes images too, and counts them after the videos: a name in the prompt keeps its reference."""
    image, video = "https://example.com/hat.png", "https://example.com/ann.mp4"
    ordered = job(Mode.R2V, model="flash", references=(image, video), prompt="character2 wears character1", audio=False)
    call = FAL.submit_call(ordered, at, "j:1")
    assert call.url == "https://queue.example/wan/v2.6/reference-to-video/flash"
    assert call.body is not None
    assert call.body["prompt"] == "Character1 wears Character2"
    assert (call.body["video_urls"], call.body["image_urls"]) == ([video], [image])
    assert call.body["enable_audio"] is False
    assert call.body["enable_safety_checker"] is True


@pytest.mark.parametrize(
    ("mode", "changes", "column", "problem"),
    [
        (Mode.T2V, {"prompt": "x" * 801}, "prompt", "801 characters and fal takes 800"),
        (Mode.T2V, {"duration_s": 7}, "duration", "7 is not sold"),
        (Mode.T2V, {"model": "flash"}, "model", "does not sell t2v with the flash model"),
        (Mode.T2V, {"audio": False}, "audio", "with sound only"),
        (Mode.I2V, {"model": "flash", "audio": False}, "audio", "with sound only"),
        (Mode.R2V, {"duration_s": 15}, "duration", "15 is not sold"),
        (Mode.R2V, {"references": ("https://example.com/hat.png",)}, "reference_urls", "no images"),
        (Mode.R2V, {"audio_track": "https://example.com/a.mp3"}, "audio_url", "no audio track"),
    ],
)
def test_what_fal_does_not_sell(
    mode: Mode, changes: dict[str, Any], column: str, problem: str, job: Callable[..., Job]
) -> None:
    """It is refused before any money moves, by its column."""
    (found,) = FAL.complaints(job(mode, **changes).render)
    assert found.column == column
    assert problem in found.problem


@pytest.mark.parametrize(
    ("mode", "changes", "price"),
    [
        (Mode.T2V, {}, "0.50"),
        (Mode.T2V, {"resolution": "1080p", "duration_s": 15}, "2.25"),
        (Mode.I2V, {"model": "flash"}, "0.25"),
        (Mode.R2V, {}, "1.00"),
        (Mode.R2V, {"model": "flash", "audio": False}, "0.25"),
    ],
)
def test_what_is_reserved(mode: Mode, changes: dict[str, Any], price: str, job: Callable[..., Job]) -> None:
    """The list's price for every second, and for 5 seconds of input where there may be some on the bill."""
    assert FAL.price_usd(job(mode, **changes).render) == Decimal(price)


def test_keys_stay_out_of_reprs(job: Callable[..., Job], at: Endpoint) -> None:
    """A call or an endpoint in a log or a traceback shows no key."""
    assert "secret-key" not in repr((at, FAL.submit_call(job(), at, "j:1"), FAL.check_call(ID, at)))


def test_every_endpoint_shares_one_place_for_its_requests(at: Endpoint) -> None:
    """Status, result and cancel stand below owner and app, so the task's id alone is enough to find it."""
    assert all(offer.slug.startswith("wan/v2.6/") for offer in FAL.facts.offers)
    below = f"https://queue.example/wan/v2.6/requests/{ID}"
    assert FAL.check_call(ID, at) == Call("GET", f"{below}/status", FAL.headers(at))
    assert FAL.cancel_call(ID, at) == Call("PUT", f"{below}/cancel", FAL.headers(at))


def test_accepted() -> None:
    """A 200 with a request_id is a purchase."""
    body = {"request_id": ID, "response_url": "https://queue.fal.run/x", "queue_position": 0}
    assert FAL.read_submit(answer(200, body, x_fal_request_id=ID)) == Accepted(ID, ID)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {}),
        (200, b"<html>"),
        (200, {"request_id": "wan/v2.6/1"}),
        (408, {"detail": "timeout"}),
        (500, {"detail": "Internal Server Error"}),
        (504, {"detail": "Request timed out", "error_type": "request_timeout"}),
    ],
)
def test_a_submit_whose_answer_proves_nothing_is_lost(status: int, body: Any) -> None:
    """Neither bought nor not bought: nobody may send it again."""
    assert isinstance(FAL.read_submit(answer(status, body)), Lost)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"detail": "Cannot access application. Authentication is required."}, Kind.KEY_REFUSED),
        (402, b"", Kind.OUT_OF_CREDIT),
        (403, {"detail": "User is locked. Reason: Exhausted balance. Top up your balance."}, Kind.OUT_OF_CREDIT),
        (403, {"detail": "User is locked. Reason: TOP_UP."}, Kind.OUT_OF_CREDIT),
        (403, {"detail": "User is locked. Reason: Admin lock. Please contact support@fal.ai."}, Kind.KEY_REFUSED),
        (403, {"detail": "You do not have permission to access this endpoint"}, Kind.KEY_REFUSED),
        (404, {"detail": "Application not found"}, Kind.BAD_REQUEST),
        (422, {"detail": [{"loc": ["body", "duration"], "msg": "not one of 5", "type": "enum"}]}, Kind.BAD_REQUEST),
        (422, {"detail": [{"msg": "Not allowed", "type": "content_policy_violation"}]}, Kind.CONTENT_REFUSED),
        (429, {"detail": "Too many requests"}, Kind.RATE_LIMITED),
        (418, b"\xff\xfe", Kind.BAD_REQUEST),
    ],
)
def test_a_definite_no_by_its_words(status: int, body: Any, kind: Kind) -> None:
    """A 403 may be about money, about fal's own lock, or about the key: its words decide."""
    reading = FAL.read_submit(answer(status, body))
    assert isinstance(reading, Rejected)
    assert reading.kind is kind
    assert reading.message
    assert reading.hint


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (202, {"status": "IN_QUEUE", "queue_position": 3, "response_url": "https://queue.fal.run/x"}),
        (202, {"status": "IN_PROGRESS", "logs": None}),
        (200, {"status": "IN_PROGRESS", "logs": []}),
    ],
)
def test_still_rendering(status: int, body: Any, at: Endpoint) -> None:
    """Open states wait, under whatever 2xx they come; what stands in the queue has not begun."""
    assert FAL.read_check(answer(status, body), ID, at) == Open(waiting="queue_position" in body)


def test_the_status_points_to_the_result(at: Endpoint) -> None:
    """A completed request's video is another call."""
    body = {"status": "COMPLETED", "logs": [], "metrics": {"inference_time": 171.2}}
    reading = FAL.read_check(answer(200, body), ID, at)
    assert reading == Ask(Call("GET", f"https://queue.example/wan/v2.6/requests/{ID}", FAL.headers(at)))


def test_the_result(at: Endpoint) -> None:
    """The URL, the seed that was used and the prompt as it was rewritten; no cost is told."""
    assert FAL.read_check(answer(200, RESULT), ID, at) == Finished(
        url=URL, seed=175932751, prompt_expanded="a red shoe, lit", url_life_s=86_400
    )


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "billed"),
    [
        (
            200,
            {"status": "COMPLETED", "error": "Runner disconnected", "error_type": "runner_disconnected"},
            Kind.RENDER_FAILED,
            "runner_disconnected",
            False,
        ),
        (
            200,
            {"status": "COMPLETED", "error": "Request timed out", "error_type": "request_timeout"},
            Kind.RENDER_FAILED,
            "request_timeout",
            False,
        ),
        (200, {"status": "COMPLETED", "error": "ran out of luck"}, Kind.RENDER_FAILED, "COMPLETED", None),
        (
            200,
            {"status": "COMPLETED", "error": "flagged", "error_type": "content_policy_violation"},
            Kind.CONTENT_REFUSED,
            "content_policy_violation",
            None,
        ),
        (
            422,
            {"detail": [{"loc": ["body"], "msg": "Flagged by a content checker", "type": "content_policy_violation"}]},
            Kind.CONTENT_REFUSED,
            "content_policy_violation",
            None,
        ),
        (
            422,
            {"detail": [{"loc": ["body", "image_url"], "msg": "no image", "type": "file_download_error"}]},
            Kind.RENDER_FAILED,
            "file_download_error",
            None,
        ),
    ],
)
def test_a_failed_request(status: int, body: Any, kind: Kind, code: str, billed: bool | None, at: Endpoint) -> None:
    """COMPLETED with an error is a failure. Errors of fal's servers are never billed; of others nobody knows."""
    reading = FAL.read_check(answer(status, body), ID, at)
    assert isinstance(reading, Failed)
    assert (reading.why.kind, reading.why.code, reading.billed) == (kind, code, billed)
    assert reading.why.message
    assert reading.why.hint


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {}),
        (200, b"<html>"),
        (200, {"status": "DREAMING"}),
        (200, {"video": None}),
        (200, {"video": {"url": "ftp://x"}}),
        (400, {"detail": "Request is still in progress"}),
        (401, {"detail": "Unauthorized"}),
        (403, {"detail": "User is locked. Reason: Exhausted balance."}),
        (404, b"<html>"),
        (422, b"<html>"),
        (500, {"detail": "Internal Server Error"}),
        (502, b""),
        (504, {"detail": "Request timed out", "error_type": "request_timeout"}),
    ],
)
def test_no_news_is_no_failure(status: int, body: Any, at: Endpoint) -> None:
    """Whatever cannot be read as the request's end leaves the job waiting."""
    assert isinstance(FAL.read_check(answer(status, body), ID, at), Unreadable)


def test_a_poll_too_fast(at: Endpoint) -> None:
    """A 429 on a look says how long to wait, if it says so."""
    assert FAL.read_check(answer(429, b"", retry_after="3"), ID, at) == Throttled(3.0)
    assert FAL.read_check(answer(429, b""), ID, at) == Throttled()


def test_a_forgotten_request_is_looked_up_in_the_list(at: Endpoint) -> None:
    """The result is kept for an hour; the list knows it longer, whichever of the endpoints it was of."""
    reading = FAL.read_check(answer(404, {"detail": "Request not found"}), ID, at)
    assert isinstance(reading, Ask)
    url, _, query = reading.call.url.partition("?")
    assert url == LIST
    assert f"request_id={ID}" in query
    assert query.count("wan%2Fv2.6%2F") == 5
    assert "expand=payloads" in query


ROW = {
    "request_id": ID,
    "endpoint_id": "wan/v2.6/text-to-video",
    "sent_at": "2026-11-21T08:00:01Z",
    "started_at": "2026-11-21T08:00:05Z",
    "ended_at": "2026-11-21T08:03:08Z",
    "status_code": 200,
    "duration": 183.2,
    "json_input": {"prompt": "a red shoe", "duration": "5", "seed": 7},
    "json_output": RESULT,
}
DONE = Finished(url=URL, seed=175932751, prompt_expanded="a red shoe, lit", url_life_s=86_400)


@pytest.mark.parametrize(
    ("rows", "reading"),
    [
        ([ROW], DONE),
        ([ROW | {"request_id": "another", "status_code": 500}, ROW], DONE),
        ([ROW | {"ended_at": None, "status_code": None, "json_output": None}], Open()),
    ],
)
def test_a_row_of_the_list(rows: Any, reading: CheckReading, at: Endpoint) -> None:
    """The row tells what the status no longer does."""
    assert FAL.read_check(answer(200, {"items": rows, "has_more": False}), ID, at) == reading


def test_a_failed_row_of_the_list(at: Endpoint) -> None:
    """The model's error stands in place of its output."""
    error = {"detail": [{"msg": "no luck", "type": "file_download_error"}]}
    for status, billed in ((422, None), (500, False)):
        row = ROW | {"status_code": status, "json_output": error}
        reading = FAL.read_check(answer(200, {"items": [row]}), ID, at)
        assert isinstance(reading, Failed)
        assert (reading.why.message, reading.billed) == ("no luck", billed)


@pytest.mark.parametrize("rows", [[], None, ["x"], [ROW | {"request_id": "another"}], [ROW | {"json_output": None}]])
def test_a_list_without_the_row_is_no_failure(rows: Any, at: Endpoint) -> None:
    """A row that is missing, another's or empty leaves the job waiting."""
    assert isinstance(FAL.read_check(answer(200, {"items": rows}), ID, at), Unreadable)


def test_every_endpoint_is_searched(at: Endpoint) -> None:
    """A lost submit may be of any model that is sold; each has a list of its own, with the inputs."""
    since, until = datetime(2026, 11, 21, 8, tzinfo=UTC), datetime(2026, 11, 21, 9, tzinfo=UTC)
    calls = FAL.find_calls(since, until, at)
    assert len(calls) == len(FAL.facts.offers) == 5
    assert calls[0] == Call(
        "GET",
        f"{LIST}?endpoint_id=wan%2Fv2.6%2Ftext-to-video&start=2026-11-21T08%3A00%3A00Z&expand=payloads&limit=100",
        FAL.headers(at),
    )


def test_a_page_of_the_list_and_the_next() -> None:
    """Rows tell all that was sent; the cursor leads on for as long as there is more."""
    asked = Call("GET", f"{LIST}?endpoint_id=wan%2Fv2.6%2Ftext-to-video&limit=100", {"Authorization": "Key k"})
    rows = [
        ROW,
        ROW | {"request_id": "r2", "status_code": 422},
        ROW | {"request_id": "r3", "ended_at": None, "status_code": None},
        ROW | {"request_id": "no/id"},
        "noise",
    ]
    page = FAL.read_find(answer(200, {"items": rows, "has_more": True, "next_cursor": "Mg=="}), asked)
    assert isinstance(page, Found)
    assert [(row.task_id, row.state) for row in page.rows] == [(ID, "succeeded"), ("r2", "failed"), ("r3", "open")]
    assert page.rows[0] == Candidate(
        ID,
        datetime(2026, 11, 21, 8, 0, 1, tzinfo=UTC),
        "succeeded",
        {"model": "wan/v2.6/text-to-video", "prompt": "a red shoe", "duration": "5", "seed": 7},
    )
    assert page.following == Call("GET", f"{asked.url}&cursor=Mg%3D%3D", asked.headers)
    last = FAL.read_find(answer(200, {"items": [], "has_more": False, "next_cursor": None}), page.following)
    assert last == Found((), None)


@pytest.mark.parametrize(
    ("status", "body", "reading"),
    [(429, b"", Throttled()), (401, {"detail": "no"}, Unreadable), (200, {"items": None}, Unreadable)],
)
def test_no_page_of_a_list(status: int, body: Any, reading: Any) -> None:
    """What is no list proves nothing about any submit."""
    found = FAL.read_find(answer(status, body), Call("GET", LIST))
    assert found == reading if isinstance(reading, Throttled) else isinstance(found, reading)


def test_all_of_the_input_is_told(job: Callable[..., Job], at: Endpoint) -> None:
    """A task is a job's only if everything that was sent agrees, seed and translated prompt included."""
    ordered = job(Mode.R2V, prompt="character1 runs")
    sent = FAL.submit_call(ordered, at, "j:1").body or {}
    told = FAL.told(ordered, "j:1")
    assert told == {"model": "wan/v2.6/reference-to-video", **sent}
    assert told["prompt"] == "@Video1 runs"


@pytest.mark.parametrize(
    ("status", "body", "unbilled"),
    [
        (200, {"status": "OK"}, True),
        (202, {"status": "CANCELLATION_REQUESTED"}, False),
        (400, {"status": "ALREADY_COMPLETED"}, False),
        (404, {"status": "NOT_FOUND"}, False),
        (200, b"", False),
    ],
)
def test_cancel(status: int, body: Any, unbilled: bool) -> None:
    """Only what was taken out of the queue is certain to be neither rendered nor billed."""
    assert FAL.read_cancel(answer(status, body)) is unbilled


@pytest.mark.parametrize(
    ("status", "body", "left"),
    [
        (
            200,
            {"username": "ada", "credits": {"current_balance": 24.5, "currency": "USD"}},
            Balance(Decimal("24.5"), "USD"),
        ),
        (200, {"credits": {"current_balance": 0}}, Balance(Decimal(0), "USD")),
        (200, {"username": "ada"}, None),
        (200, {"credits": 5}, None),
        (403, {"detail": "Admin API key required", "credits": {"current_balance": 1}}, None),
        (200, b"<html>", None),
    ],
)
def test_balance(status: int, body: Any, left: Balance | None, at: Endpoint) -> None:
    """On the platform host; a key without the right to ask is told nothing."""
    call = FAL.balance_call(at)
    assert call is not None
    assert (call.method, call.url) == ("GET", "https://platform.example/v1/account/billing?expand=credits")
    assert FAL.read_balance(answer(status, body)) == left
