"""A plan that is killed in the making leaves a folder behind; the next one removes it, and no other."""

import os
import subprocess
from pathlib import Path

from tests.acceptance.driving import WANBATCH, wanbatch

#: Ten times what a pipe holds: once it is written, the command has read most of it.
ROWS = b"prompt\n" + b"A lamp\n" * 100_000


def planning(folder: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    """A command that is in the middle of reading its standard input."""
    running = subprocess.Popen(
        [WANBATCH, "plan", "-", "--campaign", "lamps"],
        cwd=folder,
        env=os.environ | env,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert running.stdin is not None
    running.stdin.write(ROWS)
    running.stdin.flush()
    return running


def test_what_a_killed_plan_has_left_goes_with_the_next(tmp_path: Path) -> None:
    """Its folder goes; that of a command that is still reading stays, and its plan is made."""
    shared = tmp_path / "shared"
    shared.mkdir()
    env = {"TMPDIR": str(shared), "WANBATCH_STORE": (tmp_path / "store").as_uri()}
    (tmp_path / "one.csv").write_text("prompt\nA lamp\n")
    with planning(tmp_path, env) as killed:
        (left,) = shared.glob("wanbatch-plan-*")
        killed.kill()
    assert left.exists()
    with planning(tmp_path, env) as living:
        (held,) = shared.glob("wanbatch-plan-*")
        assert held != left
        assert wanbatch("plan", "one.csv", cwd=tmp_path, env=env).code == 0
        assert list(shared.glob("wanbatch-plan-*")) == [held]
        living.communicate()
    assert living.returncode == 0
    assert list(shared.glob("wanbatch-plan-*")) == []
