"""The desk: how every dialect sells a render and answers for it, so that a dialect is left with its words.

A dialect is a `Desk` with its paths, its key's place, its forms, its statuses and its error bodies. What the desk does
in the same order for all: count, know the account, hold the window, meet the weather, read the order, ask for the
money, sell; and for a look: count, know the account, hold the window, find the task, meet the weather.
"""

import dataclasses
import math
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from simulator.bank import Account
from simulator.exchange import exchange
from simulator.forms import Refused, Words
from simulator.limits import Grant, Limit
from simulator.pictures import shaped
from simulator.renders import Order, Task
from simulator.weather import Fault, On
from simulator.webhooks import CALL, CAME_TO
from simulator.world import World

#: What can be asked at a desk; each may have windows of its own.
Ask = Literal["submit", "poll", "list", "balance", "cancel", "upload"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One submit as it was understood. `inputs` is the body as received; `notes` stay with the task; `picture` is the
    address or the data of the image that the video starts from, whose shape it takes.
    """

    model: str
    inputs: dict[str, Any]
    order: Order
    notes: dict[str, str] = field(default_factory=dict)
    picture: str | None = None


class Desk(ABC):
    """What dialects share. Class attributes and abstract methods are what a dialect must say."""

    #: The name of its mount, and of its row in the counts.
    name: str
    #: `(code, message)` of a render that failed, and of one that the content check stopped.
    failed: tuple[str, str]
    refused: tuple[str, str]
    #: What an account hears that cannot pay.
    penniless: Words
    #: What a prompt hears that holds the refused word. None: it is taken, and its render ends as `refused`.
    flagged: Words | None = None
    #: Simulated seconds that a task is remembered, from its submit on.
    life_s: float = math.inf
    #: How many tasks an account may have in flight; what is beyond is `crowded`. None: as many as it pays for.
    slots: int | None = None

    def __init__(self, world: World) -> None:
        self.world = world
        self.tally = world.tallies[self.name]

    # What a dialect says.

    @abstractmethod
    def routes(self) -> list[BaseRoute]:
        """Every path, below the mount."""

    @abstractmethod
    def account(self, request: Request) -> str | Response:
        """The account of the request's key, or the 401 for it."""

    @abstractmethod
    def error(self, words: Words) -> Response:
        """An error's body."""

    @abstractmethod
    def throttled(self, retry_after_s: float | None) -> Response:
        """A 429 of the weather."""

    @abstractmethod
    def read(self, request: Request, body: bytes) -> Asked:
        """Understand an order. Raises Refused where it is not one."""

    @abstractmethod
    def accepted(self, request: Request, task: Task) -> Response:
        """The answer to a submit that was taken."""

    @abstractmethod
    def unknown(self, task_id: str) -> Response:
        """The answer to a look at a task that is not the account's, or is forgotten."""

    def broken(self, status: int) -> Response:
        """A 5xx of the weather."""
        return self.error(Words(status, "", HTTPStatus(status).phrase))

    def windows(self, ask: Ask) -> Sequence[Limit]:  # noqa: ARG002 (for dialects that have windows)
        """The documented limits on one kind of request; the one that headers speak of comes first."""
        return ()

    def over(self, grant: Grant) -> Response:  # noqa: ARG002 (for dialects that say more)
        """The 429 for a request more than a window allows."""
        return self.throttled(self.world.sky.weather.retry_after_s)

    def dressed(self, request: Request, answer: Response, grant: Grant | None) -> Response:  # noqa: ARG002 (the same)
        """Any answer with the headers that all carry. `grant` is of the first window, None where there is none."""
        return answer

    def crowded(self) -> Response:
        """The 429 for a task more than may be in flight."""
        return self.throttled(self.world.sky.weather.retry_after_s)

    def opens_at(self, account: str, now: float) -> float:  # noqa: ARG002 (for dialects whose excess waits)
        """The instant from which a new task of this account may leave the queue."""
        return now

    def new_id(self) -> str:
        """A task's name."""
        return str(uuid.uuid4())

    # What the desk does.

    async def submit(self, request: Request) -> Response:
        """Take an order, or say why not."""
        body = await request.body()
        self.tally.counts["submits"] += 1
        return await self._serve(
            request, "submit", "submit", lambda: self.world.submit_key(self.name, body),
            lambda account, _: self.sell(request, account, body),
        )  # fmt: skip

    def sell(self, request: Request, account: str, body: bytes) -> Response:
        """Read the order, check the words, the credit and the slots, and accept."""
        try:
            asked = self.read(request, body)
        except Refused as refusal:
            return self.error(refusal.words)
        now = self.world.now()
        order = shaped(asked.order, asked.picture, self.world.shelf, now)
        if self.world.refused_word(order.prompt):
            if self.flagged is not None:
                return self.error(self.flagged)
            order = dataclasses.replace(order, broken=self.refused)
        holder = self.world.bank.account(self.name, account)
        if not holder.can_pay(order.price_uusd):
            return self.error(self.penniless)
        if self._full(account, holder, now):
            return self.crowded()
        if CALL in asked.notes:
            asked.notes[CAME_TO] = address(request)
        task = self.world.accept(
            self.name, account, asked.model, asked.inputs, order, self, task_id=self.new_id(),
            opens_at=self.opens_at(account, now), notes=asked.notes,
        )  # fmt: skip
        return self.accepted(request, task)

    async def look(
        self, request: Request, task_id: str, answer: Callable[[Request, Task, float, Fault | None], Response],
        *, on: On | None = None,
    ) -> Response:  # fmt: skip
        """Answer for one task. `on` names the look to the weather: by default a finished video is a `result`."""
        self.tally.poll()
        admitted = self._admit(request, "poll")
        if isinstance(admitted, Response):
            return admitted
        account, grant = admitted
        now = self.world.now()
        task = self.find(account, task_id, now)
        if task is None:
            return self.dressed(request, self.unknown(task_id), grant)
        self.world.bank.look(task, now)
        on = on or ("result" if task.state == "succeeded" else "status")
        key = f"{task.key}:{task.polls}"
        met = await exchange(self.world, self, on, key, lambda fault: answer(request, task, now, fault))
        return self.dressed(request, met, grant)

    async def browse(
        self, request: Request, answer: Callable[[Request, str, float], Response], *, ask: Ask = "list"
    ) -> Response:
        """Answer a question that is not about one render: a list, the balance. `answer` gets account and time."""

        def key() -> str:
            self.tally.counts[f"{ask}s"] += 1
            return f"{ask}:{self.tally.counts[f'{ask}s']}"

        return await self._serve(request, ask, "list", key, lambda account, now: answer(request, account, now))

    def find(self, account: str, task_id: str, now: float) -> Task | None:
        """The account's task, while it is remembered."""
        task = self.world.bank.tasks.get(task_id)
        if task is None or task.account != account or task.provider != self.name or now >= task.at + self.life_s:
            return None
        return task

    def _admit(self, request: Request, ask: Ask) -> tuple[str, Grant | None] | Response:
        """Know the account and hold its windows, or say why not."""
        account = self.account(request)
        if isinstance(account, Response):
            return self.dressed(request, account, None)
        windows = self.windows(ask)
        grant = self.world.take(self.name, account, windows) if windows else None
        if grant is not None and not grant.passed:
            return self.dressed(request, self.over(grant), grant)
        return account, grant

    def _full(self, account: str, holder: Account, now: float) -> bool:
        """Whether the account's slots are taken, which is noted."""
        if self.slots is None or holder.in_flight < self.slots or self.world.options.no_limits:
            return False
        self.tally.counts["throttled"] += 1
        self.world.limits.violated(self.name, account, "tasks in flight", now, f"{self.slots} are in flight")
        return True

    async def _serve(
        self, request: Request, ask: Ask, on: On, key: Callable[[], str], work: Callable[[str, float], Response]
    ) -> Response:
        """Admit a request and do its work under the weather; `key` names the request to it."""
        admitted = self._admit(request, ask)
        if isinstance(admitted, Response):
            return admitted
        account, grant = admitted
        met = await exchange(self.world, self, on, key(), lambda _: work(account, self.world.now()))
        return self.dressed(request, met, grant)


def bearer(request: Request, scheme: str = "bearer") -> str | None:
    """The key of an `Authorization: Bearer KEY` header, or of another scheme; None where there is none."""
    given, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() or None if given.lower() == scheme else None


def number(request: Request, name: str, default: int, most: int | None = None, *, least: int = 1) -> int:
    """A whole number from the query. Raises ValueError, in words, where it is none or out of bounds."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or int(text) < least or (most is not None and int(text) > most):
        raise ValueError(f"{name} must be a whole number from {least}{'' if most is None else f' to {most}'}")
    return int(text)


def instant(request: Request, name: str, default: float) -> float:
    """A time from the query, in seconds since 1970; without a zone it is UTC. Raises ValueError, in words."""
    text = request.query_params.get(name)
    if not text:
        return default
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name} must be an ISO 8601 date or time") from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def address(request: Request) -> str:
    """The simulator's own address, as the client came to it."""
    return f"{request.scope['scheme']}://{request.headers['host']}"
