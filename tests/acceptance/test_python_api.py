"""The Python API by its own documentation: every example of docs/python-api.md runs as it stands."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.driving import ROOT, Fleet

EXAMPLES = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "python-api.md").read_text(), re.MULTILINE | re.DOTALL)


def test_the_examples_work(
    fleet: Callable[..., Fleet],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One after the other, in one program: what they plan is bought once, read, and delivered."""
    made = fleet("--speed", "600")
    made.hire()
    monkeypatch.chdir(tmp_path)
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    program: dict[str, Any] = {}
    for example in EXAMPLES:
        exec(compile(example, "docs/python-api.md", "exec"), program)
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "2 videos for up to $1.25"
    assert told[1].startswith("broken.csv:2: duration: ")
    assert told[2].startswith("broken.csv:3: duration: ")
    assert {"2 of 2 have ended", "$1.25 in all"} <= set(told)
    assert len(list((tmp_path / "copies").glob("lowtide_*_16x9_*.mp4"))) == 2
    assert len(made.provider.purchases()) == 2
