"""The provider that docs/providers.md teaches: its twelve lines and its facts, as they stand there, buy a video."""

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.facts import read_facts
from jobs.job import Job, Mode
from providers.contract import Accepted, Answer, Call, Endpoint, Failed, Finished, Kind, Lost, Open, Rejected
from providers.provider import Provider

ROOT = Path(__file__).resolve().parents[2]
SECTION = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8").partition("## How to add a provider")[2]
URL = "https://cdn.acme.example/video.mp4"


def block(language: str) -> str:
    """The page's one block of code in that language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)
    return str(found)


@dataclass
class Acme:
    """A tiny provider: it takes an order, and shows its task in each of these states in turn."""

    states: list[dict[str, Any]]
    refuse: tuple[int, dict[str, Any]] | None = None
    orders: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    url: str = ""

    def answer(self, method: str, path: str, sent: bytes) -> tuple[int, dict[str, Any]]:
        """What a request meets."""
        if (method, path) == ("POST", "/v1/videos"):
            self.orders.append(json.loads(sent))
            return self.refuse or (201, {"id": "v-1", "status": "queued"})
        if (method, path) == ("GET", "/v1/videos/v-1"):
            return 200, {"id": "v-1", **(self.states.pop(0) if len(self.states) > 1 else self.states[0])}
        return 404, {"error": {"message": "no such video"}}


@pytest.fixture
def serve() -> Iterator[Callable[[Acme], Acme]]:
    """Put such a provider on a port until the test is over."""
    servers: list[HTTPServer] = []

    def begin(acme: Acme) -> Acme:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                acme.keys.add(self.headers["Authorization"])
                sent = self.rfile.read(int(self.headers["Content-Length"] or 0))
                status, body = acme.answer(self.command, self.path, sent)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            do_POST = do_GET  # noqa: N815 - the name that the server calls

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        acme.url = f"http://127.0.0.1:{servers[-1].server_port}"
        return acme

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """The page's class over the page's facts, each pasted where the page says that it goes."""
    file = tmp_path / "acme.py"
    file.write_text(block("python"), encoding="utf-8")
    spec = spec_from_file_location("providers.acme", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "providers.acme", module)
    spec.loader.exec_module(module)
    facts = read_facts((ROOT / "config" / "providers.toml").read_text(encoding="utf-8") + "\n\n" + block("toml"))
    made = module.Acme(facts["acme"])
    assert isinstance(made, Provider)
    return made


def ask(call: Call) -> Answer:
    """Make one call, and nothing more."""
    response = httpx.request(call.method, call.url, headers=dict(call.headers), json=call.body, timeout=5)
    return Answer(
        response.status_code, {name.lower(): text for name, text in response.headers.items()}, response.content
    )


def test_it_has_twelve_lines() -> None:
    """What the page promises; a longer one would say that `Provider` could do more by itself."""
    assert len([line for line in block("python").splitlines() if line.strip()]) == 12


def test_it_buys_a_video(provider: Provider, serve: Callable[[Acme], Acme], job: Callable[..., Job]) -> None:
    """From the order to the video's URL, at the listed price."""
    acme = serve(Acme([{"status": "queued"}, {"status": "running"}, {"status": "done", "video_url": URL}]))
    at = Endpoint(acme.url, "secret-key")
    ordered = job(duration_s=10, aspect_ratio="9:16")
    assert list(provider.complaints(ordered.render)) == []
    assert provider.price_usd(ordered.render) == Decimal("1.00")
    bought = provider.read_submit(ask(provider.submit_call(ordered, at, "j:1")))
    assert bought == Accepted("v-1")
    looks = [provider.read_check(ask(provider.check_call("v-1", at)), "v-1", at) for _ in range(3)]
    assert looks == [Open(), Open(), Finished(url=URL, url_life_s=86_400)]
    assert acme.keys == {"Bearer secret-key"}
    assert acme.orders == [
        {
            "model": "acme/wan-2.6",
            "seed": 7,
            "size": "720*1280",
            "seconds": 10,
            "multi_shot": False,
            "prompt": "a red shoe",
        }
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": {"message": "who are you?"}}, Kind.KEY_REFUSED),
        (402, {"message": "nothing left"}, Kind.OUT_OF_CREDIT),
        (422, {"detail": [{"msg": "size is wrong", "type": "enum"}]}, Kind.BAD_REQUEST),
        (400, {"error": "The prompt was flagged"}, Kind.CONTENT_REFUSED),
        (429, {"error": "slow down, retry in 5 s"}, Kind.RATE_LIMITED),
        (503, {"error": "no"}, None),
    ],
)
def test_it_knows_what_a_no_means(
    status: int,
    body: dict[str, Any],
    kind: Kind | None,
    provider: Provider,
    serve: Callable[[Acme], Acme],
    job: Callable[..., Job],
) -> None:
    """Refusals have the usual meanings, and what proves nothing is lost, without a line for it."""
    acme = serve(Acme([{}], refuse=(status, body)))
    reading = provider.read_submit(ask(provider.submit_call(job(), Endpoint(acme.url, "k"), "j:1")))
    assert isinstance(reading, Lost if kind is None else Rejected)
    assert getattr(reading, "kind", None) is kind


def test_it_knows_a_failure_and_what_is_not_sold(
    provider: Provider, serve: Callable[[Acme], Acme], job: Callable[..., Job]
) -> None:
    """A bad word is an end, an unknown task is none, and an image is refused before anything is asked."""
    acme = serve(Acme([{"status": "failed", "error": "out of luck"}]))
    at = Endpoint(acme.url, "k")
    ended = provider.read_check(ask(provider.check_call("v-1", at)), "v-1", at)
    assert isinstance(ended, Failed)
    assert (ended.why.kind, ended.why.message) == (Kind.RENDER_FAILED, "out of luck")
    assert not isinstance(provider.read_check(ask(provider.check_call("v-2", at)), "v-2", at), Failed | Finished)
    (complaint,) = provider.complaints(job(Mode.I2V).render)
    assert "Acme does not sell i2v" in complaint.problem
