"""Replicate's dialect: predictions of its two Wan 2.6 models, their list and their cancel.

Made up, since no document tells: the words of a failed render, that a cancelled one is free, and the 400 for a body
that is no JSON. The 402 and the 401s are as users have posted them. An hour after its end a prediction forgets its
input and its output, and its file is gone, as the documents on data say.
"""

import asyncio
import json
import math
import re
import secrets
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.clock import iso
from simulator.desk import Ask, Asked, Desk, address, bearer
from simulator.dialects import replicate_orders
from simulator.dialects.replicate_list import ReplicateList
from simulator.dialects.replicate_webhooks import AGAIN_S, secret_of, signed
from simulator.forms import Words, parsed
from simulator.limits import Grant, Limit
from simulator.renders import Task
from simulator.weather import Fault
from simulator.webhooks import Letter, request_to
from simulator.world import World, account_of

#: Simulated seconds from a prediction's end until its data are removed and its file is gone.
DATA_LIFE_S = 3_600
#: Simulated seconds that `Prefer: wait` holds a submit at most.
PATIENCE_S = 60
#: The window of everything that is no create.
OTHERS = Limit("other requests a minute", 3_000, 60)
_ABC = "abcdefghijklmnopqrstuvwxyz0123456789"
_WAIT = re.compile(r"wait(?:=(\d{1,2}))?")


class Replicate(Desk):
    """The dialect under `/replicate`."""

    name = "replicate"
    failed = ("", "Prediction failed.")
    refused = ("", "The input or output was flagged as sensitive. Please try again with different inputs. (E005)")
    webhooks_again_s = AGAIN_S
    penniless = Words(
        402, "Insufficient credit",
        "You have insufficient credit to run this model. Go to https://replicate.com/account/billing#billing to "
        "purchase credit. Once you purchase credit, please wait a few minutes before trying again.",
    )  # fmt: skip

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._creates = Limit("creates a minute", world.options.submits_per_minute or 600, 60)
        self.slots = world.options.slots

    def routes(self) -> list[BaseRoute]:
        """Every path, below the mount."""
        return [
            Route("/v1/models/{owner}/{model}/predictions", self.submit, methods=["POST"]),
            *ReplicateList(self, self.facts).routes(),
            Route("/v1/predictions", self.by_version, methods=["POST"]),
            Route("/v1/predictions/{prediction_id}", self.prediction),
            Route("/v1/predictions/{prediction_id}/cancel", self.cancel, methods=["POST"]),
            Route("/v1/account", self.whose),
            Route("/v1/webhooks/default/secret", self.secret),
        ]

    async def submit(self, request: Request) -> Response:
        """Take an order; with `Prefer: wait`, hold the answer until it is done or patience ends."""
        answer = await super().submit(request)
        wish = _WAIT.fullmatch(request.headers.get("prefer", ""))
        if wish is None or answer.status_code != 201:
            return answer
        task = self.world.bank.tasks[json.loads(bytes(answer.body))["id"]]
        patience_s = min(int(wish[1] or PATIENCE_S), PATIENCE_S)
        left_s = min(task.ends_at - self.world.clock.now(), patience_s)
        await asyncio.sleep(max(left_s, 0) / self.world.clock.speed)
        now = self.world.now()
        body = self.facts(request, task, now)
        # A prediction that is not done after the wait is told as starting, even if it runs: the official client takes
        # any other word for the end.
        return JSONResponse(body if task.state != "rendering" else body | {"status": "starting"}, 201)

    async def prediction(self, request: Request) -> Response:
        """Where a prediction stands, with its output once it has one."""
        return await self.look(request, request.path_params["prediction_id"], self._shown)

    async def cancel(self, request: Request) -> Response:
        """End a prediction that is not done; a finished one stays as it is."""
        return await self.browse(request, self._cancelled, ask="cancel")

    async def whose(self, request: Request) -> Response:
        """The account of the key. There is no balance."""
        return await self.browse(
            request, lambda _, account, __: JSONResponse({"type": "user", "username": account, "name": account})
        )

    async def secret(self, request: Request) -> Response:
        """What the account's webhooks are signed with."""
        return await self.browse(request, lambda _, account, __: JSONResponse({"key": secret_of(account)}))

    async def by_version(self, request: Request) -> Response:
        """A version of a model is asked for; these models show none."""
        words = "The specified version does not exist (or perhaps you don't have permission to use it?)"
        refusal = Words(422, "Invalid version or not permitted", words)
        return await self.browse(request, lambda *_: self.error(refusal), ask="submit")

    def account(self, request: Request) -> str | Response:
        """The account of the request's key, or the 401 for it."""
        key = bearer(request) or bearer(request, "token")
        if key is None:
            return self.error(Words(401, "Unauthenticated", "You did not pass an authentication token"))
        words = "You did not pass a valid authentication token"
        return account_of(key) or self.error(Words(401, "Unauthenticated", words))

    def windows(self, ask: Ask) -> Sequence[Limit]:
        """Creates have their window, everything else shares one."""
        if ask == "submit":
            return (self._creates,)
        return () if self.world.options.no_query_limits else (OTHERS,)

    def error(self, words: Words) -> Response:
        """A problem body; some have no title."""
        titled = {"title": words.code} if words.code else {}
        body = {**titled, "detail": words.message, "status": words.status}
        return JSONResponse(body, words.status, media_type="application/problem+json" if titled else None)

    def throttled(self, retry_after_s: float | None) -> Response:
        """A 429 of the weather; its Retry-After is sent only when asked for."""
        answer = _late(retry_after_s if retry_after_s is not None else 30)
        if retry_after_s is not None:
            answer.headers["retry-after"] = f"{retry_after_s:g}"
        return answer

    def over(self, grant: Grant) -> Response:
        """The 429 for a request more than a window allows; only its words say for how long."""
        return _late(grant.reset_at - self.world.clock.now())

    def read(self, request: Request, body: bytes) -> Asked:
        """Read the order."""
        model = f"{request.path_params['owner']}/{request.path_params['model']}"
        return replicate_orders.read(model, parsed(body), request.headers.get("cancel-after"))

    def accepted(self, request: Request, task: Task) -> Response:
        """The new prediction."""
        return JSONResponse(self.facts(request, task, task.at), 201)

    def unknown(self, task_id: str) -> Response:  # noqa: ARG002 (the desk's)
        """Foreign or never there."""
        return self.error(Words(404, "", "The requested resource could not be found."))

    def new_id(self) -> str:
        """26 letters and digits."""
        return "".join(secrets.choice(_ABC) for _ in range(26))

    def facts(self, request: Request, task: Task, now: float, fault: Fault | None = None) -> dict[str, Any]:
        """A prediction as every path tells it. The version of these models is not shown."""
        over, status = task.state != "rendering", status_of(task, now)
        removed = over and now >= task.ends_at + DATA_LIFE_S
        ran = task.started(min(now, task.ends_at))
        base = f"{address(request)}/replicate/v1/predictions/{task.task_id}"
        output = None
        if task.state == "succeeded" and not removed:
            output = self.world.video_url(request, task, task.ends_at + DATA_LIFE_S, fault)
        return {
            "id": task.task_id, "model": task.model, "version": "hidden", "source": "api",
            "input": {} if removed else task.input["input"], "output": output, "logs": "", "data_removed": removed,
            "error": task.failure[1] if status == "failed" and task.failure else None, "status": status,
            "created_at": iso(task.at),
            "started_at": iso(task.starts_at) if ran else None, "completed_at": iso(task.ends_at) if over else None,
            "urls": {"get": base, "cancel": f"{base}/cancel"}, "metrics": _metrics(task) if over and ran else {},
        }  # fmt: skip

    def letter(self, task: Task, now: float) -> Letter:
        """The prediction, signed as Standard Webhooks has it."""
        return signed(task, self.facts(request_to(task), task, now), now)

    def _shown(self, request: Request, task: Task, now: float, fault: Fault | None) -> Response:
        task.results += task.state == "succeeded"
        return JSONResponse(self.facts(request, task, now, fault))

    def _cancelled(self, request: Request, account: str, now: float) -> Response:
        task = self.find(account, request.path_params["prediction_id"], now)
        if task is None:
            return self.unknown("")
        if task.state == "rendering":
            self.world.bank.cancel(task, now)
        return JSONResponse(self.facts(request, task, now))


def status_of(task: Task, now: float) -> str:
    """The dialect's word for where a prediction stands; one that met its own deadline in the queue is aborted."""
    if task.state == "rendering":
        return "processing" if task.started(now) else "starting"
    if task.state == "failed" and task.failure and task.failure[0] == "deadline":
        return "canceled" if task.started(task.ends_at) else "aborted"
    return {"succeeded": "succeeded", "failed": "failed", "cancelled": "canceled"}[task.state]


def _metrics(task: Task) -> dict[str, float]:
    run_s, whole_s = task.ends_at - task.starts_at, task.ends_at - task.at
    return {"predict_time": round(run_s, 3), "total_time": round(whole_s, 3)}


def _late(wait_s: float) -> Response:
    """A 429, in the words of the documents."""
    words = f"Request was throttled. Your rate limit resets in ~{max(math.ceil(wait_s), 1)}s."
    return JSONResponse({"detail": words, "status": 429}, 429)
