"""The receiver: what it lets through to the ledger, and what a flood of anything else costs it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import redis

from config.settings import load_settings
from jobs.errors import Refused
from ledger.hints import Hint
from providers.contract import Answer, Call
from providers.webhooks import About, Addresses
from tests.vectors import FAL, STANDARD, TOAPIS
from worker import webhooks
from worker.posting import NoAnswer
from worker.webhooks import LARGEST_BYTES, LARGEST_TRIAL_BYTES, Receiver, application, doors

BASE = "https://us.example"
#: The instant at which the vectors of ToAPIs and fal were signed.
NOW_S = 1_795_262_400.0
JWKS = {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}


@dataclass
class Desk:
    """A receiver in this process. `given` is what the ledger heard, `keys` what fal's key set answers."""

    given: list[Hint] = field(default_factory=list)
    word: str | Exception = "looked at"
    keys: list[Answer | NoAnswer] = field(default_factory=list)
    asked: int = 0
    addresses: Addresses = field(default_factory=lambda: Addresses(BASE, b"a secret of ours"))

    def give(self, hint: Hint, _known_for_s: float) -> str:
        """Be the ledger."""
        if isinstance(self.word, Exception):
            raise self.word
        self.given.append(hint)
        return self.word

    async def ask(self, _call: Call) -> Answer | NoAnswer:
        """Be fal's key set; the last answer stays."""
        self.asked += 1
        return self.keys.pop(0) if len(self.keys) > 1 else self.keys[0]

    def run(self, work: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
        """Let a client call."""
        receiver = Receiver(self.addresses, doors(load_settings(), None), self.give)

        async def whole() -> None:
            app = application(receiver)
            async with receiver.open(app), httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
                receiver._asker, own = self, receiver._asker  # type: ignore[assignment]
                try:
                    await work(client)
                finally:
                    receiver._asker = own

        asyncio.run(whole())

    def post(self, url: str, body: bytes = b"{}", headers: dict[str, str] | None = None) -> int:
        """One call; answers its status."""
        statuses = []

        async def work(client: httpx.AsyncClient) -> None:
            statuses.append((await client.post(url, content=body, headers=headers)).status_code)

        self.run(work)
        return statuses[0]

    def address(self, account: str, job_id: str = "abc234") -> str:
        """Where this account's first send of that job is told of."""
        return self.addresses.of(About(account, job_id, 1))


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A receiver for all who call, at the instant of the vectors."""
    monkeypatch.setenv("REPLICATE_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    monkeypatch.setenv("TOAPIS_WEBHOOK_SECRET", TOAPIS[3][0].decode())
    monkeypatch.setattr("worker.webhooks.time.time", lambda: NOW_S)
    return Desk(keys=[Answer(200, {}, json.dumps(JWKS).encode())])


@pytest.mark.parametrize(
    ("account", "case", "task"),
    [("replicate", STANDARD, None), ("toapis", TOAPIS, "video_7"), ("toapis-cn", TOAPIS, "video_7"),
     ("fal", FAL, "80e732af-660e-45cd-bd63-580e4f2a94cc")],
)  # fmt: skip
def test_a_proved_call_is_a_hint(
    desk: Desk, account: str, case: Any, task: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger hears which job, under which name the delivery is known again, and which task it named."""
    _, headers, body, _ = case
    if account == "replicate":
        monkeypatch.setattr("worker.webhooks.time.time", lambda: 1614265330.0)
    assert desk.post(desk.address(account), body, headers) == 200
    (hint,) = desk.given
    assert (hint.account, hint.job_id, hint.send, hint.task_id) == (account, "abc234", 1, task)
    assert desk.post(desk.address(account), body, headers) == 200
    assert desk.post(desk.address(account, "other"), body, headers) == 200
    names = [each.delivery for each in desk.given]
    assert names[0] == names[1] != names[2]


def test_an_unsigned_call_is_proved_by_its_address(desk: Desk) -> None:
    """APIMart appends a word to the address and signs nothing."""
    body = b'{"code":200,"data":{"id":"task_1"}}'
    assert desk.post(desk.address("apimart") + "/callback", body) == 200
    assert desk.given[0].task_id == "task_1"


def test_a_flood_of_forged_calls_costs_and_buys_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is forged, unknown or guessed is answered alike; the ledger hears of none, and the log of them once."""
    caplog.set_level("WARNING")
    _, headers, body, _ = TOAPIS
    flipped = {**headers, "x-toapis-webhook-signature": f"v1={'0' * 64}"}
    foreign = Addresses(BASE, b"another secret")
    forged = [
        (f"{BASE}/", {}, b"{}"),
        (f"{BASE}/toapis/abc234/1/{'0' * 32}", headers, body),
        (foreign.of(About("toapis", "abc234", 1)), headers, body),
        (foreign.of(About("apimart", "abc234", 1)), {}, b"{}"),
        (f"{BASE}/apimart", {}, b"{}"),
        (f"{BASE}/nobody", headers, body),
        (desk.address("segmind"), headers, body),
        (desk.address("toapis"), flipped, body),
        (desk.address("toapis"), {}, body),
        (desk.address("toapis"), headers, body + b" "),
        (desk.address("fal"), FAL[1], b"{}"),
    ]
    statuses = []

    async def work(client: httpx.AsyncClient) -> None:
        for url, told, content in forged * 20:
            statuses.append((await client.post(url, content=content, headers=told)).status_code)

    desk.run(work)
    assert set(statuses) == {401}
    assert desk.given == []
    # fal's key set is not asked anew for each signature that does not fit.
    assert desk.asked == 1
    assert [line.message for line in caplog.records] == ["calls were refused that no provider has made"]


def test_an_old_call_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was true five minutes ago is heard; later it proves nothing."""
    _, headers, body, _ = TOAPIS
    for seconds, status in ((299, 200), (301, 401), (-299, 200), (-301, 401)):
        monkeypatch.setattr("worker.webhooks.time.time", lambda seconds=seconds: NOW_S + seconds)
        assert desk.post(desk.address("toapis"), body, headers) == status
    assert len(desk.given) == 2


@pytest.mark.parametrize(("word", "status"), [("looked at", 200), ("known", 200), ("missing", 204), ("foreign", 503)])
def test_what_the_ledger_says_is_answered(desk: Desk, word: str, status: int) -> None:
    """A call that is known again is done with; one that came to the wrong ledger, or to none, will come again."""
    desk.word = word
    assert desk.post(desk.address("apimart")) == status


def test_a_ledger_that_is_away_has_the_provider_call_again(desk: Desk) -> None:
    """Nothing is lost by it: the answer is 503."""
    desk.word = redis.ConnectionError("gone")
    assert desk.post(desk.address("apimart")) == 503


def test_a_body_is_bounded(desk: Desk) -> None:
    """Too long a body is not read to its end, announced or not; of a sender that has proved nothing, far less is."""
    assert desk.post(desk.address("apimart"), b"x" * LARGEST_BYTES) == 200
    assert desk.post(desk.address("apimart"), b"x" * (LARGEST_BYTES + 1)) == 413
    assert desk.post(f"{BASE}/toapis", b"x" * (LARGEST_TRIAL_BYTES + 1)) == 413
    statuses = []

    async def work(client: httpx.AsyncClient) -> None:
        async def endless() -> Any:
            while True:
                yield b"x" * 65_536

        statuses.append((await client.post(desk.address("apimart"), content=endless())).status_code)

    desk.run(work)
    assert statuses == [413]


def test_a_body_that_does_not_come_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that trickles holds no place for long."""
    monkeypatch.setattr(webhooks, "BODY_WITHIN_S", 0.05)
    statuses = []

    async def work(client: httpx.AsyncClient) -> None:
        async def slow() -> Any:
            yield b"x"
            await asyncio.Event().wait()

        statuses.append((await client.post(desk.address("apimart"), content=slow())).status_code)

    desk.run(work)
    assert statuses == [413]


def test_a_console_may_try_the_address_out(desk: Desk) -> None:
    """A signed call to the account's own address is well, and about no job; unsigned it is refused."""
    _, headers, body, _ = TOAPIS
    assert desk.post(f"{BASE}/toapis", body, headers) == 200
    assert desk.post(f"{BASE}/toapis", body) == 401
    assert desk.given == []


def test_published_keys_that_change_are_asked_for_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature that no key fits has the key set read once more, but not more often than once a minute."""
    _, headers, body, _ = FAL
    old = {"keys": [{**JWKS["keys"][0], "x": "A" * 43}]}
    desk.keys.insert(0, Answer(200, {}, json.dumps(old).encode()))
    monkeypatch.setattr(webhooks, "KEYS_AGAIN_S", 0.0)
    assert desk.post(desk.address("fal"), body, headers) == 200
    assert desk.asked == 2


def test_without_keys_a_call_comes_again(desk: Desk) -> None:
    """While fal's key set does not answer nothing can be told of its calls: 503, and the next minute it is asked."""
    desk.keys = [NoAnswer("no route")]
    assert desk.post(desk.address("fal"), FAL[2], FAL[1]) == 503
    assert desk.given == []


def test_only_who_can_be_proved_has_a_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its secret a provider's calls are refused; a secret that is none is told at the start, without it."""
    assert set(doors(load_settings(), None)) == {"fal", "apimart"}
    monkeypatch.setenv("REPLICATE_WEBHOOK_SECRET", "whsec_not base64!")
    with pytest.raises(Refused, match="REPLICATE_WEBHOOK_SECRET") as refusal:
        doors(load_settings(), None)
    assert "not base64" not in refusal.value.message


def test_it_says_that_it_is_well(desk: Desk) -> None:
    """What asks whether it lives is told so; what is no POST is told so, too."""
    statuses = []

    async def work(client: httpx.AsyncClient) -> None:
        statuses.append((await client.get(f"{BASE}/healthz")).status_code)
        statuses.append((await client.get(f"{BASE}/some/hooks/healthz")).status_code)
        statuses.append((await client.get(desk.address("apimart"))).status_code)

    desk.run(work)
    assert statuses == [200, 200, 405]
