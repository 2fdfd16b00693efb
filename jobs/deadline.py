"""By when a campaign should be done: so long from its start, or an instant. Pure."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Self

#: Seconds of each unit in which a length of time may be said.
UNITS_S: Final = {"d": 86400, "h": 3600, "m": 60, "min": 60, "s": 1}
HINT: Final = "write for example 2h, 90m, 1h30m, or an instant with its zone: 2026-12-01T06:00+01:00"
_LENGTH: Final = re.compile(r"(?:\d+(?:\.\d+)?\s*(?:min|[dhms])\s*)+")
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(min|[dhms])")


class Deadline(NamedTuple):
    """As it was said: `after_s` from the start, or `at` an instant."""

    said: str
    after_s: float | None = None
    at: datetime | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """What `2h`, `1h30m` or an ISO instant means; ValueError where it means nothing."""
        said = text.strip()
        if _LENGTH.fullmatch(said):
            after_s = sum(float(number) * UNITS_S[unit] for number, unit in _PART.findall(said))
            if after_s > 0:
                return cls(said, after_s=after_s)
        at = datetime.fromisoformat(said)
        if at.tzinfo is None:
            raise ValueError("an instant needs its zone")
        return cls(said, at=at.astimezone(UTC))

    def instant(self, now: datetime, speed: float) -> datetime:
        """The instant, for a start now; so long passes `speed` times faster where the provider's clock does."""
        return self.at if self.at is not None else now + timedelta(seconds=(self.after_s or 0.0) / speed)

    def within_s(self, now: datetime, speed: float) -> float:
        """Seconds of the provider's clock that are left, for a start now."""
        return (self.instant(now, speed) - now).total_seconds() * speed
