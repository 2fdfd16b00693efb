"""The benchmarks can be started: they are no part of the gate, so their doors are tried here."""

import runpy
import sys
from pathlib import Path

import pytest

from benchmarks.flow.bound import soonest_s

ROOT = Path(__file__).resolve().parents[2]
#: A benchmark is a module that can be run by its name and ends with one JSON line.
MODULES = [path for path in (ROOT / "benchmarks").rglob("*.py") if "argparse" in path.read_text()]
NAMES = sorted(
    ".".join(path.relative_to(ROOT / "benchmarks").with_suffix("").parts).removesuffix(".__main__") for path in MODULES
)


def test_there_are_benchmarks() -> None:
    """The test below looks at something."""
    assert {"inflight", "planning", "chaos", "chaos.peers"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_explains_itself(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` says what is measured and that there is a quick way."""
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")
    assert ended.value.code == 0
    assert "--quick" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("renders_s", "submits", "slots", "soonest"),
    [
        ([1, 1, 1], 1, None, 5.0),  # one every two seconds
        ([9, 1, 1], 2, None, 9.0),  # two at once, the third after two seconds
        ([3, 1, 1], 9, 2, 3.0),  # the short ones follow one another
        ([3, 3, 3], 2, 2, 6.0),  # the slot comes later than the window
        ([1, 1, 1], 1, 1, 5.0),  # the window comes later than the slot
    ],
)
def test_the_bound_is_the_soonest(renders_s: list[float], submits: int, slots: int | None, soonest: float) -> None:
    """Windows of two seconds at any phase, and slots: by hand."""
    assert soonest_s(renders_s, submits=submits, window_s=2, slots=slots) == soonest
