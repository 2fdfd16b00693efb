"""What the simulator can be told when it starts: one frozen record, and the command line that makes it."""

import argparse
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator.weather import Weather


@dataclass(frozen=True, slots=True)
class Options:
    """Money is US dollars, durations are simulated seconds except where a name says otherwise."""

    host: str = field(default="127.0.0.1", metadata={"help": "the address to listen on"})
    port: int = field(default=0, metadata={"help": "the port to listen on; 0 takes a free one"})
    certificate: Path | None = field(
        default=None, metadata={"help": "a PEM file with a certificate and its key: speak https in place of http"}
    )
    speed: float = field(default=1.0, metadata={"help": "how many times faster than life the clock runs"})
    journal: Path | None = field(default=None, metadata={"help": "a file that keeps purchases and time over a restart"})
    seed: int = field(default=0, metadata={"help": "the seed of the weather"})
    balance_usd: float = field(default=10_000.0, metadata={"help": "what a new account holds"})
    no_limits: bool = field(default=False, metadata={"help": "lift every rate limit and slot"})
    submits_per_minute: int | None = field(
        default=None,
        metadata={"help": "in place of Segmind's 50, ToAPIs' 300 and Replicate's 600; others have none without it"},
    )
    submits_per_second: int | None = field(default=None, metadata={"help": "in place of DashScope's 5"})
    ramp: int | None = field(
        default=None,
        metadata={"help": "DashScope refuses more submits in a second than so many beyond those of the second before"},
    )
    slots: int | None = field(
        default=None,
        metadata={"help": "tasks in flight, in place of DashScope's 5 and fal's 2; others have no limit without it"},
    )
    no_query_limits: bool = field(
        default=False, metadata={"help": "lift DashScope's 20 queries a second, ToAPIs' and Replicate's 3,000 a minute"}
    )
    segmind_polls_count: bool = field(
        default=False, metadata={"help": "count Segmind's polls in its 50 a minute (not documented either way)"}
    )
    toapis_webhook_secret: str = field(
        default="",
        metadata={"help": "give ToAPIs' tokens a webhook that is signed with this; without it they have none"},
    )
    refuse_word: str = field(default="forbidden", metadata={"help": "a prompt that holds this word is refused"})
    clip_pad_bytes: int = field(default=0, metadata={"help": "make every video this much longer"})
    weather: Weather = field(default_factory=Weather)

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ValueError: names the option and what it must be.
        """
        if not self.speed > 0:
            raise ValueError(f"--speed must be above 0, not {self.speed:g}")
        for name in ("submits_per_minute", "submits_per_second", "slots", "ramp"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 1, not {value}")


def parse(argv: Sequence[str] | None = None) -> Options:
    """The options of a command line; a wrong one ends the process with a message, as argparse does."""
    parser = argparse.ArgumentParser(
        prog="simulator", description="A provider of Wan 2.6 videos that speaks several dialects and costs nothing."
    )
    own = [spec for spec in dataclasses.fields(Options) if spec.name != "weather"]
    sky = list(dataclasses.fields(Weather))
    for spec in own:
        _add(parser, spec)
    group = parser.add_argument_group("weather (p-NAME is a probability from 0 to 1)")
    for spec in sky:
        _add(group, spec)
    given = vars(parser.parse_args(argv))
    try:
        weather = Weather(**{spec.name: given[spec.name] for spec in sky})
        return Options(weather=weather, **{spec.name: given[spec.name] for spec in own})
    except ValueError as error:
        parser.error(str(error))


def _add(parser: "argparse._ActionsContainer", spec: "dataclasses.Field[Any]") -> None:
    """One option for one field: its name, type, default and help."""
    flag = "--" + spec.name.replace("_", "-")
    words = spec.metadata["help"]
    if spec.type is bool:
        parser.add_argument(flag, action="store_true", help=words)
        return
    kinds: dict[Any, Any] = {int: int, int | None: int, float: float, float | None: float, Path | None: Path, str: str}
    shown = "" if spec.default is None else f" (default {spec.default})"
    parser.add_argument(flag, type=kinds[spec.type], default=spec.default, metavar="N", help=words + shown)
