"""The rooms, their floors and their doors: what imports what, and that the linter which keeps it is awake."""

import ast
import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from providers.registry import PROVIDERS

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINTER: dict[str, Any] = PROJECT["tool"]["importlinter"]
ROOMS = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))

#: A file that breaks each contract, and the import that the linter must name.
PLANTED = {
    "ledger/planted.py": ("import worker.planted", "ledger.planted -> worker.planted"),
    "worker/planted.py": ("import producer.planted", "worker.planted -> producer.planted"),
    "producer/planted.py": ("import boto3", "producer.planted -> boto3"),
    "jobs/planted.py": ("import redis", "jobs.planted -> redis"),
    "config/planted.py": ("import httpx", "config.planted -> httpx"),
    "cli/planted.py": ("import celery", "cli.planted -> celery"),
    "providers/planted.py": ("import time", "providers.planted -> time"),
    "simulator/planted.py": ("import jobs.planted", "simulator.planted -> jobs.planted"),
}


def contract(name: str) -> dict[str, Any]:
    """The import contract of that name."""
    return next(one for one in LINTER["contracts"] if one["name"] == name)


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the import linter over the rooms below `root`."""
    linter = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [linter, "--no-cache", "--no-logo"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "200"},
    )


def test_every_room_stands_on_a_floor() -> None:
    """A new top-level package must be named to the linter, the wheel and the coverage, or nothing guards it."""
    floors = {room for floor in contract("Imports go down the floors only")["layers"] for room in floor.split(" | ")}
    assert sorted(floors | {"simulator"}) == ROOMS
    assert sorted(LINTER["root_packages"]) == ROOMS
    assert sorted(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == ROOMS
    assert sorted(PROJECT["tool"]["coverage"]["run"]["source"]) == ROOMS


def test_the_doors_are_guarded_for_every_room() -> None:
    """The contracts on boto3, httpx and celery watch all rooms, not some."""
    for door in ("S3 enters by one door", "HTTP enters by two doors", "Celery enters by five doors"):
        assert sorted(contract(door)["source_modules"]) == ROOMS


def test_planted_violations_are_named(tmp_path: Path) -> None:
    """The linter is awake: each forbidden import, planted in a copy of the house, is named with its file."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    clean = lint(tmp_path)
    assert clean.returncode == 0, clean.stdout
    for path, (line, _) in PLANTED.items():
        (tmp_path / path).write_text(f'"""Planted."""\n\n{line}\n')
    broken = lint(tmp_path)
    assert broken.returncode == 1
    told = " ".join(broken.stdout.split())
    assert [named for _, named in PLANTED.values() if named not in told] == []


def test_the_dialects_know_nothing_of_each_other() -> None:
    """No provider's file imports another's, so that one can be removed with its file; only the list names them."""
    files = {one.__module__: ROOT / f"{one.__module__.replace('.', '/')}.py" for one in PROVIDERS.values()}
    assert len(files) == len(PROVIDERS)
    for module, file in files.items():
        tree = ast.parse(file.read_text())
        named = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        named |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert named & set(files) == set(), module


@pytest.mark.parametrize("room", [*ROOMS, "tests", "benchmarks"])
def test_no_other_distribution_owns_the_name(room: str) -> None:
    """No installed package carries a room's name, and the name leads to this folder."""
    owners = set(importlib.metadata.packages_distributions().get(room, [])) - {"wanbatch"}
    assert owners == set()
    spec = importlib.util.find_spec(room)
    assert spec is None or all(Path(place) == ROOT / room for place in spec.submodule_search_locations or [])


def test_the_gate_has_no_packages_below_tests() -> None:
    """An __init__.py below tests would shadow the room of the same name."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []
