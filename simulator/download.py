"""The result host: videos behind signed links that die on time, with byte ranges, as an object store serves them.

Beside them lie the files that clients have uploaded.
"""

import re

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.clips import VARIANTS, clip
from simulator.clock import iso
from simulator.exchange import HTML_PAGE
from simulator.lines import Cut, HalfSent, Hang
from simulator.renders import Task
from simulator.weather import Then
from simulator.world import World

#: The share of its bytes that a truncated file keeps.
KEPT_SHARE = 0.6
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Download:
    """The host below `/clips`, and `/shelf`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[BaseRoute]:
        """Both paths."""
        return [Route("/clips/{task_id}.mp4", self.video), Route("/shelf/{name}", self.upload)]

    async def upload(self, request: Request) -> Response:
        """A file that a client has uploaded, while it is kept."""
        now = self._world.clock.now()
        found = self._world.shelf.get(request.path_params["name"], now)
        if found is None:
            return _denied(404, "NoSuchKey", "The specified key does not exist.", now)
        return Response(found.data, media_type=found.media_type)

    async def video(self, request: Request) -> Response:
        """A video, a part of it, or the error page of an object store."""
        now = self._world.now()
        self._world.tallies["clips"].counts["downloads"] += 1
        task = self._world.bank.tasks.get(request.path_params["task_id"])
        if task is None or task.state != "succeeded":
            return _denied(404, "NoSuchKey", "The specified key does not exist.", now)
        verdict = self._world.links.verdict(task.task_id, request.query_params, now)
        if verdict == "forged":
            return _denied(403, "SignatureDoesNotMatch", "The request signature we calculated does not match.", now)
        fault = self._world.sky.scripted("clip")
        then = fault.then if fault else None
        if verdict == "expired" or then == "expired":
            return _denied(403, "AccessDenied", "Request has expired.", now)
        return self._answer(request, task, then)

    def _answer(self, request: Request, task: Task, then: Then | None) -> Response:
        """The file under the weather."""
        weather = self._world.sky.weather
        if then == "html" or self._world.sky.happens(weather.p_html, "html", task.key):
            return HTMLResponse(HTML_PAGE)
        if then in ("hang_before", "hang_after"):
            return Hang()
        if then in ("cut_before", "reset_before"):
            return Cut(reset=then == "reset_before")
        if then == "redirect":
            return RedirectResponse(str(request.url), 302)
        if then is not None and then.isdigit():
            return Response("<Error><Code>InternalError</Code></Error>", int(then), media_type="application/xml")
        data = self._bytes(task)
        if then == "truncated" or self._world.sky.happens(weather.p_truncated, "truncated", task.key):
            data = data[: int(len(data) * KEPT_SHARE)]
        if then == "garbage":
            data = bytes(len(data))
        answer = _part(request, data, task.task_id, "text/plain" if then == "untyped" else "video/mp4")
        return HalfSent(answer, reset=then == "reset_after") if then in ("cut_after", "reset_after") else answer

    def _bytes(self, task: Task) -> bytes:
        """The whole file."""
        order = task.order
        variant = int(self._world.sky.draw("variant", task.key) * VARIANTS)
        pad = self._world.options.clip_pad_bytes
        return clip(
            order.width, order.height, order.duration_s, task.task_id, variant=variant, audio=order.audio, pad_bytes=pad
        )


def _part(request: Request, data: bytes, name: str, media_type: str) -> Response:
    """The whole, or the one byte range that was asked for."""
    headers = {"accept-ranges": "bytes", "etag": f'"{name}"'}
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or not any(asked.groups()):
        return Response(data, headers=headers, media_type=media_type)
    first_text, last_text = asked.groups()
    if first_text:
        first, last = int(first_text), min(int(last_text or len(data)), len(data) - 1)
    else:
        first, last = max(len(data) - int(last_text), 0), len(data) - 1
    if first > last:
        return Response(status_code=416, headers={"content-range": f"bytes */{len(data)}"})
    headers["content-range"] = f"bytes {first}-{last}/{len(data)}"
    return Response(data[first : last + 1], 206, headers, media_type=media_type)


def _denied(status: int, code: str, message: str, now: float) -> Response:
    """An object store's XML error."""
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>'
        f"<HostId>clips.simulator</HostId><ServerTime>{iso(now)}</ServerTime></Error>"
    )
    return Response(body, status, media_type="application/xml")
