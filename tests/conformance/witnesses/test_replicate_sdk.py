"""Replicate's own client (`replicate`), unmodified, drives the simulator's dialect of it."""

import asyncio
import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from replicate.client import Client
from replicate.exceptions import ModelError, ReplicateError
from replicate.pagination import paginate

from tests.conformance.witnesses.conftest import is_video
from tests.services import Simulator

T2V, I2V = "wan-video/wan-2.6-t2v", "wan-video/wan-2.6-i2v"
SHOE: dict[str, Any] = {"prompt": "a red shoe", "size": "1280*720", "duration": 5, "seed": 7}


@pytest.fixture
def client(place: Simulator, key: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client with an account of its own; its base URL and its pause between polls are given as it documents."""
    monkeypatch.setenv("REPLICATE_POLL_INTERVAL", "0.02")
    one = Client(api_token=key, base_url=f"{place.url}/replicate")
    yield one
    one._client.close()


def test_run_does_all_of_it(client: Client) -> None:
    """The one-call way, which holds the line until the render is done, ends with the video's address."""
    assert is_video(client.run(T2V, SHOE, use_file_output=False))


def test_run_polls_when_the_line_was_held_in_vain(client: Client) -> None:
    """A render that takes longer than the line is held is asked for until it is done."""
    assert is_video(client.run(T2V, SHOE, use_file_output=False, wait=1))


@pytest.mark.parametrize(
    ("model", "inputs"),
    [(T2V, SHOE), (I2V, {"prompt": "it turns", "image": "https://example.com/shoe.png", "resolution": "720p"})],
)
def test_create_wait_and_fetch(client: Client, model: str, inputs: dict[str, Any]) -> None:
    """A prediction is created, waited for and read: input, output, times and metrics."""
    prediction: Any = client.predictions.create(model=model, input=inputs)
    assert prediction.status == "starting"
    prediction.wait()
    assert (prediction.status, prediction.error, prediction.input) == ("succeeded", None, inputs)
    assert prediction.created_at <= prediction.started_at <= prediction.completed_at
    assert prediction.metrics["predict_time"] > 0
    assert is_video(prediction.output)


def test_a_picture_from_this_machine(client: Client, tmp_path: Path) -> None:
    """A file is sent as a data URI by the client, and taken."""
    (picture := tmp_path / "shoe.png").write_bytes(b"\x89PNG\r\n")
    inputs = {"prompt": "it turns", "image": picture}
    made: Any = client.models.predictions.create(model=I2V, input=inputs, file_encoding_strategy="base64")
    assert base64.b64decode(made.input["image"].partition(",")[2]) == picture.read_bytes()


def test_a_prediction_is_seen_on_its_way_and_cancelled(client: Client, weather: Callable[..., None]) -> None:
    """Starting, then processing; either can be cancelled, and stays so."""
    weather(queue_s=3000, render_mean_s=3000)
    waiting = client.predictions.create(model=T2V, input=SHOE)
    weather(queue_s=0)
    running = client.predictions.create(model=T2V, input=SHOE)
    running.reload()
    assert (waiting.status, running.status) == ("starting", "processing")
    for prediction in (waiting, running):
        prediction.cancel()
        assert client.predictions.get(prediction.id).status == "canceled"


def test_the_list_shows_all_with_their_inputs(client: Client) -> None:
    """Newest first, each with what was asked for."""
    made = [client.predictions.create(model=T2V, input={**SHOE, "seed": seed}) for seed in (1, 2)]
    (page,) = paginate(client.predictions.list)
    assert [(one.id, one.input["seed"]) for one in page] == [(made[1].id, 2), (made[0].id, 1)]


@pytest.mark.parametrize(
    ("own", "storm", "words"),
    [({}, {"p_failed": 1}, "Prediction failed."), ({"prompt": "a forbidden shoe"}, {}, "flagged as sensitive")],
)
def test_a_bad_end_is_raised(
    client: Client, weather: Callable[..., None], own: dict[str, Any], storm: dict[str, Any], words: str
) -> None:
    """A failed render and a flagged prompt are raised with the model's words."""
    weather(**storm)
    with pytest.raises(ModelError, match=words) as caught:
        client.run(T2V, {**SHOE, **own}, wait=False)
    assert caught.value.prediction.status == "failed"


@pytest.mark.parametrize(
    ("model", "own", "status", "title", "detail"),
    [
        ("wan-video/wan-9", {}, 404, None, "The requested resource could not be found."),
        (T2V, {"duration": "5"}, 422, "Input validation failed", "input.duration: Invalid type"),
        (T2V, {"duration": 7}, 422, "Input validation failed", "must be one of the following: 5, 10, 15"),
        (T2V, {"prompt": ""}, 422, "Input validation failed", "prompt is required"),
        (I2V, {"image": "shoe.png"}, 422, "Input validation failed", "Does not match format 'uri'"),
    ],
)
def test_a_wrong_order_is_raised(
    client: Client, model: str, own: dict[str, Any], status: int, title: str | None, detail: str
) -> None:
    """A refusal reaches the caller as the problem that it is."""
    with pytest.raises(ReplicateError) as caught:
        client.predictions.create(model=model, input={**SHOE, **own})
    assert (caught.value.status, caught.value.title) == (status, title)
    assert detail in (caught.value.detail or "")


@pytest.mark.parametrize("key", ["r8_foreign"])
def test_a_foreign_key_is_raised(client: Client) -> None:
    """A key that the provider did not give is a 401."""
    with pytest.raises(ReplicateError, match="valid authentication token") as caught:
        client.predictions.list()
    assert caught.value.status == 401


def test_an_empty_account_is_raised(client: Client) -> None:
    """The third video costs more than is left: 402, in the words that users have posted."""
    for _ in range(2):
        client.predictions.create(model=T2V, input=SHOE)
    with pytest.raises(ReplicateError) as caught:
        client.predictions.create(model=T2V, input=SHOE)
    assert (caught.value.status, caught.value.title) == (402, "Insufficient credit")


@pytest.mark.parametrize(("then", "status"), [("429", 429), ("500", 500), ("503", 503)])
def test_a_throttled_or_broken_create_is_raised(
    client: Client, next_time: Callable[..., None], then: str, status: int
) -> None:
    """The client never repeats a create: the answer reaches the caller."""
    next_time("submit", then)
    with pytest.raises(ReplicateError) as caught:
        client.predictions.create(model=T2V, input=SHOE)
    assert caught.value.status == status
    assert caught.value.detail


def test_a_look_is_tried_again(client: Client, next_time: Callable[..., None], weather: Callable[..., None]) -> None:
    """A look that is throttled is repeated by the client until it is answered."""
    weather(queue_s=3000)
    made = client.predictions.create(model=T2V, input=SHOE)
    next_time("status", "429")
    assert client.predictions.get(made.id).status == "starting"


def test_a_version_is_refused(client: Client) -> None:
    """These models show no version; whoever orders by one is told that there is none."""
    with pytest.raises(ReplicateError) as caught:
        client.predictions.create("0" * 64, SHOE)
    assert (caught.value.status, caught.value.title) == (422, "Invalid version or not permitted")


def test_the_account_has_a_name(client: Client) -> None:
    """The client knows whose key it holds."""
    assert client.accounts.current().type == "user"


def test_the_asynchronous_calls_do_the_same(client: Client) -> None:
    """Their twins for asyncio end with a video, too."""

    async def buy() -> str:
        made = await client.predictions.async_create(model=T2V, input=SHOE)
        await made.async_wait()
        await client._async_client.aclose()
        return str(made.output)

    assert is_video(asyncio.run(buy()))
