"""fal's dialect: the queue in front of its five Wan 2.6 endpoints. Two of an account's requests run, the rest wait.

The queue refuses no input: what is wrong with it, and a render that failed, is COMPLETED with an error, and the result
then answers with the error's status. Made up, since no document tells: the words of the 401s and 404s, the 400 for a
result that is not there yet, and that a request in progress cannot be stopped.
"""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.desk import Asked, Desk, address, bearer
from simulator.dialects import fal_orders
from simulator.dialects.fal_platform import FalPlatform
from simulator.dialects.fal_webhooks import AGAIN_S, FalWebhooks
from simulator.forms import Refused, Words, parsed
from simulator.renders import Order, Task
from simulator.weather import Fault
from simulator.webhooks import CALL, Letter, request_to
from simulator.world import World, account_of

#: Simulated seconds that a file is kept where the request names no time of its own.
FILE_LIFE_S = 7 * 86_400
_LIFECYCLE = "x-fal-object-lifecycle-preference"
_CANCELLED = ("client_cancelled", "Request was cancelled by the client")
#: The HTTP status of a result, by the type of its error; the faults of an input have 422.
_STATUSES = {"internal_server_error": 500, "client_cancelled": 499}


class Fal(Desk):
    """The dialect under `/fal`: `queue.fal.run` is `/fal/queue`, `api.fal.ai` is `/fal/api`."""

    name = "fal"
    failed = ("internal_server_error", "Internal server error")
    refused = (
        "content_policy_violation",
        "The content could not be processed because it contained material flagged by a content checker.",
    )
    webhooks_again_s = AGAIN_S
    penniless = Words(
        403, "", "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
    )

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._runners = world.options.slots or 2
        self._webhooks = FalWebhooks(world.options.seed)

    def routes(self) -> list[BaseRoute]:
        """Every path, below the mount. A look leaves the sub-path of the endpoint out."""
        one = "/queue/{owner}/{alias}/requests/{request_id}"
        return [
            Route(one + "/status", self.status),
            Route(one + "/cancel", self.cancel, methods=["PUT"]),
            Route(one, self.result),
            Route("/queue/{endpoint:path}", self.submit, methods=["POST"]),
            *FalPlatform(self, self._output).routes(),
            *self._webhooks.routes(),
        ]

    async def status(self, request: Request) -> Response:
        """Where a request stands."""
        return await self.look(request, request.path_params["request_id"], self._status, on="status")

    async def result(self, request: Request) -> Response:
        """The video of a finished request, or its error."""
        return await self.look(request, request.path_params["request_id"], self._result, on="result")

    async def cancel(self, request: Request) -> Response:
        """End a request that still waits; one in progress is only asked to, and goes on."""
        return await self.browse(request, self._cancelled, ask="cancel")

    def account(self, request: Request) -> str | Response:
        """The account of the request's key, or the 401 for it."""
        key = bearer(request, "key")
        if key is None:
            return self.error(Words(401, "", "Authentication is required to access this application."))
        return account_of(key) or self.error(Words(401, "", "No user found for Key ID and Secret"))

    def error(self, words: Words) -> Response:
        """An error of the platform: a sentence, and its type in the body and in a header, where it has one."""
        if not words.code:
            return JSONResponse({"detail": words.message}, words.status)
        body = {"detail": words.message, "error_type": words.code}
        return JSONResponse(body, words.status, {"x-fal-error-type": words.code})

    def throttled(self, retry_after_s: float | None) -> Response:
        """A 429. The queue itself never throttles; only the weather does."""
        answer = self.error(Words(429, "concurrent_requests_limit", "Concurrent requests limit exceeded"))
        answer.headers["x-fal-needs-retry"] = "1"
        if retry_after_s is not None:
            answer.headers["retry-after"] = f"{retry_after_s:g}"
        return answer

    def broken(self, status: int) -> Response:
        """A 5xx under the platform's own type."""
        kinds = {502: "runner_incomplete_response", 503: "runner_scheduling_failure", 504: "request_timeout"}
        kind = kinds.get(status, "internal_error")
        return self.error(Words(status, kind, kind.replace("_", " ").capitalize()))

    def opens_at(self, account: str, now: float) -> float:
        """When a slot is free for the next request: as many run as there are slots, in the order of their coming."""
        if self.world.options.no_limits:
            return now
        ends = sorted(task.ends_at for task in self.world.bank.account(self.name, account).tasks if _waits(task))
        return now if len(ends) < self._runners else ends[-self._runners]

    def read(self, request: Request, body: bytes) -> Asked:
        """Take whatever is handed over to an endpoint that is there; a faulty input is an order that will fail."""
        name = request.path_params["endpoint"]
        endpoint = fal_orders.ENDPOINTS.get(name)
        if endpoint is None:
            raise Refused(404, "", f"Path /{name} not found")
        notes = _lifecycle(request.headers.get(_LIFECYCLE))
        if (wanted := request.query_params.get("fal_webhook")) is not None:
            notes[CALL] = wanted
        inputs = parsed(body)
        try:
            if inputs is None:
                raise fal_orders.Invalid("", "json_invalid", "JSON decode error", None)
            return Asked(name, inputs, fal_orders.understand(endpoint, inputs), notes, inputs.get("image_url"))
        except fal_orders.Invalid as fault:
            order = Order(1280, 720, 5, 0, broken=(fault.words.code, fault.words.message))
            return Asked(name, inputs or {}, order, notes | {"detail": json.dumps(fault.detail)})

    def accepted(self, request: Request, task: Task) -> Response:
        """The request's id, its links and its place in the queue."""
        body = {"status": "IN_QUEUE", **_links(request, task), "queue_position": self._position(task, task.at)}
        return _answer(task, body)

    def unknown(self, task_id: str) -> Response:
        """Foreign or never there."""
        return self.error(Words(404, "", f"Request {task_id} not found"))

    def letter(self, task: Task, now: float) -> Letter:
        """The status, and the result as its own path would tell it."""
        return self._webhooks.letter(task, fault_of(task), self._output(request_to(task), task), now)

    def _position(self, task: Task, now: float) -> int:
        """How many of the account's requests wait before this one."""
        held = self.world.bank.account(self.name, task.account).tasks
        return sum(_waits(one) and not one.started(now) and one.starts_at < task.starts_at for one in held)

    def _status(self, request: Request, task: Task, now: float, _: Fault | None) -> Response:
        """The status; the logs are told as null, for nobody has any."""
        links = _links(request, task)
        if task.state == "rendering" and not task.started(now):
            return _answer(task, {"status": "IN_QUEUE", **links, "queue_position": self._position(task, now)}, 202)
        if task.state == "rendering":
            return _answer(task, {"status": "IN_PROGRESS", **links, "logs": None}, 202)
        ran_s = max(task.ends_at - task.starts_at, 0)
        body = {"status": "COMPLETED", **links, "logs": None, "metrics": {"inference_time": round(ran_s, 3)}}
        fault = fault_of(task)
        return _answer(task, body if fault is None else body | {"error": fault[1], "error_type": fault[0]})

    def _result(self, request: Request, task: Task, now: float, fault: Fault | None) -> Response:  # noqa: ARG002
        """The result, under the status of its error where it ended badly."""
        if task.state == "rendering":
            return self.error(Words(400, "", "Request is still in progress"))
        wrong = fault_of(task)
        if wrong is not None:
            return self._wrong(task, wrong)
        task.results += 1
        return _answer(task, self._output(request, task, fault))

    def _output(self, request: Request, task: Task, fault: Fault | None = None) -> dict[str, Any]:
        """What the model gave, or its fault: the body of the result, and of the request's row in the list."""
        wrong = fault_of(task)
        if wrong is not None:
            return {"detail": [self._fault(task, wrong)]}
        life_s = float(task.notes.get("life_s", FILE_LIFE_S))
        seed = task.input.get("seed")
        video = {
            "url": self.world.video_url(request, task, task.ends_at + life_s, fault),
            "content_type": "video/mp4", "file_name": f"{task.task_id}.mp4", "width": task.order.width,
            "height": task.order.height, "duration": float(task.order.duration_s),
        }  # fmt: skip
        drawn = int(self.world.sky.draw("seed", task.key) * 2**31)
        return {"video": video, "seed": drawn if seed is None else seed, "actual_prompt": task.order.prompt}

    def _wrong(self, task: Task, wrong: tuple[str, str]) -> Response:
        """A model's error is a list of faults, the platform's a sentence."""
        kind, words = wrong
        status = _STATUSES.get(kind, 422)
        if task.state == "cancelled":
            return self.error(Words(status, kind, words))
        headers = {"x-fal-retryable": "true" if status == 500 else "false"}
        return _answer(task, {"detail": [self._fault(task, wrong)]}, status, headers)

    def _fault(self, task: Task, wrong: tuple[str, str]) -> Any:
        """One fault in a model's list of them."""
        kind, words = wrong
        url = f"https://docs.fal.ai/errors/#{kind}"
        own = {"loc": ["body", "prompt"] if wrong == self.refused else ["body"], "msg": words, "type": kind, "url": url}
        return json.loads(task.notes["detail"]) if "detail" in task.notes else own

    def _cancelled(self, request: Request, account: str, now: float) -> Response:
        task = self.find(account, request.path_params["request_id"], now)
        if task is None:
            return JSONResponse({"status": "NOT_FOUND"}, 404)
        if task.state != "rendering":
            return _answer(task, {"status": "ALREADY_COMPLETED"}, 400)
        if not task.started(now):
            self.world.bank.cancel(task, now)
            return _answer(task, {"status": "OK"})
        return _answer(task, {"status": "CANCELLATION_REQUESTED"}, 202)


def fault_of(task: Task) -> tuple[str, str] | None:
    """The type and the words of what went wrong with a request that is over, or None."""
    if task.state == "cancelled":
        return _CANCELLED
    return task.failure if task.state == "failed" else None


def _waits(task: Task) -> bool:
    return task.state == "rendering"


def _lifecycle(wish: str | None) -> dict[str, str]:
    """How long the files of a request shall live, as its header wishes."""
    if wish is None:
        return {}
    try:
        return {"life_s": str(float(json.loads(wish)["expiration_duration_seconds"]))}
    except (ValueError, TypeError, KeyError):
        raise Refused(400, "bad_request", f"{_LIFECYCLE} is malformed") from None


def _links(request: Request, task: Task) -> dict[str, str]:
    """The request's id and the ways back to it, without the endpoint's sub-path."""
    owner, alias = task.model.split("/")[:2]
    base = f"{address(request)}/fal/queue/{owner}/{alias}/requests/{task.task_id}"
    links = {"response_url": base, "status_url": f"{base}/status", "cancel_url": f"{base}/cancel"}
    return {"request_id": task.task_id, **links}


def _answer(task: Task, body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    """An answer about a request, which a header names."""
    return JSONResponse(body, status, {"x-fal-request-id": task.task_id, **(headers or {})})
