"""Following a campaign until it has settled: `run`, `wait` and `status --watch` look through these eyes."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import redis

from cli.progress import view
from jobs.errors import LedgerLost, WanbatchError
from ledger.campaigns import CampaignStatus
from ledger.jobs import Ledger
from producer.watch import Progress, Watch

#: Seconds between two looks at the ledger.
LOOK_EVERY_S: Final = 0.2
#: Seconds for which a ledger may be silent before the command gives up; the work itself goes on when it is back.
SILENT_FOR_S: Final = 60.0


def follow(
    ledger: Ledger,
    campaign: str,
    *,
    each_look: Callable[[CampaignStatus], None] = lambda _: None,
    until_s: float | None = None,
    look_every_s: float = LOOK_EVERY_S,
) -> Progress:
    """Show progress until the campaign has settled, or for `until_s` seconds (then `exit_code` is None).

    `each_look` is called with every status and may raise. Raises LedgerLost when the ledger stays silent.
    """
    deadline = None if until_s is None else time.monotonic() + until_s
    watch = Watch()
    with view() as shown:
        while True:
            progress = watch.see(_status(ledger, campaign), time.monotonic())
            shown.show(progress)
            if progress.exit_code is not None or (deadline is not None and time.monotonic() >= deadline):
                return progress
            each_look(progress.status)
            time.sleep(look_every_s)


@contextmanager
def told_to_end() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block as Ctrl-C does, so that what was started is ended in order.

    One that is ignored stays ignored: under nohup a run outlives its terminal.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    heeded = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
