"""The provider's clock beside ours: they differ only where a simulator runs faster than life.

Every duration and instant that crosses the provider's edge is converted here; HTTP timeouts, leases, ticks never are.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Clock:
    """`provider time = epoch + (our time - epoch) * speed`, in Unix seconds; speed 1 is real life."""

    speed: float = 1.0
    epoch: float = 0.0

    def ours_s(self, provider_s: float) -> float:
        """Our seconds for so many of the provider's."""
        return provider_s / self.speed

    def theirs_s(self, our_s: float) -> float:
        """The provider's seconds for so many of ours."""
        return our_s * self.speed

    def theirs(self, our_unix_s: float) -> datetime:
        """What the provider's clock shows at that instant of ours."""
        return datetime.fromtimestamp(self.epoch + (our_unix_s - self.epoch) * self.speed, UTC)

    def until_s(self, provider_instant: datetime, our_unix_s: float) -> float:
        """Our seconds from that instant of ours until the provider's clock shows the other; negative when past."""
        return (provider_instant - self.theirs(our_unix_s)) / timedelta(seconds=1) / self.speed


#: The clock of a provider that lives in our own time.
REAL = Clock()
