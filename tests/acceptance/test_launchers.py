"""The two launchers on a machine that has nothing but python3 with venv; the locks are empty, so nothing is fetched."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: A build backend that needs nothing, in place of the real one: an editable wheel of the one room `cli`.
BACKEND = """
import pathlib, zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "wanbatch-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        wheel.writestr("wanbatch.pth", str(pathlib.Path.cwd()))
        about = "wanbatch-0.1.0.dist-info/"
        wheel.writestr(about + "METADATA", "Metadata-Version: 2.1\\nName: wanbatch\\nVersion: 0.1.0\\n")
        wheel.writestr(about + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(about + "entry_points.txt", "[console_scripts]\\nwanbatch = cli.app:main\\n")
        wheel.writestr(about + "RECORD", "")
    return name
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
APP = "import os, sys\ndef main():\n    print(sys.argv[1:], os.getcwd())\n    return 7\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout with the real launchers, empty locks and a room that echoes; its path holds a space."""
    root = tmp_path / "a checkout"
    (root / "cli").mkdir(parents=True)
    for name in ("wanbatch", "test"):
        shutil.copy2(ROOT / name, root / name)
    shutil.copytree(ROOT / "scripts", root / "scripts")
    for name, text in {
        "requirements.lock": "",
        "requirements-dev.lock": "",
        "pyproject.toml": PROJECT,
        "backend.py": BACKEND,
        "cli/app.py": APP,
        "cli/__init__.py": "",
    }.items():
        (root / name).write_text(text)
    return root


def launch(*command: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a launcher to its end without a terminal."""
    return subprocess.run(
        command, cwd=cwd, env=os.environ | env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def test_an_environment_is_made_at_first_use_and_renewed_for_a_changed_lock(checkout: Path, tmp_path: Path) -> None:
    """One line tells that .venv is made; arguments, folder and exit code pass; later calls only run, also by a link.

    A new lock is installed once; after the gate's larger environment is made, ./wanbatch installs nothing.
    """
    link = tmp_path / "link"
    link.symlink_to(checkout / "wanbatch")
    first = launch(checkout / "wanbatch", "plan", "two words", cwd=tmp_path)
    assert (first.returncode, first.stdout) == (7, f"['plan', 'two words'] {tmp_path}\n")
    assert first.stderr == "wanbatch: making .venv from requirements.lock (once; about 20 s)\n"
    second = launch(link, "x", cwd=tmp_path)
    assert (second.returncode, second.stdout, second.stderr) == (7, f"['x'] {tmp_path}\n", "")
    (checkout / "requirements.lock").write_text("# changed\n")
    assert "renewing .venv from requirements.lock" in launch(checkout / "wanbatch", cwd=checkout).stderr
    assert "renewing .venv from requirements-dev.lock" in launch(checkout / "test", "--version", cwd=checkout).stderr
    assert launch(checkout / "wanbatch", cwd=checkout).stderr == ""


def test_what_is_left_half_made_is_made_anew_and_by_one_of_two(checkout: Path) -> None:
    """Killed while it is being made, it is never taken for whole; of two uses at the same moment one makes it anew."""
    command = [str(checkout / "wanbatch"), "x"]
    making = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ends = time.monotonic() + 20
    while not (checkout / ".venv" / "bin" / "python").exists():
        assert time.monotonic() < ends, "the environment was not begun"
        time.sleep(0.01)
    os.killpg(making.pid, signal.SIGKILL)
    making.wait()
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [one.communicate(timeout=50) for one in both]
    assert [one.returncode for one in both] == [7, 7], told
    assert "".join(err for _, err in told).count("making .venv from") == 1


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        ("import importlib.util; importlib.util.find_spec = lambda name: None", "apt-get install python3-venv"),
        ("sys.version_info = (3, 9, 2)", "needs Python 3.11 or newer; this python3 is 3.9.2"),
    ],
    ids=["without venv", "too old"],
)
def test_a_python_that_will_not_do_is_told_with_the_cure(checkout: Path, tmp_path: Path, lie: str, told: str) -> None:
    """An old python3, or one without venv, gives one message that names what to install."""
    fake = tmp_path / "bin" / "python3"
    fake.parent.mkdir()
    fake.write_text(
        f"#!{sys.executable}\nimport runpy, sys\n{lie}\n"
        "sys.argv = sys.argv[1:]\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    fake.chmod(0o755)
    ended = launch(checkout / "wanbatch", cwd=tmp_path, PATH=f"{fake.parent}:{os.environ['PATH']}")
    assert ended.returncode == 1
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_python_at_all_the_message_names_the_packages(checkout: Path, tmp_path: Path) -> None:
    """A machine with no python3 is told what to install."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "cmp", "readlink"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    ended = launch(checkout / "wanbatch", cwd=tmp_path, PATH=str(tools))
    assert ended.returncode == 1
    assert "apt-get install python3 python3-venv" in ended.stderr


@pytest.mark.parametrize(
    ("user", "apt_get", "told"),
    [
        ("0", "#!/bin/sh\necho $* >> apt.log\n", "pytest -n 5 --dist loadfile --no-loadscope-reorder tests/acceptance"),
        ("0", "#!/bin/sh\necho no network >&2\nexit 100\n", "no network\n./test: the page tests need a browser"),
        ("1000", "#!/bin/sh\necho never called >&2\n", "apt-get install chromium"),
    ],
    ids=["root installs it", "root without network", "someone else is told"],
)
def test_the_gate_gets_its_browser_or_says_which_package(
    checkout: Path, tmp_path: Path, user: str, apt_get: str, told: str
) -> None:
    """Without Chromium the gate installs it where it may, and otherwise fails before any test, naming the package."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "tail", "readlink"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    stubs = {"id": f"#!/bin/sh\necho {user}\n", "apt-get": apt_get, "python3": "#!/bin/sh\n"}
    for path, text in {tools / name: text for name, text in stubs.items()}.items():
        path.write_text(text)
        path.chmod(0o755)
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nshift\necho $*\n")
    python.chmod(0o755)
    ended = launch(checkout / "test", "acceptance", cwd=tmp_path, PATH=str(tools))
    assert told in ended.stdout + ended.stderr
    assert "never called" not in ended.stderr
    log = checkout / "apt.log"
    assert not log.exists() or log.read_text().splitlines() == [
        "update",
        "install -y --no-install-recommends chromium",
    ]
    assert (ended.returncode == 0) == log.exists()
