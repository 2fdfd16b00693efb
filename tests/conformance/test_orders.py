"""Any row at any provider: a complaint before money moves, or an order that is understood as it was meant."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.facts import Offer
from jobs.job import FRAMES, Job, Mode, Render
from providers.contract import Accepted, Answer
from providers.registry import PROVIDERS, endpoint, provider
from simulator.options import Options
from tests.simulator.conftest import Street

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)
IMAGES = ["https://example.com/ä.png?v=1#x", "HTTPS://example.com/a shoe.png", "https:///no-host.png", "http://[x.png"]
TRACK = "https://example.com/a.mp3"
FILES = ["https://example.com/walk.mp4", "https://example.com/run.MOV?v=1", "https://example.com/shoe.png"]


def mostly(draw: st.DrawFn, sold: Any, others: Any) -> Any:
    """A value that is sold, or now and then any."""
    return draw(st.sampled_from(list(sold) or [None]) if draw(st.integers(0, 9)) else st.sampled_from(list(others)))


@st.composite
def renders(draw: st.DrawFn, offers: tuple[Offer, ...]) -> Render:
    """What a row may ask for: most of it as one offer has it."""
    offer = draw(st.sampled_from(offers))
    switch = {name: (True, False) if getattr(offer, name) else () for name in ("watermark", "audio_switch")}
    return Render(
        mode=offer.mode,
        model=offer.model,
        prompt=draw(WORDS.map("a kite ".__add__) | st.just("k" * offer.prompt_limit) | WORDS),
        negative_prompt=draw(WORDS | st.just("n" * offer.negative_limit)) if offer.negative_limit else "",
        image=mostly(draw, IMAGES[:1], IMAGES) if offer.mode is Mode.I2V else None,
        references=tuple(draw(st.lists(st.sampled_from(FILES), max_size=4))) if offer.mode is Mode.R2V else (),
        audio_track=draw(st.sampled_from([None, TRACK])) if offer.audio_track else None,
        resolution=mostly(draw, offer.resolutions, ("720p", "1080p")),
        aspect_ratio=mostly(draw, offer.aspect_ratios, {ratio for _, ratio in FRAMES}),
        duration_s=mostly(draw, offer.durations_s, range(1, 20)),
        audio=mostly(draw, switch["audio_switch"] or (True,), (True, False)),
        shot_type=mostly(draw, offer.shot_types, ("single", "multi")),
        prompt_expansion=mostly(draw, (True,), (True, False)),
        watermark=mostly(draw, switch["watermark"] or (False,), (True, False)),
        template=mostly(draw, (None, "flying") if offer.template else (None,), (None, "flying")),
    )


@pytest.fixture(scope="module")
def street() -> Street:
    """Every dialect, in this process, without limits or a content check."""
    return Street(Options(no_limits=True, no_query_limits=True, refuse_word="", balance_usd=1e9))


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_nobody_complains_of_is_understood(name: str, street: Street) -> None:
    """Frame, length, sound and words arrive as they were asked for, whatever the row; a good share is sold at all."""
    seller, at = provider(name), endpoint(name, "sim-one", simulator_url="http://street")
    sold = 0

    @settings(max_examples=60)
    @given(render=renders(seller.facts.sold()), seed=st.integers(0, 2_147_483_647))
    def order(render: Render, seed: int) -> None:
        nonlocal sold
        if seller.complaints(render):
            return
        sold += 1
        job = Job(
            job_id="j", variant_id="v", render=render, seed=seed, seed_source="job", simulated=True, provider=name,
            account=name, price_uusd=1, price_as_of="2026-11-01",
        )  # fmt: skip
        call = seller.submit_call(job, at, f"j:{sold}")
        told = street.call(call.method, call.url, headers=dict(call.headers), json=call.body)
        reading = seller.read_submit(Answer(told.status_code, dict(told.headers), told.content))
        assert isinstance(reading, Accepted), (call.body, told.text)
        made = street.app.state.world.bank.tasks[reading.task_id].order
        assert made.broken is None, (call.body, made.broken)
        assert (made.duration_s, made.audio, made.prompt) == (render.duration_s, render.audio, render.prompt)
        # Where an image comes in, the image decides: the simulator knows no more than the short side.
        frame = render.frame or (made.width, made.height)
        assert (made.width, made.height) == frame
        assert render.frame or min(made.width, made.height) == int(render.resolution.removesuffix("p"))

    order()
    assert sold >= 15
