"""ToAPIs' dialect: an OpenAI-like gateway whose limits are told in headers, and whose result says no price.

There is no list and no key against buying twice; a client's own name is echoed at the submit and found nowhere later.
"""

import json
import math
import secrets
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.desk import Ask, Asked, Desk, bearer
from simulator.dialects import toapis_orders
from simulator.dialects.credits import balance
from simulator.dialects.toapis_webhooks import AGAIN_S, signed
from simulator.forms import Words
from simulator.limits import Grant, Limit
from simulator.renders import Task
from simulator.weather import Fault
from simulator.webhooks import Letter, request_to
from simulator.world import World, account_of

#: Simulated seconds that a link lives, from the completion on.
LINK_LIFE_S = 86_400
CREDITS_PER_USD = 200
_PATH = "/v1/videos/generations"
#: The group `default`. The minute comes first: it is what the headers speak of.
_SUBMITS = (Limit("submits a minute", 300, 60), Limit("submits in 10 s", 50, 10))
_QUERIES = (Limit("queries a minute", 3_000, 60), Limit("queries in 10 s", 500, 10))
_STATES = {"rendering": "in_progress", "succeeded": "completed", "failed": "failed", "cancelled": "failed"}
#: Only `not_found_error` is documented; the other types are made up after it.
_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class ToApis(Desk):
    """The dialect under `/toapis`."""

    name = "toapis"
    failed = ("generation_failed", "Generation failed after internal retries")
    refused = ("content_policy_violation", "The content was rejected by the content policy")
    penniless = Words(402, "insufficient_quota", "Insufficient token balance, please top up")
    webhooks_again_s = AGAIN_S
    flagged = Words(422, "content_policy_violation", "The prompt was rejected by the content policy")

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.slots = world.options.slots
        self._secret = world.options.toapis_webhook_secret
        count = world.options.submits_per_minute
        self._submits = _SUBMITS if count is None else (Limit("submits a minute", count, 60),)

    def routes(self) -> list[BaseRoute]:
        """Every path of the dialect, below its mount."""
        return [
            Route(_PATH, self.submit, methods=["POST"]),
            Route(_PATH + "/{task_id}", self.poll),
            Route("/v1/balance", self.balance),
            Route("/v1/user/balance", self.balance),
        ]

    async def poll(self, request: Request) -> Response:
        """Where a task stands, with its video once it has one."""
        return await self.look(request, request.path_params["task_id"], self._facts)

    async def balance(self, request: Request) -> Response:
        """What the account still holds, and has used."""
        return await self.browse(request, self._balance, ask="balance")

    def account(self, request: Request) -> str | Response:
        """The account of the request's key, or the 401 for it."""
        found = account_of(bearer(request))
        return found or self.error(Words(401, "unauthorized", "Missing or invalid API key"))

    def windows(self, ask: Ask) -> Sequence[Limit]:
        """Submits and queries have windows of their own; a refused order counts, a 429 does not."""
        if ask == "submit":
            return self._submits
        return _QUERIES if ask == "poll" and not self.world.options.no_query_limits else ()

    def error(self, words: Words) -> Response:
        """The one error body; the code of a 404 is a number, as documented, all others are words."""
        code: int | str = words.status if words.status == HTTPStatus.NOT_FOUND else words.code
        server = words.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        kind = _TYPES.get(words.status, "server_error" if server else "invalid_request_error")
        return JSONResponse({"error": {"code": code, "message": words.message, "type": kind}}, words.status)

    def throttled(self, retry_after_s: float | None) -> Response:
        """A 429, always with Retry-After."""
        answer = self.error(Words(429, "rate_limit_exceeded", "Async task request rate exceeded"))
        answer.headers["retry-after"] = f"{1 if retry_after_s is None else retry_after_s:g}"
        return answer

    def over(self, grant: Grant) -> Response:
        """The 429 for one request more than a window allows, with the seconds until it opens."""
        return self.throttled(max(1, math.ceil(grant.reset_at - self.world.clock.now())))

    def broken(self, status: int) -> Response:
        """A 5xx; a 503 is the limiter's own trouble and says when to come again."""
        if status != HTTPStatus.SERVICE_UNAVAILABLE:
            return self.error(Words(status, "internal_error", HTTPStatus(status).phrase))
        answer = self.error(Words(status, "rate_limit_unavailable", "The rate limit service is unavailable"))
        answer.headers["retry-after"] = f"{self.world.sky.weather.retry_after_s or 1:g}"
        return answer

    def dressed(self, request: Request, answer: Response, grant: Grant | None) -> Response:
        """The answer with what its window still allows."""
        if grant is not None:
            answer.headers["x-ratelimit-limit"] = str(grant.limit.count)
            answer.headers["x-ratelimit-remaining"] = str(grant.remaining)
            answer.headers["x-ratelimit-reset"] = str(math.ceil(grant.reset_at))
            answer.headers["x-ratelimit-category"] = "async_submit" if request.method == "POST" else "async_query"
        return answer

    def read(self, request: Request, body: bytes) -> Asked:  # noqa: ARG002 (the desk's)
        """Read the order."""
        return toapis_orders.read(body, webhook=bool(self._secret))

    def accepted(self, request: Request, task: Task) -> Response:  # noqa: ARG002 (the desk's)
        """The task's id, and the client's own name for it where it gave one."""
        aspect = task.input.get("aspect_ratio", "16:9")
        body = _head(task, "queued", 0) | {"metadata": {} if task.input.get("image_urls") else {"aspect_ratio": aspect}}
        if (own := task.notes.get("client_business_id")) is not None:
            body["client_business_id"] = own
        return JSONResponse(body)

    def unknown(self, task_id: str) -> Response:
        """Foreign or never there."""
        return self.error(Words(404, "task_not_found", f"Task {task_id[:64]} not found"))

    def new_id(self) -> str:
        """`video_` and 26 characters, as the documents show it."""
        return f"video_{secrets.token_hex(13).upper()}"

    def letter(self, task: Task, now: float) -> Letter:
        """The task in its envelope, signed."""
        facts = json.loads(bytes(self._facts(request_to(task), task, now, None).body))
        return signed(task, facts, self._secret, now)

    def _balance(self, _: Request, account: str, __: float) -> Response:
        return JSONResponse(balance(self.world, self.name, account, CREDITS_PER_USD))

    def _facts(self, request: Request, task: Task, now: float, fault: Fault | None) -> Response:
        """The task's body; a failed one is an HTTP 200, too."""
        if task.state == "rendering":
            share = max(0.0, now - task.starts_at) / max(task.ends_at - task.starts_at, 1e-9)
            status = "in_progress" if task.started(now) else "queued"
            return JSONResponse(_head(task, status, int(99 * share)))
        body = _head(task, _STATES[task.state], 100) | {"completed_at": int(task.ends_at)}
        if task.state != "succeeded":
            code, message = task.failure or self.failed
            return JSONResponse(body | {"error": {"code": code, "message": message}})
        task.results += 1
        expires_at = task.ends_at + LINK_LIFE_S
        video = {"url": self.world.video_url(request, task, expires_at, fault), "format": "mp4"}
        result = {"type": "video", "data": [video]}
        return JSONResponse(body | {"expires_at": int(expires_at), "result": result})


def _head(task: Task, status: str, progress: int) -> dict[str, Any]:
    """What every body of a task begins with."""
    return {
        "id": task.task_id,
        "object": "generation.task",
        "model": task.model,
        "status": status,
        "progress": progress,
        "created_at": int(task.at),
    }
