"""The documents are true: what they say of commands, settings, errors and locks is so in the code."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

from cli.app import COMMANDS
from config.settings import Settings
from jobs import errors

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LOCKS = ("requirements.lock", "requirements-dev.lock")


def commands_named() -> list[str]:
    """Every `wanbatch WORD` that a page shows, as it would be typed."""
    typed = re.compile(r"(?:^ {4}(?:\S+ )*|`|^\$ )(?:\./)?wanbatch ([a-z]+)\b", re.MULTILINE)
    return sorted({word for page in PAGES for word in typed.findall(page.read_text())})


def settings_named(text: str) -> set[str]:
    """The variables of ours in a text, but for those that only name a family (WANBATCH_*)."""
    return set(re.findall(r"\bWANBATCH_[A-Z0-9_]*[A-Z0-9]\b", text))


def pins(lock: str) -> dict[str, str]:
    """Package and version of every line of a lock."""
    return dict(re.findall(r"^([a-z0-9_.-]+)==([^\s;\\]+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_the_readme_is_short() -> None:
    """At most 150 lines."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_every_command_in_the_documents_exists() -> None:
    """What a page shows can be typed; that each command answers --help is tested at the door."""
    assert set(commands_named()) - COMMANDS.keys() == set()


def test_the_documents_show_commands() -> None:
    """The test above looks at something."""
    assert {"run", "plan"} <= set(commands_named())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative link of a page is a file of the tree."""
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_setting_is_in_the_example() -> None:
    """`.env.example` names each setting, and nothing that no code reads."""
    settings = {f"WANBATCH_{field.upper()}" for field in Settings.model_fields}
    code = "".join(path.read_text() for path in (ROOT / "config").glob("*.py"))
    example = settings_named((ROOT / ".env.example").read_text())
    assert settings - example == set()
    assert [one for one in example - settings if f'{{PREFIX}}{one.removeprefix("WANBATCH_")}"' not in code] == []


def test_every_error_is_in_the_operating_guide() -> None:
    """Whoever meets an error finds it in docs/operating.md."""
    guide = (ROOT / "docs" / "operating.md").read_text()
    met = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.WanbatchError)]
    met.remove(errors.WanbatchError)
    assert [one.__name__ for one in met if not re.search(rf"\b{one.__name__}\b", guide)] == []


def test_the_version_is_one() -> None:
    """The installed version, the project's and the newest in the changelog agree."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert importlib.metadata.version("wanbatch") == version
    newest = re.search(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest.group(1) == version


def test_the_gate_tests_what_users_run() -> None:
    """The dev lock holds every runtime package at the same version."""
    runtime, dev = (pins(lock) for lock in LOCKS)
    assert runtime.items() <= dev.items()
    assert {"celery", "redis", "pydantic"} <= runtime.keys()


@pytest.mark.parametrize("lock", LOCKS)
def test_the_locks_hold_what_the_project_asks_for(lock: str) -> None:
    """Every direct dependency is pinned, with hashes, and no address of a registry is in the lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = list(project["project"]["dependencies"])
    if "dev" in lock:
        asked += [one for one in project["dependency-groups"]["dev"] if isinstance(one, str)]
    names = {re.split(r"[\[<>=!~; ]", one, maxsplit=1)[0] for one in asked}
    text = (ROOT / lock).read_text()
    assert names - pins(lock).keys() == set()
    assert [line for line in text.splitlines() if "==" in line and not line.endswith("\\")] == []
    assert "://" not in text
