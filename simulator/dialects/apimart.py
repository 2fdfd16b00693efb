"""APIMart's dialect: one path to submit, one for every task, and the only seller here whose submit can be repeated.

An account under five cents is refused at every call. A task's link is now a list and now a string, as seen live.
"""

import math
import secrets
import uuid
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.bank import MICRO
from simulator.desk import Ask, Asked, Desk, bearer
from simulator.dialects import apimart_keys, apimart_orders
from simulator.dialects.credits import balance
from simulator.forms import Words
from simulator.limits import Grant, Limit
from simulator.renders import Task
from simulator.shelf import form_file, picture_type
from simulator.weather import Fault
from simulator.webhooks import CALL, Letter, request_to
from simulator.world import World, account_of

#: Simulated seconds that a link lives, from the completion on, and an upload from its arrival on.
LINK_LIFE_S, UPLOAD_LIFE_S = 86_400, 72 * 3_600
UPLOAD_BYTES = 20 * 2**20
CREDITS_PER_USD = 10
#: Micro-USD; an account that holds less is refused everything.
LEAST_UUSD = 50_000
_STATES = {"rendering": "processing", "succeeded": "completed", "failed": "failed", "cancelled": "cancelled"}
#: The type of each error; its code is the status, except where a code of words is documented.
_TYPES = {401: "authentication_error", 402: "payment_required", 404: "not_found_error", 429: "rate_limit_error"}


class ApiMart(Desk):
    """The dialect under `/apimart`."""

    name = "apimart"
    failed = ("task_failed", "The upstream model failed to generate the video")
    refused = ("nsfw_content_detected", "The content was rejected by the safety check")
    penniless = Words(402, "", "[token_id=1] insufficient balance for this request. Please top up")
    #: About 10, 30 and 60 s after the first try.
    webhooks_again_s = (10.0, 20.0, 30.0)
    flagged = Words(400, "nsfw_content_detected", "The prompt was rejected by the safety check")

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.slots = world.options.slots
        count = world.options.submits_per_minute
        self._submits = () if count is None else (Limit("submits a minute", count, 60),)
        self._keys = apimart_keys.Keys(task for task in world.bank.tasks.values() if task.provider == self.name)

    def routes(self) -> list[BaseRoute]:
        """Every path of the dialect, below its mount."""
        return [
            Route("/v1/videos/generations", self.submit, methods=["POST"]),
            Route("/v1/tasks/{task_id}", self.poll),
            Route("/v1/balance", self.balance),
            Route("/v1/user/balance", self.balance),
            Route("/v1/uploads/images", self.upload, methods=["POST"]),
        ]

    async def submit(self, request: Request) -> Response:
        """Take an order, or say why not; one under a key that is on its way already is told to come again."""
        key, account = apimart_keys.key_of(request), self.account(request)
        if key is None or isinstance(account, Response):
            return await super().submit(request)
        if not apimart_keys.well_formed(key):
            self.tally.counts["submits"] += 1
            return self.error(apimart_keys.MALFORMED)
        if not self._keys.begin(account, key):
            self.tally.counts["submits"] += 1
            answer = self.error(apimart_keys.IN_PROGRESS)
            answer.headers["retry-after"] = str(apimart_keys.RETRY_AFTER_S)
            return answer
        try:
            return await super().submit(request)
        finally:
            self._keys.end(account, key)

    def sell(self, request: Request, account: str, body: bytes) -> Response:
        """Answer again for what a key has bought, or sell."""
        key = None if self.world.sky.weather.keys_ignored else apimart_keys.key_of(request)
        task = self._keys.bought(account, key) if key is not None else None
        if task is None:
            return super().sell(request, account, body)
        if task.notes["body"] != apimart_keys.digest(body):
            return self.error(apimart_keys.REUSED)
        answer = self.accepted(request, task)
        answer.headers["idempotency-replayed"] = "true"
        return answer

    async def poll(self, request: Request) -> Response:
        """Where a task stands, with its video once it has one."""
        return await self.look(request, request.path_params["task_id"], self._facts)

    async def balance(self, request: Request) -> Response:
        """What the account still holds; trouble of the server's own is an HTTP 200 that says `success: false`."""
        answer = await self.browse(request, self._balance, ask="balance")
        if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            return answer
        return JSONResponse({"success": False, "message": "failed to get the balance"})

    async def upload(self, request: Request) -> Response:
        """Keep a picture for three days."""
        body = await request.body()
        return await self.browse(request, lambda request, _, now: self._kept(request, body, now), ask="upload")

    def account(self, request: Request) -> str | Response:
        """The account of the request's key, the 401 for it, or the 402 of one that holds next to nothing."""
        found = account_of(bearer(request))
        if found is None:
            return self.error(Words(401, "", "invalid API key"))
        left_uusd = self.world.bank.account(self.name, found).left_uusd
        if left_uusd >= LEAST_UUSD:
            return found
        words = f"insufficient balance (current: {left_uusd / MICRO:.6f} USD, required: {LEAST_UUSD / MICRO:.6f} USD)"
        return self.error(Words(402, "", f"[token_id=1] {words}. Please top up"))

    def windows(self, ask: Ask) -> Sequence[Limit]:
        """No limit is documented; submits have one where an option says so."""
        return self._submits if ask == "submit" else ()

    def error(self, words: Words) -> Response:
        """The one error body."""
        server = words.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        kind = _TYPES.get(words.status, "server_error" if server else "invalid_request_error")
        code: int | str = words.status if words.code in ("", kind) else words.code
        return JSONResponse({"error": {"code": code, "message": words.message, "type": kind}}, words.status)

    def throttled(self, retry_after_s: float | None) -> Response:
        """A 429; Retry-After is sent where asked for."""
        answer = self.error(Words(429, "", "Too many requests, please try again later"))
        if retry_after_s is not None:
            answer.headers["retry-after"] = f"{retry_after_s:g}"
        return answer

    def over(self, grant: Grant) -> Response:
        """The 429 of an asked-for window."""
        return self.throttled(max(1, math.ceil(grant.reset_at - self.world.clock.now())))

    def read(self, request: Request, body: bytes) -> Asked:
        """Read the order, and keep its key with the body that it stands for."""
        asked = apimart_orders.read(body)
        key = apimart_keys.key_of(request)
        if key is not None:
            asked.notes.update(idempotency_key=key, body=apimart_keys.digest(body))
        return asked

    def accepted(self, request: Request, task: Task) -> Response:
        """The task's id, in the form of the asked version."""
        self._keys.keep(task)
        if not apimart_keys.versioned(request):
            return JSONResponse({"code": 200, "data": [{"status": "submitted", "task_id": task.task_id}]})
        data = {"id": task.task_id, "status": "queued", "object": "generation.task"}
        request_id = str(uuid.uuid5(uuid.NAMESPACE_URL, task.task_id))
        return JSONResponse({"code": 202, "data": data, "request_id": request_id}, 202)

    def unknown(self, task_id: str) -> Response:
        """Foreign or never there; the status is made up."""
        return self.error(Words(404, "", f"task {task_id[:64]} not found"))

    def new_id(self) -> str:
        """`task_` and 26 characters, as the documents show it."""
        return f"task_{secrets.token_hex(13).upper()}"

    def letter(self, task: Task, now: float) -> Letter:
        """The task as a look at it would tell it; nothing signs it."""
        answer = self._facts(request_to(task), task, now, None)
        return Letter(task.notes[CALL], {"Content-Type": "application/json"}, bytes(answer.body))

    def _balance(self, _: Request, account: str, __: float) -> Response:
        return JSONResponse(balance(self.world, self.name, account, CREDITS_PER_USD))

    def _kept(self, request: Request, body: bytes, now: float) -> Response:
        """Look at the bytes, keep them, and say where they are."""
        found = form_file(request.headers.get("content-type", ""), body, "file")
        if found is None:
            return self.error(Words(400, "", "multipart field file is required"))
        filename, data = found
        kind = picture_type(data)
        if len(data) > UPLOAD_BYTES:
            return self.error(Words(413, "", "file is larger than 20 MB"))
        if kind is None:
            return self.error(Words(400, "", "only JPEG, PNG, GIF and WebP are supported"))
        url = self.world.shelve(request, data, kind, now + UPLOAD_LIFE_S)
        facts = {"filename": filename, "content_type": kind, "bytes": len(data), "created_at": int(now)}
        return JSONResponse({"url": url, **facts})

    def _facts(self, request: Request, task: Task, now: float, fault: Fault | None) -> Response:
        """The task's body; a failed one is an HTTP 200, too, and was refunded."""
        waiting = task.state == "rendering" and not task.started(now)
        data: dict[str, Any] = {
            "id": task.task_id,
            "status": "pending" if waiting else _STATES[task.state],
            "progress": 0 if waiting else 50 if task.state == "rendering" else 100,
            "created": int(task.at),
            "estimated_time": round(self.world.sky.weather.render_mean_s),
        }
        if task.state != "rendering":
            data |= {"completed": int(task.ends_at), "actual_time": round(task.ends_at - task.at)}
        if task.state == "succeeded":
            data |= self._result(request, task, fault)
        elif task.state != "rendering":
            code, message = task.failure or self.failed
            data["error"] = {"code": code, "message": message, "type": "task_failed"}
        return JSONResponse({"code": 200, "data": data})

    def _result(self, request: Request, task: Task, fault: Fault | None) -> dict[str, Any]:
        """The link and the cost in dollars and in credits."""
        task.results += 1
        expires_at, cost = task.ends_at + LINK_LIFE_S, (task.cost_uusd or 0) / MICRO
        link = self.world.video_url(request, task, expires_at, fault)
        listed = self.world.sky.draw("listed", task.key) < 0.5
        video = {"url": [link] if listed else link, "expires_at": int(expires_at)}
        return {"cost": cost, "credits_cost": round(cost * CREDITS_PER_USD, 6), "result": {"videos": [video]}}
