"""fal's own client (`fal-client`), unmodified, drives the simulator's dialect of it, over https as it insists."""

import asyncio
import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conformance.witnesses.conftest import QUICK, is_video
from tests.services import Simulator, start_simulator
from tests.tls import self_signed

T2V = "wan/v2.6/text-to-video"
SHOE: dict[str, Any] = {"prompt": "a red shoe", "resolution": "720p", "duration": "5"}
CLIP = "https://example.com/walk.mp4"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """The simulator with a certificate that everybody in this file trusts."""
    folder = tmp_path_factory.mktemp("witness")
    certificate = self_signed(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        one = start_simulator(folder / "simulator.log", *QUICK, "--certificate", str(certificate))
        yield one
        one.child.stop()


@pytest.fixture(scope="module")
def fal(place: Simulator) -> Iterator[Any]:
    """The client's module; its documented variables are read when it is imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAL_QUEUE_RUN_HOST", place.url.removeprefix("https://") + "/fal/queue")
        for name in [name for name in sys.modules if name.split(".")[0] == "fal_client"]:
            patch.delitem(sys.modules, name)
        yield importlib.import_module("fal_client")


@pytest.fixture
def client(fal: Any, key: str) -> Iterator[Any]:
    """A client with an account of its own."""
    one = fal.SyncClient(key=key)
    yield one
    one._client.close()


@pytest.mark.parametrize(
    ("endpoint", "own"),
    [
        ("text-to-video", {"aspect_ratio": "9:16", "multi_shots": False, "seed": 7}),
        ("image-to-video", {"image_url": "https://example.com/shoe.png"}),
        ("image-to-video/flash", {"image_url": "data:image/png;base64,iVBORw0KGgo="}),
        ("reference-to-video", {"video_urls": [CLIP]}),
        ("reference-to-video/flash", {"video_urls": [CLIP], "image_urls": [], "enable_audio": False}),
    ],
)
def test_subscribe_does_all_of_it(client: Any, endpoint: str, own: dict[str, Any]) -> None:
    """At every endpoint an order is queued, waited for, and ends with a video that can be fetched."""
    seen: list[Any] = []
    done = client.subscribe(f"wan/v2.6/{endpoint}", {**SHOE, **own}, interval=0.02, on_queue_update=seen.append)
    assert is_video(done["video"]["url"])
    assert done["video"]["content_type"] == "video/mp4"
    assert done["seed"] == own.get("seed", done["seed"])
    assert seen[-1].error is None


def test_the_client_encodes_a_picture(fal: Any, client: Any) -> None:
    """What the client makes of a picture's bytes is taken as a picture."""
    picture = fal.encode(b"\x89PNG", "image/png")
    assert client.subscribe("wan/v2.6/image-to-video", {**SHOE, "image_url": picture}, interval=0.02)["video"]


def test_a_request_is_seen_on_its_way(fal: Any, client: Any, weather: Callable[..., None]) -> None:
    """Queued with its place in the line, in progress, completed with its time; logs may be asked for."""
    weather(queue_s=3000, render_mean_s=3000)
    assert client.submit(T2V, SHOE).status() == fal.Queued(position=0)
    weather(queue_s=0)
    running = client.submit(T2V, SHOE)
    assert isinstance(running.status(with_logs=True), fal.InProgress)


def test_more_than_two_wait(fal: Any, place: Simulator, weather: Callable[..., None], key: str, client: Any) -> None:
    """An account has two requests in progress; the next is queued, and nothing is refused."""
    weather(queue_s=0, render_mean_s=3000)
    low = {**SHOE, "image_url": "https://example.com/shoe.png"}
    running = [client.submit("wan/v2.6/image-to-video/flash", low) for _ in range(2)]
    third, fourth = (client.submit("wan/v2.6/image-to-video/flash", low) for _ in range(2))
    assert [type(one.status()) for one in running] == [fal.InProgress] * 2
    assert (third.status(), fourth.status()) == (fal.Queued(position=0), fal.Queued(position=1))
    assert place.violations() == []


def test_a_request_is_found_by_its_id(fal: Any, client: Any) -> None:
    """The client makes the addresses itself, without the endpoint's sub-path, and finds status and result there."""
    request_id = client.submit(T2V, SHOE).request_id
    assert is_video(client.result(T2V, request_id)["video"]["url"])
    assert isinstance(client.status(T2V, request_id), fal.Completed)


def test_cancel(fal: Any, client: Any, weather: Callable[..., None]) -> None:
    """A waiting request is cancelled, and then over with an error; a finished one is too late."""
    weather(queue_s=3000)
    waiting = client.submit(T2V, SHOE)
    waiting.cancel()
    assert waiting.status().error_type == "client_cancelled"
    with pytest.raises(fal.FalClientHTTPError) as caught:
        waiting.get(interval=0.02)
    assert (caught.value.status_code, caught.value.error_type) == (499, "client_cancelled")
    weather(queue_s=0)
    done = client.submit(T2V, SHOE)
    done.get(interval=0.02)
    with pytest.raises(fal.FalClientHTTPError) as caught:
        client.cancel(T2V, done.request_id)
    assert caught.value.status_code == 400


@pytest.mark.parametrize(
    ("own", "storm", "status", "kind"),
    [
        ({}, {"p_failed": 1}, 500, "internal_server_error"),
        ({"prompt": "a forbidden shoe"}, {}, 422, "content_policy_violation"),
        ({"duration": 5}, {}, 422, "string_type"),
        ({"resolution": "480p"}, {}, 422, "one_of"),
        ({"prompt": ""}, {}, 422, "missing"),
    ],
)
def test_a_bad_end_is_a_completed_request_with_an_error(
    fal: Any,
    client: Any,
    weather: Callable[..., None],
    own: dict[str, Any],
    storm: dict[str, Any],
    status: int,
    kind: str,
) -> None:
    """A failed render, a flagged prompt and a faulty input are COMPLETED with an error, and raised with the result."""
    weather(**storm)
    handle = client.submit(T2V, {**SHOE, **own})
    with pytest.raises(fal.FalClientHTTPError) as caught:
        handle.get(interval=0.02)
    assert caught.value.status_code == status
    assert caught.value.message[0]["type"] == kind
    assert (ended := handle.status()).error_type == kind
    assert ended.error == caught.value.message[0]["msg"]


@pytest.mark.parametrize(("key", "endpoint", "status"), [("foreign", T2V, 401), ("sim-known", "wan/v9/text", 404)])
def test_a_foreign_key_and_an_unknown_endpoint_are_raised(fal: Any, client: Any, endpoint: str, status: int) -> None:
    """Both are refused at once, in a sentence."""
    with pytest.raises(fal.FalClientHTTPError) as caught:
        client.submit(endpoint, SHOE)
    assert caught.value.status_code == status
    assert isinstance(caught.value.message, str)


def test_an_empty_account_is_raised(fal: Any, client: Any) -> None:
    """The third video costs more than is left: the account is locked."""
    for _ in range(2):
        client.submit(T2V, SHOE)
    with pytest.raises(fal.FalClientHTTPError) as caught:
        client.submit(T2V, SHOE)
    assert caught.value.status_code == 403
    assert caught.value.message.startswith("User is locked. Reason: Exhausted balance.")


def test_the_client_tries_a_throttled_submit_again(
    client: Any, place: Simulator, next_time: Callable[..., None]
) -> None:
    """A 429 is no answer to it: it waits, submits again, and one request is bought."""
    before = len(place.purchases())
    next_time("submit", "429")
    client.submit(T2V, SHOE)
    assert len(place.purchases()) == before + 1


def test_the_client_buys_twice_when_an_answer_is_lost(
    client: Any, place: Simulator, next_time: Callable[..., None]
) -> None:
    """A connection that is cut after the request was taken makes it submit again: two are bought, one is known."""
    before = len(place.purchases())
    next_time("submit", "cut_after")
    known = client.submit(T2V, SHOE).request_id
    bought = place.purchases()[before:]
    assert len(bought) == 2
    assert bought[1]["task_id"] == known


def test_a_time_limit_cancels_the_request(
    fal: Any, client: Any, place: Simulator, weather: Callable[..., None]
) -> None:
    """Who waits for no longer than a limit gets a timeout, and the request that waited is cancelled."""
    weather(queue_s=6000)
    with pytest.raises(fal.FalClientTimeoutError) as caught:
        client.subscribe(T2V, SHOE, interval=0.02, client_timeout=1.2)
    (row,) = [row for row in place.purchases() if row["task_id"] == caught.value.request_id]
    assert row["state"] == "cancelled"


def test_the_asynchronous_client_does_the_same(fal: Any, key: str) -> None:
    """Its twin for asyncio ends with a video, too."""

    async def buy() -> dict[str, Any]:
        one = fal.AsyncClient(key=key)
        try:
            done: dict[str, Any] = await one.subscribe(T2V, SHOE, interval=0.02)
        finally:
            await (await one._client).aclose()
        return done

    assert is_video(asyncio.run(buy())["video"]["url"])
