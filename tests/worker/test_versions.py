"""Workers of two versions side by side: what is newer is left alone, told once, and breaks nothing."""

import logging
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery

from jobs.errors import NewerVersion
from jobs.messages import COLLECT, SUBMIT, VERSION
from ledger.orders import Claim, Moved, Order
from worker import tasks
from worker.doorbells import Hands
from worker.wiring import Held


class Shop(SimpleNamespace):
    """A workshop without a ledger: a step that begins fails at once."""


def a_shop() -> Shop:
    """What the tasks themselves need of one."""
    hands = {SUBMIT: Hands(1), COLLECT: Hands(1)}
    return Shop(held=Held(), hands=hands, stopping=threading.Event(), ledger=SimpleNamespace(take=take))


def take(orders: Sequence[Order]) -> list[tuple[Moved, dict[str, str]]]:
    """Every claim is there to be taken up."""
    return [(Moved(ok=True, detail=order.claim.fence), {"fence": order.claim.fence}) for order in orders]


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The two tasks, and what their steps were called with."""
    app, called = Celery("test"), []
    monkeypatch.setattr(tasks, "submit", lambda claim, _row, _shop: called.append(claim))
    monkeypatch.setattr(tasks, "collect", lambda claim, _row, _shop: called.append(claim))
    tasks._say_once.cache_clear()
    tasks.register(app, a_shop())  # type: ignore[arg-type]
    return {"submit": app.tasks[SUBMIT], "collect": app.tasks[COLLECT], "called": called}


def test_a_newer_doorbell_is_left_to_a_newer_worker(rung: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """Whatever more it carries; the claim lapses by itself, and the reason is told once."""
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            rung["submit"](["a"], ["f:1"], VERSION + 1, {"moon": "full"})
            rung["collect"]("a", "f:1", VERSION + 1)
    assert rung["called"] == []
    assert [record.getMessage() for record in caplog.records] == [
        f"doorbells of version {VERSION + 1} are left to newer workers; this one knows version {VERSION}"
    ]


def test_an_older_doorbell_is_answered(rung: dict[str, Any]) -> None:
    """Those that named one job each, with and without a version, and one of this version."""
    rung["submit"]("a", "f:1")
    rung["collect"]("b", "f:2", 1)
    rung["submit"](["c", "d"], ["f:3", "f:4"], VERSION)
    assert rung["called"] == [Claim("a", "f:1"), Claim("b", "f:2"), Claim("c", "f:3"), Claim("d", "f:4")]


def test_a_newer_shelf_is_left_to_a_newer_worker(
    rung: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The step stops, the claim is let go, and the reason is told once."""

    def newer(_claim: Claim, _row: object, _shop: object) -> None:
        raise NewerVersion("a newer wanbatch wrote this Intent", "upgrade")

    monkeypatch.setattr(tasks, "submit", newer)
    shop = a_shop()
    app = Celery("newer")
    tasks.register(app, shop)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            app.tasks[SUBMIT]("a", "f:1")
    assert len(caplog.records) == 1
    assert shop.held.now() == []
