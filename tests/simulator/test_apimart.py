"""APIMart's dialect against its contract, one promise a row."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.simulator.conftest import NOON, Street

GENERATIONS = "/v1/videos/generations"
VERSION = {"x-apimart-response-version": "2026-07-27"}
PICTURE = ["https://x/y.png"]
T2V = {"model": "wan2.6", "prompt": "a cat"}
FLASH = {"model": "wan2.6-i2v-flash", "prompt": "it turns", "image_urls": PICTURE}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


def buy(one: Street, body: dict[str, Any] | None = None, *, key: str | None = None, **more: Any) -> httpx.Response:
    """Order a video, in the versioned way under a key where one is given."""
    headers = {} if key is None else VERSION | {"idempotency-key": key}
    return one.gateway("apimart", "POST", GENERATIONS, headers=headers, json=(body or T2V) | more)


def bought(one: Street, **more: Any) -> str:
    """The id of one order."""
    task: str = buy(one, **more).json()["data"][0]["task_id"]
    return task


def ask(one: Street, task: str, **request: Any) -> httpx.Response:
    """One look."""
    return one.gateway("apimart", "GET", f"/v1/tasks/{task}?language=en", **request)


def test_a_task_runs_from_pending_to_video(street: Callable[..., Street]) -> None:
    """pending, processing, completed, with the cost in dollars and credits, and a link that dies after a day."""
    one = street()
    answer = buy(one)
    task = answer.json()["data"][0]["task_id"]
    assert (answer.status_code, answer.json()) == (
        200, {"code": 200, "data": [{"status": "submitted", "task_id": task}]},
    )  # fmt: skip
    seen = []
    for wait_s in (0, 1, 99, 1):
        one.real_s += wait_s
        seen.append(ask(one, task).json()["data"])
    assert [data["status"] for data in seen] == ["pending", "processing", "processing", "completed"]
    assert (seen[3]["cost"], seen[3]["credits_cost"], seen[3]["progress"]) == (0.25, 2.5, 100)
    assert (seen[3]["created"], seen[3]["completed"], seen[3]["actual_time"]) == (NOON, NOON + 101, 101)
    (video,) = seen[3]["result"]["videos"]
    link = video["url"][0] if isinstance(video["url"], list) else video["url"]
    assert video["expires_at"] == NOON + 101 + 86_400
    assert one.call("GET", link).content[4:8] == b"ftyp"
    one.real_s += 86_400
    assert one.call("GET", link).status_code == 403


def test_a_link_is_a_list_or_a_string(street: Callable[..., Street]) -> None:
    """Both forms are seen, and one task keeps its own."""
    one = street()
    tasks = [bought(one, prompt=f"p{number}") for number in range(20)]
    one.real_s += 200

    def forms() -> list[type]:
        return [type(ask(one, task).json()["data"]["result"]["videos"][0]["url"]) for task in tasks]

    assert set(forms()) == {list, str}
    assert forms() == forms()


def test_the_versioned_answer(street: Callable[..., Street]) -> None:
    """With its header the submit is a 202 with one object; without, or in another version, it is the old one."""
    one = street()
    answer = one.gateway("apimart", "POST", GENERATIONS, headers=VERSION, json=T2V)
    assert (answer.status_code, answer.json()["code"]) == (202, 202)
    assert set(answer.json()) == {"code", "data", "request_id"}
    data = answer.json()["data"]
    assert (data["status"], data["object"]) == ("queued", "generation.task")
    assert ask(one, data["id"]).json()["data"]["status"] == "pending"
    old = one.gateway("apimart", "POST", GENERATIONS, headers={"x-apimart-response-version": "2020-01-01"}, json=T2V)
    assert old.status_code == 200


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        (T2V, "0.25"),
        (T2V | {"resolution": "1080p", "duration": 15, "aspect_ratio": "3:4"}, "1.26"),
        (T2V | {"image_urls": PICTURE}, "0.332"),
        (T2V | {"image_urls": PICTURE, "resolution": "1080p", "duration": 10, "template": "melt"}, "1.096"),
        (FLASH, "0.14"),
        (FLASH | {"resolution": "720p", "duration": 2}, "0.0336"),
    ],
)
def test_prices_and_defaults(street: Callable[..., Street], body: dict[str, Any], cost: str) -> None:
    """Five seconds of 720p by default, 1080p at the flash model; a picture costs more than a text."""
    one = street()
    assert buy(one, body).status_code == 200
    one.real_s += 200
    assert [purchase["cost_usd"] for purchase in one.purchases()] == [cost]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"prompt": "x"}, "model"),
        (T2V | {"model": "wan2.6-r2v"}, "wan2.6-r2v"),
        (T2V | {"model": ["wan2.6"]}, "model"),
        ({"model": "wan2.6"}, "prompt"),
        (T2V | {"prompt": "x" * 5_001}, "prompt"),
        (T2V | {"duration": 7}, "duration"),
        (T2V | {"duration": "5"}, "duration"),
        (T2V | {"resolution": "480p"}, "resolution"),
        (T2V | {"aspect_ratio": "21:9"}, "aspect_ratio"),
        (T2V | {"seed": -1}, "seed"),
        (T2V | {"audio": "https://x/y.mp3"}, "audio"),
        (T2V | {"audio_url": "y.mp3"}, "audio_url"),
        (T2V | {"shot_type": "multi", "prompt_extend": False}, "shot_type"),
        (T2V | {"template": "melt"}, "template"),
        (T2V | {"image_urls": PICTURE, "aspect_ratio": "16:9"}, "aspect_ratio"),
        (T2V | {"image_urls": PICTURE * 2}, "image_urls"),
        (T2V | {"image_urls": ["data:image/png;base64,AAAA"]}, "image_urls"),
        (T2V | {"metadata": {}}, "metadata"),
        ({"model": "wan2.6-i2v-flash", "prompt": "x"}, "image_urls"),
        (FLASH | {"duration": 1}, "duration"),
        (FLASH | {"duration": 16}, "duration"),
        (FLASH | {"aspect_ratio": "16:9"}, "aspect_ratio"),
    ],
)
def test_wrong_orders(street: Callable[..., Street], body: dict[str, Any], words: str) -> None:
    """What is not sold, or excludes each other, is a 400 that names it and buys nothing."""
    one = street()
    answer = one.gateway("apimart", "POST", GENERATIONS, json=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert words in answer.json()["error"]["message"]
    assert set(answer.json()["error"]) == {"code", "message", "type"}
    assert one.purchases() == []


def test_garbage_is_a_400(street: Callable[..., Street]) -> None:
    """A body that is no object is refused, never a 500."""
    one = street()
    for content in (b"{", b"[]", b"\xff"):
        assert one.gateway("apimart", "POST", GENERATIONS, content=content).status_code == 400


def test_keys_and_unknown_tasks(street: Callable[..., Street]) -> None:
    """A wrong key is a 401; an unknown or foreign task is a 404."""
    one = street()
    task = bought(one)
    for headers in ({}, {"authorization": "Bearer real"}):
        answer = one.call("GET", f"/apimart/v1/tasks/{task}", headers=headers)
        assert (answer.status_code, answer.json()["error"]["message"]) == (401, "invalid API key")
    assert [ask(one, "nobody").status_code, ask(one, task, key="sim-two").status_code] == [404, 404]


def test_the_same_key_and_body_buy_once(street: Callable[..., Street]) -> None:
    """A replay answers with the first task and says so; another body under the key is a 409; accounts share no key."""
    one = street()
    first, again = buy(one, key="order-1"), buy(one, key="order-1")
    assert again.json() == first.json()
    assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")
    assert "idempotency-replayed" not in first.headers
    reused = buy(one, key="order-1", duration=10)
    assert (reused.status_code, reused.json()["error"]["code"]) == (409, "idempotency_key_reused")
    assert len(one.purchases()) == 1
    foreign = one.gateway(
        "apimart", "POST", GENERATIONS, key="sim-two", headers=VERSION | {"idempotency-key": "order-1"}, json=T2V
    )
    assert foreign.json()["data"]["id"] != first.json()["data"]["id"]


def test_a_key_without_the_version_buys_twice(street: Callable[..., Street]) -> None:
    """The key holds only beside the header of the version."""
    one = street()
    for _ in range(2):
        one.gateway("apimart", "POST", GENERATIONS, headers={"idempotency-key": "order-1"}, json=T2V)
    assert len(one.purchases()) == 2


@pytest.mark.parametrize("key", ["a b", "", "x" * 192])
def test_a_malformed_key_is_refused(street: Callable[..., Street], key: str) -> None:
    """Between 1 and 191 visible ASCII characters; anything else buys nothing."""
    one = street()
    assert buy(one, key=key).status_code == 400
    assert one.purchases() == []
    assert buy(one, key="x" * 191).status_code == 202


def test_a_refused_order_leaves_its_key_free(street: Callable[..., Street]) -> None:
    """After a refusal, and after trouble before the purchase, the same key buys; it never buys again."""
    one = street()
    assert buy(one, key="order-1", duration=7).status_code == 400
    one.script("submit", "500")
    assert [buy(one, key="order-1").status_code for _ in range(3)] == [500, 202, 202]
    assert len(one.purchases()) == 1


@pytest.mark.parametrize("then", ["504_after", "html", "truncated"])
def test_a_lost_answer_is_found_by_its_key(street: Callable[..., Street], then: str) -> None:
    """Whatever became of the first answer, the same key answers with the task that it bought."""
    one = street()
    one.script("submit", then)
    buy(one, key="order-1")
    (purchase,) = one.purchases()
    assert buy(one, key="order-1").json()["data"]["id"] == purchase["task_id"]
    assert len(one.purchases()) == 1


def test_an_order_on_its_way_says_to_come_again(street: Callable[..., Street]) -> None:
    """While the first is not decided, the same key is a 409 with Retry-After; once it is, a replay."""
    one = street(late_accept_s=0.2)
    one.script("submit", "late_accept")

    async def both() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=one.app)
        headers = {"authorization": "Bearer sim-one", "idempotency-key": "order-1", **VERSION}
        async with httpx.AsyncClient(transport=transport, base_url="http://street/apimart", headers=headers) as client:
            at_once = await asyncio.gather(*(client.post(GENERATIONS, json=T2V) for _ in range(2)))
            return [*at_once, await client.post(GENERATIONS, json=T2V)]

    first, early, late = asyncio.run(both())
    assert (early.status_code, early.json()["error"]["code"]) == (409, "idempotency_in_progress")
    assert early.headers["retry-after"] == "1"
    assert (first.status_code, late.headers["idempotency-replayed"]) == (202, "true")
    assert len(one.purchases()) == 1


def test_a_key_outlives_a_restart(street: Callable[..., Street], tmp_path: Path) -> None:
    """With a journal, the next process still knows what a key has bought."""
    first = street(journal=tmp_path / "journal")
    task = buy(first, key="order-1").json()["data"]["id"]
    first.forget()
    second = street(journal=tmp_path / "journal")
    again = buy(second, key="order-1")
    assert (again.json()["data"]["id"], again.headers["idempotency-replayed"]) == (task, "true")
    assert len(second.purchases()) == 1


def test_under_five_cents_every_call_is_a_402(street: Callable[..., Street]) -> None:
    """Submit, look and balance alike are refused, in the documented words, until money is there again."""
    one = street(balance_usd=0.29)
    task = bought(one)
    for answer in (buy(one), ask(one, task), one.gateway("apimart", "GET", "/v1/balance")):
        assert (answer.status_code, answer.json()["error"]["type"]) == (402, "payment_required")
        assert "(current: 0.040000 USD, required: 0.050000 USD)" in answer.json()["error"]["message"]
    rich = street(balance_usd=0.4)
    assert [buy(rich, prompt=prompt).status_code for prompt in "ab"] == [200, 402]


def test_the_balance(street: Callable[..., Street]) -> None:
    """In dollars and in credits, ten a dollar; the server's own trouble is an HTTP 200 without success."""
    one = street(balance_usd=10.5)
    bought(one)
    for path in ("/v1/balance", "/v1/user/balance"):
        assert one.gateway("apimart", "GET", path).json() == {
            "success": True, "remain_balance": 10.25, "remain_credits": 102.5, "used_balance": 0.25,
            "used_credits": 2.5, "unlimited_quota": False,
        }  # fmt: skip
    one.script("list", "503")
    answer = one.gateway("apimart", "GET", "/v1/balance")
    assert (answer.status_code, answer.json()["success"]) == (200, False)


@pytest.mark.parametrize(
    ("weather", "code"), [({"p_failed": 1}, "task_failed"), ({"p_refused": 1}, "nsfw_content_detected")]
)
def test_a_failed_task_is_a_200_and_refunded(street: Callable[..., Street], weather: dict[str, Any], code: str) -> None:
    """A bad end has an error with code, words and type, no cost and no result, and the money is back."""
    one = street(**weather)
    task = bought(one)
    one.real_s += 200
    data = ask(one, task).json()["data"]
    assert (data["status"], data["error"]["code"], data["error"]["type"]) == ("failed", code, "task_failed")
    assert not {"cost", "result"} & set(data)
    assert one.gateway("apimart", "GET", "/v1/balance").json()["remain_balance"] == 10_000


def test_a_refused_word_is_a_400(street: Callable[..., Street]) -> None:
    """The prompt's check speaks at the submit, and buys nothing."""
    one = street()
    answer = buy(one, prompt="a forbidden cat")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "nsfw_content_detected")
    assert one.purchases() == []


def test_a_picture_is_uploaded_and_served_for_three_days(street: Callable[..., Street]) -> None:
    """The bytes come back as they were, under the type that they show, for 72 hours."""
    one = street()
    files = {"file": ("shoe.png", PNG, "application/octet-stream")}
    answer = one.gateway("apimart", "POST", "/v1/uploads/images", files=files)
    facts = answer.json()
    assert {name: facts[name] for name in ("filename", "content_type", "bytes", "created_at")} == {
        "filename": "shoe.png", "content_type": "image/png", "bytes": len(PNG), "created_at": NOON,
    }  # fmt: skip
    assert buy(one, image_urls=[facts["url"]]).status_code == 200
    one.real_s += 72 * 3_600 - 1
    served = one.call("GET", facts["url"])
    assert (served.content, served.headers["content-type"]) == (PNG, "image/png")
    one.real_s += 1
    assert one.call("GET", facts["url"]).status_code == 404


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"files": {"file": ("x.png", b"no picture")}}, 400),
        ({"files": {"picture": ("x.png", PNG)}}, 400),
        ({"content": PNG}, 400),
        ({"data": {"file": "x"}}, 400),
        ({"files": {"file": ("x.png", PNG + bytes(20 * 2**20))}}, 413),
    ],
)
def test_wrong_uploads(street: Callable[..., Street], request_: dict[str, Any], status: int) -> None:
    """No picture, another field, no form, and more than 20 MB are refused."""
    assert street().gateway("apimart", "POST", "/v1/uploads/images", **request_).status_code == status


def test_a_limit_only_where_an_option_says_so(street: Callable[..., Street]) -> None:
    """None is documented: seventy submits pass; with the option, the second of a minute does not."""
    one, narrow = street(), street(submits_per_minute=1)
    assert {buy(one).status_code for _ in range(70)} == {200}
    assert [buy(narrow).status_code for _ in range(2)] == [200, 429]
    assert narrow.call("GET", "/_simulator/violations").json()["count"] == 1
