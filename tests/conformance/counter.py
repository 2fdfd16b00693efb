"""A provider's counter as the worker meets it: its real code, over the worker's real wire, at its simulated dialect."""

import contextlib
import itertools
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from jobs.job import Job, Mode, Render
from providers.contract import (
    Accepted,
    Answer,
    Ask,
    Balance,
    Call,
    CheckReading,
    Endpoint,
    Lost,
    Open,
    SubmitReading,
)
from providers.provider import Provider
from providers.registry import endpoint, provider
from tests.services import Simulator, start_simulator
from worker.posting import NoAnswer, NotSent
from worker.wire import Download, NoDownload, Wire

#: What makes a render of a mode, beside its prompt.
NEEDED: dict[Mode, dict[str, Any]] = {
    Mode.T2V: {},
    Mode.I2V: {"image": "https://example.com/shoe.png", "aspect_ratio": None},
    Mode.R2V: {"references": ("https://example.com/walk.mp4",)},
}
#: Renders of half a minute, 600 times faster than life.
QUICK = ("--speed", "600", "--render-mean-s", "30")
#: What a shared simulator is put back to.
CALM = {"render_mean_s": 30, "p_429": 0, "p_failed": 0, "latency_ms": 0}


class Counter:
    """One account at one simulated provider, and the few moves that the line makes there."""

    def __init__(self, name: str, simulator: Simulator, client: httpx.Client, key: str | None = None) -> None:
        self.name = name
        self.provider: Provider = provider(name)
        key = key or f"sim-{secrets.token_hex(8)}"
        self.at: Endpoint = endpoint(name, key, simulator_url=simulator.url)
        self.simulator = simulator
        self.sends = 0
        self.wire = Wire()
        self._client = client
        self._bought_before = len(simulator.purchases())
        self._broken_before = len(simulator.violations())

    def ask(self, call: Call) -> Answer:
        """Ask once, and nothing more."""
        response = self._client.request(call.method, call.url, headers=dict(call.headers), json=call.body)
        return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, response.content)

    def submit(self, mode: Mode = Mode.T2V, *, mark: str | None = None, **changes: Any) -> SubmitReading:
        """Buy one video, as the worker reads what becomes of it; each send has a name of its own."""
        answer = self.post(mode, mark=mark, **changes)
        assert not isinstance(answer, NotSent), answer
        return Lost(answer.reason) if isinstance(answer, NoAnswer) else self.provider.read_submit(answer)

    def post(self, mode: Mode = Mode.T2V, *, mark: str | None = None, **changes: Any) -> Answer | NotSent | NoAnswer:
        """The one POST."""
        self.sends += 1
        return self.wire.post(self.provider.submit_call(self.job(mode, **changes), self.at, mark or f"j:{self.sends}"))

    def bought(self, mode: Mode = Mode.T2V, *, mark: str | None = None, **changes: Any) -> str:
        """Buy one video and give its task id."""
        reading = self.submit(mode, mark=mark, **changes)
        assert isinstance(reading, Accepted), reading
        return reading.task_id

    def check(self, task_id: str) -> CheckReading:
        """Look once, following the calls that an answer points to."""
        reading: CheckReading = Ask(self.provider.check_call(task_id, self.at))
        for _ in range(3):
            if isinstance(reading, Ask):
                reading = self.provider.read_check(self.ask(reading.call), task_id, self.at)
        return reading

    def end(self, task_id: str) -> CheckReading:
        """Look until there is an end, for at most ten real seconds."""
        return self.until(task_id, lambda reading: not isinstance(reading, Open))

    def until(self, task_id: str, seen: Callable[[CheckReading], bool]) -> CheckReading:
        """Look until that is seen, for at most ten real seconds."""
        ends = time.monotonic() + 10
        while not seen(reading := self.check(task_id)):
            assert time.monotonic() < ends, f"it is never seen; the last was {reading}"
            time.sleep(0.01)
        return reading

    def fetch(self, url: str, path: Path) -> Download | NoDownload:
        """Bring a video home."""
        try:
            return self.wire.download(url, path, home=self.at.base_url, stop=lambda: False)
        finally:
            self.wire.close()

    def balance(self) -> Balance | None:
        """What is left, by the balance call; None where there is no such call."""
        call = self.provider.balance_call(self.at)
        return None if call is None else self.provider.read_balance(self.ask(call))

    def purchases(self) -> list[dict[str, Any]]:
        """The provider's own books since this counter opened."""
        return self.simulator.purchases()[self._bought_before :]

    def purchase(self, task_id: str) -> dict[str, Any]:
        """What the provider's own books say of a task."""
        (row,) = [each for each in self.purchases() if each["task_id"] == task_id]
        return row

    def violations(self) -> list[dict[str, Any]]:
        """Every request since this counter opened that broke a documented limit."""
        return self.simulator.violations()[self._broken_before :]

    def befalls(self, on: str, then: str, **more: Any) -> None:
        """The next request of that kind meets this."""
        self.simulator.tell("/_simulator/next", {"on": on, "then": then, **more})

    def weather(self, **changes: Any) -> None:
        """Change the weather."""
        self.simulator.tell("/_simulator/weather", changes)

    def render(self, mode: Mode, **changes: Any) -> Render:
        """A render of that mode, sold here or not."""
        return Render(**{"mode": mode, "prompt": "a red shoe in the rain"} | NEEDED[mode] | changes)

    def job(self, mode: Mode, **changes: Any) -> Job:
        """A job that this provider sells."""
        render = self.render(mode, **changes)
        assert self.provider.complaints(render) == []
        return Job(
            job_id="j",
            variant_id="v",
            render=render,
            seed=7,
            seed_source="job",
            simulated=True,
            provider=self.name,
            account=f"simulated-{self.name}",
            price_uusd=1,
            price_as_of="2026-11-01",
        )


class Street:
    """Simulators that tests of one kind share: an account of its own for each test, and calm weather after it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._running: dict[tuple[str, ...], Simulator] = {}
        self._used: list[Simulator] = []
        self._ends = contextlib.ExitStack()
        self._client = self._ends.enter_context(httpx.Client(timeout=5, trust_env=False))

    def open(self, name: str, *arguments: str, key: str | None = None) -> Counter:
        """An account at that provider; quick renders unless told otherwise."""
        wanted = (*QUICK, *arguments)
        if wanted not in self._running:
            one = start_simulator(self._folder / f"simulator-{next(self._numbers)}.log", *wanted)
            self._ends.callback(one.child.stop)
            self._running[wanted] = one
        self._used.append(self._running[wanted])
        return Counter(name, self._running[wanted], self._client, key)

    def calm(self) -> None:
        """Put the weather back where it was changed."""
        while self._used:
            self._used.pop().tell("/_simulator/weather", CALM)

    def close(self) -> None:
        """End every simulator, and the client."""
        self._ends.close()
