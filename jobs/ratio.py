"""When a picture counts as one of the shapes that Wan 2.6 renders, and how any shape is told to a person."""

import math
from fractions import Fraction
from typing import Final, get_args

from jobs.job import AspectRatio

#: Part by which width over height may miss a ratio and still count as it. Wan's own frames miss theirs by up to 0.0195
#: (its 4:3 is 1088 x 832), so that a still out of a video keeps its shape; 4:5 and 3:2 are far outside.
TOLERANCE: Final = 0.02
#: The largest term of a ratio that is told as one; others are told as a number.
LARGEST_TERM: Final = 21


def terms(ratio: AspectRatio) -> tuple[int, int]:
    """Width and height of a ratio, without a unit."""
    width, _, height = ratio.partition(":")
    return int(width), int(height)


def is_near(width: int, height: int, ratio: AspectRatio) -> bool:
    """Whether so many pixels are of that shape, give or take `TOLERANCE`."""
    across, down = terms(ratio)
    return abs(math.log(width * down / (height * across))) <= TOLERANCE


def shape_of(width: int, height: int) -> str:
    """The shape as people say it: the ratio on sale that it counts as, else the ratio itself, else `1.37:1`."""
    for ratio in get_args(AspectRatio):
        if is_near(width, height, ratio):
            return str(ratio)
    exact = Fraction(width, height)
    if max(exact.numerator, exact.denominator) <= LARGEST_TERM:
        return f"{exact.numerator}:{exact.denominator}"
    return f"{width / height:.2f}:1"
