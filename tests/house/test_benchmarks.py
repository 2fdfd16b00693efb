"""The benchmarks can be started: they are no part of the gate, so their doors are tried here."""

import subprocess
import sys
from pathlib import Path

import pytest

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
def test_a_benchmark_explains_itself(name: str) -> None:
    """`--help` says what is measured and that there is a quick way."""
    ended = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "--quick" in ended.stdout
