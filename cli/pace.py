"""How long work takes under the limits as they hold now: as documented, unless the ledger knows better."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from cli.progress import duration
from config.facts import ProviderFacts
from jobs.pace import AS_DOCUMENTED, Pace
from ledger.jobs import Ledger
from ledger.pace import read_pace

#: Renders that last longer or shorter than usual by no more than this share are not spoken of.
NOTABLE: Final = 0.1


class Takes(NamedTuple):
    """Seconds of ours that work takes, and in words what makes them others than the documents say.

    Where there are several accounts: what each would take alone, and what its part of the split takes.
    """

    seconds: float
    because: tuple[str, ...] = ()
    alone_s: Mapping[str, float] = MappingProxyType({})
    split_s: Mapping[str, float] = MappingProxyType({})


def takes(
    count: int, renders: Mapping[str, int], facts: ProviderFacts, account: str, ledger: Ledger | None, speed: float
) -> Takes:
    """How long so many videos take at an account, whose provider's clock runs `speed` times faster than life."""
    pace = read_pace(ledger, account, renders, facts.typical_render_s) if ledger and count else AS_DOCUMENTED
    seconds = facts.eta_s(count, pace) / speed + pace.held_s
    return Takes(seconds, tuple(_because(facts, pace)))


def _because(facts: ProviderFacts, pace: Pace) -> Iterator[str]:
    limits, told = facts.limits, facts.limits.told(pace)
    if pace.held_s:
        yield f"nothing is sent for {duration(pace.held_s)} yet, after a 429"
    if pace.share < 1:
        yield f"at {pace.share:.0%} of the rate since a 429, which comes back with each answer"
    if told.submits != limits.submits:
        now, before = told.submits[0], limits.submits[0]
        yield f"{now.count:,} submits in {now.window_s:g} s, as the provider has told, and not {before.count:,}"
    if told.slots != limits.slots:
        yield f"{told.slots} in flight, as the provider has told, and not {limits.slots or 'any number'}"
    if pace.render_s and abs(pace.render_s / facts.typical_render_s - 1) > NOTABLE:
        yield f"a render lasted {duration(pace.render_s)} of late, where {duration(facts.typical_render_s)} is usual"
