"""Segmind's own client (`segmind`), unmodified, drives the simulator's dialect of it."""

import contextlib
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from segmind import SegmindClient
from segmind.exceptions import SegmindError
from segmind.v2 import InferenceFailed, InferenceTimeout

from tests.conformance.witnesses.conftest import is_video
from tests.services import Simulator

T2V: dict[str, Any] = {"prompt": "a red shoe", "size": "1280*720", "duration": 5, "multi_shots": False, "seed": 7}
I2V: dict[str, Any] = {
    "prompt": "it turns",
    "image": "https://example.com/shoe.png",
    "resolution": "720p",
    "duration": 5,
}


@contextlib.contextmanager
def speaking(place: Simulator, api_key: str) -> Iterator[SegmindClient]:
    """The client with that key, its base URL given in the way that it documents."""
    one = SegmindClient(api_key=api_key, base_url=f"{place.url}/segmind/v1")
    with one._client:
        yield one


@pytest.fixture
def client(place: Simulator, key: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SegmindClient]:
    """A client with an account of its own, that also finds the history's host."""
    history = importlib.import_module("segmind.generations")
    monkeypatch.setattr(
        history, "REQUEST_HISTORY_URL", f"{place.url}/segmind/spotprod/inference-request/request-history"
    )
    with speaking(place, key) as one:
        yield one


@pytest.mark.parametrize(("slug", "inputs"), [("wan-2.6-t2v", T2V), ("wan-2.6-i2v", I2V)])
def test_submit_wait_and_fetch(client: SegmindClient, slug: str, inputs: dict[str, Any]) -> None:
    """A job is handed over, waited for, and ends with its cost and a video that can be fetched."""
    result = client.submit_async(slug, **inputs).wait(interval=0.02)
    assert (result["status"], result["error"]) == ("COMPLETED", None)
    assert result["metrics"]["cost"] == 0.625
    assert is_video(result["output"])


def test_run_does_all_of_it(client: SegmindClient) -> None:
    """The one-call way, with its poll of a second, ends with the same body."""
    assert is_video(client.run("wan-2.6-t2v", **T2V)["output"])


def test_a_job_is_seen_on_its_way(client: SegmindClient, weather: Callable[..., None]) -> None:
    """QUEUED, then PROCESSING; whoever waits for too short a time is told so, and the job goes on."""
    weather(queue_s=3000, render_mean_s=3000)
    waiting = client.submit_async("wan-2.6-t2v", **T2V)
    assert waiting.status()["status"] == "QUEUED"
    weather(queue_s=0)
    running = client.submit_async("wan-2.6-t2v", **T2V)
    assert running.status()["status"] == "PROCESSING"
    with pytest.raises(InferenceTimeout):
        running.wait(timeout=0.05, interval=0.02)


def test_a_failed_render_is_raised_with_its_words(client: SegmindClient, weather: Callable[..., None]) -> None:
    """FAILED under HTTP 422 is a failure to the client, with the server's words, and its result says the same."""
    weather(p_failed=1)
    job = client.submit_async("wan-2.6-t2v", **T2V)
    with pytest.raises(InferenceFailed) as caught:
        job.wait(interval=0.02)
    assert caught.value.detail == "Prediction failed: the model ended without an output"
    assert caught.value.status_body["status"] == "FAILED"
    assert "cost" not in job.result()["metrics"]


def test_a_flagged_prompt_fails_as_a_job(client: SegmindClient) -> None:
    """What the content check refuses is taken, and fails with the check's words."""
    job = client.submit_async("wan-2.6-t2v", **{**T2V, "prompt": "a forbidden shoe"})
    with pytest.raises(InferenceFailed) as caught:
        job.wait(interval=0.02)
    assert "moderation" in (caught.value.detail or "")


@pytest.mark.parametrize(
    ("slug", "changes", "status", "words"),
    [
        ("wan-9", {}, 404, "Model wan-9 not found"),
        ("wan-2.6-t2v", {"prompt": ""}, 400, "Missing required field: prompt"),
        ("wan-2.6-t2v", {"duration": "5"}, 400, "Invalid type for field duration"),
        ("wan-2.6-t2v", {"size": "960*960"}, 406, "Invalid value for size"),
        ("wan-2.6-i2v", {}, 400, "Missing required field: image"),
    ],
)
def test_a_wrong_order_is_raised(
    client: SegmindClient, place: Simulator, slug: str, changes: dict[str, Any], status: int, words: str
) -> None:
    """A refusal reaches the caller with its status and its words, and buys nothing."""
    before = len(place.purchases())
    with pytest.raises(SegmindError) as caught:
        client.submit_async(slug, **{**T2V, **changes})
    assert caught.value.status == status
    assert words in (caught.value.detail or "")
    assert len(place.purchases()) == before


def test_a_foreign_key_is_raised(place: Simulator) -> None:
    """A key that the provider did not give is a 401 at every door."""
    with speaking(place, "SG_foreign") as stranger, pytest.raises(SegmindError) as caught:
        stranger.submit_async("wan-2.6-t2v", **T2V)
    assert caught.value.status == 401
    assert "invalid" in (caught.value.detail or "")


@pytest.mark.parametrize(("then", "status"), [("429", 429), ("500", 500), ("503", 503)])
def test_a_busy_or_broken_provider_is_raised(
    client: SegmindClient, next_time: Callable[[str, str], None], then: str, status: int
) -> None:
    """Throttling and server errors reach the caller as what they are."""
    next_time("submit", then)
    with pytest.raises(SegmindError) as caught:
        client.submit_async("wan-2.6-t2v", **T2V)
    assert caught.value.status == status
    assert caught.value.detail


def test_an_empty_account_is_raised(client: SegmindClient) -> None:
    """The third video costs more than is left: 406, in the words of the documents."""
    for _ in range(2):
        client.submit_async("wan-2.6-t2v", **T2V)
    with pytest.raises(SegmindError) as caught:
        client.submit_async("wan-2.6-t2v", **T2V)
    assert (caught.value.status, caught.value.detail) == (406, "Insufficient credits")


def test_the_history_finds_a_request_again(client: SegmindClient) -> None:
    """List and look-up show the inputs as sent, the cost and the link, newest first."""
    ids = []
    for seed in (1, 2):
        job = client.submit_async("wan-2.6-t2v", **{**T2V, "seed": seed})
        job.wait(interval=0.02)
        ids.append(job.request_id)
    rows = client.generations.history(model_name="wan-2.6", status="COMPLETED")["data"]
    assert [row["request_id"] for row in rows] == ids[::-1]
    row = client.generations.get(ids[0])
    assert (row["request_body"]["seed"], row["credits_deduction"]) == (1, 0.625)
    assert is_video(row["generation_url"])


def test_an_unknown_request_is_raised(client: SegmindClient) -> None:
    """A look-up of a request that never was is a 404."""
    with pytest.raises(SegmindError) as caught:
        client.generations.get("00000000-0000-0000-0000-000000000000")
    assert caught.value.status == 404
