"""A POST that is ready to leave, and what may become of it: every failure says whether it was sent."""

import time
from dataclasses import dataclass
from math import inf

from providers.contract import Answer
from worker.body import LONGEST_ANSWER_BYTES, Unreadable, bounded, unpacked
from worker.exchange import BrokenOff, Exchange, TooLate


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the request left this machine: nothing was bought."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The request left, or may have left, and no whole answer came back."""

    reason: str


class Posting:
    """A POST whose connection is up and whose bytes are ready; nothing has left until `send`."""

    def __init__(self, exchange: Exchange, within_s: float) -> None:
        self._exchange = exchange
        self._within_s = within_s

    def close(self) -> None:
        """Let the connection go; what was not sent by now never is."""
        self._exchange.close()

    def is_open(self) -> bool:
        """Whether the provider still holds its end; one that it has closed is worth nothing. Only before `send`."""
        return self._exchange.is_untouched()

    def send(self, *, not_after: float = inf) -> Answer | NotSent | NoAnswer:
        """Send it, once, and let the connection go. NotSent where the first byte could not leave by `not_after`."""
        try:
            self._exchange.ask(until=time.monotonic() + self._within_s, not_after=not_after)
            raw = b"".join(bounded(self._exchange, LONGEST_ANSWER_BYTES))
            return Answer(self._exchange.status, self._exchange.headers, unpacked(self._exchange.headers, raw))
        except TooLate:
            return NotSent("the time in which it might leave has passed")
        except (BrokenOff, Unreadable) as error:
            return NoAnswer(str(error))
