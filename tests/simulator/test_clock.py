"""The simulated clock."""

from simulator.clock import LEASE_S, Clock, iso


def test_it_starts_now_and_runs_faster() -> None:
    """A new clock shows the real time, and sixty seconds pass in one."""
    real = [1_000.0]
    clock = Clock(60, real=lambda: real[0])
    assert clock.now() == 1_000
    real[0] += 1
    assert clock.now() == 1_060
    assert clock.epoch + (real[0] - clock.epoch) * clock.speed == clock.now()


def test_it_goes_on_where_it_stood() -> None:
    """A clock that is told an instant shows it now, and its published epoch says the same."""
    clock = Clock(60, resume_at=5_000.0, real=lambda: 2_000.0)
    assert abs(clock.now() - 5_000) < 1e-6


def test_with_speed_one_it_is_the_real_time() -> None:
    """Nothing that is remembered bends a clock that runs as life does."""
    assert Clock(1, resume_at=5_000.0, real=lambda: 2_000.0).now() == 2_000


def test_no_time_is_shown_that_was_not_promised_before() -> None:
    """Every instant that was ever shown lies within a promise made before it, and promises are few."""
    real, promises = [0.0], list[float]()
    clock = Clock(10, real=lambda: real[0])
    clock.promise = promises.append
    for _ in range(100):
        real[0] += 0.01
        assert clock.now() <= promises[-1]
    assert len(promises) == 1
    real[0] += LEASE_S
    clock.now()
    assert len(promises) == 2


def test_instants_are_told_in_utc() -> None:
    """Instants are ISO 8601 with milliseconds and a Z."""
    assert iso(1_795_262_400.25) == "2026-11-21T12:00:00.250Z"
