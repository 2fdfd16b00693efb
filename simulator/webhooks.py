"""Webhooks: what a client is told whose order asked to be called once its render has ended, and which calls are due.

No journal keeps calls: after a restart those are called whose renders were still under way.
"""

import asyncio
import heapq
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.requests import Request

from simulator.renders import Task

#: Where a task notes the address to call, and the simulator's own as its client came to it.
CALL, CAME_TO = "webhook", "came_to"


class Letter(NamedTuple):
    """What is POSTed: the address, the headers, and the body's bytes."""

    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Calls:
    """Calls to be made: the simulated instant, the task, and how many were made about it before."""

    waiting: list[tuple[float, str, int]] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def expect(self, at: float, task: Task, before: int = 0) -> None:
        """Call about this task at that instant, if its order asked for it."""
        if CALL in task.notes:
            heapq.heappush(self.waiting, (at, task.task_id, before))
            self.more.set()

    def due(self, now: float) -> list[tuple[str, int]]:
        """Tasks to call about now, with the number of calls before."""
        found = []
        while self.waiting and self.waiting[0][0] <= now:
            found.append(heapq.heappop(self.waiting)[1:])
        return found


def request_to(task: Task) -> Request:
    """A request as the task's client would make one: links in a call lead where those in an answer would."""
    came_to = urlsplit(task.notes[CAME_TO])
    headers = [(b"host", came_to.netloc.encode())]
    return Request({"type": "http", "scheme": came_to.scheme, "headers": headers, "path": "/", "query_string": b""})
