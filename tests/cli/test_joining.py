"""Joining: one owner, many users, and nobody left behind by a killed owner."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cli import joining
from cli.joining import connection, enter, write_private
from jobs.errors import WanbatchError


def test_the_first_is_the_owner(tmp_path: Path) -> None:
    """It finds no URL, starts the service, and announces it."""
    berth, url = enter(tmp_path / "ledger")
    assert berth.owner
    assert url is None
    assert connection(tmp_path / "ledger") is None
    berth.announce("redis://one")
    assert connection(tmp_path / "ledger") == "redis://one"
    berth.leave()
    assert connection(tmp_path / "ledger") is None


def test_the_second_joins(tmp_path: Path) -> None:
    """It is told the URL and is no owner; when it leaves, the service stays."""
    owner, _ = enter(tmp_path)
    owner.announce("redis://one")
    second, url = enter(tmp_path)
    assert url == "redis://one"
    assert not second.owner
    second.leave()
    assert connection(tmp_path) == "redis://one"
    owner.leave()


def test_the_owner_waits_for_those_who_joined(tmp_path: Path) -> None:
    """It says so once, and ends when they have left."""
    owner, _ = enter(tmp_path)
    owner.announce("redis://one")
    second, _ = enter(tmp_path)
    said: list[str] = []
    heard = threading.Event()

    def tell(text: str) -> None:
        said.append(text)
        heard.set()

    waiting = threading.Thread(target=owner.await_users, args=(tell,))
    waiting.start()
    assert heard.wait(5)
    assert waiting.is_alive()
    second.leave()
    waiting.join(5)
    assert not waiting.is_alive()
    assert len(said) == 1
    assert "another run" in said[0]
    owner.leave()


def test_an_owner_alone_does_not_wait(tmp_path: Path) -> None:
    """Nothing is said when nobody joined."""
    owner, _ = enter(tmp_path)
    said: list[str] = []
    owner.await_users(said.append)
    assert not said
    owner.leave()


def test_a_killed_owner_leaves_the_place_free(tmp_path: Path) -> None:
    """The kernel drops its lock: the file that it left is not believed, and the next one is the owner."""
    code = (
        "import os\nfrom pathlib import Path\nfrom cli.joining import enter\n"
        f"enter(Path({str(tmp_path)!r}))[0].announce('redis://dead')\nos.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert (tmp_path / "connection.json").exists()
    assert connection(tmp_path) is None
    berth, url = enter(tmp_path)
    assert berth.owner
    assert url is None
    berth.leave()


def test_an_owner_that_is_never_ready_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Joining has an end, and the error says what to look at."""
    monkeypatch.setattr(joining, "JOIN_WITHIN_S", 0.1)
    owner, _ = enter(tmp_path)
    with pytest.raises(WanbatchError, match="another run holds") as caught:
        enter(tmp_path)
    assert "logs" in caught.value.hint
    owner.leave()


def test_a_broken_connection_file_counts_as_none(tmp_path: Path) -> None:
    """Half a file is no URL."""
    owner, _ = enter(tmp_path)
    (tmp_path / "connection.json").write_text('{"ur')
    assert connection(tmp_path) is None
    owner.leave()


def test_private_files_are_private(tmp_path: Path) -> None:
    """Also where a file with wider rights was there before."""
    file = tmp_path / "secret"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, "new")
    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o600
