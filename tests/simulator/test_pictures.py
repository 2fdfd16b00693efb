"""A video that starts from a picture takes its shape, wherever the simulator has the picture's bytes."""

import base64
import math

import pytest

from jobs.job import Job, Mode, Render
from providers.contract import Accepted, Answer
from providers.registry import PROVIDERS, endpoint, provider
from simulator.options import Options
from simulator.shelf import Upload
from tests.samples import picture
from tests.simulator.conftest import Street

#: Who takes pictures in the order itself; the others are given a link.
INLINE = ("dashscope", "aimlapi", "fal", "replicate")


@pytest.fixture(scope="module")
def street() -> Street:
    """Every dialect, in this process."""
    return Street(Options(no_limits=True, balance_usd=1e9))


def frame(name: str, data: bytes, street: Street, resolution: str = "720p") -> tuple[int, int]:
    """The frame that a provider renders of a picture."""
    if name in INLINE:
        where = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    else:
        where = "http://street/shelf/" + street.app.state.world.shelf.put(Upload(data, "image/jpeg", math.inf))
    render = Render.model_validate(
        {"mode": Mode.I2V, "prompt": "it turns", "image": where, "aspect_ratio": None, "resolution": resolution}
    )
    job = Job(
        job_id="j", variant_id="v", render=render, seed=1, seed_source="job", simulated=True, provider=name,
        account=name, price_uusd=1, price_as_of="2026-11-01",
    )  # fmt: skip
    seller, at = provider(name), endpoint(name, "sim-one", simulator_url="http://street")
    call = seller.submit_call(job, at, f"j:{len(street.app.state.world.bank.tasks)}")
    told = street.call(call.method, call.url, headers=dict(call.headers), json=call.body)
    reading = seller.read_submit(Answer(told.status_code, dict(told.headers), told.content))
    assert isinstance(reading, Accepted), told.text
    made = street.app.state.world.bank.tasks[reading.task_id].order
    return made.width, made.height


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_video_takes_the_pictures_shape(name: str, street: Street) -> None:
    """Tall, square and in between, at every provider: the frame of that resolution which comes nearest."""
    assert frame(name, picture(size=(720, 1280)), street) == (720, 1280)
    assert frame(name, picture(size=(500, 500)), street, "1080p") == (1440, 1440)
    assert frame(name, picture(size=(1080, 1350)), street) == (832, 1088)


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_is_no_picture_is_taken_for_a_wide_one(name: str, street: Street) -> None:
    """The simulator looks at what is there, and does not judge it."""
    assert frame(name, b"\xff\xd8\xff no picture", street) == (1280, 720)
