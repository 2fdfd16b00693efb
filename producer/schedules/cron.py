"""When a schedule is due: cron's five fields on the clock of a place, summer time and all. Pure.

Celery reads the fields; the instants are found on the wall clock. A time that the clocks skip is due when they have
been put forward; one that comes twice is due the first time. Where day of month and day of week are both given, either
is enough, as cron has it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from celery.schedules import ParseException, crontab_parser

from jobs.errors import BadInput

#: Days after which a date that is never due (the 31st of February) is no longer looked for: leap years included.
MOST_DAYS = 366 * 8 + 2
#: How many values each field has, and the least: minute, hour, day of month, month, day of week (Sunday is 0 and 7).
BOUNDS = ((60, 0), (24, 0), (31, 1), (12, 1), (8, 0))


@dataclass(frozen=True, slots=True)
class Cron:
    """An expression, read: the minutes, hours and days at which it is due, and where the clock hangs."""

    text: str
    zone: ZoneInfo
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    days: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def last(self, after: datetime, until: datetime) -> datetime | None:
        """The latest instant (UTC) that is due after one and not after the other; None where none is."""
        found = None
        day = until.astimezone(self.zone).date() + timedelta(days=1)
        earliest = after.astimezone(self.zone).date() - timedelta(days=1)
        while day >= earliest and found is None:
            found = max((one for one in self._on(day) if after < one <= until), default=None)
            day -= timedelta(days=1)
        return found

    def coming(self, after: datetime, count: int) -> list[datetime]:
        """The next instants (UTC), the soonest first; fewer where there are none."""
        found: list[datetime] = []
        day = after.astimezone(self.zone).date() - timedelta(days=1)
        for _ in range(MOST_DAYS):
            found += sorted({one for one in self._on(day) if one > after}.difference(found))
            if len(found) >= count:
                break
            day += timedelta(days=1)
        return found[:count]

    def _on(self, day: date) -> Iterator[datetime]:
        if not self._is_due_on(day):
            return
        for hour in self.hours:
            for minute in self.minutes:
                # Of a time that comes twice fold 0 is the first; of one that is skipped it is the offset before.
                wall = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                yield wall.astimezone(UTC)

    def _is_due_on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_date, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (by_date or by_week) if self.either_day else (by_date and by_week)


def read_cron(text: str, timezone: str) -> Cron:
    """Read `0 2 * * *` for a place such as Europe/Berlin. BadInput says what is wrong with which of them."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(
            f"there is no time zone {timezone!r}",
            hint="write a place as the IANA lists it, such as Europe/Berlin or UTC",
        ) from error
    fields = text.split()
    wrong = f"{text!r} is no time that comes again"
    hint = 'write minute, hour, day of month, month, day of week: "0 2 * * *" is every night at two'
    if len(fields) != len(BOUNDS):
        raise BadInput(f"{wrong}: it has {len(fields)} fields, and five are wanted", hint=hint)
    try:
        minute, hour, day, month, weekday = (
            crontab_parser(most, least).parse(field) for field, (most, least) in zip(fields, BOUNDS, strict=True)
        )
    except (ParseException, ValueError) as error:
        raise BadInput(f"{wrong}: {error}", hint=hint) from error
    cron = Cron(
        text=" ".join(fields),
        zone=zone,
        minutes=tuple(sorted(minute)),
        hours=tuple(sorted(hour)),
        months=frozenset(month),
        days=frozenset(day),
        weekdays=frozenset(one % 7 for one in weekday),
        either_day=fields[2] != "*" and fields[4] != "*",
    )
    if not cron.coming(datetime.now(UTC), 1):
        raise BadInput(f"{wrong}: no such day is in the next eight years", hint=hint)
    return cron
