"""Alibaba's own client (`dashscope`), unmodified, drives the simulator's dialect of it: generations 1 and 2."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import dashscope
import pytest
from dashscope.v2 import errors

from tests.conformance.witnesses.conftest import is_video
from tests.services import Simulator

#: The calls of generation 1; their stub names fewer than there are.
VideoSynthesis: Any = dashscope.VideoSynthesis
T2V: dict[str, Any] = {
    "model": "wan2.6-t2v",
    "prompt": "a red shoe",
    "size": "1280*720",
    "duration": 5,
    "prompt_extend": True,
}
IMAGE, CLIP = "https://example.com/shoe.png", "https://example.com/walk.mp4"
FLAGGED = {"prompt": "a forbidden shoe"}


@pytest.fixture
def account(place: Simulator, key: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Generation 1 is told its address and its key by the module's attributes, as documented."""
    monkeypatch.setattr(dashscope, "base_http_api_url", f"{place.url}/dashscope/api/v1")
    monkeypatch.setattr(dashscope, "api_key", key)
    return key


@pytest.fixture
def client(place: Simulator, key: str) -> Iterator[dashscope.Client]:
    """Generation 2 is told by its constructor; it would hide a 429 behind tries of its own."""
    with dashscope.Client(api_key=key, base_url=f"{place.url}/dashscope/api/v1", max_retries=0) as one:
        yield one


@pytest.mark.usefixtures("account")
class TestFirstGeneration:
    """`dashscope.VideoSynthesis`: answers are values, and errors are answers."""

    def test_call_submits_and_waits(self) -> None:
        """The one-call way ends with the video, its prompt and what is billed."""
        done = VideoSynthesis.call(**T2V)
        assert (done.status_code, done.output.task_status) == (HTTPStatus.OK, "SUCCEEDED")
        assert done.output.orig_prompt == "a red shoe"
        assert done.usage.video_count == 1
        assert is_video(done.output.video_url)

    @pytest.mark.parametrize(
        "order",
        [
            {"model": "wan2.6-i2v", "prompt": "it turns", "img_url": IMAGE, "resolution": "720P"},
            {"model": "wan2.6-i2v-flash", "prompt": "it turns", "img_url": IMAGE, "resolution": "720P", "audio": False},
            {"model": "wan2.6-r2v", "prompt": "character1 walks", "reference_urls": [CLIP, IMAGE], "size": "1280*720"},
            {"model": "wan2.6-r2v", "prompt": "character1 walks", "reference_video_urls": [CLIP], "size": "960*960"},
        ],
    )
    def test_every_mode_is_taken(self, place: Simulator, order: dict[str, Any]) -> None:
        """Picture, silent flash and references, in the client's own fields, become tasks."""
        taken = VideoSynthesis.async_call(duration=5, **order)
        assert (taken.status_code, taken.output.task_status) == (HTTPStatus.OK, "PENDING")
        assert place.purchases()[-1]["model"] == order["model"]

    def test_a_task_is_seen_on_its_way(self, weather: Callable[..., None]) -> None:
        """PENDING, then RUNNING, with the times as they are known; a wait that is too short says so."""
        weather(queue_s=3000, render_mean_s=3000)
        assert VideoSynthesis.fetch(VideoSynthesis.async_call(**T2V)).output.task_status == "PENDING"
        weather(queue_s=0)
        running = VideoSynthesis.fetch(VideoSynthesis.async_call(**T2V))
        assert running.output.task_status == "RUNNING"
        assert running.output.scheduled_time >= running.output.submit_time

    def test_list_and_cancel(self, weather: Callable[..., None]) -> None:
        """A waiting task is listed, cancelled, and listed as cancelled."""
        weather(queue_s=3000)
        task_id = VideoSynthesis.async_call(**T2V).output.task_id
        rows = VideoSynthesis.list(model_name="wan2.6-t2v", status="PENDING").output
        assert (rows["total"], [row["task_id"] for row in rows["data"]]) == (1, [task_id])
        assert VideoSynthesis.cancel(task_id).status_code == HTTPStatus.OK
        assert VideoSynthesis.fetch(task_id).output.task_status == "CANCELED"
        (row,) = VideoSynthesis.list(status="CANCELED").output["data"]
        assert row["end_time"] >= row["gmt_create"]

    def test_a_started_task_cannot_be_cancelled(self, weather: Callable[..., None]) -> None:
        """Too late is a 400 UnsupportedOperation."""
        weather(queue_s=0, render_mean_s=3000)
        late = VideoSynthesis.cancel(VideoSynthesis.async_call(**T2V))
        assert (late.status_code, late.code) == (HTTPStatus.BAD_REQUEST, "UnsupportedOperation")

    def test_a_failed_render_is_an_answer(self, weather: Callable[..., None]) -> None:
        """FAILED comes under HTTP 200 with its code and its words inside the output."""
        weather(p_failed=1)
        failed = VideoSynthesis.call(**T2V)
        assert (failed.status_code, failed.output.task_status) == (HTTPStatus.OK, "FAILED")
        assert (failed.output.code, bool(failed.output.message)) == ("InternalError.Algo", True)

    def test_an_unknown_task_is_an_answer(self) -> None:
        """A task that never was is UNKNOWN under HTTP 200, and a wait for it ends at once."""
        assert VideoSynthesis.wait("00000000-0000-0000-0000-000000000000").output.task_status == "UNKNOWN"

    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"model": "wan9"}, 404, "ModelNotFound"),
            ({"duration": 16}, 400, "InvalidParameter"),
            ({"seed": -1}, 400, "InvalidParameter"),
            (FLAGGED, 400, "DataInspectionFailed"),
            ({"api_key": "sk-foreign"}, 401, "InvalidApiKey"),
        ],
    )
    def test_a_refusal_is_an_answer(self, changes: dict[str, Any], status: int, code: str) -> None:
        """A refused order carries status, code, words and request id."""
        refused = VideoSynthesis.async_call(**{**T2V, **changes})
        assert (refused.status_code, refused.code) == (status, code)
        assert refused.message
        assert refused.request_id

    def test_a_throttled_order_is_an_answer(self, next_time: Callable[[str, str], None]) -> None:
        """A 429 is an answer to a submit."""
        next_time("submit", "429")
        assert (late := VideoSynthesis.async_call(**T2V)).status_code == HTTPStatus.TOO_MANY_REQUESTS
        assert late.code == "Throttling.RateQuota"

    def test_an_empty_account_is_an_answer(self) -> None:
        """The third video costs more than is left: Arrearage under HTTP 400."""
        first, second, third = (VideoSynthesis.async_call(**T2V) for _ in range(3))
        assert (first.status_code, second.status_code) == (HTTPStatus.OK, HTTPStatus.OK)
        assert (third.status_code, third.code) == (HTTPStatus.BAD_REQUEST, "Arrearage")

    def test_a_gateway_page_is_an_answer(self, next_time: Callable[[str, str], None]) -> None:
        """A page of HTML in place of JSON is an answer with its status, and no crash."""
        next_time("submit", "502")
        assert VideoSynthesis.async_call(**T2V).status_code == HTTPStatus.BAD_GATEWAY

    def test_a_wait_outlives_a_broken_poll(
        self, weather: Callable[..., None], next_time: Callable[[str, str], None]
    ) -> None:
        """A poll that meets a 503 is asked again."""
        weather(render_mean_s=450)
        taken = VideoSynthesis.async_call(**T2V)
        next_time("status", "503")
        assert VideoSynthesis.wait(taken).output.task_status == "SUCCEEDED"


class TestSecondGeneration:
    """`dashscope.Client().videos`: errors are exceptions."""

    def test_generate_submits_and_waits(self, client: dashscope.Client) -> None:
        """The one-call way ends with a job that has its video."""
        job = client.videos.generate(**T2V, poll_interval=0.02)
        assert job.succeeded
        assert job.finished_at
        assert is_video(job.video_url or "")

    def test_create_fetch_list_and_cancel(self, client: dashscope.Client, weather: Callable[..., None]) -> None:
        """A waiting job is fetched, counted in the list and cancelled."""
        weather(queue_s=3000)
        job = client.videos.jobs.create(**T2V)
        assert client.videos.jobs.fetch(job.task_id).status == "PENDING"
        assert client.videos.jobs.list(model_name="wan2.6-t2v").total == 1
        client.videos.jobs.cancel(job.task_id)
        assert client.videos.jobs.fetch(job.task_id).status == "CANCELED"

    def test_a_failed_render_is_raised(self, client: dashscope.Client, weather: Callable[..., None]) -> None:
        """FAILED is raised with the task's own code."""
        weather(p_failed=1)
        with pytest.raises(errors.DashScopeError) as caught:
            client.videos.generate(**T2V, poll_interval=0.02)
        assert caught.value.code == "InternalError.Algo"

    @pytest.mark.parametrize(
        ("changes", "kind", "code"),
        [
            ({"model": "wan9"}, errors.NotFoundError, "ModelNotFound"),
            ({"duration": 16}, errors.BadRequestError, "InvalidParameter"),
            (FLAGGED, errors.BadRequestError, "DataInspectionFailed"),
            ({"api_key": "sk-foreign"}, errors.AuthenticationError, "InvalidApiKey"),
        ],
    )
    def test_a_refusal_is_raised_by_its_kind(
        self, client: dashscope.Client, changes: dict[str, Any], kind: type[errors.DashScopeError], code: str
    ) -> None:
        """The client knows the kind of each refusal by its code and status."""
        with pytest.raises(kind) as caught:
            client.videos.jobs.create(**{**T2V, **changes})
        assert caught.value.code == code

    def test_throttling_and_an_empty_account_are_raised(
        self, client: dashscope.Client, next_time: Callable[[str, str], None]
    ) -> None:
        """A 429 is a rate limit; Arrearage is a refusal that no second try mends."""
        next_time("submit", "429")
        with pytest.raises(errors.RateLimitError):
            client.videos.jobs.create(**T2V)
        for _ in range(2):
            client.videos.jobs.create(**T2V)
        with pytest.raises(errors.APIStatusError) as caught:
            client.videos.jobs.create(**T2V)
        assert (caught.value.status_code, caught.value.code) == (400, "Arrearage")
