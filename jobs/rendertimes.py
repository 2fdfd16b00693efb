"""How long renders of one kind last, as it is remembered: counts by length, which add up in any order and fade.

A length is a cell: cells grow by the same ratio, so a minute is told as finely as ten. Seconds are the provider's own.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from jobs.job import Render

#: Renders by the cell of their length.
RenderTimes = Mapping[int, int]

#: Cells from one length to its double: one is 4.4 % wide.
CELLS_A_DOUBLING: Final = 16
#: Seconds. Whatever ended sooner counts as this.
SHORTEST_S: Final = 1.0
#: So many renders are known at most; then all counts are halved, so that what is older counts less.
MOST_KNOWN: Final = 192
#: The weight, in renders, of what no experience tells: a render may last anything from `UNTOLD_FROM_S` to the deadline.
UNTOLD: Final = 0.3
UNTOLD_FROM_S: Final = 5.0
#: The share of renders whose length is guessed without regard to what is remembered, so that no memory confirms itself.
FRESH: Final = 0.05


def kind_of(render: Render) -> str:
    """Renders of one kind are expected to last alike."""
    return f"{render.mode}-{render.model}-{render.resolution}-{render.duration_s}s"


def cell(render_s: float) -> int:
    """The cell that a length of so many seconds falls into."""
    return round(CELLS_A_DOUBLING * math.log2(max(render_s, SHORTEST_S)))


def cell_s(number: float) -> float:
    """The length, in seconds, in the middle of a cell."""
    return float(2.0 ** (number / CELLS_A_DOUBLING))


def known(times: RenderTimes) -> int:
    """How many renders are remembered."""
    return sum(times.values())


def mean_s(times: RenderTimes) -> float:
    """The mean length in seconds; at least one render must be known."""
    return sum(cell_s(number) * count for number, count in times.items()) / known(times)


def merged(*many: RenderTimes) -> RenderTimes:
    """What is remembered together, in whatever order."""
    total: Counter[int] = Counter()
    for times in many:
        total.update(times)
    return total


def remembered(times: RenderTimes, render_s: float) -> RenderTimes:
    """One more render; all counts are halved once MOST_KNOWN are there. `move.lua` does the same to the ledger."""
    more = merged(times, {cell(render_s): 1})
    return more if known(more) < MOST_KNOWN else {number: count // 2 for number, count in more.items() if count > 1}


class Curve(NamedTuple):
    """Which share of renders has ended by an age: what is remembered, smoothed, and a little of what is not told."""

    edges_s: Sequence[float]
    shares: Sequence[float]
    untold: float
    deadline_s: float

    def ended(self, age_s: float) -> float:
        """The share of renders that last no longer than this; 1 from the deadline on."""
        if age_s >= self.deadline_s:
            return 1.0
        above = bisect_right(self.edges_s, age_s)
        told = self.shares[min(above, len(self.shares)) - 1] if above else 0.0
        if 0 < above < len(self.edges_s):
            left, right = self.edges_s[above - 1], self.edges_s[above]
            told += (self.shares[above] - told) * (age_s - left) / (right - left)
        if age_s <= UNTOLD_FROM_S or self.deadline_s <= UNTOLD_FROM_S:
            return told
        return told + self.untold * math.log(age_s / UNTOLD_FROM_S) / math.log(self.deadline_s / UNTOLD_FROM_S)

    def length_s(self, running_s: float, ended_s: float, draw: float) -> float:
        """A likely length of a render last seen running at one age and first seen ended at another, for a `draw`.

        Its end was not seen; over many renders the guesses tell their lengths as well as anything can.
        """
        if draw < FRESH:
            return evenly_s(running_s, ended_s, draw / FRESH)
        before = self.ended(running_s)
        share = before + (self.ended(ended_s) - before) * (draw - FRESH) / (1 - FRESH)
        low_s, high_s = running_s, ended_s
        while high_s - low_s > 0.01 * ended_s:
            middle_s = (low_s + high_s) / 2
            low_s, high_s = (middle_s, high_s) if self.ended(middle_s) < share else (low_s, middle_s)
        return high_s

    def age_s(self, share: float) -> float:
        """The age by which that share of the remembered renders has ended, to the next edge of a cell."""
        return self.edges_s[min(bisect_right(self.shares, share * self.shares[-1]), len(self.edges_s) - 1)]


def evenly_s(running_s: float, ended_s: float, draw: float) -> float:
    """The same guess while too little is known: any instant between the two counts alike."""
    return running_s + (ended_s - running_s) * draw


def curve(times: RenderTimes, deadline_s: float) -> Curve:
    """The curve behind a memory of at least one render, for renders that are given up at the deadline."""
    total = known(times) + UNTOLD
    kernel = _kernel(_width(times))
    reach = len(kernel) // 2
    first = min(times) - reach
    weights = [0.0] * (max(times) + reach - first + 1)
    for number, count in times.items():
        for place, share in enumerate(kernel, number - reach - first):
            weights[place] += share * count / total
    edges = [cell_s(first + place - 0.5) for place in range(len(weights) + 1)]
    return Curve(edges, [0.0, *accumulate(weights)], UNTOLD / total, deadline_s)


def _width(times: RenderTimes) -> float:
    """Cells by which each render is blurred: Silverman's rule, taken from the densest quarter of them.

    The densest quarter is as wide in a memory of two kinds of render as in that of one, where a deviation is not.
    """
    ranked = sorted(times.items())
    quarter, held, left, narrowest = known(times) / 4, 0, 0, math.inf
    for number, count in ranked:
        held += count
        while held - ranked[left][1] >= quarter:
            held -= ranked[left][1]
            left += 1
        if held >= quarter:
            narrowest = min(narrowest, number - ranked[left][0] + quarter / held)
    # The middle quarter of a normal curve is 0.64 of its deviation wide.
    return max(0.5, 0.9 * narrowest / 0.64 * math.pow(known(times), -0.2))


def _kernel(width: float) -> list[float]:
    """A bell of that deviation, in cells, with a sum of 1."""
    reach = math.ceil(3 * width)
    bell = [math.exp(-0.5 * (step / width) ** 2) for step in range(-reach, reach + 1)]
    return [height / sum(bell) for height in bell]
