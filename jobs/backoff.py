"""When to look again: pure functions of what is known and one draw of the dice; no clock in here."""

from typing import NamedTuple

#: A jittered wait lies within this share of the plain one, so that a thousand jobs do not ask in one instant.
JITTER = 0.2


class Cadence(NamedTuple):
    """How a provider is asked about a render: seconds to the first look, growth, cap, and the deadline."""

    first_s: float
    growth: float
    cap_s: float
    deadline_s: float


def poll_wait_s(cadence: Cadence, polls: int, draw: float) -> float:
    """Seconds from the `polls`-th look (0: the submit) to the next; `draw` is uniform in [0, 1)."""
    # The exponent is bounded before it is raised, or a job polled for days would overflow.
    steps = min(polls, 64)
    plain = min(cadence.cap_s, cadence.first_s * cadence.growth**steps)
    return jittered(plain, draw)


def waited_s(cadence: Cadence, polls: int) -> float:
    """Seconds that the first `polls` waits of a render last by plan: what has passed, whatever a clock says."""
    grown = min(polls, 64)
    waits = sum(poll_wait_s(cadence, step, 0.5) for step in range(grown))
    return waits + (polls - grown) * poll_wait_s(cadence, grown, 0.5)


def retry_wait_s(failures: int, draw: float, *, first_s: float = 1.0, cap_s: float = 60.0) -> float:
    """Seconds to wait after the `failures`-th failure in a row (1: the first), doubling up to the cap."""
    return jittered(min(cap_s, first_s * 2.0 ** min(max(failures, 1) - 1, 64)), draw)


def jittered(plain_s: float, draw: float) -> float:
    """`plain_s` moved by at most `JITTER` of itself either way."""
    return plain_s * (1.0 + JITTER * (2.0 * draw - 1.0))
