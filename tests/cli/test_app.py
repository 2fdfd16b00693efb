"""The front door: quick help, helpful errors, and exit codes that scripts can trust."""

import importlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import click
import pytest

from cli import app
from cli.app import COMMANDS, exit_code
from cli.progress import ask
from jobs.errors import BadInput, BudgetMissing, Problem, Unconfirmed, WanbatchError
from tests.cli.conftest import Stored


def raising(error: BaseException) -> click.Command:
    """A command that ends in this error."""

    @click.command("raising")
    @click.option("--json", "as_json", is_flag=True)
    def command(as_json: bool) -> NoReturn:
        raise error

    return command


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Puts another command behind `plan`: `door.setattr("cli.plan.command", ...)`."""
    importlib.import_module("cli.plan")
    return monkeypatch


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`wanbatch --help` lists all of them."""
    assert exit_code(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"\n  {name} " in told for name in COMMANDS)


def test_help_needs_no_heavy_parts() -> None:
    """Neither Celery nor boto3 nor pydantic is imported for it."""
    code = (
        "import sys\nfrom cli.app import exit_code\nexit_code(['--help'])\n"
        "print([name for name in ('celery', 'boto3', 'pydantic', 'redis', 'httpx', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each can be imported and explains itself."""
    try:
        code = exit_code([name, "--help"])
    except SystemExit as leaving:  # the simulator's own options are argparse's
        code = int(leaving.code or 0)
    assert code == 0
    assert "usage" in capsys.readouterr().out.lower()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["staus"], "status"),
        (["plan", "x.csv", "--provder", "segmind"], "--provider"),
        (["run", "--buget", "1"], "--budget"),
    ],
)
def test_a_misspelt_word_is_put_right(words: list[str], meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong command or flag is exit 2, with the one that was probably meant."""
    assert exit_code(words) == 2
    assert meant in capsys.readouterr().err


def test_a_missing_matrix_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is exit 2."""
    assert exit_code(["plan", "nowhere.csv"]) == 2
    assert "nowhere.csv" in capsys.readouterr().err


def test_our_errors_say_what_to_do(door: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Message and hint on stderr, the error's own exit code, nothing on stdout."""
    door.setattr("cli.plan.command", raising(BudgetMissing("no budget was named", "say --budget 5")))
    assert exit_code(["plan"]) == 4
    told = capsys.readouterr()
    assert told.err == "wanbatch: no budget was named\nsay --budget 5\n"
    assert not told.out


def test_every_problem_has_its_line(door: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad input is told as file:line: column: problem, and in JSON under `refused`."""
    problems = [Problem("a.csv", line, "duration", "7", "7 s is not sold", "write 5, 10 or 15") for line in (2, 9)]
    door.setattr("cli.plan.command", raising(BadInput("a.csv has 2 problems", problems)))
    assert exit_code(["plan", "--json"]) == 2
    told = capsys.readouterr()
    assert "a.csv:9: duration: 7 s is not sold; write 5, 10 or 15" in told.err.splitlines()
    said = json.loads(told.out)
    assert [each["line"] for each in said["refused"]] == [2, 9]
    assert said["refused"][0] == {
        "file": "a.csv",
        "line": 2,
        "column": "duration",
        "text": "7",
        "problem": "7 s is not sold",
        "fix": "write 5, 10 or 15",
    }


def test_a_bug_is_ours(door: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Anything unexpected is one line and exit 1; the traceback lies in the file that it names."""
    door.setattr("cli.plan.command", raising(ZeroDivisionError("division by zero")))
    assert exit_code(["plan"]) == 1
    told = capsys.readouterr().err
    assert "this is a bug in wanbatch: ZeroDivisionError" in told
    assert "Traceback" not in told
    log = Path(next(word for word in told.replace(";", " ").split() if word.endswith(".log")))
    assert "Traceback" in log.read_text()
    log.unlink()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption_is_130(
    error: BaseException, door: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C says that the same command goes on."""
    door.setattr("cli.plan.command", raising(error))
    assert exit_code(["plan"]) == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_main_exits_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends with the command's code."""
    monkeypatch.setattr(sys, "argv", ["wanbatch", "staus"])
    with pytest.raises(SystemExit) as leaving:
        app.main()
    assert leaving.value.code == 2


def test_a_reader_that_has_gone_is_no_error() -> None:
    """`wanbatch manifest ... | head` ends quietly, with the code of other programs that a closed pipe ends."""
    code = "import sys\nfrom cli.app import main\nsys.argv = ['wanbatch', 'providers', '--json']\nmain()"
    shell = f'"{sys.executable}" -c "$CODE" | true; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", shell], env={"CODE": code, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip(), done.stderr) == ("141", "")
    assert not done.stderr


def test_our_error_is_an_exit_code_even_without_a_hint(
    door: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plain error is its message alone."""
    door.setattr("cli.plan.command", raising(WanbatchError("the worker ended")))
    assert exit_code(["plan"]) == 1
    assert capsys.readouterr().err == "wanbatch: the worker ended\n"


def shell(words: str, folder: Path, before: str = "") -> tuple[int, str]:
    """A command by way of a shell, as root or as anybody: its exit code, and what it says on stderr."""
    door = f'"{sys.executable}" -m cli.app {words}'
    root = Path(app.__file__).resolve().parents[1]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(root), "TMPDIR": str(folder)}
    done = subprocess.run(
        ["bash", "-c", f"{before}\n{door}"], env=env, cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", ["plan m.csv", "status", "manifest simulated-spring"])
def test_a_disk_that_is_full_is_no_bug(stored: Stored, tmp_path: Path, words: str) -> None:
    """What the machine would not do is told in a line, with exit 4."""
    (tmp_path / "m.csv").write_text("prompt\na kite\n")
    code, said = shell(f"{words} --store {stored.store.url} > /dev/full", tmp_path)
    assert (code, said.splitlines()[0]) == (4, "wanbatch: the output: No space left on device")
    assert not list(tmp_path.glob("wanbatch-bug-*"))


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_without_its_standard_files(stored: Stored, tmp_path: Path, closed: str) -> None:
    """Started by whoever has closed them, it reads nothing and says nothing, and is well."""
    code, _ = shell(f"manifest simulated-spring --store {stored.store.url} {closed}", tmp_path)
    assert code == 0
    assert not list(tmp_path.glob("wanbatch-bug-*"))


def test_no_is_no_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever says no at the terminal is refused, and hears that nothing was done."""
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    with pytest.raises(Unconfirmed, match="nothing was done"):
        ask("Spend it?")


def test_an_output_that_cannot_be_written_is_told(stored: Stored, tmp_path: Path) -> None:
    """The manifest's file, a store and a delivery's place of which a part is a file."""
    (tmp_path / "file").write_text("")
    at = f"--store {stored.store.url}"
    code, said = shell(f"manifest simulated-spring {at} -o file/m.jsonl", tmp_path)
    assert (code, said) == (2, "wanbatch: the manifest cannot be written to file/m.jsonl: Not a directory\n")
    (tmp_path / "m.csv").write_text("prompt\na kite\n")
    code, said = shell("run m.csv --store file/out", tmp_path)
    assert code == 4
    assert "Not a directory" in said
    assert not list(tmp_path.glob("wanbatch-bug-*"))
