"""When a picture counts as a ratio, and how its shape is said."""

from typing import get_args

import pytest

from jobs.job import FRAMES, AspectRatio
from jobs.ratio import is_near, shape_of, terms


@pytest.mark.parametrize(("key", "frame"), FRAMES.items())
def test_every_frame_that_wan_renders_keeps_its_ratio(key: tuple[str, AspectRatio], frame: tuple[int, int]) -> None:
    """A still out of a video counts as the ratio that the video was ordered in, and as no other."""
    assert [ratio for ratio in get_args(AspectRatio) if is_near(*frame, ratio)] == [key[1]]


@pytest.mark.parametrize(
    ("size", "ratio", "near"),
    [
        ((1279, 720), "16:9", True),
        ((1366, 768), "16:9", True),
        ((1080, 1350), "3:4", False),
        ((1500, 1000), "4:3", False),
        ((1000, 1019), "1:1", True),
        ((1000, 1021), "1:1", False),
        ((9, 16), "16:9", False),
    ],
)
def test_a_ratio_may_be_missed_by_two_in_a_hundred(size: tuple[int, int], ratio: AspectRatio, near: bool) -> None:
    """Odd pixels are no other shape; 4:5 and 3:2 are."""
    assert is_near(*size, ratio) is near


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((1279, 720), "16:9"),
        ((1080, 1350), "4:5"),
        ((1500, 1000), "3:2"),
        ((2560, 1080), "2.37:1"),
        ((1, 8000), "0.00:1"),
    ],
)
def test_a_shape_is_said_as_people_say_it(size: tuple[int, int], said: str) -> None:
    """A ratio on sale by its name, another one by small terms, else as a number."""
    assert shape_of(*size) == said


def test_terms() -> None:
    """Width comes first."""
    assert terms("9:16") == (9, 16)
