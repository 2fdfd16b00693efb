"""A SeaweedFS for benchmarks, on loopback: it dies with the block, and leaves nothing behind."""

import contextlib
import socket
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from benchmarks.servers import await_, child
from ledger.objects import S3Options

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

#: What its S3 lets in, as processes find it in their environment.
KEYS = {"AWS_ACCESS_KEY_ID": "benchmark-access", "AWS_SECRET_ACCESS_KEY": "benchmark-secret-0123456789"}


@contextlib.contextmanager
def seaweed(folder: Path, bucket: str) -> Iterator[int]:
    """An object store with one bucket; the block gets the port of its S3."""
    folder.mkdir(parents=True)
    doors = ["master", "volume", "filer", "s3", "admin"]
    flags = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", "-master.telemetry=false", "-webdav=false"]
    flags += ["-admin.ui=false", "-s3.autoCreateBucket=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    ports = {door: _free_port() for door in doors}
    inner = {door: _free_port() for door in doors}
    flags += [f"-{door}.port={port}" for door, port in ports.items()]
    flags += [f"-{door}.port.grpc={port}" for door, port in inner.items()]
    command = [str(Path(sys.executable).with_name("weed")), "mini", *flags]
    try:
        with child(command, folder / "weed.log", KEYS | {"TMPDIR": str(folder)}):
            await_(lambda: _well(f"http://127.0.0.1:{ports['s3']}/healthz"), "the object store answers")
            client(ports["s3"]).create_bucket(Bucket=bucket)
            yield ports["s3"]
    finally:
        # It leaves a socket for each port, in a place that is fixed in its code.
        for port in (*ports.values(), *inner.values()):
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink()


def options(port: int) -> S3Options:
    """How our own store reaches it."""
    return S3Options(
        endpoint_url=f"http://127.0.0.1:{port}",
        region="us-east-1",
        access_key=KEYS["AWS_ACCESS_KEY_ID"],
        secret_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )


def seaweed_env(port: int) -> dict[str, str]:
    """How processes reach it, by their environment."""
    return KEYS | {"WANBATCH_S3_ENDPOINT": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "us-east-1"}


def client(port: int) -> "S3Client":
    """How anybody reaches it."""
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )


def _well(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
