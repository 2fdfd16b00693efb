"""The simulator inside the test's own process: a street of dialects whose clock the test moves by hand."""

import asyncio
import atexit
import dataclasses
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from simulator.app import create_app
from simulator.options import Options
from simulator.weather import Weather

#: The real instant, in seconds since 1970, at which every street begins: 2026-11-21 12:00 UTC.
NOON = 1_795_262_400.0
GATEWAY = "/v1/videos/generations"
#: Where the dialects that take their key as a bearer sell, and their least order.
BEARERS: dict[str, tuple[str, dict[str, Any]]] = {
    "aimlapi": ("/v2/video/generations", {"model": "alibaba/wan-2-6-t2v", "resolution": "720p", "duration": 5}),
    "apimart": (GATEWAY, {"model": "wan2.6"}),
    "toapis": (GATEWAY, {"model": "wan2.6"}),
}
#: Every dialect.
DIALECTS = ("segmind", "dashscope", "fal", "replicate", *BEARERS)
VIDEO_SYNTHESIS = "/dashscope/api/v1/services/aigc/video-generation/video-synthesis"


#: All streets are asked on one event loop: another one for each of thousands of questions costs more than the answers.
LOOP = asyncio.Runner()
atexit.register(LOOP.close)


class InProcess(httpx.BaseTransport):
    """Hands a request to an ASGI application, and waits for the whole answer."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises what the application raises."""
        asked, told = request.read(), list[MutableMapping[str, Any]]()
        scope = {
            "type": "http", "http_version": "1.1", "method": request.method, "scheme": request.url.scheme,
            "path": request.url.path, "raw_path": request.url.raw_path.partition(b"?")[0], "root_path": "",
            "query_string": request.url.query, "server": (request.url.host, request.url.port),
            "headers": [(name.lower(), value) for name, value in request.headers.raw], "client": ("127.0.0.1", 123),
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": asked, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            told.append(message)

        LOOP.run(self._app(scope, receive, send))
        start, *parts = told
        assert not parts[-1].get("more_body", False)
        body = b"".join(part.get("body", b"") for part in parts)
        return httpx.Response(start["status"], headers=start["headers"], content=body)


class Street:
    """One simulated world, called without sockets. `real_s` is the real time; moving it moves simulated time."""

    def __init__(self, options: Options, real_s: float = NOON) -> None:
        self.real_s = real_s
        self.app = create_app(options, real=lambda: self.real_s)
        self.client = httpx.Client(transport=InProcess(self.app), base_url="http://street")

    def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request; path may be a whole URL of this street."""
        return self.client.request(method, path, **request)

    def segmind(self, method: str, path: str, *, key: str = "sim-one", **request: Any) -> httpx.Response:
        """One request to Segmind with a key."""
        return self.call(method, "/segmind" + path, headers={"x-api-key": key}, **request)

    def buy_segmind(self, prompt: str = "a cat", *, key: str = "sim-one", **inputs: Any) -> httpx.Response:
        """Order a video of five seconds at Segmind."""
        body = {"prompt": prompt, "size": "1280*720", "duration": 5, **inputs}
        return self.segmind("POST", "/v2/wan-2.6-t2v", key=key, json=body)

    def dashscope(self, method: str, path: str, *, key: str = "sim-one", **request: Any) -> httpx.Response:
        """One request to DashScope with a key."""
        return self.call(method, "/dashscope" + path, headers={"authorization": f"Bearer {key}"}, **request)

    def buy_dashscope(
        self, prompt: str = "a cat", *, key: str = "sim-one", model: str = "wan2.6-t2v",
        inputs: dict[str, Any] | None = None, **parameters: Any,
    ) -> httpx.Response:  # fmt: skip
        """Order a video of five seconds at DashScope."""
        sized = {"size": "1280*720"} if "t2v" in model or "r2v" in model else {"resolution": "720P"}
        body = {"model": model, "input": {"prompt": prompt, **(inputs or {})}}
        body["parameters"] = {**sized, "duration": 5, **parameters}
        headers = {"authorization": f"Bearer {key}", "x-dashscope-async": "enable"}
        return self.call("POST", VIDEO_SYNTHESIS, headers=headers, json=body)

    def gateway(
        self, name: str, method: str, path: str, *, key: str = "sim-one", headers: dict[str, str] | None = None,
        **request: Any,
    ) -> httpx.Response:  # fmt: skip
        """One request to a dialect that takes its key as a bearer."""
        return self.call(
            method, f"/{name}{path}", headers={"authorization": f"Bearer {key}", **(headers or {})}, **request
        )

    def fal(self, method: str, path: str, *, key: str = "sim-one", **request: Any) -> httpx.Response:
        """One request to fal with a key."""
        return self.call(method, "/fal" + path, headers={"authorization": f"Key {key}"}, **request)

    def buy(self, dialect: str, prompt: str = "a cat") -> httpx.Response:
        """Order a video of five seconds at any dialect."""
        if dialect == "segmind":
            return self.buy_segmind(prompt)
        if dialect == "dashscope":
            return self.buy_dashscope(prompt)
        if dialect == "fal":
            return self.fal("POST", "/queue/wan/v2.6/text-to-video", json={"prompt": prompt})
        if dialect == "replicate":
            path = "/v1/models/wan-video/wan-2.6-t2v/predictions"
            return self.gateway(dialect, "POST", path, json={"input": {"prompt": prompt}})
        path, body = BEARERS[dialect]
        return self.gateway(dialect, "POST", path, json=body | {"prompt": prompt})

    def look(self, dialect: str) -> httpx.Response:
        """Ask for the newest purchase, which is of that dialect."""
        task = self.purchases()[-1]["task_id"]
        if dialect == "segmind":
            return self.segmind("GET", f"/v2/requests/{task}")
        if dialect == "dashscope":
            return self.dashscope("GET", f"/api/v1/tasks/{task}")
        if dialect == "fal":
            return self.fal("GET", f"/queue/wan/v2.6/requests/{task}")
        paths = {
            "aimlapi": "/v2/video/generations?generation_id=", "apimart": "/v1/tasks/", "toapis": f"{GATEWAY}/",
            "replicate": "/v1/predictions/",
        }  # fmt: skip
        return self.gateway(dialect, "GET", paths[dialect] + task)

    def purchases(self) -> list[dict[str, Any]]:
        """The bank statement."""
        statement: list[dict[str, Any]] = self.call("GET", "/_simulator/purchases").json()["purchases"]
        return statement

    def script(self, on: str, then: str, **more: Any) -> None:
        """Put a fault in line."""
        assert self.call("POST", "/_simulator/next", json={"on": on, "then": then, **more}).status_code == 200

    def forget(self) -> None:
        """End as a SIGKILL would: without a word in the journal."""
        journal = self.app.state.world.journal
        self.app.state.world.journal = None
        journal.close()


@pytest.fixture
def street() -> Callable[..., Street]:
    """Open a street: `street(slots=2, p_failed=1)` sets options and weather by name; renders take 100 s exactly."""

    def open_street(*, real_s: float = NOON, journal: Path | None = None, **given: Any) -> Street:
        own = {spec.name for spec in dataclasses.fields(Options)}
        sky: dict[str, Any] = {"render_mean_s": 100.0, "render_cv": 0.0, "queue_s": 1.0}
        sky |= {name: value for name, value in given.items() if name not in own}
        options = {name: value for name, value in given.items() if name in own}
        return Street(Options(weather=Weather(**sky), journal=journal, **options), real_s)

    return open_street
