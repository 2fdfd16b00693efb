"""The house bar, measured: sizes, docstrings, words, and what must not be in the tree."""

import ast
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = sorted(path.parent for path in ROOT.glob("*/__init__.py"))
MODULES = sorted(
    path
    for folder in [*ROOMS, ROOT / "benchmarks", ROOT / "scripts"]
    for path in folder.rglob("*.py")
    if path.stat().st_size
)
#: Folders that hold no text of ours.
LEFT_OUT = {
    ".git",
    ".venv",
    "out",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "build",
}
TEXT = {
    ".py",
    ".lua",
    ".toml",
    ".md",
    ".yml",
    ".yaml",
    ".json",
    ".html",
    ".css",
    ".js",
    ".lock",
    ".csv",
    ".example",
    "",
}

REGISTRIES = re.compile(
    r"pypi\.[o]rg|python[h]osted|registry\.[n]pmjs|proxy\.[g]olang|docker\.[i]o|quay\.[i]o|ghcr\.[i]o"
)
#: A path of somebody's machine: it starts a word, and is no part of a URL.
MACHINE_PATH = re.compile(r"(?<![\w./:-])/(?:work|root|home|Users)/\w")
LATER = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b")


def our_files() -> Iterator[Path]:
    """Every text file of the project, whether or not this is a git checkout."""
    for folder, inner, names in os.walk(ROOT):
        inner[:] = sorted(set(inner) - LEFT_OUT)
        for path in (Path(folder, one) for one in sorted(set(names) - LEFT_OUT)):
            if path.is_file() and path.suffix in TEXT:
                yield path


def name(path: Path) -> str:
    """How a test calls the file."""
    return str(path.relative_to(ROOT))


def found(pattern: re.Pattern[str]) -> list[str]:
    """Where the pattern stands in our files, as file:line."""
    return [
        f"{name(path)}:{number}: {line.strip()[:120]}"
        for path in our_files()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a module."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = function.body[1 if ast.get_docstring(function) and len(function.body) > 1 else 0]
    return (function.end_lineno or 0) - first.lineno + 1


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_is_short_and_says_why_it_exists(path: Path) -> None:
    """At most 300 lines, functions of at most 50, and a docstring of one to six lines."""
    text = path.read_text()
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 300
    assert {one.name: body_lines(one) for one in functions(tree) if body_lines(one) > 50} == {}
    docstring = ast.get_docstring(tree)
    assert docstring, "a module says why it exists"
    assert len(docstring.splitlines()) <= 6 or "+--" in docstring, "a module's docstring is one to six lines"


def test_most_are_much_shorter() -> None:
    """The median module stays within 200 lines, nine functions of ten within 25."""
    texts = [path.read_text() for path in MODULES]
    assert statistics.median(len(text.splitlines()) for text in texts) <= 200
    sizes = sorted(body_lines(one) for text in texts for one in functions(ast.parse(text)))
    assert statistics.quantiles(sizes, n=10)[-1] <= 25


def test_broad_excepts_stand_at_process_doors_only() -> None:
    """At most two places in all swallow everything; tidying up before the error goes on is no swallowing."""
    broad = [
        f"{name(path)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and ast.unparse(node.body[-1]) != "raise"
    ]
    assert len(broad) <= 2, broad


def test_importing_a_room_starts_nothing() -> None:
    """A room's __init__.py is empty; the desk's names what Python programs use, and loads none of it by itself."""
    inits = [path for room in ROOMS for path in room.rglob("__init__.py")]
    assert [name(path) for path in inits if path.stat().st_size] == ["producer/__init__.py"]
    program = "import sys; old = set(sys.modules); import producer; print(*sorted(set(sys.modules) - old))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {module.partition(".")[0] for module in ended.stdout.split()}
    assert loaded - sys.stdlib_module_names == {"producer"}


def test_a_file_is_a_word_of_the_trade() -> None:
    """No module is called after its being useful."""
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
    assert [name(path) for path in MODULES if path.stem in vague] == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("*/*.lua")), ids=name)
def test_a_script_opens_with_its_legend(path: Path) -> None:
    """A Lua file begins with a comment that explains whatever keys and arguments its code takes."""
    text = path.read_text()
    legend = text[: len(text) - len(re.sub(r"\A(?:--.*\n)+", "", text))]
    assert legend
    code = text.removeprefix(legend)
    assert [word for word in ("KEYS", "ARGV") if word in code and word not in legend] == []


@pytest.mark.parametrize(
    "pattern", [LATER, REGISTRIES, MACHINE_PATH], ids=["left for later", "registry hosts", "paths of one machine"]
)
def test_the_tree_is_free_of(pattern: re.Pattern[str]) -> None:
    """Nothing is left for later, no package registry is named, no path of somebody's machine."""
    assert found(pattern) == []


def test_money_is_shown_by_one_hand() -> None:
    """A dollar sign before a figure stands in jobs/money.py: `$3125.0` and `$3,125.00` are read as two sums."""
    ours = (path for path in MODULES if ROOT / "benchmarks" not in path.parents)
    assert [name(path) for path in ours if "${" in path.read_text(encoding="utf-8")] == ["jobs/money.py"]
