"""One job and one endpoint, the same for every dialect."""

from collections.abc import Callable
from typing import Any

import pytest

from jobs.job import Job, Mode, Render
from providers.contract import Endpoint


@pytest.fixture
def at() -> Endpoint:
    """Where and as whom: a key that must never be seen in a repr."""
    return Endpoint("https://api.example", "secret-key", {"history": "https://history.example"})


@pytest.fixture
def render() -> Callable[..., Render]:
    """Make a render of a mode with what that mode needs; anything may be set."""

    def make(mode: Mode = Mode.T2V, **changes: Any) -> Render:
        needed: dict[Mode, dict[str, Any]] = {
            Mode.T2V: {},
            Mode.I2V: {"image": "https://example.com/shoe.png", "aspect_ratio": None},
            Mode.R2V: {"references": ("https://example.com/walk.mp4",)},
        }
        return Render(**{"mode": mode, "prompt": "a red shoe"} | needed[mode] | changes)

    return make


@pytest.fixture
def job(render: Callable[..., Render]) -> Callable[..., Job]:
    """Make the job of such a render, with seed 7."""

    def make(mode: Mode = Mode.T2V, *, region: str | None = None, **changes: Any) -> Job:
        return Job(
            job_id="j",
            variant_id="v",
            render=render(mode, **changes),
            seed=7,
            seed_source="job",
            simulated=False,
            provider="p",
            account="p",
            region=region,
            price_uusd=1,
            price_as_of="2026-11-01",
        )

    return make
