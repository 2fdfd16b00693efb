"""When schedules are due: on the clock of a place, through both nights on which clocks are changed."""

from datetime import UTC, datetime

import pytest

from jobs.errors import BadInput
from producer.schedules.cron import read_cron

BERLIN = "Europe/Berlin"


def utc(text: str) -> datetime:
    """An instant as `2026-03-29 01:30`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "zone", "after", "due"),
    [
        # Every night at two, in winter and in summer.
        ("0 2 * * *", BERLIN, "2026-01-10 00:00", ["2026-01-10 01:00", "2026-01-11 01:00"]),
        ("0 2 * * *", BERLIN, "2026-07-10 00:00", ["2026-07-11 00:00", "2026-07-12 00:00"]),
        # Half past two does not come on 29 March: it is due when the clocks have been put forward, at half past three.
        ("30 2 * * *", BERLIN, "2026-03-28 12:00", ["2026-03-29 01:30", "2026-03-30 00:30"]),
        # On 25 October it comes twice, and is due the first time.
        ("30 2 * * *", BERLIN, "2026-10-24 12:00", ["2026-10-25 00:30", "2026-10-26 01:30"]),
        ("30 1 * * *", "America/New_York", "2026-10-31 12:00", ["2026-11-01 05:30", "2026-11-02 06:30"]),
        # A date or a weekday: either is enough where both are given.
        ("0 0 13 * 5", "UTC", "2026-11-01 00:00", ["2026-11-06 00:00", "2026-11-13 00:00", "2026-11-20 00:00"]),
        ("0 9 * * mon-fri", "UTC", "2026-11-27 10:00", ["2026-11-30 09:00", "2026-12-01 09:00"]),
        ("*/20 8 1 * *", "UTC", "2026-11-01 08:10", ["2026-11-01 08:20", "2026-11-01 08:40", "2026-12-01 08:00"]),
        ("0 0 29 2 *", "UTC", "2026-03-01 00:00", ["2028-02-29 00:00"]),
        # Sunday is 0 and 7, also at the end of a span.
        ("0 9 * * 7", "UTC", "2026-11-27 10:00", ["2026-11-29 09:00", "2026-12-06 09:00"]),
        ("0 9 * * 6-7", "UTC", "2026-11-27 10:00", ["2026-11-28 09:00", "2026-11-29 09:00", "2026-12-05 09:00"]),
        ("0 9 * * sun", "UTC", "2026-11-27 10:00", ["2026-11-29 09:00"]),
        # Half past two is skipped, and falls on half past three, which is due itself: one run.
        ("30 2,3 * * *", BERLIN, "2026-03-28 12:00", ["2026-03-29 01:30", "2026-03-30 00:30", "2026-03-30 01:30"]),
    ],
)
def test_what_comes_next(fields: str, zone: str, after: str, due: list[str]) -> None:
    """The coming instants; looking back from each finds it, and nothing but it since the one before."""
    cron = read_cron(fields, zone)
    wanted = [utc(one) for one in due]
    assert cron.coming(utc(after), len(wanted)) == wanted
    for before, this in zip([utc(after), *wanted], wanted, strict=False):
        assert cron.last(before, this) == this
        assert cron.last(this, this) is None


def test_of_many_missed_ones_the_latest_is_told() -> None:
    """A month without a watchman: what is made up for is the last night alone."""
    assert read_cron("0 2 * * *", "UTC").last(utc("2026-10-01 03:00"), utc("2026-11-01 01:59")) == utc(
        "2026-10-31 02:00"
    )


@pytest.mark.parametrize(
    ("fields", "zone", "said"),
    [
        ("0 2 * *", "UTC", "it has 4 fields, and five are wanted"),
        ("0 25 * * *", "UTC", "is no time that comes again"),
        ("nightly at two o'clock please", "UTC", "is no time that comes again"),
        ("0 0 31 2 *", "UTC", "no such day is in the next eight years"),
        ("0 2 * * *", "Berlin", "there is no time zone 'Berlin'"),
        ("0 2 * * *", "../../etc/passwd", "there is no time zone"),
    ],
)
def test_what_is_no_time_is_told(fields: str, zone: str, said: str) -> None:
    """With what would be right."""
    with pytest.raises(BadInput, match=said) as told:
        read_cron(fields, zone)
    assert told.value.hint
