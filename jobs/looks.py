"""When to look at a render again, from what is remembered of others like it: pure functions; no clock in here.

A look too many costs a question, a look too late keeps a video (and a slot) waiting. For a price of lateness in
questions the best looks follow by dynamic programming over the render's age; the price is the one at which the mean
lateness is what is aimed at, or at which the provider's limit of questions is kept (docs/decisions/0010).
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from jobs.rendertimes import Curve, RenderTimes, curve, known, mean_s

#: From so many renders on a memory is trusted; below, the provider's documented cadence is kept.
ENOUGH_KNOWN: Final = 30
#: Seconds by which a video may be late, on average, where nothing but its user waits for it.
LATE_S: Final = 4.8
#: The same where few are under way and none follows: their user waits for the whole campaign.
LAST_LATE_S: Final = 2.4
#: Where slots are the limit, lateness may cost this share of what they make.
SLOT_SHARE: Final = 0.01
#: Looks that are planned take this share of the limit of questions; results, lost submits and restarts take the rest.
POLL_SHARE: Final = 0.8
#: Seconds. No two looks at one render are planned closer together.
LEAST_WAIT_S: Final = 1.0
#: The dice move a look by at most this share of the wait, or of twice the lateness that is aimed at where that is less.
MOVED: Final = 0.1
#: Where webhooks tell of ends, the first look is at the age by which this share of renders has ended, and beyond it by
#: from one to three times `NET_MARGIN`; while too little is known, at so many times the usual length.
NET_SHARE: Final = 0.99
NET_MARGIN: Final = 0.05
NET_TIMES_USUAL: Final = 2.0
#: The furthest first look, in times the age at which half have ended: a margin in which renders of one length all end.
PAST_HALF: Final = 1.06
#: Ages at which a look may be planned while renders end, at most.
MOST_AGES: Final = 120
#: A price is sought until lateness or polls are this near to what is wanted, or for so many tries.
NEAR: Final = 0.03
TRIES: Final = 10


class Aim(NamedTuple):
    """What looks should achieve: this mean lateness in seconds, with at most so many looks a render."""

    late_s: float
    most_polls: float


def aim(
    mean_render_s: float, *, submits_per_s: float, polls_per_s: float, slots: int | None, last: bool = False
) -> Aim:
    """What to aim at under the account's limits (infinite where there is none), at that mean length of a render.

    `last` says that few are under way and none follows.
    """
    slot_rate = math.inf if slots is None else slots / mean_render_s
    late_s = LAST_LATE_S if last else LATE_S
    if slot_rate < submits_per_s:
        late_s = min(late_s, SLOT_SHARE * mean_render_s)
    renders_per_s = min(submits_per_s, slot_rate)
    return Aim(late_s, POLL_SHARE * polls_per_s / renders_per_s if math.isfinite(renders_per_s) else math.inf)


def net_s(looks: "Looks | None", usual_s: float, draw: float) -> float:
    """The age in seconds at which a render that no webhook has told of is looked at first; `draw` is in [0, 1).

    `usual_s` is the length that the provider's documents let expect, which counts while no looks are planned.
    """
    far_s = NET_TIMES_USUAL * usual_s if looks is None else looks.shape.age_s(NET_SHARE)
    return far_s * (1 + NET_MARGIN * (1 + 2 * draw))


@dataclass(frozen=True, slots=True)
class Looks:
    """The best next look for every age. `polls` a render and mean `late_s` are expected, if the memory holds true."""

    ages_s: Sequence[float]
    next_s: Sequence[float]
    shape: Curve
    aimed_late_s: float
    polls: float
    late_s: float

    def wait_s(self, age_s: float, draw: float) -> float:
        """Seconds from a look that found a render of that age still running to the next; `draw` is in [0, 1).

        Never under LEAST_WAIT_S less its jitter; up to the deadline the wait does not lead beyond it.
        """
        age_s = max(age_s, 0.0)
        below = bisect_right(self.ages_s, age_s) - 1
        if below >= len(self.ages_s) - 1:
            return LEAST_WAIT_S
        left, right = self.ages_s[below], self.ages_s[below + 1]
        part = (age_s - left) / (right - left)
        wait_s = max(LEAST_WAIT_S, self.next_s[below] * (1 - part) + self.next_s[below + 1] * part - age_s)
        # Renders that began together part company, but a long first wait is not moved by more than a short one.
        moved = MOVED * min(wait_s, 2 * self.aimed_late_s) * (2 * draw - 1)
        return min(wait_s + moved, max(self.ages_s[-1] - age_s, LEAST_WAIT_S))


def plan(times: RenderTimes, wanted: Aim, *, cap_s: float, deadline_s: float) -> Looks | None:
    """The looks for renders like these, in the provider's seconds; None while too few are known.

    No wait leads further than just past the age at which half of them have ended, unless it is shorter than `cap_s` or
    than half of the age that was reached: that bounds the lateness of a render that is unlike all others.
    """
    if known(times) < ENOUGH_KNOWN:
        return None
    shape = curve(times, deadline_s)
    ages_s = _ages_s(shape, wanted.late_s, cap_s)
    grid = _Grid.of(ages_s, shape, cap_s)
    # What would be right for renders of one length, give or take a fifth; it is only where the search begins.
    low, high, price = 0.0, math.inf, 2.5 / (wanted.late_s * mean_s(times))
    nexts, polls, late_s = grid.planned(price)
    for _ in range(TRIES):
        # Both grow with the root of the price: over 1, more is asked than is wanted.
        over = max(polls / wanted.most_polls, wanted.late_s / max(late_s, 0.01))
        if abs(over - 1) < NEAR:
            break
        low, high = (low, price) if over > 1 else (price, high)
        price /= min(max(over, 0.1), 10.0) ** 2
        if not low < price < high:
            price = math.sqrt(low * high) if low and math.isfinite(high) else 2 * low if low else high / 2
        nexts, polls, late_s = grid.planned(price)
    return Looks(ages_s, [ages_s[number] for number in nexts], shape, wanted.late_s, polls, late_s)


def _ages_s(shape: Curve, late_s: float, cap_s: float) -> list[float]:
    """The ages at which a look may be planned: close together while renders end, wide apart before and after."""
    end_s = shape.deadline_s
    first_s, last_s = min(shape.age_s(0.002), end_s / 2), min(shape.age_s(0.998), end_s)
    step_s = max(late_s / 2, LEAST_WAIT_S, (last_s - first_s) / MOST_AGES)
    before = max(1, min(8, int(first_s / (4 * step_s))))
    ages_s = [first_s * part / before for part in range(before)]
    age_s = first_s
    while age_s < end_s - LEAST_WAIT_S:
        ages_s.append(age_s)
        age_s += step_s if age_s < last_s else max(2 * step_s, min(cap_s, 0.08 * age_s))
    return [*ages_s, end_s]


class _Grid(NamedTuple):
    """The curve at each age: the share that has ended, its integral, and the furthest age that a wait may lead to."""

    ages_s: Sequence[float]
    ended: Sequence[float]
    area_s: Sequence[float]
    furthest_s: Sequence[float]

    @classmethod
    def of(cls, ages_s: Sequence[float], shape: Curve, cap_s: float) -> "_Grid":
        """The curve at these ages."""
        ended = [shape.ended(age_s) for age_s in ages_s]
        area_s = [0.0]
        for number in range(1, len(ages_s)):
            width_s = ages_s[number] - ages_s[number - 1]
            area_s.append(area_s[-1] + width_s * (ended[number] + ended[number - 1]) / 2)
        half_s = PAST_HALF * shape.age_s(0.5)
        return cls(ages_s, ended, area_s, [max(half_s, age_s + cap_s, 1.5 * age_s) for age_s in ages_s])

    def planned(self, price: float) -> tuple[list[int], float, float]:
        """For each age the next look that costs least at `price` looks for a second of lateness; looks and lateness."""
        nexts = self._best(price)
        return nexts, *self._cost(nexts)

    def _best(self, price: float) -> list[int]:
        ages_s, ended, area_s, last = self.ages_s, self.ended, self.area_s, len(self.ages_s) - 1
        # What follows after a look at each age, over all renders; from the last age on nothing does.
        rest, nexts = [0.0] * (last + 1), [last] * (last + 1)
        for here in range(last - 1, -1, -1):
            least, next_ = math.inf, here + 1
            area, share, age_s, furthest_s = area_s[here], ended[here], ages_s[here], self.furthest_s[here]
            for there in range(here + 1, last + 1):
                late = price * (area_s[there] - area - share * (ages_s[there] - age_s))
                # Lateness only grows from here.
                if late >= least or (ages_s[there] > furthest_s and there > here + 1):
                    break
                if late + rest[there] < least:
                    least, next_ = late + rest[there], there
            rest[here], nexts[here] = least + 1 - share, next_
        return nexts

    def _cost(self, nexts: Sequence[int]) -> tuple[float, float]:
        """Looks a render, and its mean lateness in seconds, when they are taken as planned."""
        here, polls, late_s = 0, 0.0, 0.0
        while here < len(nexts) - 1:
            there = nexts[here]
            polls += 1 - self.ended[here]
            # Of those that end between the two looks, over all renders.
            late_s += (
                self.area_s[there] - self.area_s[here] - self.ended[here] * (self.ages_s[there] - self.ages_s[here])
            )
            here = there
        return polls, late_s
