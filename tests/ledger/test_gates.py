"""The spacing of tokens: whatever the limits and the speed, no window at any phase holds more than its count."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.facts import load_facts
from ledger.gates import ON_THE_WIRE_S, SPREAD_S, TOLERANCE, policy
from tests.books import Rate

COUNTS = st.integers(1, 2000)
SECONDS = st.floats(0.1, 100_000)
SPEEDS = st.floats(0.01, 100_000)
#: How late, in seconds, each taker comes for its token.
DELAYS = st.lists(st.one_of(st.just(0.0), st.floats(0, 50)), min_size=30, max_size=120)


def spaced(window: Rate, speed: float) -> tuple[float, float]:
    """Interval and tolerance in real seconds."""
    gates = policy(submits=[window], polls=[], slots=None, longest_render_s=1, speed=speed)
    ((name, interval_ms, tolerance_ms),) = json.loads(gates.submits)
    assert name == "submit:0"
    return interval_ms / 1000, tolerance_ms / 1000


def granted(interval_s: float, tolerance_s: float, delays: list[float]) -> list[float]:
    """When each of so many takers gets its token, if each asks `delay` after the last was granted (GCRA)."""
    now_s = tat_s = 0.0
    times = []
    for delay_s in delays:
        now_s = max(now_s + delay_s * interval_s, tat_s - tolerance_s)
        tat_s = max(now_s, tat_s) + interval_s
        times.append(now_s)
    return times


@given(COUNTS, SECONDS, SPEEDS)
def test_the_spacing_leaves_room_for_the_spread(count: int, window_s: float, speed: float) -> None:
    """One token more than the count never lies within a window plus the spread, though tolerance is used."""
    interval_s, tolerance_s = spaced(Rate(count, window_s), speed)
    # Each row is rounded to a microsecond.
    assert count * interval_s - tolerance_s >= window_s / speed + SPREAD_S - 1e-6 * count
    assert tolerance_s <= TOLERANCE * window_s / speed + 1e-6


@given(st.integers(1, 25), SECONDS, SPEEDS, DELAYS)
def test_no_run_of_takers_overfills_a_window(count: int, window_s: float, speed: float, delays: list[float]) -> None:
    """However takers are late or in a crowd: the one after `count` others comes a window and the spread later."""
    times = granted(*spaced(Rate(count, window_s), speed), delays)
    for first_s, over_s in zip(times, times[count:], strict=False):
        assert over_s - first_s >= (window_s / speed + SPREAD_S) * (1 - 1e-9) - 1e-6 * count


@given(COUNTS, SECONDS, st.floats(0.01, 1))
def test_little_of_the_limit_is_given_away(count: int, window_s: float, speed: float) -> None:
    """In real life and slower, the gate lets through the limit less the spread and one part in a hundred."""
    interval_s, _ = spaced(Rate(count, window_s), speed)
    real_s = window_s / speed
    assert count * interval_s <= real_s * 1.011 + SPREAD_S + 1e-6 * count


@pytest.mark.parametrize(("provider", "a_minute"), [("segmind", 49), ("dashscope", 245)])
def test_the_documented_limits_are_nearly_used_up(provider: str, a_minute: int) -> None:
    """Submits a minute that the gate lets through of Segmind's 50 and DashScope's 300."""
    limits = load_facts()[provider].limits
    gates = policy(submits=limits.submits, polls=limits.polls, slots=limits.slots, longest_render_s=1800, speed=1)
    ((_, interval_ms, _),) = json.loads(gates.submits)
    assert round(60_000 / interval_ms) >= a_minute
    assert gates.slots == limits.slots
    # A lost submit's POST may arrive late, and its render begins only then.
    assert gates.longest_ms == (ON_THE_WIRE_S + 1800) * 1000


def test_each_window_has_a_name_of_its_own() -> None:
    """Submits and polls, and the windows of each, never share a token bucket."""
    windows = [Rate(1, 1), Rate(5, 60)]
    gates = policy(submits=windows, polls=windows, slots=None, longest_render_s=1, speed=1)
    names = [row[0] for row in json.loads(gates.submits) + json.loads(gates.polls)]
    assert names == ["submit:0", "submit:1", "poll:0", "poll:1"]


def test_no_limit_is_no_window() -> None:
    """Where nothing is documented, nothing is spaced."""
    gates = policy(submits=[], polls=[], slots=None, longest_render_s=1, speed=1)
    assert (gates.submits, gates.polls, gates.slots) == ("[]", "[]", None)


def test_longest_render_is_in_our_own_time() -> None:
    """A simulator's render is 60 times faster; the POST is in nobody's time but ours."""
    gates = policy(submits=[], polls=[], slots=1, longest_render_s=1800, speed=60)
    assert gates.longest_ms == (ON_THE_WIRE_S + 30) * 1000
