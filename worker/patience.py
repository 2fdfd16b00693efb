"""How long this worker waits between two looks at an account's renders: by what the ledger remembers of their lengths,
or as the provider's documents say while that is too little.
"""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from random import random
from typing import Final

from config.facts import Window
from jobs.backoff import poll_wait_s, waited_s
from jobs.looks import ENOUGH_KNOWN, LAST_LATE_S, LATE_S, Looks, aim, net_s, plan
from jobs.pace import LONGEST
from jobs.rendertimes import RenderTimes, cell, curve, evenly_s, known, mean_s, merged
from ledger.jobs import Ledger
from ledger.orders import Due
from ledger.rendertimes import read_times, renders_left
from providers.accounts import Account

#: Looks are planned anew once so many more renders are known.
MORE_KNOWN: Final = 8
#: So many renders under way, with none to follow, are the last ones; twice as many are so no longer.
LAST_RENDERS: Final = 100
#: Ends in a row that no webhook told of, after which looks are planned as if none came, until one does.
MISSED_IN_A_ROW: Final = 3

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Patience:
    """The looks of each kind of render that this worker has met. Ages and waits are our seconds, counted in waits:
    a clock that jumps ages no render. `called` says that the account's provider is asked for webhooks.
    """

    account: Account
    called: bool = False
    _looks: dict[str, Looks] = field(default_factory=dict)
    _known: dict[str, int] = field(default_factory=dict)
    _times: dict[str, RenderTimes] = field(default_factory=dict)
    _met: set[str] = field(default_factory=set)
    _missed: int = 0
    _last: bool = False
    #: Monotonic seconds of the first look without an answer since the last one with one.
    _silent_since: float | None = None

    def wait_s(self, kind: str, polls: int, age_s: float) -> float:
        """Seconds until the next look at a render of that age, after so many polls."""
        clock, looks = self.account.clock, self._looks.get(kind)
        if kind:
            self._met.add(kind)
        facts, theirs_s = self.account.facts, clock.theirs_s(age_s)
        wait_s = poll_wait_s(facts.cadence, polls, random()) if looks is None else looks.wait_s(theirs_s, random())
        if self._last and looks is not None and theirs_s >= looks.shape.age_s(0.5):
            # Where few renders last so long looks are far apart, and these are the ones that are waited for.
            wait_s = min(wait_s, 2 * LAST_LATE_S)
        if self.called and kind and self._missed < MISSED_IN_A_ROW:
            # Its webhook is waited for first; this look is for those that are lost.
            first_s = min(net_s(looks, facts.typical_render_s, random()), facts.cadence.deadline_s)
            wait_s = max(wait_s, first_s - theirs_s)
        return clock.ours_s(wait_s)

    def age_s(self, due: Due) -> float:
        """How old a render is at the look that is due now; lateness counts no further than the wait before it."""
        if not due.look_ms:
            # An older version waits as documented.
            return self.account.clock.ours_s(waited_s(self.account.facts.cadence, due.polls))
        return (int(due.look_ms) + min(due.late_ms, _waited_ms(due))) / 1000

    def lasted(self, due: Due, told_s: float | None) -> tuple[str, int] | None:
        """What the ledger should remember of a render that this look found ended; None where that is not known.

        `told_s` is the length in the provider's seconds, where it tells one.
        """
        if not due.kind:
            return None
        theirs_s = self.account.clock.theirs_s
        ran_s, ended_s = theirs_s(int(due.ran_ms) / 1000), theirs_s(self.age_s(due))
        if told_s is not None:
            # What a provider counts may leave its queue out; it ended between these two looks all the same.
            return due.kind, cell(min(max(told_s, ran_s), ended_s))
        if due.late_ms > _waited_ms(due):
            # Nobody looked for so long that little can be said.
            return None
        looks = self._looks.get(due.kind)
        guess = evenly_s if looks is None else looks.shape.length_s
        return due.kind, cell(guess(ran_s, ended_s, random()))

    def lasts_s(self) -> tuple[float, float, bool]:
        """How long a render lasts until it is seen to have ended, and one of the longest, in the provider's seconds;
        and whether that is learned.
        """
        facts, times = self.account.facts, merged(*self._times.values())
        if known(times) < ENOUGH_KNOWN:
            return facts.typical_render_s + LATE_S, LONGEST * facts.typical_render_s + LATE_S, False
        longest_s = curve(times, facts.cadence.deadline_s).age_s(0.99)
        return mean_s(times) + LATE_S, longest_s + LATE_S, True

    def heard(self, *, answered: bool) -> None:
        """Note whether a look got an answer that can be read."""
        self._silent_since = None if answered else self._silent_since or time.monotonic()

    def silent_s(self) -> float:
        """Seconds since the provider's last answer that could be read, where looks have gone out since."""
        return 0.0 if self._silent_since is None else time.monotonic() - self._silent_since

    def ended(self, due: Due) -> None:
        """Note whether a webhook had told of an end that this look has found."""
        if not self.called or not due.kind:
            return
        before, self._missed = self._missed, 0 if due.hint_ms else self._missed + 1
        told = {"account": self.account.name}
        if self._missed == MISSED_IN_A_ROW:
            log.warning("no webhooks arrive, so renders are looked after without them", extra=told)
        elif before >= MISSED_IN_A_ROW and not self._missed:
            log.warning("webhooks arrive again", extra=told)

    def renew(self, ledger: Ledger) -> None:
        """Read what is remembered of the kinds that were met since the last time, and plan their looks by it."""
        met, self._met = self._met, set()
        if met and self._are_last(ledger) != self._last:
            # What was planned for the one does not hold for the other.
            self._last, self._known = not self._last, {}
        kinds = sorted(met)
        cadence, limits = self.account.facts.cadence, self.account.facts.limits
        for kind, times in zip(kinds, read_times(ledger, self.account.name, kinds), strict=True):
            if abs(known(times) - self._known.get(kind, -MORE_KNOWN)) < MORE_KNOWN:
                continue
            wanted = aim(
                mean_s(times) if times else self.account.facts.typical_render_s,
                submits_per_s=_per_s(limits.submits),
                polls_per_s=_per_s(limits.polls),
                slots=limits.slots,
                last=self._last,
            )
            looks = plan(times, wanted, cap_s=cadence.cap_s, deadline_s=cadence.deadline_s)
            self._known[kind], self._times[kind] = known(times), times
            if looks is not None:
                self._looks[kind] = looks
            else:
                self._looks.pop(kind, None)

    def _are_last(self, ledger: Ledger) -> bool:
        """Whether few renders are under way and none follows."""
        left = renders_left(ledger, self.account.name)
        return left is not None and left <= LAST_RENDERS * (2 if self._last else 1)


def _waited_ms(due: Due) -> int:
    """From when it was last seen running to when this look was planned."""
    return int(due.look_ms) - int(due.ran_ms or 0)


def _per_s(windows: Iterable[Window]) -> float:
    """The rate that all windows allow, a second; infinite without any."""
    return min((window.count / window.window_s for window in windows), default=inf)
