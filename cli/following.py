"""Following a campaign until it has settled: `run`, `wait` and `status --watch` look through these eyes."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from cli.progress import view
from ledger.campaigns import CampaignStatus
from ledger.jobs import Ledger
from producer.watch import Progress
from producer.watching import LOOK_EVERY_S, watching


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
    with view() as shown:
        for progress in watching(ledger, campaign, until_s=until_s, look_every_s=look_every_s):
            shown.show(progress)
            if progress.exit_code is None:
                each_look(progress.status)
    return progress


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
