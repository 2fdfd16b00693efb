"""docs/conformance.md tells what the suite tries: its tables are made here, out of the suite itself.

Run as a script, this file writes them anew.
"""

import importlib
import inspect
import itertools
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from config.facts import load_facts
from providers.registry import PROVIDERS
from tests.conformance import test_find, test_odd_ways, test_providers

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
BLOCK = r"(<!-- generated: {} -->\n)(.*?)(<!-- end -->)"
CLIENTS = {"dashscope": "dashscope", "fal": "fal-client", "replicate": "replicate", "segmind": "segmind"}


def every_test(held: ModuleType | type) -> Iterator[Callable[..., Any]]:
    """Every test of a module or class, in its order, those of its classes included."""
    for name, found in vars(held).items():
        if inspect.isclass(found) and name.startswith("Test"):
            yield from every_test(found)
        elif inspect.isfunction(found) and name.startswith("test_"):
            yield found


def runs(test: Callable[..., Any]) -> Iterator[list[Any]]:
    """The parameters of each run of a test."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    for values in itertools.product(*(mark.args[1] for mark in marks)):
        sets = (value.values if hasattr(value, "values") and not isinstance(value, dict) else value for value in values)
        yield [one for held in sets for one in (held if isinstance(held, tuple | list) else (held,))]


def buyers(test: Callable[..., Any]) -> list[str]:
    """The provider of each run of a test."""
    return [one for run in runs(test) for one in run if isinstance(one, str) and one in PROVIDERS]


def words(test: Callable[..., Any]) -> str:
    """What a test is called, in words."""
    return test.__name__.removeprefix("test_").replace("_", " ")


def row(title: str, counts: Counter[str]) -> str:
    """One case."""
    return f"| {title} | {' | '.join(str(counts[name] or '-') for name in PROVIDERS)} |\n"


def sold() -> Iterator[str]:
    """The first case, by mode and model."""
    test = test_providers.test_what_is_sold_comes_to_a_video_at_the_listed_price
    counts: dict[str, Counter[str]] = {}
    for run in runs(test):
        name, number = next(pair for pair in itertools.pairwise(run) if isinstance(pair[1], int))
        offer = load_facts()[name].sold()[number]
        counts.setdefault(f"sold: {offer.mode} {offer.model}", Counter())[name] += 1
    yield from (row(title, counts[title]) for title in sorted(counts, reverse=True))


def cases() -> str:
    """Every case of the suite."""
    head = f"| case | {' | '.join(PROVIDERS)} |\n|{' --- |' * (len(PROVIDERS) + 1)}\n"
    first, *others = every_test(test_providers)
    assert first is test_providers.test_what_is_sold_comes_to_a_video_at_the_listed_price
    rows = [*sold(), *(row(words(test), Counter(buyers(test))) for test in [*others, *every_test(test_find)])]
    for test in every_test(test_odd_ways):
        named = set(re.findall(r'"(\w+)"', inspect.getsource(test))) & set(PROVIDERS)
        rows.append(row(words(test), Counter(named)))
    return head + "".join(rows)


def witnesses() -> str:
    """What each official client drives."""
    lines = ["| client | tests | what it is seen to do |\n| --- | --- | --- |\n"]
    for name, client in CLIENTS.items():
        tests = list(every_test(importlib.import_module(f"tests.conformance.witnesses.test_{name}_sdk")))
        done = "; ".join(dict.fromkeys(map(words, tests)))
        lines.append(f"| `{client}` | {sum(len(list(runs(test))) for test in tests)} | {done} |\n")
    return "".join(lines)


TABLES = {"cases": cases, "witnesses": witnesses}


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_what_the_suite_tries(name: str) -> None:
    """A case, a mode or a provider that is added or left out changes the page too."""
    found = re.search(BLOCK.format(name), PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert found[2] == TABLES[name](), "run: python tests/conformance/test_page.py"


def test_every_case_is_tried_at_every_provider() -> None:
    """What is common to all leaves nobody out."""
    _, *others = every_test(test_providers)
    for test in others:
        assert buyers(test) == list(PROVIDERS), test.__name__


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    for title, make in TABLES.items():
        if found := re.search(BLOCK.format(title), page, re.DOTALL):
            page = page[: found.start(2)] + make() + page[found.end(2) :]
    PAGE.write_text(page, encoding="utf-8")
    sys.exit(0)
