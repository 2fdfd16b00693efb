"""Calls from providers: proved by vectors that others made, refused however they are forged, asked for in the order."""

import json
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.job import Job
from providers.contract import Answer, Call, Endpoint
from providers.registry import PROVIDERS, endpoint, facts, provider
from providers.webhooks import SKEW_S, About, Addresses, Shared, Unsigned
from tests.vectors import FAL, STANDARD, TOAPIS, Case

SIGNED = pytest.mark.parametrize("case", [STANDARD, TOAPIS, FAL], ids=["standard", "toapis", "fal"])


def part(headers: Mapping[str, str], name: str) -> str:
    """The header whose name ends so."""
    return next(header for header in headers if header.endswith(name))


def at(case: Case) -> float:
    """The instant at which a call was signed."""
    return float(case[1][part(case[1], "timestamp")])


@SIGNED
def test_a_genuine_call_is_known_by_its_own_id(case: Case) -> None:
    """The vector of another implementation is proved, up to the skew that documents allow, also behind an older key."""
    proof, headers, body, keys = case
    name = headers[part(headers, "-id")] if "-user-" not in part(headers, "-id") else ""
    for now_s in (at(case), at(case) + SKEW_S, at(case) - SKEW_S):
        assert proof.delivery(headers, body, keys, now_s) == name
    assert proof.delivery(headers, body, [bytes(32), *keys], at(case)) == name


@SIGNED
def test_a_forged_call_is_not_proved(case: Case) -> None:
    """Another key, none, another body, another id or time, an old or early one, and each header cut or missing."""
    proof, headers, body, keys = case
    now_s = at(case)
    assert proof.delivery(headers, body, [bytes(32)], now_s) is None
    assert proof.delivery(headers, body, [], now_s) is None
    assert proof.delivery(headers, body + b" ", keys, now_s) is None
    assert proof.delivery(headers, b"", keys, now_s) is None
    assert proof.delivery(headers, body, keys, now_s + SKEW_S + 1) is None
    assert proof.delivery(headers, body, keys, now_s - SKEW_S - 1) is None
    for name, value in headers.items():
        for forged in ("", value[:-1], value + "0", "\u00e9" + value, f"{int(now_s) + 1}" if "time" in name else "x"):
            assert proof.delivery({**headers, name: forged}, body, keys, now_s) is None, (name, forged)
        without = {other: told for other, told in headers.items() if other != name}
        assert proof.delivery(without, body, keys, now_s) is None, name


@pytest.mark.parametrize("case", [STANDARD, TOAPIS], ids=["standard", "toapis"])
def test_a_secret_that_changes_signs_twice(case: Case) -> None:
    """While a secret is changed a call has a signature by each; one that fits is enough."""
    proof, headers, body, keys = case
    name = part(headers, "signature")
    good = headers[name]
    other = good[:3] + ("A" if good[3] != "A" else "B") + good[4:] if "," in good else f"v1={'0' * 64}"
    for apart in (" ",) if "," in good else (",", ", "):
        both = {**headers, name: f"{other}{apart}{good}"}
        assert proof.delivery(both, body, keys, at(case)) is not None


def test_a_standard_secret_is_base64_behind_its_prefix() -> None:
    """What is none is refused when it is read, not when the first call comes."""
    proof, _, _, keys = STANDARD
    assert proof.secret_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") == tuple(keys)
    with pytest.raises(ValueError, match="base64"):
        proof.secret_keys("whsec_not base64!")


def test_published_keys_are_those_of_the_curve() -> None:
    """A key set's Ed25519 keys are read; others, damaged ones, and answers that are none, give no key."""
    proof, _, _, keys = FAL
    good = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    rows = [good, {**good, "crv": "X25519"}, {**good, "kty": "RSA"}, {**good, "x": "short"}, {**good, "x": 7}, "x"]
    assert list(proof.read_keys(Answer(200, {}, json.dumps({"keys": rows}).encode()))) == list(keys)
    for answer in (
        Answer(500, {}, json.dumps({"keys": rows}).encode()),
        Answer(200, {}, b"<html>"),
        Answer(200, {}, b"{}"),
    ):
        assert list(proof.read_keys(answer)) == []
    real = endpoint("fal", "")
    assert proof.keys_call(real) == Call("GET", "https://rest.fal.ai/.well-known/jwks.json")


def test_an_unsigned_call_is_known_by_its_body() -> None:
    """Where nothing is signed, the same words are the same delivery."""
    one, two = (Unsigned().delivery({}, body, (), 0) for body in (b"one", b"two"))
    assert one != two
    assert one == Unsigned().delivery({"x": "y"}, b"one", (), 9e9)


@pytest.mark.parametrize(
    ("name", "query", "fields"),
    [
        ("fal", "?fal_webhook=https%3A%2F%2Fus.example%2Fw", {}),
        ("replicate", "", {"webhook": "https://us.example/w", "webhook_events_filter": ["completed"]}),
        ("toapis", "", {"callback_url": "https://us.example/w"}),
        ("apimart", "", {"webhook": "https://us.example/w"}),
    ],
)
def test_an_order_asks_to_be_called(
    name: str, query: str, fields: dict[str, object], at: Endpoint, job: Callable[..., Job]
) -> None:
    """Each provider has its own place for the address; nothing else of the order changes."""
    seller = provider(name)
    plain = seller.submit_call(job(), at, "j:1:t")
    assert seller.webhook is not None
    asked = seller.webhook.asked(plain, "https://us.example/w")
    assert asked.url == plain.url + query
    assert asked.body == {**(plain.body or {}), **fields}
    assert (asked.method, asked.headers) == (plain.method, plain.headers)


def test_who_calls_is_who_is_said_to() -> None:
    """Segmind, DashScope and AI/ML API call nobody about a single task; a secret is named for those who share one."""
    calling = {name for name, one in PROVIDERS.items() if one.webhook is not None}
    assert calling == {"fal", "replicate", "toapis", "apimart"}
    for name, one in PROVIDERS.items():
        shared = one.webhook is not None and isinstance(one.webhook.proof, Shared)
        assert bool(facts(name).webhook_secret_variable) == shared


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("fal", {"request_id": "r-1", "status": "OK"}),
        ("replicate", {"id": "r-1"}),
        ("toapis", {"data": {"task_id": "r-1"}}),
        ("apimart", {"code": 200, "data": {"id": "r-1"}}),
    ],
)
def test_a_call_names_its_task(name: str, body: dict[str, object]) -> None:
    """The task is found where each provider puts it; garbage names none."""
    webhook = provider(name).webhook
    assert webhook is not None
    assert webhook.task_of(json.dumps(body).encode()) == "r-1"
    for garbage in (b"", b"[]", b"\xff", b'{"data": 7, "id": "../x"}', b'{"data": {"id": []}}'):
        assert webhook.task_of(garbage) is None


def test_only_we_can_make_an_address() -> None:
    """An address is read back below any path, with what APIMart appends; whatever differs leads nowhere."""
    ours, about = Addresses("https://us.example/hooks/", b"a secret"), About("simulated-fal", "abc234", 2)
    path = ours.of(about).removeprefix("https://us.example")
    assert path.startswith("/hooks/simulated-fal/abc234/2/")
    assert ours.read(path) == ours.read(path + "/callback") == ours.read("/elsewhere" + path) == about
    flipped = path[:-1] + ("0" if path[-1] != "0" else "1")
    forged = [flipped, path[:-1], path + "0", path + "/", path.replace("/2/", "/3/"), path.replace("abc", "abd")]
    forged += [path.replace("simulated-fal", "fal"), path + "\n", "/", "", path.upper()]
    assert [each for each in forged if ours.read(each) is not None] == []
    assert Addresses("https://us.example/hooks", b"another").read(path) is None
    assert "a secret" not in repr(ours)


#: What can stand in a header.
TEXT = st.text(st.characters(max_codepoint=255), max_size=200)


@settings(max_examples=60)
@given(st.data(), st.binary(max_size=200))
def test_no_call_can_raise(data: st.DataObject, body: bytes) -> None:
    """Whatever headers and body hold, a call is proved or it is not; and names a task or none."""
    for proof, genuine, _, keys in (STANDARD, TOAPIS, FAL):
        headers = {name: data.draw(st.one_of(TEXT, st.just(value))) for name, value in genuine.items()}
        assert proof.delivery(headers, body, keys, at((proof, genuine, body, keys))) is None
    for one in PROVIDERS.values():
        assert one.webhook is None or one.webhook.task_of(body) is None
    assert Addresses("https://us.example", b"a secret").read(data.draw(st.text(max_size=100))) is None
