"""How a step ended: one of five values, and nothing else. Waiting is not failing and spends no attempt."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """The step did what it is for; the job has moved on."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: come back in `wait_s` seconds. No attempt is spent."""

    wait_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Retry:
    """This attempt failed and nothing was bought by it; another attempt may follow."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The job is not ours to move any more, or has come to its end."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A submit's answer was lost: money may have been spent. Only reconciling may decide."""

    reason: str


Outcome = Done | Wait | Retry | Stop | Unknown
