"""Looking at a campaign again and again until it has settled, through short silences of the ledger."""

import time
from collections.abc import Iterator
from typing import Final

import redis

from jobs.errors import LedgerLost, WanbatchError
from ledger.campaigns import CampaignStatus
from ledger.jobs import Ledger
from producer.watch import Progress, Watch

#: Seconds between two looks at the ledger.
LOOK_EVERY_S: Final = 0.2
#: Seconds for which a ledger may be silent before whoever looks gives up; the work itself goes on when it is back.
SILENT_FOR_S: Final = 60.0


def watching(
    ledger: Ledger, campaign: str, *, until_s: float | None = None, look_every_s: float = LOOK_EVERY_S
) -> Iterator[Progress]:
    """Yield what each look shows; the last one is of a settled campaign, or comes after `until_s` seconds, and its
    `exit_code` is None then. Raises LedgerLost when the ledger stays silent.
    """
    deadline = None if until_s is None else time.monotonic() + until_s
    watch = Watch()
    while True:
        progress = watch.see(_status(ledger, campaign), time.monotonic())
        yield progress
        if progress.exit_code is not None or (deadline is not None and time.monotonic() >= deadline):
            return
        time.sleep(look_every_s)


def _status(ledger: Ledger, campaign: str) -> CampaignStatus:
    """The campaign now, through short silences of the ledger."""
    deadline = time.monotonic() + SILENT_FOR_S
    while True:
        try:
            status = ledger.status(campaign)
        except redis.RedisError as error:
            if time.monotonic() > deadline:
                raise LedgerLost(
                    f"the ledger has not answered for {SILENT_FOR_S:g} s: {error}",
                    "nothing is bought until it is back; the same command goes on from here",
                ) from error
            time.sleep(1)
            continue
        if status is None:
            raise WanbatchError(
                f"the ledger does not know the campaign {campaign!r}",
                f"see `wanbatch status`; if the ledger was emptied, `wanbatch recover {campaign}` brings it back",
            )
        return status
