"""AI/ML API's logs: one row for each request that has ended, with its cost and the name that its client gave it."""

import re
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.bank import MICRO
from simulator.clock import iso, since
from simulator.desk import Desk, number
from simulator.forms import Words
from simulator.renders import Task

#: Simulated seconds that one question may span.
MAX_SPAN_S = 92 * 86_400
#: Models that one question may name.
MAX_MODELS = 50
_PERIOD = re.compile(r"([1-9]\d{0,5})([hd])")
_UNITS_S = {"h": 3_600, "d": 86_400}
_OUTCOMES = {"succeeded": "succeeded", "failed": "failed", "cancelled": "failed"}


class AimlapiLogs:
    """The logs at `/v2/logs`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._world = desk.world

    def routes(self) -> list[BaseRoute]:
        """The one path."""
        return [Route("/v2/logs", self.logs)]

    async def logs(self, request: Request) -> Response:
        """One page of what has ended, newest first."""
        return await self._desk.browse(request, self._page)

    def _page(self, request: Request, account: str, now: float) -> Response:
        """The asked page."""
        try:
            first, last = _window(request, now)
            limit, offset = number(request, "limit", 50, 100), number(request, "offset", 0, least=0)
            models, outcomes = _filters(request)
        except ValueError as error:
            return self._desk.error(Words(400, "ValidationError", f"Query validation error: {error}"))
        found = [
            task
            for task in reversed(self._world.bank.account(self._desk.name, account).tasks)
            if self._shows(task, now)
            and first <= task.at <= last
            and (not models or task.model in models or task.model.split("/")[-1] in models)
            and (not outcomes or _OUTCOMES[task.state] in outcomes)
        ]
        shown = [_row(task) for task in found[offset : offset + limit]]
        more = offset + limit < len(found)
        paging = {"limit": limit, "offset": offset, "total": len(found), "has_more": more}
        return JSONResponse({"data": shown, "pagination": paging})

    def _shows(self, task: Task, now: float) -> bool:
        """Whether a request has ended, and long enough ago to be in the logs."""
        return task.state != "rendering" and now >= task.ends_at + self._world.sky.weather.late_history_s


def _row(task: Task) -> dict[str, Any]:
    cost_uusd = task.cost_uusd or 0
    return {
        "created": iso(task.at),
        "status": _OUTCOMES[task.state],
        "origin": "api",
        "model": task.model,
        "cost": {"usd": cost_uusd / MICRO, "credits": cost_uusd * 2},
        "tokens": {"input": 0, "output": 0, "total": 0},
        "request_id": str(uuid.uuid5(uuid.NAMESPACE_URL, task.task_id)),
        "inference_id": task.task_id,
        "client_request_id": task.notes.get("client_request_id"),
    }


def _filters(request: Request) -> tuple[set[str], set[str]]:
    """The models and the outcomes asked for; none means all. Both are repeated, never split on commas."""
    models, outcomes = request.query_params.getlist("model"), request.query_params.getlist("status")
    if len(models) > MAX_MODELS:
        raise ValueError(f"model: at most {MAX_MODELS} values")
    if not set(outcomes) <= {"succeeded", "failed"}:
        raise ValueError("status: Invalid enum value. Expected 'succeeded' | 'failed'")
    return set(models), set(outcomes)


def _window(request: Request, now: float) -> tuple[float, float]:
    """The first and the last instant asked for: by a period, or by both ends."""
    period, start, end = (request.query_params.get(name) for name in ("period", "start", "end"))
    if (period is None) == (start is None or end is None) or (period and (start or end)):
        raise ValueError("provide either period or both start and end")
    if period is not None:
        asked = _PERIOD.fullmatch(period)
        if asked is None:
            raise ValueError("period must be a positive integer followed by h or d")
        first, last = now - int(asked[1]) * _UNITS_S[asked[2]], now
    else:
        first, last = since("start", start or ""), since("end", end or "")
    if not 0 <= last - first <= MAX_SPAN_S:
        raise ValueError("end must not be earlier than start, and the window must not exceed 92 days")
    return first, last
