"""One API call under the weather: what goes wrong before the work is done, and what becomes of its answer after."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from simulator.lines import Cut, Hang
from simulator.weather import Fault, On
from simulator.world import World

HTML_PAGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><h1>Gateway</h1></body></html>"


class Dialect(Protocol):
    """What every dialect can say, whatever was asked."""

    name: str

    def account(self, request: Request) -> str | Response:
        """The account of the request's key, or the 401 for it."""
        ...

    def throttled(self, retry_after_s: float | None) -> Response:
        """A 429."""
        ...

    def broken(self, status: int) -> Response:
        """A 5xx."""
        ...


async def exchange(
    world: World, dialect: Dialect, on: On, key: str, work: Callable[[Fault | None], Response]
) -> Response:
    """Answer one API call. `work` does it; it is given the fault only to make a link that is dead."""
    if world.sky.weather.latency_ms:
        await asyncio.sleep(world.sky.weather.latency_ms / 1000)
    down = Fault("503") if world.sky.weather.down_at == dialect.name else None
    fault = world.sky.scripted(on) or down or world.sky.fault(on, key)
    if fault is None:
        return work(None)
    world.tallies[dialect.name].counts["faults"] += 1
    if fault.then == "late_accept":
        await asyncio.sleep(world.sky.weather.late_accept_s)
        return work(None)
    return _before(world, dialect, fault) or _after(dialect, fault, work(fault))


def _before(world: World, dialect: Dialect, fault: Fault) -> Response | None:
    """The answer where nothing is done, or None where the work is to be done first."""
    match fault.then:
        case "429":
            world.tallies[dialect.name].counts["throttled"] += 1
            asked = fault.retry_after_s if fault.retry_after_s is not None else world.sky.weather.retry_after_s
            return dialect.throttled(asked)
        case "500" | "502" | "503" | "504":
            return dialect.broken(int(fault.then))
        case "hang_before":
            return Hang()
        case "cut_before" | "reset_before":
            return Cut(reset=fault.then == "reset_before")
    return None


def _after(dialect: Dialect, fault: Fault, answer: Response) -> Response:
    """What becomes of the answer to work that was done."""
    replaced: dict[str, Callable[[], Response]] = {
        "504_after": lambda: dialect.broken(504),
        "hang_after": Hang,
        "cut_after": Cut,
        "reset_after": lambda: Cut(reset=True),
        "html": lambda: HTMLResponse(HTML_PAGE),
        "truncated": lambda: Response(answer.body[: len(answer.body) // 2], media_type="application/json"),
        "garbage": lambda: Response(b"\x00\xff{]garbage", media_type="application/json"),
    }
    return replaced[fault.then]() if fault.then in replaced else answer
