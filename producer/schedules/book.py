"""Where schedules and their runs are kept: in the store, which outlives every ledger and every machine.

A run is claimed under its instant by the first who writes there, so that however many schedulers there are, each run is
begun once.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from jobs.errors import ObjectNotFound
from ledger.objects import ObjectStore
from producer.schedules.schedule import Ran, Schedule

ROOT = "schedules"
_STAMP = "%Y%m%dT%H%M%S"


class Book:
    """All schedules of one store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def names(self) -> list[str]:
        """Of all schedules, in order."""
        return sorted(name for name in self._store.shelves(ROOT) if self._store.exists(self._key(name)))

    def read(self, name: str) -> Schedule | None:
        """The schedule of that name; None where there is none."""
        try:
            return Schedule.model_validate_json(self._store.get(self._key(name)))
        except ObjectNotFound:
            return None

    def add(self, schedule: Schedule) -> bool:
        """Keep a new one; False where there is one of that name."""
        return self._store.put(self._key(schedule.name), schedule.model_dump_json().encode(), if_absent=True)

    def change(self, schedule: Schedule) -> None:
        """Keep it as it is now."""
        self._store.put(self._key(schedule.name), schedule.model_dump_json().encode())

    def remove(self, name: str) -> None:
        """Forget the schedule; its history stays."""
        self._store.delete(self._key(name))

    def claim(self, name: str, at: datetime, who: str) -> bool:
        """Become the one who makes the run of that instant; False where somebody else has."""
        return self._store.put(self._run(name, at, "begun"), who.encode(), if_absent=True)

    def end(self, name: str, ran: Ran) -> None:
        """Write down how a run has ended."""
        self._store.put(self._run(name, ran.at, "ended"), ran.model_dump_json().encode())

    def begun(self, name: str) -> list[tuple[datetime, bool]]:
        """The instants of all runs that were claimed, the oldest first, and whether each has ended."""
        keys = {PurePosixPath(key).name for key in self._store.list(f"{ROOT}/{name}/runs/")}
        stamps = sorted({key.partition(".")[0] for key in keys})
        return [
            (datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC), f"{stamp}.ended.json" in keys) for stamp in stamps
        ]

    def history(self, name: str) -> Iterator[Ran]:
        """How its runs have ended, the newest first."""
        for at, ended in reversed(self.begun(name)):
            if ended:
                yield Ran.model_validate_json(self._store.get(self._run(name, at, "ended")))

    def spent_usd(self, schedule: Schedule, month: tuple[int, int], zone: ZoneInfo) -> Decimal:
        """What the runs of a month, on the schedule's own clock, have spent."""
        total = Decimal(0)
        for ran in self.history(schedule.name):
            local = ran.at.astimezone(zone)
            if (local.year, local.month) < month:
                break
            total += ran.spent_usd if (local.year, local.month) == month else 0
        return total

    def _key(self, name: str) -> str:
        return f"{ROOT}/{name}/schedule.json"

    def _run(self, name: str, at: datetime, what: str) -> str:
        return f"{ROOT}/{name}/runs/{at.astimezone(UTC):{_STAMP}}.{what}.json"
