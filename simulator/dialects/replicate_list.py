"""Replicate's list of predictions: newest first, a hundred a page, with their inputs, as long as they are kept."""

import base64
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulator.desk import Desk, address, instant
from simulator.forms import Words
from simulator.renders import Task

#: Predictions on a page.
PAGE = 100
_PATH = "/v1/predictions"


class ReplicateList:
    """The list at `/v1/predictions`. `facts` tells a prediction as every path does."""

    def __init__(self, desk: Desk, facts: Callable[[Request, Task, float], dict[str, Any]]) -> None:
        self._desk = desk
        self._world = desk.world
        self._facts = facts

    def routes(self) -> list[BaseRoute]:
        """The one path."""
        return [Route(_PATH, self.predictions)]

    async def predictions(self, request: Request) -> Response:
        """One page of the account's predictions."""
        return await self._desk.browse(request, self._page)

    def _page(self, request: Request, account: str, now: float) -> Response:
        """The asked page: what comes after the cursor, created from `created_after` on and before `created_before`."""
        try:
            first, end = instant(request, "created_after", 0.0), instant(request, "created_before", math.inf)
        except ValueError as error:
            return self._desk.error(Words(400, "", str(error)))
        held = reversed(self._world.bank.account(self._desk.name, account).tasks)
        found = [task for task in held if self._world.visible(task, now) and first <= task.at < end]
        cursor = request.query_params.get("cursor")
        if cursor is not None:
            names = [task.task_id for task in found]
            last = _read(cursor)
            if last not in names:
                return self._desk.error(Words(404, "", "Invalid cursor"))
            found = found[names.index(last) + 1 :]
        shown = found[:PAGE]
        results = [self._facts(request, task, now) for task in shown]
        following = _following(request, shown[-1]) if len(found) > PAGE else None
        return JSONResponse({"previous": None, "next": following, "results": results})


def _following(request: Request, last: Task) -> str:
    """The next page's address, with the same filters."""
    cursor = base64.urlsafe_b64encode(f"p={last.task_id}".encode()).decode()
    asked = {name: value for name, value in request.query_params.items() if name != "cursor"}
    return f"{address(request)}/replicate{_PATH}?{urlencode({**asked, 'cursor': cursor})}"


def _read(cursor: str) -> str:
    """The prediction that a cursor stands behind."""
    try:
        return base64.urlsafe_b64decode(cursor.encode()).decode().removeprefix("p=")
    except ValueError:
        return ""
