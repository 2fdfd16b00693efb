"""What each provider sells: every complaint names its column, what is wrong and what would be right."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from config.facts import load_facts
from jobs.job import Mode, Render
from providers import offers
from providers.registry import PROVIDERS, provider

LONG = "a shoe " * 300

ROWS: list[tuple[str, Mode, dict[str, Any], str, str, str]] = [
    ("segmind", Mode.R2V, {}, "reference_urls", "does not sell r2v", "t2v standard or i2v standard"),
    ("segmind", Mode.T2V, {"model": "flash"}, "model", "does not sell t2v with the flash model", "t2v standard"),
    ("segmind", Mode.T2V, {"aspect_ratio": "1:1"}, "aspect_ratio", "1:1 is not sold", "use 16:9 or 9:16"),
    ("segmind", Mode.T2V, {"aspect_ratio": None}, "aspect_ratio", "nothing is chosen", "use 16:9 or 9:16"),
    ("segmind", Mode.T2V, {"duration_s": 7}, "duration", "7 is not sold", "use 5, 10 or 15"),
    ("segmind", Mode.T2V, {"audio": False}, "audio", "with sound only", "true"),
    ("segmind", Mode.T2V, {"watermark": True}, "watermark", "no watermark", "false"),
    ("segmind", Mode.T2V, {"template": "flying"}, "template", "no templates", "empty"),
    ("segmind", Mode.T2V, {"prompt": "  "}, "prompt", "needs a prompt", "write one"),
    ("segmind", Mode.I2V, {"prompt": ""}, "prompt", "needs a prompt", "write one"),
    ("segmind", Mode.I2V, {"image": None}, "image_url", "there is none", "URL"),
    ("segmind", Mode.I2V, {"image": "https:///shoe.png"}, "image_url", "fetches this file itself", "https://"),
    (
        "segmind",
        Mode.I2V,
        {"image": "https://e.example/a b.png"},
        "image_url",
        "no space",
        "https://e.example/a%20b.png",
    ),
    (
        "aimlapi",
        Mode.R2V,
        {"references": ("https://e.example/a.png",)},
        "reference_urls",
        "no images",
        "leave some out",
    ),
    ("aimlapi", Mode.R2V, {"duration_s": 15}, "duration", "15 is not sold", "use 5 or 10"),
    ("aimlapi", Mode.T2V, {"audio": False}, "audio", "with sound only", "true"),
    ("apimart", Mode.R2V, {}, "reference_urls", "does not sell r2v", "t2v standard, i2v standard or i2v flash"),
    ("apimart", Mode.T2V, {"prompt": LONG}, "prompt", "2,100 characters and APIMart takes 1,500", "shorten it by 600"),
    ("toapis", Mode.I2V, {"shot_type": "multi"}, "shot_type", "multi is not sold by ToAPIs", "use single"),
    ("toapis", Mode.T2V, {"audio_track": "https://e.example/a.mp3"}, "audio_url", "no audio track", "empty"),
    ("toapis", Mode.T2V, {"model": "flash"}, "model", "does not sell t2v with the flash model", "i2v flash"),
    ("toapis", Mode.I2V, {"model": "flash", "negative_prompt": "x"}, "negative_prompt", "takes no negative", "empty"),
    ("segmind", Mode.I2V, {"aspect_ratio": "16:9"}, "aspect_ratio", "the image decides", "leave it empty"),
    ("segmind", Mode.T2V, {"shot_type": "multi", "prompt_expansion": False}, "shot_type", "expansion", "to true"),
    ("segmind", Mode.T2V, {"prompt": LONG}, "prompt", "2,100 characters and Segmind takes 1,500", "shorten it by 600"),
    ("segmind", Mode.T2V, {"negative_prompt": "x" * 501}, "negative_prompt", 'from "x" on', "shorten it by 1"),
    ("dashscope", Mode.T2V, {"model": "flash"}, "model", "in region intl does not sell t2v", "i2v flash"),
    ("dashscope", Mode.T2V, {"duration_s": 16}, "duration", "16 is not sold", "whole seconds from 2 to 15"),
    ("dashscope", Mode.R2V, {"duration_s": 11}, "duration", "11 is not sold", "whole seconds from 2 to 10"),
    ("dashscope", Mode.T2V, {"template": "flying"}, "template", "no templates", "empty"),
    ("dashscope", Mode.T2V, {"audio": False}, "audio", "with sound only", "true"),
    ("dashscope", Mode.R2V, {"references": ()}, "reference_urls", "there are none", "URL"),
    ("dashscope", Mode.R2V, {"audio_track": "https://e.example/a.mp3"}, "audio_url", "no audio track", "empty"),
    ("dashscope", Mode.R2V, {"prompt_expansion": False}, "prompt_expansion", "no such switch", "true"),
    (
        "dashscope",
        Mode.R2V,
        {"references": tuple(f"https://e.example/{n}.mp4?v=1" for n in range(4))},
        "reference_urls",
        "at most 5 files, 3 of them videos",
        "leave some out",
    ),
    (
        "dashscope",
        Mode.R2V,
        {"references": tuple(f"https://e.example/{n}.png" for n in range(6))},
        "reference_urls",
        "at most 5 files",
        "leave some out",
    ),
    (
        "dashscope",
        Mode.R2V,
        {"prompt": "character2 waves"},
        "prompt",
        "names character2, and the row has 1 ref",
        "character1",
    ),
    ("dashscope", Mode.R2V, {"prompt": "Character0 waves"}, "prompt", "names character0", "call them character1"),
    (
        "dashscope",
        Mode.I2V,
        {"model": "flash", "audio": False, "audio_track": "https://e.example/a.mp3"},
        "audio",
        "names a sound",
        "keep one",
    ),
]


@pytest.mark.parametrize(("name", "mode", "changes", "column", "problem", "fix"), ROWS)
def test_one_thing_wrong_is_one_complaint(
    name: str, mode: Mode, changes: dict[str, Any], column: str, problem: str, fix: str, render: Callable[..., Render]
) -> None:
    """What would be refused, cut or ignored is said before it costs money, with what would be right."""
    (complaint,) = provider(name).complaints(render(mode, **changes))
    assert complaint.column == column
    assert problem in complaint.problem
    assert fix in complaint.fix


@pytest.mark.parametrize(
    ("name", "region", "mode", "changes"),
    [
        ("segmind", None, Mode.T2V, {}),
        ("segmind", None, Mode.T2V, {"resolution": "1080p", "aspect_ratio": "9:16", "duration_s": 15}),
        ("segmind", None, Mode.T2V, {"prompt": "x" * 1500, "negative_prompt": "x" * 500, "shot_type": "multi"}),
        ("segmind", None, Mode.I2V, {"audio_track": "HTTPS://example.com/a.mp3"}),
        ("dashscope", None, Mode.T2V, {"duration_s": 2, "aspect_ratio": "3:4", "watermark": True}),
        ("dashscope", None, Mode.I2V, {"prompt": "", "template": "flying", "duration_s": 15}),
        ("dashscope", None, Mode.I2V, {"model": "flash", "audio": False}),
        ("dashscope", None, Mode.R2V, {"duration_s": 10, "shot_type": "multi"}),
        ("dashscope", None, Mode.R2V, {"prompt": "character1 meets a character in uncharacter2"}),
        ("dashscope", "cn", Mode.R2V, {"model": "flash", "audio": False}),
        ("dashscope", "us", Mode.I2V, {"duration_s": 15}),
    ],
)
def test_what_is_sold_draws_no_complaint(
    name: str, region: str | None, mode: Mode, changes: dict[str, Any], render: Callable[..., Render]
) -> None:
    """The edges of each offer are inside it."""
    assert provider(name, region).complaints(render(mode, **changes)) == []


def test_a_region_sells_its_own(render: Callable[..., Render]) -> None:
    """Virginia sells no references, and shorter text to video."""
    virginia = provider("dashscope", "us")
    assert "in region us does not sell r2v" in virginia.complaints(render(Mode.R2V))[0].problem
    assert virginia.complaints(render(duration_s=15))[0].fix == "use 5 or 10"


def test_all_complaints_come_at_once(render: Callable[..., Render]) -> None:
    """Nobody mends a row four times."""
    found = provider("segmind").complaints(render(duration_s=7, aspect_ratio="1:1", audio=False, prompt=LONG))
    assert [complaint.column for complaint in found] == ["duration", "aspect_ratio", "prompt", "audio"]


@pytest.mark.parametrize(
    ("name", "region", "mode", "changes", "price"),
    [
        ("segmind", None, Mode.T2V, {}, "0.625"),
        ("segmind", None, Mode.T2V, {"resolution": "1080p", "duration_s": 15}, "2.8125"),
        ("segmind", None, Mode.I2V, {"duration_s": 10}, "1.25"),
        ("segmind", None, Mode.R2V, {}, None),
        ("dashscope", None, Mode.T2V, {}, "0.50"),
        ("dashscope", None, Mode.T2V, {"resolution": "1080p", "duration_s": 15}, "2.25"),
        ("dashscope", None, Mode.R2V, {}, "1.00"),
        ("dashscope", None, Mode.I2V, {"model": "flash"}, "0.25"),
        ("dashscope", None, Mode.I2V, {"model": "flash", "audio": False}, "0.125"),
        ("dashscope", "cn", Mode.T2V, {}, "0.4089"),
    ],
)
def test_price(
    name: str, region: str | None, mode: Mode, changes: dict[str, Any], price: str | None, render: Callable[..., Render]
) -> None:
    """A second's price times the duration; references add the most that may be billed; unknown is None."""
    assert provider(name, region).price_usd(render(mode, **changes)) == (None if price is None else Decimal(price))


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_longer_video_is_never_cheaper(name: str, render: Callable[..., Render]) -> None:
    """More seconds and more pixels cost more, wherever both are sold."""
    one = provider(name)
    for mode in Mode:
        small, long, sharp = (
            one.price_usd(render(mode, **changes)) for changes in ({}, {"duration_s": 10}, {"resolution": "1080p"})
        )
        if small is not None and long is not None and sharp is not None:
            assert small < long
            assert small < sharp


def test_a_resolution_that_is_not_sold_is_named(render: Callable[..., Render]) -> None:
    """A provider that sells one resolution says so."""
    facts = load_facts()["segmind"]
    small = facts.model_copy(
        update={"offers": tuple(offer.model_copy(update={"resolutions": ("720p",)}) for offer in facts.offers)}
    )
    (complaint,) = offers.complaints(render(resolution="1080p"), small)
    assert (complaint.column, complaint.fix) == ("resolution", "use 720p")
