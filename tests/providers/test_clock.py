"""The provider's clock: every duration and instant that crosses its edge, and back."""

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from providers.clock import REAL, Clock

SPEEDS = st.floats(0.01, 10_000)
EPOCHS = st.integers(1_600_000_000, 1_900_000_000)


@given(SPEEDS, st.floats(0, 1e6))
def test_a_faster_clock_shortens_every_wait(speed: float, seconds: float) -> None:
    """An hour of a provider that lives 60 times faster is a minute of ours."""
    assert math.isclose(Clock(speed, 0).ours_s(seconds) * speed, seconds, rel_tol=1e-9, abs_tol=1e-9)


@given(SPEEDS, EPOCHS, st.floats(0, 1000), st.floats(0, 1000))
def test_an_instant_of_theirs_comes_when_it_says(speed: float, epoch: float, now_s: float, wait_s: float) -> None:
    """What their clock will show in so many of our seconds is so many of our seconds away."""
    clock, ours_s = Clock(speed, epoch), epoch + now_s
    assert math.isclose(clock.until_s(clock.theirs(ours_s + wait_s), ours_s), wait_s, rel_tol=1e-6, abs_tol=1e-3)


def test_a_past_instant_is_negative() -> None:
    """Whoever waits for it does not wait."""
    clock = Clock(60, 1_700_000_000)
    assert clock.until_s(clock.theirs(1_700_000_010), 1_700_000_020) == -10


def test_in_real_life_nothing_is_converted() -> None:
    """Their seconds are our seconds, their instants ours."""
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert REAL.ours_s(42) == 42
    assert REAL.until_s(now + timedelta(seconds=5), now.timestamp()) == 5
