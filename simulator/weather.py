"""The weather: what goes wrong, how often, and how long a render takes.

Every throw of the dice is a function of the seed and of what is asked, not of the order of arrival: the same job meets
the same weather whatever runs beside it.
"""

import dataclasses
import hashlib
import math
import statistics
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

On = Literal["submit", "status", "result", "list", "clip"]
Then = Literal[
    "429", "500", "502", "503", "504", "504_after", "cut_before", "cut_after", "reset_before", "reset_after",
    "hang_before", "hang_after", "late_accept", "html", "truncated", "garbage", "expired", "redirect", "untyped",
]  # fmt: skip

_NORMAL = statistics.NormalDist()


def _odds(words: str) -> float:
    """A probability field, zero by default."""
    spec: float = field(default=0.0, metadata={"help": words})
    return spec


@dataclass(frozen=True, slots=True)
class Weather:
    """Probabilities are per request for 429, 5xx and expired links, per submit or per task for the rest."""

    render_mean_s: float = field(default=187.0, metadata={"help": "mean render time, simulated seconds"})
    render_cv: float = field(default=0.15, metadata={"help": "its coefficient of variation (log-normal)"})
    queue_s: float = field(default=1.0, metadata={"help": "simulated seconds in the queue before a render"})
    latency_ms: float = field(default=0.0, metadata={"help": "real milliseconds before each API answer"})
    p_429: float = _odds("an API call is throttled")
    p_5xx: float = _odds("an API call meets a 500, 502 or 503, nothing done")
    p_timeout: float = _odds("a submit hangs and is never accepted")
    p_lost: float = _odds("a submit is accepted, its answer never comes")
    p_cut: float = _odds("a submit is accepted, the connection is cut")
    p_late_accept: float = _odds("a submit is accepted only after late-accept-s")
    late_accept_s: float = field(default=25.0, metadata={"help": "real seconds; longer than a client waits"})
    late_history_s: float = field(default=0.0, metadata={"help": "simulated seconds until a task shows in lists"})
    p_failed: float = _odds("a render fails")
    p_refused: float = _odds("the content check refuses the prompt")
    p_expired_link: float = _odds("a result holds a link that is dead already")
    p_truncated: float = _odds("a video file is cut short")
    p_html: float = _odds("an HTML page stands in place of a video")
    p_webhook_lost: float = _odds("a webhook never comes")
    p_webhook_doubled: float = _odds("a webhook comes twice")
    webhook_delay_s: float = field(default=0.0, metadata={"help": "simulated seconds from an end to its webhook"})
    keys_ignored: bool = field(default=False, metadata={"help": "idempotency keys are taken and not honoured"})
    down: bool = field(default=False, metadata={"help": "every API call meets a 503"})
    down_at: str = field(default="", metadata={"help": "the dialect all of whose API calls meet a 503"})
    retry_after_s: float | None = field(default=None, metadata={"help": "send this Retry-After with a 429"})

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ValueError: names the field and what it must be.
        """
        for spec in dataclasses.fields(self):
            value = getattr(self, spec.name)
            if spec.name.startswith("p_") and not 0 <= value <= 1:
                raise ValueError(f"{spec.name} must be from 0 to 1, not {value!r}")
            if spec.name.endswith(("_s", "_ms", "_cv")) and value is not None and not value >= 0:
                raise ValueError(f"{spec.name} must not be negative, not {value!r}")


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls one request, and the Retry-After that a 429 sends with it."""

    then: Then
    retry_after_s: float | None = None


class Sky:
    """The weather of this moment, the dice, and the faults that a test has put in line."""

    def __init__(self, weather: Weather, *, seed: int = 0) -> None:
        self.weather = weather
        self._salt = str(seed).encode() + b":"
        self._scripted: dict[str, deque[Fault]] = {on: deque() for on in get_args(On)}

    def change(self, changes: Mapping[str, Any]) -> None:
        """Replace some of the weather at once.

        Raises:
            ValueError: a name or value that is not weather.
        """
        for name, value in changes.items():
            known = {spec.name: spec for spec in dataclasses.fields(Weather)}
            if name not in known:
                raise ValueError(f"unknown weather {name!r}; known: {', '.join(sorted(known))}")
            kind = known[name].type
            fits = isinstance(value, kind) if kind in (bool, str) else _is_number(value)
            if not fits and not (name == "retry_after_s" and value is None):
                raise ValueError(f"{name} cannot be {value!r}")
        self.weather = dataclasses.replace(self.weather, **changes)

    def script(self, on: str, then: str, *, times: int = 1, retry_after_s: float | None = None) -> None:
        """Let the next `times` requests of the kind `on` meet `then`.

        Raises:
            ValueError: an unknown `on` or `then`.
        """
        if on not in get_args(On) or then not in get_args(Then):
            raise ValueError(f"on is one of {', '.join(get_args(On))}; then is one of {', '.join(get_args(Then))}")
        self._scripted[on].extend([Fault(then, retry_after_s)] * times)  # type: ignore[arg-type]

    def scripted(self, on: On) -> Fault | None:
        """The fault that a test has put in line for this kind of request."""
        line = self._scripted[on]
        return line.popleft() if line else None

    def fault(self, on: On, key: str) -> Fault | None:
        """What befalls this API request; `key` names it in the same words in every run."""
        weather = self.weather
        if weather.down:
            return Fault("503")
        if weather.p_429 and self.draw("429", key) < weather.p_429:
            return Fault("429")
        if weather.p_5xx and (luck := self.draw("5xx", key)) < weather.p_5xx:
            kinds: tuple[Then, ...] = ("500", "502", "503")
            return Fault(kinds[int(luck / weather.p_5xx * 3)])
        return self._submit_fault(key) if on == "submit" else None

    def _submit_fault(self, key: str) -> Fault | None:
        """The losses that only a submit can meet; at most one of them."""
        weather = self.weather
        luck = self.draw("submit", key)
        fates: tuple[tuple[float, Then], ...] = (
            (weather.p_timeout, "hang_before"),
            (weather.p_lost, "hang_after"),
            (weather.p_cut, "cut_after"),
            (weather.p_late_accept, "late_accept"),
        )
        for share, then in fates:
            if luck < share:
                return Fault(then)
            luck -= share
        return None

    def render_s(self, key: str) -> float:
        """How long this render takes: log-normal with the mean and variation of the weather."""
        mean, cv = self.weather.render_mean_s, self.weather.render_cv
        if not mean or not cv:
            return mean
        variance = math.log1p(cv * cv)
        luck = _NORMAL.inv_cdf(min(max(self.draw("render", key), 1e-9), 1 - 1e-9))
        return mean * math.exp(luck * math.sqrt(variance) - variance / 2)

    def happens(self, share: float, what: str, key: str) -> bool:
        """Whether an event of probability `share` befalls the thing named `key`."""
        return bool(share) and self.draw(what, key) < share

    def draw(self, what: str, key: str) -> float:
        """A number from 0 up to 1 that depends on the seed, on `what` and on `key` alone."""
        digest = hashlib.blake2b(self._salt + f"{what}:{key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64


def _is_number(value: object) -> bool:
    """A real number, and not a boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
