"""Waits are pure and bounded: never negative, never above the cap and its jitter, never an overflow."""

import math

from hypothesis import given
from hypothesis import strategies as st

from jobs.backoff import JITTER, Cadence, jittered, poll_wait_s, retry_wait_s, waited_s

SECONDS = st.floats(0.001, 10_000)
DRAWS = st.floats(0, 1, exclude_max=True)
#: Far beyond any real number of polls: a job that was asked after once a second for 30,000 years.
COUNTS = st.integers(0, 10**12)


@st.composite
def cadences(draw: st.DrawFn) -> Cadence:
    """Any cadence whose cap is no shorter than its first look."""
    first_s = draw(SECONDS)
    return Cadence(first_s, draw(st.floats(1, 10)), draw(st.floats(first_s, 20_000)), draw(SECONDS))


@given(cadences(), COUNTS, DRAWS)
def test_a_poll_waits_between_the_first_look_and_the_cap(cadence: Cadence, polls: int, draw: float) -> None:
    """However often and however long was asked, the wait lies between the two, give or take the jitter."""
    wait_s = poll_wait_s(cadence, polls, draw)
    assert math.isfinite(wait_s)
    assert cadence.first_s * (1 - JITTER) * 0.999 <= wait_s <= cadence.cap_s * (1 + JITTER) * 1.001


@given(cadences(), st.integers(0, 200))
def test_without_jitter_a_poll_never_comes_sooner_than_the_last(cadence: Cadence, polls: int) -> None:
    """The waits grow, or stay at the cap."""
    assert poll_wait_s(cadence, polls, 0.5) <= poll_wait_s(cadence, polls + 1, 0.5)


@given(cadences(), st.integers(0, 10**9))
def test_what_was_waited_is_the_sum_of_the_waits(cadence: Cadence, polls: int) -> None:
    """Each further look adds its wait, and a billion of them take no time to add."""
    more_s = waited_s(cadence, polls + 1) - waited_s(cadence, polls)
    assert math.isclose(more_s, poll_wait_s(cadence, polls, 0.5), rel_tol=1e-3, abs_tol=waited_s(cadence, polls) * 1e-9)
    assert waited_s(cadence, 0) == 0


@given(SECONDS, DRAWS)
def test_jitter_stays_in_its_interval(plain_s: float, draw: float) -> None:
    """At most the share on either side; the middle draw moves nothing."""
    moved_s = jittered(plain_s, draw)
    assert plain_s * (1 - JITTER) * 0.999999 <= moved_s <= plain_s * (1 + JITTER) * 1.000001
    assert math.isclose(jittered(plain_s, 0.5), plain_s)


@given(COUNTS, DRAWS, SECONDS, SECONDS)
def test_a_retry_is_capped(failures: int, draw: float, first_s: float, cap_s: float) -> None:
    """Doubling stops at the cap, also after a billion failures and before the first."""
    wait_s = retry_wait_s(failures, draw, first_s=first_s, cap_s=cap_s)
    assert 0 < wait_s <= cap_s * (1 + JITTER) * 1.001


def test_retries_double() -> None:
    """One, two, four seconds, and no more than a minute."""
    assert [round(retry_wait_s(n, 0.5), 6) for n in (1, 2, 3, 7)] == [1, 2, 4, 60]
