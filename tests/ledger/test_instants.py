"""Redis's clock is met by our own, however long the trips take and whichever of the two is set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.instants import Instants

TRIPS = st.lists(st.tuples(st.floats(0, 0.05), st.floats(0, 0.05), st.floats(0, 5)), min_size=1, max_size=30)


class Clocks:
    """Our clock, and Redis's so far ahead of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ahead_s: float) -> None:
        self.now, self.ahead_s, self.known = 100.0, ahead_s, Instants()
        monkeypatch.setattr("ledger.instants.time.monotonic", lambda: self.now)

    def trip(self, there_s: float, back_s: float) -> None:
        """One script that answers its instant."""
        asked = self.now
        self.now += there_s
        read = self.now + self.ahead_s
        self.now += back_s
        self.known.seen(read, asked=asked)


@given(st.floats(-1e6, 1e9), TRIPS)
def test_an_instant_lies_between_its_bounds(ahead_s: float, trips: list[tuple[float, float, float]]) -> None:
    """However slow the trips: the shortest ways there and back that were seen bound it."""
    with pytest.MonkeyPatch.context() as patch:
        clocks = Clocks(patch, ahead_s)
        for there_s, back_s, rest_s in trips:
            clocks.now += rest_s
            clocks.trip(there_s, back_s)
            least, most = clocks.known.bounds(clocks.now + ahead_s)
            assert least - 1e-6 <= clocks.now <= most + 1e-6
            assert most - least <= there_s + back_s + 1e-6


def test_many_trips_know_more_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow answer and a slow question are each mended by another trip."""
    clocks = Clocks(monkeypatch, 50.0)
    clocks.trip(0.03, 0.001)
    clocks.trip(0.001, 0.03)
    least, most = clocks.known.bounds(clocks.now + 50.0)
    assert most - least == pytest.approx(0.002, abs=1e-4)


def test_a_clock_that_was_set_is_believed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was known of the old one is dropped."""
    clocks = Clocks(monkeypatch, 50.0)
    clocks.trip(0.001, 0.001)
    clocks.ahead_s = -20.0
    clocks.trip(0.01, 0.01)
    least, most = clocks.known.bounds(clocks.now - 20.0)
    assert least <= clocks.now <= most
