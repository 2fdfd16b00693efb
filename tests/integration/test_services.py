"""The servers that other tests rely on are what they claim to be."""

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.services import Seaweed, Valkey, start


def test_valkey_is_durable_and_evicts_nothing(valkey: Valkey) -> None:
    """The tests' Valkey runs with the settings that production asks for."""
    with valkey.client() as client:
        settings = client.config_get("appendfsync", "appendonly", "maxmemory-policy", "bind")
    assert settings == {
        "appendfsync": "always",
        "appendonly": "yes",
        "maxmemory-policy": "noeviction",
        "bind": "127.0.0.1",
    }


def test_each_test_gets_an_empty_valkey(valkey: Valkey) -> None:
    """What an earlier test left is gone."""
    with valkey.client() as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def test_seaweed_refuses_a_wrong_key(seaweed: Seaweed) -> None:
    """The tests' S3 checks who is asking, as the real one does."""
    bucket = seaweed.bucket()
    thief = boto3.client(
        "s3",
        endpoint_url=seaweed.endpoint,
        region_name="us-east-1",
        aws_access_key_id=seaweed.access_key,
        aws_secret_access_key="wrong",
    )
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        thief.list_objects_v2(Bucket=bucket)
    thief.close()


def test_a_child_dies_with_the_one_who_started_it(tmp_path: Path) -> None:
    """A killed test run leaves no server behind."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    pidfd = os.pidfd_open(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert has_ended(pidfd, within_s=5)
    os.close(pidfd)


PARENT = """
import pathlib, sys, time
from tests.services import start
print(start(["/bin/sleep", "60"], pathlib.Path(sys.argv[1])).pid, flush=True)
time.sleep(60)
"""


def has_ended(pidfd: int, within_s: float) -> bool:
    """Whether the process behind the descriptor ends in time; a pidfd turns readable at the end."""
    return bool(select.select([pidfd], [], [], within_s)[0])


def test_tests_cannot_leave_the_machine() -> None:
    """A forgotten real address fails the test instead of being reached."""
    with socket.socket() as one, pytest.raises(pytest.fail.Exception, match="loopback"):
        one.connect(("192.0.2.1", 80))


def test_a_child_that_fails_tells_its_log(tmp_path: Path) -> None:
    """A server that does not start fails the test with the server's own words."""
    child = start(["/bin/sh", "-c", "echo no room at the inn; exit 3"], tmp_path / "log")
    with pytest.raises(AssertionError, match="no room at the inn"):
        child.wait_ready(lambda: False)
