"""The command line of the simulator."""

from pathlib import Path

import pytest

from simulator.options import Options, parse
from simulator.weather import Weather


def test_nothing_said_means_the_defaults() -> None:
    """An empty command line is the default record."""
    assert parse([]) == Options()


def test_every_option_reaches_its_field() -> None:
    """Options and weather are told apart and typed."""
    given = parse(
        ["--port", "8099", "--speed", "60", "--journal", "/tmp/j", "--no-limits", "--slots", "9", "--refuse-word", "x",
         "--balance-usd", "1.5", "--p-429", "0.1", "--p-late-accept", "0.2", "--down", "--retry-after-s", "3"]
    )  # fmt: skip
    assert given == Options(
        port=8099, speed=60, journal=Path("/tmp/j"), no_limits=True, slots=9, refuse_word="x", balance_usd=1.5,
        weather=Weather(p_429=0.1, p_late_accept=0.2, down=True, retry_after_s=3),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--speed", "0"], "--speed must be above 0"),
        (["--slots", "0"], "--slots must be at least 1"),
        (["--p-429", "7"], "p_429 must be from 0 to 1"),
        (["--render-mean-s", "-1"], "render_mean_s must not be negative"),
        (["--snow", "1"], "unrecognized"),
    ],
)
def test_wrong_options_are_named(argv: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A value that cannot work ends with 2 and a sentence, not a traceback."""
    with pytest.raises(SystemExit) as ended:
        parse(argv)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
