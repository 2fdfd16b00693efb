"""What one account may do: windows for submits, token buckets for polls, and slots, in real time.

The limits are facts of the provider; this file turns a window of them into what the Lua gates (gates.lua) keep.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

#: Seconds. A submit's first byte leaves so long after its granted instant at the latest, or not at all.
LEAVES_WITHIN_S = 0.008
#: Seconds. The most by which submits granted apart may be counted closer together by the provider: what a sender may
#: be late, and what is on the way. A window W is safe at W / (W + spread) of its limit.
SPREAD_S = 0.02
#: Seconds, the same for polls, which share connections and a loop.
POLL_SPREAD_S = 0.2

#: Seconds, never scaled, from the grant of a send to the last instant at which its POST may reach the provider.
ON_THE_WIRE_S = 30.0

#: Share of a window by which a late poll may still use the token it missed.
TOLERANCE = 0.01


class Window(Protocol):
    """So many requests in so many seconds, at any phase."""

    @property
    def count(self) -> int:
        """Requests."""
        ...

    @property
    def window_s(self) -> float:
        """Seconds, of the provider's clock."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """The gates of one account, as Lua reads them: `submits` is JSON `{"windows": [[count, span_ms], ...]}`, `polls`
    `[[name, interval_ms, tolerance_ms], ...]`.

    `slots` is None where tasks in flight are not limited; `longest_ms` is how long after its POST a task may be in
    flight, after which the slot of a lost submit is free again.
    """

    submits: str
    polls: str
    slots: int | None
    longest_ms: int


#: No limit on submits.
UNLIMITED = json.dumps({"windows": []})


def policy(
    *,
    submits: Iterable[Window],
    polls: Iterable[Window],
    slots: int | None,
    longest_render_s: float,
    speed: float,
) -> Policy:
    """The gates in real time, for a provider whose clock runs `speed` times faster than life."""
    spans = [[window.count, round((window.window_s / speed + SPREAD_S) * 1000, 3)] for window in submits]
    return Policy(
        submits=json.dumps({"windows": spans}),
        polls=_spacing("poll", polls, speed),
        slots=slots,
        longest_ms=int((ON_THE_WIRE_S + longest_render_s / speed) * 1000),
    )


def _spacing(name: str, windows: Iterable[Window], speed: float) -> str:
    """Interval and tolerance of each window, so that no window of any phase holds more than its count."""
    rows = []
    for number, window in enumerate(windows):
        window_s = window.window_s / speed
        tolerance_s = TOLERANCE * window_s
        interval_s = (window_s + POLL_SPREAD_S + tolerance_s) / window.count
        rows.append([f"{name}:{number}", round(interval_s * 1000, 3), round(tolerance_s * 1000, 3)])
    return json.dumps(rows)
