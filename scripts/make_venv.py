"""Makes the project's virtual environment from a hash-locked file, once; launchers call it when it is missing or old.

The stamp folder in it is moved into place last: an environment without a stamp is half-made and is made anew.
A file lock lets two launchers start at once. Runs on the machine's python3 with the standard library alone.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "wanbatch needs Python 3.11 or newer; this python3 is %d.%d.%d (%s).\n"
        % (*sys.version_info[:3], sys.executable)
        + "Install a newer one and put it first on PATH as python3."
    )

import contextlib
import fcntl
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".made-from"
#: The locks that each kind of environment is made from. The dev lock holds the runtime one at the same versions.
LOCKS = {"run": ["requirements.lock"], "test": ["requirements.lock", "requirements-dev.lock"]}


def main(kind: str) -> None:
    """Make or renew the environment of that kind ("run" or "test"); do nothing where it is whole and fresh."""
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            "python3 is here, but not its venv module, which keeps what wanbatch installs in a folder of its own.\n"
            "On Debian and Ubuntu: apt-get install python3-venv"
        )
    with only_one():
        if not is_fresh(kind):
            make(kind)


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Wait until no other launcher is making the environment. The kernel drops the lock when its holder dies."""
    with (ROOT / ".venv.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another wanbatch is making .venv; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_fresh(kind: str) -> bool:
    """Whether the environment is whole, stands where it was made, and matches every lock of this kind."""
    if not (VENV / "bin" / "python").exists() or read(STAMP / "root") != str(ROOT).encode():
        return False
    return all(read(STAMP / lock) == (ROOT / lock).read_bytes() for lock in LOCKS[kind])


def make(kind: str) -> None:
    """Install the locks of this kind, then the project as an editable, then stamp the whole."""
    had_dev = (STAMP / "requirements-dev.lock").exists()
    kind = "test" if had_dev else kind
    lock = LOCKS[kind][-1]
    say(
        f"{'renewing' if STAMP.exists() else 'making'} .venv from {lock} (once; about {90 if kind == 'test' else 20} s)"
    )
    if read(STAMP / "root") != str(ROOT).encode() or not (VENV / "bin" / "python").exists():
        run(sys.executable, "-m", "venv", "--clear", str(VENV))
    shutil.rmtree(STAMP, ignore_errors=True)
    pip("--require-hashes", "-r", lock)
    pip("--no-index", "--no-deps", "--no-build-isolation", "-e", ".")
    stamp(kind)


def pip(*arguments: str) -> None:
    """Install with the environment's own pip, quietly, into nowhere else."""
    run(
        str(VENV / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "-qq",
        "--no-input",
        "--disable-pip-version-check",
        *arguments,
    )


def stamp(kind: str) -> None:
    """Mark the environment as whole: copies of the locks it was made from, moved into place in one step."""
    fresh = VENV / f".made-from.{os.getpid()}"
    fresh.mkdir()
    for lock in LOCKS[kind]:
        shutil.copyfile(ROOT / lock, fresh / lock)
    (fresh / "root").write_bytes(str(ROOT).encode())
    fresh.replace(STAMP)


def run(*command: str) -> None:
    """Run one step; where it fails, its own words stand above ours."""
    try:
        subprocess.run(command, cwd=ROOT, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    except subprocess.CalledProcessError as failed:
        sys.exit(
            f"wanbatch: .venv could not be made: `{' '.join(command)}` gave {failed.returncode} (see above).\n"
            "Most often the network or the disk: mend it and run the same command again; it starts anew by itself."
        )


def read(path: Path) -> bytes | None:
    """The file's bytes; None where there is no such file."""
    return path.read_bytes() if path.is_file() else None


def say(line: str) -> None:
    """One line on stderr: stdout belongs to the command that follows."""
    print(f"wanbatch: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
