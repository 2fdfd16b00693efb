"""The caller: makes the calls that orders asked for, repeats what was not answered well, and heeds the weather."""

import asyncio
import contextlib
import http.client
import ssl
from collections.abc import Iterable
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from simulator.desk import Desk
from simulator.renders import Task
from simulator.webhooks import Letter
from simulator.world import World

#: Real seconds that a client has for its answer.
ANSWER_WITHIN_S = 10


@runtime_checkable
class Calling(Protocol):
    """A dialect whose orders may ask for a call.

    `webhooks_again_s` are simulated seconds from a call that was not answered with a 2xx to the next one.
    """

    name: str
    webhooks_again_s: tuple[float, ...]

    def letter(self, task: Task, now: float) -> Letter:
        """What the client is told."""
        ...


class Caller:
    """Calls as long as it runs; each call is a task of its own, and waits for its answer on a thread."""

    def __init__(self, world: World, desks: Iterable[Desk]) -> None:
        self._world = world
        self._desks = {desk.name: desk for desk in desks if isinstance(desk, Calling)}
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Make every call when it is due, until cancelled."""
        calls, speed = self._world.calls, self._world.clock.speed
        while True:
            calls.more.clear()
            for task_id, before in calls.due(self._world.now()):
                call = asyncio.create_task(self._call(task_id, before))
                self._under_way.add(call)
                call.add_done_callback(self._under_way.discard)
            next_s = (calls.waiting[0][0] - self._world.now()) / speed if calls.waiting else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(next_s):
                    await calls.more.wait()

    async def _call(self, task_id: str, before: int) -> None:
        """One call, or two at once, as the weather has it; and the next one where that is not answered well."""
        world, task = self._world, self._world.bank.tasks[task_id]
        sky, desk = world.sky, self._desks[task.provider]
        if sky.happens(sky.weather.p_webhook_lost, "webhook lost", task.key):
            return
        letter = desk.letter(task, world.now())
        if sky.happens(sky.weather.p_webhook_doubled, "webhook doubled", task.key):
            await asyncio.to_thread(post, letter)
        taken = await asyncio.to_thread(post, letter)
        world.tallies[desk.name].counts["webhooks" if taken else "webhooks_refused"] += 1
        if not taken and before < len(desk.webhooks_again_s):
            world.calls.expect(world.now() + desk.webhooks_again_s[before], task, before + 1)


def post(letter: Letter) -> bool:
    """POST it over a fresh connection; whether the client took it, which a 2xx says. No redirect is followed."""
    parts = urlsplit(letter.url)
    host = parts.hostname or ""
    line = (
        http.client.HTTPSConnection(host, parts.port, timeout=ANSWER_WITHIN_S, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=ANSWER_WITHIN_S)
    )
    with contextlib.closing(line):
        try:
            line.request(
                "POST", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", letter.body, letter.headers
            )
            return 200 <= line.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
