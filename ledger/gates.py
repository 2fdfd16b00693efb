"""What one account may do: windows for submits, token buckets for polls, and slots, in real time.

The limits are facts of the provider; this file turns a window of them into what the Lua gates (gates.lua) keep.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

#: Seconds. A submit's first byte leaves so long after its granted instant at the latest, or not at all.
LEAVES_WITHIN_S = 0.01
#: Seconds (SPREAD_MS in gates.lua). So long after its grant a provider has counted a submit: what the sender may be
#: late, and the way. A window W is safe at W / (W + spread) of its limit; where answers come sooner, they bound it.
SPREAD_S = 0.02
#: Seconds, what is left for the same with polls, which share connections and a loop.
POLL_SPREAD_S = 0.2

#: Up to this speed of the provider's clock a submit is taken to be counted within the spread. Faster ones are
#: rehearsals, whose windows are shorter than what a busy machine may hold a request up: there answers are waited for.
EXACT_TO_SPEED = 6.0

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


class Ramp(Protocol):
    """How quickly a rate may grow: after `quiet_s` without a submit from the share `first` to all within `over_s`."""

    @property
    def first(self) -> float:
        """Share of the rate."""
        ...

    @property
    def over_s(self) -> float:
        """Seconds, of the provider's clock."""
        ...

    @property
    def quiet_s(self) -> float:
        """Seconds, of the provider's clock."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """The gates of one account, and of one model there, as Lua reads them.

    `submits` is the gate that a submit passes, `admission` what a claim goes by (`next_send_ms` in gates.lua, and
    claim.lua, have their JSON); `polls` is `[[name, interval_ms, tolerance_ms], ...]`. `longest_ms` is how long after
    its POST a task may be in flight, after which the slot of a lost submit is free again. `first` is the window that a
    provider's headers speak of: its count and milliseconds.
    """

    submits: str
    admission: str
    polls: str
    longest_ms: int
    first: tuple[int, float] | None
    #: The gate of each model that has limits of its own, by "<mode>/<model>".
    models: Mapping[str, str]
    #: Whether any window limits submits.
    counted: bool

    def of(self, mode: str, model: str) -> "Policy":
        """The policy as it holds for one model."""
        own = self.models.get(f"{mode}/{model}")
        return self if own is None else replace(self, submits=own, counted=self.counted or "[[" in own)


class Able(NamedTuple):
    """What an account can do, for whoever decides where a job is bought: its limits as the gates keep them
    (`Policy.admission`), our milliseconds in which a render, and one of the longest, is brought home, and whether those
    are learned or as documented.
    """

    gate: str
    render_ms: int
    tail_ms: int
    learned: bool = True


@dataclass(frozen=True, slots=True)
class Limited:
    """Limits of an account, or of one of its models (then `key` names it). No slots: no limit is known.

    `own` names those that its owner has set: what a provider tells only lowers them.
    """

    submits: Sequence[Window] = ()
    slots: int | None = None
    own: Collection[str] = ()
    ramp: Ramp | None = None
    key: str = ""

    def part(self, speed: float) -> dict[str, Any]:
        """This part of the gate, in real time."""
        windows = [[window.count, round(window.window_s / speed * 1000, 3)] for window in self.submits]
        part: dict[str, Any] = {"key": self.key, "windows": windows, "own": "submits" in self.own}
        if self.ramp is not None and windows:
            part["ramp"] = [self.ramp.first, self.ramp.over_s / speed * 1000, self.ramp.quiet_s / speed * 1000]
        return part


def policy(
    account: Limited,
    *,
    longest_render_s: float,
    polls: Iterable[Window] = (),
    floor: float | None = None,
    money: bool = False,
    models: Mapping[str, Limited] = MappingProxyType({}),
    speed: float = 1.0,
) -> Policy:
    """The gates in real time, for a provider whose clock runs `speed` times faster than life.

    `models` are limits beside the account's, by "<mode>/<model>"; `floor` is the balance below which nothing is bought;
    with `money` campaigns share the account by what they spend, else by videos.
    """
    part = account.part(speed)
    sure = speed > EXACT_TO_SPEED
    admission: dict[str, Any] = {"part": part, "own": "slots" in account.own, "money": money}
    if account.slots is not None:
        admission["slots"] = account.slots
    if floor is not None:
        admission["floor"] = floor
    if models:
        admission["models"] = {
            name: {"key": model.key, **({} if model.slots is None else {"slots": model.slots})}
            for name, model in models.items()
        }
    return Policy(
        submits=json.dumps({"sure": sure, "parts": [part]}),
        admission=json.dumps(admission),
        polls=_spacing("poll", polls, speed),
        longest_ms=int((ON_THE_WIRE_S + longest_render_s / speed) * 1000),
        first=None if not part["windows"] else tuple(part["windows"][0]),
        models={name: json.dumps({"sure": sure, "parts": [part, model.part(speed)]}) for name, model in models.items()},
        counted=bool(part["windows"]),
    )


def unlimited(policy: Policy) -> Policy:
    """The same without a rate of submits."""
    admission = json.loads(policy.admission)
    admission["part"]["windows"] = []
    gate = json.dumps({"parts": [admission["part"]]})
    return replace(policy, submits=gate, admission=json.dumps(admission), models={}, counted=False)


def _spacing(name: str, windows: Iterable[Window], speed: float) -> str:
    """Interval and tolerance of each window, so that no window of any phase holds more than its count."""
    rows = []
    for number, window in enumerate(windows):
        window_s = window.window_s / speed
        tolerance_s = TOLERANCE * window_s
        interval_s = (window_s + POLL_SPREAD_S + tolerance_s) / window.count
        rows.append([f"{name}:{number}", round(interval_s * 1000, 3), round(tolerance_s * 1000, 3)])
    return json.dumps(rows)
