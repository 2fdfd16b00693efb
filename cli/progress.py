"""Live progress on stderr: a few lines that stay in place on a terminal, a plain line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import Final, Self

import click

from jobs.errors import Unconfirmed
from jobs.lifecycle import State
from producer.watch import Progress, count, money_line

#: Seconds between two plain lines.
PLAIN_EVERY_S: Final = 5.0
#: Characters of the bar.
BAR: Final = 30


class PlainView:
    """Lines for logs and pipes."""

    def __init__(self) -> None:
        self._last_s = float("-inf")

    def __enter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to put back."""

    def show(self, progress: Progress) -> None:
        """Say the news at once, and where things stand every few seconds and at the end."""
        for text in progress.news:
            click.echo(text, err=True)
        now_s = time.monotonic()
        if now_s - self._last_s >= PLAIN_EVERY_S or progress.exit_code is not None:
            self._last_s = now_s
            click.echo(f"{states_line(progress)} | {money_line(progress.status)} | {pace_line(progress)}", err=True)


class LiveView:
    """Three lines that are drawn again in place, with the news above them."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - 50 ms that plain output need not pay
        from rich.live import Live  # noqa: PLC0415

        self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=False)

    def __enter__(self) -> Self:
        """Take the place on the terminal."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last lines standing."""
        self._live.stop()

    def show(self, progress: Progress) -> None:
        """Draw where things stand."""
        from rich.text import Text  # noqa: PLC0415

        for text in progress.news:
            self._live.console.print(Text(text))
        lines = (f"{bar(progress)}  {states_line(progress)}", money_line(progress.status), pace_line(progress))
        self._live.update(Text("\n".join(lines)), refresh=True)


def view() -> PlainView | LiveView:
    """The view that suits what stderr is."""
    return LiveView() if sys.stderr.isatty() else PlainView()


def bar(progress: Progress) -> str:
    """How much has ended, as a bar."""
    total = progress.status.total or 1
    filled = BAR * progress.status.ended // total
    return "━" * filled + "╌" * (BAR - filled)


def states_line(progress: Progress) -> str:
    """How many are done, and how many stand elsewhere."""
    status = progress.status
    others = [f"{number:,} {state}" for state, number in status.states.items() if number and state is not State.DONE]
    return ", ".join([f"{count(status, State.DONE):,} of {status.total:,} done", *others])


def pace_line(progress: Progress) -> str:
    """Videos a minute, and when it will be over."""
    pace = "-" if progress.videos_per_min is None else f"{progress.videos_per_min:,.1f}"
    eta = "-" if progress.eta_s is None else duration(progress.eta_s)
    return f"{pace} videos/min, ETA {eta}"


def duration(seconds: float) -> str:
    """A time span for a person: `45 s`, `12 min`, `3 h 05 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    if minutes:
        return f"{minutes} min {rest:02d} s" if minutes < 10 else f"{minutes} min"  # noqa: PLR2004 - seconds matter less
    return f"{rest} s"


def ask(question: str) -> None:
    """Go on only where the person at the terminal says yes. Raises Unconfirmed."""
    if not click.confirm(question, err=True):
        raise Unconfirmed("not confirmed: nothing was done", "the same command asks again")


def tell(text: str) -> None:
    """A line for the person, on stderr."""
    click.echo(text, err=True)
