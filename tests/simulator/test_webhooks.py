"""The simulator's calls: signed as each provider documents, told as its own paths do, repeated, and lost at will."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from replicate.webhook import Webhooks, WebhookSigningSecret

from providers.contract import Answer
from providers.registry import provider
from providers.webhooks import Keys
from simulator import caller
from simulator.caller import Caller
from simulator.dialects.apimart import ApiMart
from simulator.dialects.fal import Fal
from simulator.dialects.replicate import Replicate
from simulator.dialects.toapis import ToApis
from simulator.webhooks import Letter
from simulator.world import World
from tests.simulator.conftest import GATEWAY, Street

HOOK = "https://us.example/w/1"
SECRET = "the secret of the token's webhook"
Calling = Fal | Replicate | ToApis | ApiMart
DESKS: dict[str, Callable[[World], Calling]] = {
    "fal": Fal, "replicate": Replicate, "toapis": ToApis, "apimart": ApiMart,
}  # fmt: skip
#: How each is ordered from, with the wish to be called, and under which key.
ORDERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "fal": ("/fal/queue/wan/v2.6/text-to-video?fal_webhook=https%3A%2F%2Fus.example%2Fw%2F1", "Key sim-one", {}),
    "replicate": (
        "/replicate/v1/models/wan-video/wan-2.6-t2v/predictions", "Bearer sim-one",
        {"webhook": HOOK, "webhook_events_filter": ["completed"]},
    ),
    "toapis": (
        f"/toapis{GATEWAY}", "Bearer sim-one", {"model": "wan2.6", "callback_url": HOOK, "client_business_id": "j:1"},
    ),
    "apimart": (f"/apimart{GATEWAY}", "Bearer sim-one", {"model": "wan2.6", "webhook": HOOK}),
}  # fmt: skip


def buy(one: Street, name: str, prompt: str = "a cat") -> httpx.Response:
    """Order a video, and to be called about it."""
    path, key, body = ORDERS[name]
    inputs = {"input": {"prompt": prompt}} if name == "replicate" else {"prompt": prompt}
    return one.call("POST", path, headers={"authorization": key}, json={**inputs, **body})


def called(one: Street, name: str) -> tuple[Letter, dict[str, Any]]:
    """What the client is told once its one render has ended, and its body."""
    world = one.app.state.world
    assert world.calls.due(world.now()) == []
    one.real_s += 3_600
    ((task_id, before),) = world.calls.due(world.now())
    assert before == 0
    letter = DESKS[name](world).letter(world.bank.tasks[task_id], world.now())
    return letter, json.loads(letter.body)


def header(letter: Letter, name: str) -> str:
    """A header, by its name in whatever letters."""
    return {told.lower(): value for told, value in letter.headers.items()}[name]


def test_replicate_signs_what_its_own_client_proves(street: Callable[..., Street]) -> None:
    """The official client proves the call with the secret that the path tells; the body is the prediction."""
    one = street()
    bought = buy(one, "replicate").json()
    letter, body = called(one, "replicate")
    told = one.call("GET", "/replicate/v1/webhooks/default/secret", headers={"authorization": "Bearer sim-one"}).json()
    Webhooks.validate(headers=letter.headers, body=letter.body.decode(), secret=WebhookSigningSecret(**told))
    seen = one.call("GET", bought["urls"]["get"], headers={"authorization": "Bearer sim-one"}).json()
    assert body == seen
    assert (letter.url, body["status"]) == (HOOK, "succeeded")
    other = one.call("GET", "/replicate/v1/webhooks/default/secret", headers={"authorization": "Bearer sim-two"}).json()
    assert other["key"] != told["key"]


def test_fal_signs_with_the_key_that_it_publishes(street: Callable[..., Street]) -> None:
    """Request, user, time and the body's hash, a line each; the payload is what the result tells."""
    one = street()
    bought = buy(one, "fal").json()
    letter, body = called(one, "fal")
    (key,) = one.call("GET", "/fal/rest/.well-known/jwks.json").json()["keys"]
    names = [header(letter, f"x-fal-webhook-{part}") for part in ("request-id", "user-id", "timestamp")]
    text = "\n".join([*names, hashlib.sha256(letter.body).hexdigest()]).encode()
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
    public.verify(bytes.fromhex(header(letter, "x-fal-webhook-signature")), text)
    result = one.call("GET", bought["response_url"], headers={"authorization": "Key sim-one"}).json()
    assert body == {
        "request_id": bought["request_id"], "gateway_request_id": bought["request_id"], "status": "OK",
        "payload": result,
    }  # fmt: skip
    assert int(names[2]) == int(one.app.state.world.now())


def test_toapis_signs_an_envelope(street: Callable[..., Street]) -> None:
    """Id, time and body, joined by dots; the envelope tells the client's own name of its order."""
    one = street(toapis_webhook_secret=SECRET)
    bought = buy(one, "toapis").json()
    letter, body = called(one, "toapis")
    name, at = header(letter, "x-toapis-webhook-id"), header(letter, "x-toapis-webhook-timestamp")
    own = hmac.new(SECRET.encode(), f"{name}.{at}.".encode() + letter.body, hashlib.sha256).hexdigest()
    assert header(letter, "x-toapis-webhook-signature") == f"v1={own}"
    assert (body["id"], body["type"]) == (name, "generation.completed")
    assert (body["data"]["task_id"], body["data"]["client_business_id"]) == (bought["id"], "j:1")
    assert body["data"]["result"]["data"][0]["url"]


def test_apimart_signs_nothing_and_appends_a_word(street: Callable[..., Street]) -> None:
    """The body is the task's, at the address and `/callback`."""
    one = street()
    bought = buy(one, "apimart").json()
    letter, body = called(one, "apimart")
    assert letter.url == f"{HOOK}/callback"
    assert (body["data"]["id"], body["data"]["status"]) == (bought["data"][0]["task_id"], "completed")
    assert set(letter.headers) == {"Content-Type"}


@pytest.mark.parametrize("name", DESKS)
def test_a_bad_end_is_called_too(street: Callable[..., Street], name: str) -> None:
    """A failed render has its call; who did not ask is not called."""
    one = street(toapis_webhook_secret=SECRET, p_failed=1)
    buy(one, name)
    letter, body = called(one, name)
    assert {"OK", "succeeded", "completed"}.isdisjoint({body.get("status"), body.get("data", {}).get("status")})
    assert "".join(letter.headers.values()).isascii(), "no header can hold it"
    one.buy_segmind()
    one.real_s += 3_600
    assert one.app.state.world.calls.due(one.app.state.world.now()) == []


def test_a_wish_that_cannot_be_met_is_refused(street: Callable[..., Street]) -> None:
    """An address that is none, and events that Replicate does not know."""
    one = street()
    path, key, _ = ORDERS["replicate"]
    for wish in ({"webhook": "ftp://x"}, {"webhook": HOOK, "webhook_events_filter": ["done"]}):
        answer = one.call("POST", path, headers={"authorization": key}, json={"input": {"prompt": "a"}, **wish})
        assert answer.status_code == 422, wish
    unfiltered = {"input": {"prompt": "a"}, "webhook": HOOK, "webhook_events_filter": ["start"]}
    assert one.call("POST", path, headers={"authorization": key}, json=unfiltered).status_code == 201
    assert one.app.state.world.calls.waiting == []


def play(one: Street, monkeypatch: pytest.MonkeyPatch, answers: list[bool], calls: int) -> list[float]:
    """Let the caller run until so many calls were made, time passing as it waits; their simulated instants."""
    world, made = one.app.state.world, []

    def post(_: Letter) -> bool:
        made.append(world.now())
        return answers.pop(0) if answers else True

    async def whole() -> None:
        running = asyncio.create_task(Caller(world, [desk(world) for desk in DESKS.values()]).run())
        # Besides this task and the caller's own there is one for each call whose answer is not counted yet.
        while len(made) < calls or world.calls.waiting or len(asyncio.all_tasks()) > 2:
            one.real_s = max(one.real_s, world.calls.waiting[0][0] if world.calls.waiting else one.real_s)
            world.calls.more.set()
            await asyncio.sleep(0)
        running.cancel()

    monkeypatch.setattr(caller, "post", post)
    asyncio.run(whole())
    return made


def test_a_call_that_is_not_answered_well_is_repeated(
    street: Callable[..., Street], monkeypatch: pytest.MonkeyPatch
) -> None:
    """APIMart comes again after about 10, 20 and 30 s more, and then no more."""
    one = street()
    buy(one, "apimart")
    ended = one.app.state.world.calls.waiting[0][0]
    made = play(one, monkeypatch, [False] * 4, 4)
    assert [round(at - ended) for at in made] == [0, 10, 30, 60]
    assert one.call("GET", "/_simulator/stats").json()["apimart"]["webhooks_refused"] == 4


@pytest.mark.parametrize(
    ("weather", "instants"),
    [({"p_webhook_lost": 1}, []), ({"p_webhook_doubled": 1}, [0, 0]), ({"webhook_delay_s": 7}, [7])],
)
def test_calls_meet_the_weather(
    street: Callable[..., Street], monkeypatch: pytest.MonkeyPatch, weather: dict[str, float], instants: list[float]
) -> None:
    """A call may never come, come twice, or come late."""
    one = street(**weather)
    buy(one, "replicate")
    (task,) = one.app.state.world.bank.tasks.values()
    assert task.notes["webhook"] == HOOK
    made = play(one, monkeypatch, [], len(instants))
    assert [round(at - task.ends_at) for at in made] == instants


def test_a_restarted_simulator_calls_about_what_still_renders(street: Callable[..., Street], tmp_path: Path) -> None:
    """The journal keeps the wish: after a kill the client is called when the render ends."""
    one = street(journal=tmp_path / "journal")
    buy(one, "apimart")
    one.forget()
    again = street(journal=tmp_path / "journal", real_s=one.real_s + 10)
    letter, _ = called(again, "apimart")
    assert letter.url == f"{HOOK}/callback"


@pytest.mark.parametrize("name", DESKS)
def test_what_the_simulator_sends_is_proved(name: str, street: Callable[..., Street]) -> None:
    """Signed there by the provider's documents, read here by them: the call is proved, and names its task."""
    one = street(toapis_webhook_secret=SECRET)
    webhook = provider(name).webhook
    assert webhook is not None
    buy(one, name)
    letter, _ = called(one, name)
    (task,) = one.purchases()
    headers = {header.lower(): value for header, value in letter.headers.items()}
    keys: Keys = ()
    if name == "fal":
        answer = one.call("GET", "/fal/rest/.well-known/jwks.json")
        keys = webhook.proof.read_keys(Answer(answer.status_code, {}, answer.content))
    elif name == "replicate":
        told = one.call("GET", "/replicate/v1/webhooks/default/secret", headers={"authorization": "Bearer sim-one"})
        keys = webhook.proof.secret_keys(told.json()["key"])
    elif name == "toapis":
        keys = webhook.proof.secret_keys(SECRET)
    assert webhook.proof.delivery(headers, letter.body, keys, one.app.state.world.now())
    assert webhook.task_of(letter.body) == task["task_id"]
