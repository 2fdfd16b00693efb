"""AI/ML API's dialect: one path to submit and to poll, the balance with its charges, and the logs of what has ended.

There is no list of what renders: the logs show a request only after its outcome, under the name its client gave it.
"""

import re
import secrets
import uuid
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.bank import MICRO, dollars
from simulator.clock import iso
from simulator.desk import Ask, Asked, Desk, bearer
from simulator.dialects import aimlapi_orders
from simulator.dialects.aimlapi_charges import AimlapiCharges
from simulator.dialects.aimlapi_logs import AimlapiLogs
from simulator.forms import Words
from simulator.limits import Grant, Limit
from simulator.renders import Task
from simulator.weather import Fault
from simulator.world import World, account_of

#: Credits that make a micro-dollar.
CREDITS_PER_UUSD = 2
#: Simulated seconds that a link lives, from the completion on.
LINK_LIFE_S = 86_400
_LOGS = Limit("logs in 60 s", 200, 60)
_PATH = "/v2/video/generations"
#: A client's own name for its request; any other is dropped without a word.
_CLIENT_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_STATES = {"rendering": "generating", "succeeded": "completed", "failed": "error", "cancelled": "error"}


class Aimlapi(Desk):
    """The dialect under `/aimlapi`."""

    name = "aimlapi"
    # The words of both ends are made up; that they lie in `error` is documented.
    failed = ("GenerationFailed", "The provider could not generate the video")
    refused = ("ContentPolicyViolation", "The request was rejected by the content check")
    penniless = Words(403, "Forbidden", "You've run out of credits. Please top up your balance to continue.")

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.slots = world.options.slots
        count = world.options.submits_per_minute
        self._submits = () if count is None else (Limit("submits a minute", count, 60),)

    def routes(self) -> list[BaseRoute]:
        """Every path of the dialect, below its mount."""
        return [
            Route(_PATH, self.submit, methods=["POST"]),
            Route(_PATH, self.poll),
            Route("/v2/billing", self.billing),
            *AimlapiCharges(self).routes(),
            *AimlapiLogs(self).routes(),
        ]

    async def poll(self, request: Request) -> Response:
        """Where a generation stands, with its video once it has one."""
        return await self.look(request, request.query_params.get("generation_id", ""), self._facts)

    async def billing(self, request: Request) -> Response:
        """What the account still holds."""
        return await self.browse(request, self._balance, ask="balance")

    def account(self, request: Request) -> str | Response:
        """The account of the request's key, or the 401 for it."""
        found = account_of(bearer(request))
        return found or self.error(Words(401, "Unauthorized", "Invalid or missing API key"))

    def windows(self, ask: Ask) -> Sequence[Limit]:
        """The logs have a documented window; submits have one where an option says so."""
        return {"list": (_LOGS,), "submit": self._submits}.get(ask, ())

    def error(self, words: Words) -> Response:
        """The one error body."""
        body = {
            "title": HTTPStatus(words.status).phrase,
            "status": words.status,
            "message": words.message,
            "instance": f"urn:uuid:{uuid.uuid4()}",
            "requestId": str(uuid.uuid4()),
            "timestamp": iso(self.world.clock.now()),
            "error": {"name": words.code or HTTPStatus(words.status).phrase, "message": words.message},
        }
        return JSONResponse(body, words.status, media_type="application/problem+json")

    def throttled(self, retry_after_s: float | None) -> Response:
        """A 429; no Retry-After is documented, it is sent where asked for."""
        answer = self.error(Words(429, "TooManyRequests", "Too many requests, please try again later."))
        if retry_after_s is not None:
            answer.headers["retry-after"] = f"{retry_after_s:g}"
        return answer

    def broken(self, status: int) -> Response:
        """A 5xx."""
        words = "Generation timeout" if status == HTTPStatus.GATEWAY_TIMEOUT else HTTPStatus(status).phrase
        return self.error(Words(status, "", words))

    def dressed(self, request: Request, answer: Response, grant: Grant | None) -> Response:  # noqa: ARG002 (the desk's)
        """The answer with its own name, and with that of the client."""
        answer.headers["x-request-id"] = str(uuid.uuid4())
        if (own := _client_id(request)) is not None:
            answer.headers["x-client-request-id"] = own
        return answer

    def read(self, request: Request, body: bytes) -> Asked:
        """Read the order, and the name that the client gives it."""
        asked = aimlapi_orders.read(body)
        own = _client_id(request)
        if own is not None:
            asked.notes["client_request_id"] = own
        return asked

    def accepted(self, request: Request, task: Task) -> Response:  # noqa: ARG002 (the desk's)
        """The generation's id, and the credits that it will take."""
        credits_used = task.order.price_uusd * CREDITS_PER_UUSD
        body = {"id": task.task_id, "status": "queued", "meta": {"usage": {"credits_used": credits_used}}}
        return JSONResponse(body, headers=_money(task, task.order.price_uusd))

    def unknown(self, task_id: str) -> Response:
        """Foreign or never there; a look without an id is a wrong question."""
        if not task_id:
            words = "Query validation error: generation_id: Expected string, received undefined"
            return self.error(Words(400, "ValidationError", words))
        return self.error(Words(404, "NotFound", f"Generation {task_id[:64]} not found"))

    def new_id(self) -> str:
        """21 characters, as the documents show them."""
        return secrets.token_urlsafe(16)[:21]

    def _balance(self, _: Request, account: str, __: float) -> Response:
        held = self.world.bank.account(self.name, account).balance_uusd / MICRO
        return JSONResponse({"current_balance": held, "currency": "USD"})

    def _facts(self, request: Request, task: Task, now: float, fault: Fault | None) -> Response:
        """The generation's body; a bad end is an HTTP 200, too. Only a completed one has been charged."""
        body: dict[str, Any] = {"id": task.task_id, "status": _state(task, now)}
        if task.state == "succeeded":
            task.results += 1
            body["video"] = {"url": self.world.video_url(request, task, task.ends_at + LINK_LIFE_S, fault)}
            return JSONResponse(body, headers=_money(task, task.cost_uusd or 0))
        if task.state != "rendering":
            name, message = task.failure or self.failed
            body["error"] = {"name": name, "message": message}
        return JSONResponse(body, headers=_money(task, None))


def _state(task: Task, now: float) -> str:
    return "queued" if task.state == "rendering" and not task.started(now) else _STATES[task.state]


def _money(task: Task, cost_uusd: int | None) -> dict[str, str]:
    """The inference's name, and what it cost where that is known."""
    named = {"x-inference-id": task.task_id}
    if cost_uusd is None:
        return named
    return named | {
        "x-aimlapi-credits-used": str(cost_uusd * CREDITS_PER_UUSD),
        "x-aimlapi-usd-spent": dollars(cost_uusd),
    }


def _client_id(request: Request) -> str | None:
    given = request.headers.get("x-client-request-id", "")
    return given if _CLIENT_ID.fullmatch(given) else None
