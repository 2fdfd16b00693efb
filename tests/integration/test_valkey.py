"""The embedded ledger: safe settings, a password that nobody sees, and another server when one does not start."""

import os
import stat
from pathlib import Path

import pytest
import redis

from cli import valkey
from jobs.errors import LedgerRefused, WanbatchError


def script(place: Path, text: str) -> Path:
    """A little program in the place of a server."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o755)
    return place


def test_every_write_is_kept(tmp_path: Path) -> None:
    """Append-only, synced always, nothing evicted, loopback only, with a password."""
    child, url = valkey.start(tmp_path / 'with space "quoted"')
    try:
        client = redis.Redis.from_url(url, decode_responses=True)
        told = {name: client.config_get(name)[name] for name in (
            "appendonly", "appendfsync", "maxmemory-policy", "save", "bind", "hash-max-listpack-value", "dir",
        )}  # fmt: skip
        client.close()
        assert told == {
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "save": "",
            "bind": "127.0.0.1",
            "hash-max-listpack-value": "4096",
            "dir": str(tmp_path / 'with space "quoted"'),
        }
        bare = redis.Redis.from_url(url.replace(url.split("@")[0], "redis://").replace("redis://@", "redis://"))
        with pytest.raises(redis.AuthenticationError):
            bare.ping()
        bare.close()
    finally:
        child.end(within_s=5)


def test_the_password_is_on_no_command_line(tmp_path: Path) -> None:
    """It stands in a file that only we may read."""
    child, url = valkey.start(tmp_path)
    try:
        password = url.split("@")[0].rpartition(":")[2]
        assert len(password) >= 32
        assert password.encode() not in Path(f"/proc/{child.process.pid}/cmdline").read_bytes()
        assert stat.S_IMODE((tmp_path / "valkey.conf").stat().st_mode) == 0o600
        assert password in (tmp_path / "valkey.conf").read_text()
    finally:
        child.end(within_s=5)


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    """Killed and started again, the ledger has forgotten nothing."""
    child, url = valkey.start(tmp_path)
    with redis.Redis.from_url(url) as client:
        client.set("job", "rendering")
    child.kill()
    child, url = valkey.start(tmp_path)
    with redis.Redis.from_url(url) as client:
        assert client.get("job") == b"rendering"
    child.end(within_s=5)


def test_a_server_on_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it is too old for the ledger's scripts, or does not run."""
    on_path = tmp_path / "bin"
    script(on_path / "valkey-server", "echo 'Server v=8.1.3 sha=0'")
    script(on_path / "redis-server", "echo 'Redis server v=6.0.16 sha=0'")
    monkeypatch.setenv("PATH", f"{on_path}:{os.environ['PATH']}")
    found = valkey.servers()
    assert found[0] == (str(on_path / "valkey-server"), (8, 1))
    assert all("redis-server" not in path for path, _ in found)
    script(on_path / "valkey-server", "exit 127")
    assert all(not path.startswith(str(on_path)) for path, _ in valkey.servers())


def test_the_next_server_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot read the data of another version does not stop the run."""
    broken = script(tmp_path / "bin" / "redis-server", 'echo "Can\'t handle RDB format version 80"; exit 1')
    good = valkey.servers()[-1]
    monkeypatch.setattr(valkey, "servers", lambda: [(str(broken), (7, 0)), good])
    child, _ = valkey.start(tmp_path / "data")
    child.end(within_s=5)


def test_a_server_that_does_not_start_shows_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of its log is in the error."""
    broken = script(tmp_path / "bin" / "redis-server", "echo 'Fatal: no room'; exit 1")
    monkeypatch.setattr(valkey, "servers", lambda: [(str(broken), (7, 0))])
    with pytest.raises(WanbatchError, match=r"(?s)the embedded ledger ended while it started.*Fatal: no room"):
        valkey.start(tmp_path / "data")


def test_no_server_at_all_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two ways out."""
    monkeypatch.setattr(valkey, "servers", list)
    with pytest.raises(LedgerRefused, match=r"(?s)apt-get install.*--redis"):
        valkey.start(tmp_path)


def test_old_servers_know_the_setting_by_its_old_name(tmp_path: Path) -> None:
    """Redis 6.2 says ziplist where 7 says listpack."""
    new = valkey.configuration(tmp_path, port=1, password="p", version=(7, 0))
    old = valkey.configuration(tmp_path, port=1, password="p", version=(6, 2))
    assert "hash-max-listpack-value 4096" in new
    assert "hash-max-ziplist-value 4096" in old
