"""The nouns: frozen, closed against unknown fields, and every size one that Wan 2.6 renders."""

import math
from typing import get_args

import pytest
from pydantic import ValidationError

from jobs.job import FRAMES, AspectRatio, Mode, Render, Resolution


@pytest.mark.parametrize("resolution", get_args(Resolution))
@pytest.mark.parametrize("ratio", get_args(AspectRatio))
def test_each_resolution_has_a_frame_in_each_ratio(resolution: Resolution, ratio: AspectRatio) -> None:
    """The frame has the ratio (codecs need multiples of 16, so nearly) and the resolution's number of pixels."""
    width, height = FRAMES[resolution, ratio]
    across, down = map(int, ratio.split(":"))
    assert math.isclose(width / height, across / down, rel_tol=0.02)
    assert math.isclose(width * height, {"720p": 1280 * 720, "1080p": 1920 * 1080}[resolution], rel_tol=0.02)
    render = Render(mode=Mode.T2V, prompt="p", resolution=resolution, aspect_ratio=ratio)
    assert render.frame == (width, height)
    assert render.size == f"{width}*{height}"


def test_where_an_image_decides_there_is_no_size() -> None:
    """Image to video has no ratio of its own, hence no frame to check against."""
    render = Render(mode=Mode.I2V, prompt="p", image="https://example.com/a.png", aspect_ratio=None)
    assert (render.frame, render.size) == (None, None)


def test_a_noun_refuses_what_it_does_not_know() -> None:
    """A misspelt field is an error and no silence."""
    with pytest.raises(ValidationError, match="promt"):
        Render.model_validate({"mode": "t2v", "prompt": "p", "promt": "q"})


def test_a_noun_cannot_be_changed() -> None:
    """What was priced is what is rendered."""
    with pytest.raises(ValidationError, match="frozen"):
        Render(mode=Mode.T2V, prompt="p").prompt = "q"  # type: ignore[misc]
