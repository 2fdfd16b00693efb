"""Renders on paper: each is looked at as one way of waiting says, and its end teaches the next ones."""

import math
import random
from collections import deque
from collections.abc import Callable, Iterable
from statistics import NormalDist, fmean
from typing import NamedTuple, Protocol

from jobs.backoff import Cadence, poll_wait_s
from jobs.looks import Aim, Looks, plan
from jobs.rendertimes import RenderTimes, evenly_s, known, remembered
from worker.patience import MORE_KNOWN

#: The share of renders that have ended by an age in seconds.
Ended = Callable[[float], float]
#: A length from a number that is even between 0 and 1.
Lengths = Callable[[float], float]
_NORMAL = NormalDist()


class Law(NamedTuple):
    """How long renders truly last."""

    ended: Ended
    length_s: Lengths


def lognormal(mean_s: float, cv: float) -> Law:
    """Log-normal lengths with that mean and coefficient of variation."""
    variance = math.log1p(cv * cv)
    middle, deviation = math.log(mean_s) - variance / 2, math.sqrt(variance)
    return Law(
        lambda age_s: _NORMAL.cdf((math.log(age_s) - middle) / deviation) if age_s > 0 else 0.0,
        lambda luck: math.exp(middle + deviation * _NORMAL.inv_cdf(min(max(luck, 1e-9), 1 - 1e-9))),
    )


def either(one: Law, other: Law) -> Law:
    """Half of the renders after one law, half after the other."""
    return Law(
        lambda age_s: (one.ended(age_s) + other.ended(age_s)) / 2,
        lambda luck: one.length_s(2 * luck) if luck < 0.5 else other.length_s(2 * luck - 1),
    )


class Looked(NamedTuple):
    """What one render cost: how often it was looked at, and how many seconds after its end it was found."""

    polls: int
    late_s: float


class Seen(NamedTuple):
    """What there is to learn of one: when it was last seen running and first seen ended, and its true length, in s."""

    ran_s: float
    ended_s: float
    length_s: float


class Way(Protocol):
    """One way of waiting between looks."""

    def wait_s(self, polls: int, age_s: float, draw: float) -> float:
        """Seconds until the next look at a render of that age, after so many polls."""
        ...

    def learn(self, seen: Seen, draw: float) -> None:
        """A render has ended."""
        ...


class Fixed:
    """A look every so many seconds."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s

    def wait_s(self, polls: int, age_s: float, draw: float) -> float:  # noqa: ARG002 - it knows nothing
        """The same for all, the phase of the first apart."""
        return self._every_s * (draw if polls == 0 else 1.0)

    def learn(self, seen: Seen, draw: float) -> None:
        """It learns nothing."""


class Documented:
    """A provider's cadence, as it is kept while nothing is known."""

    def __init__(self, cadence: Cadence) -> None:
        self._cadence = cadence

    def wait_s(self, polls: int, age_s: float, draw: float) -> float:  # noqa: ARG002 - it knows nothing
        """First wait, growth, cap."""
        return poll_wait_s(self._cadence, polls, draw)

    def learn(self, seen: Seen, draw: float) -> None:
        """It learns nothing."""


class Learned:
    """The worker's way: documented until enough is known, then planned by what is remembered."""

    def __init__(self, cadence: Cadence, aim: Aim, *, told: bool) -> None:
        """With `told` the provider tells how long each took; without, the looks leave it open."""
        self._cadence = cadence
        self._aim = aim
        self._told = told
        self._times: RenderTimes = {}
        self._planned_at = 0
        self.looks: Looks | None = None

    def wait_s(self, polls: int, age_s: float, draw: float) -> float:
        """As the worker waits."""
        if self.looks is None:
            return poll_wait_s(self._cadence, polls, draw)
        return self.looks.wait_s(age_s, draw)

    def learn(self, seen: Seen, draw: float) -> None:
        """Remember, and plan anew after a few more."""
        guess = evenly_s if self.looks is None else self.looks.shape.length_s
        length_s = seen.length_s if self._told else guess(seen.ran_s, seen.ended_s, draw)
        self._times = remembered(self._times, length_s)
        if abs(known(self._times) - self._planned_at) >= MORE_KNOWN:
            self._planned_at = known(self._times)
            self.looks = plan(self._times, self._aim, cap_s=self._cadence.cap_s, deadline_s=self._cadence.deadline_s)


def rehearse(way: Way, lengths_s: Iterable[float], *, under_way: int, seed: int, deadline_s: float) -> list[Looked]:
    """Look after renders of these lengths in turn; each teaches only after `under_way` more have begun.

    A render that outlasts the deadline is given up and teaches nothing.
    """
    dice, waiting, seen = random.Random(seed), deque[Seen](), list[Looked]()
    for length_s in lengths_s:
        polls, age_s, ran_s = 0, 0.0, 0.0
        while age_s < min(length_s, deadline_s):
            ran_s = age_s
            age_s += way.wait_s(polls, age_s, dice.random())
            polls += 1
        seen.append(Looked(polls, max(0.0, age_s - length_s)))
        if age_s >= length_s:
            waiting.append(Seen(ran_s, age_s, length_s))
        if len(waiting) > under_way:
            way.learn(waiting.popleft(), dice.random())
    return seen


def drawn(law: Law, count: int, seed: int) -> list[float]:
    """So many lengths after a law."""
    dice = random.Random(seed)
    return [law.length_s(dice.random()) for _ in range(count)]


def means(seen: list[Looked]) -> tuple[float, float]:
    """Polls and seconds of lateness, a render."""
    return fmean(each.polls for each in seen), fmean(each.late_s for each in seen)
