"""By when it should be done: a length of time or an instant, and nothing that could be meant otherwise."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs.deadline import Deadline

NOW = datetime(2026, 11, 29, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("2h", timedelta(hours=2)),
        ("90m", timedelta(minutes=90)),
        (" 1h 30min ", timedelta(minutes=90)),
        ("0.5d", timedelta(hours=12)),
        ("2026-11-30T06:00+01:00", timedelta(hours=7)),
        ("2026-11-30T05:00:00Z", timedelta(hours=7)),
    ],
)
def test_a_deadline_is_a_length_or_an_instant(text: str, after: timedelta) -> None:
    """A length counts from the start; an instant is what it is, in whichever zone it was said."""
    deadline = Deadline.read(text)
    assert deadline.instant(NOW, 1.0) == NOW + after
    assert deadline.within_s(NOW, 1.0) == after.total_seconds()
    assert deadline.said == text.strip()


@pytest.mark.parametrize("text", ["", "2", "tomorrow", "0h", "2026-11-30T06:00", "2h later", "-2h"])
def test_what_means_no_time_is_refused(text: str) -> None:
    """Also an instant without a zone: it would be another one on another machine."""
    with pytest.raises(ValueError, match=r"."):
        Deadline.read(text)


def test_a_rehearsal_runs_on_the_simulators_clock() -> None:
    """Two hours of a clock that runs sixty times faster pass in two minutes; an instant stays one."""
    assert Deadline.read("2h").instant(NOW, 60.0) == NOW + timedelta(minutes=2)
    assert Deadline.read("2h").within_s(NOW, 60.0) == 7200
    assert Deadline.read("2026-11-29T22:01Z").within_s(NOW, 60.0) == 3600
