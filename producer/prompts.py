"""Prompt templates: `A hand lifts {{ product }}`, filled from the row's other columns.

A field that is missing or empty is a problem of its row, never a gap in a video that costs money.
"""

import difflib
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import jinja2
import jinja2.meta
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS

from producer.columns import Wrong, canonical
from producer.sandbox import FILLED_MAX, STEPS_MAX, Sandbox

_JINJA = Sandbox()
_SINGLE_BRACES = re.compile(r"(?<!\{)\{ *(\w+) *\}(?!\})")


#: A field, bare or through filters without arguments. A template of nothing else is filled without Jinja, whose
#: compiler takes milliseconds: too long where every row of a large matrix brings a template of its own.
_FIELD = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*((?:\|\s*[a-z]+\s*)*)\}\}")
#: Jinja's own filters of text that need to know nothing of the template.
_PLAIN_FILTERS: Mapping[str, Callable[[str], object]] = {
    name: FILTERS[name] for name in ("capitalize", "lower", "title", "trim", "upper")
}
#: What filters and methods raise where a value is not what they take.
_UNFILLED = (
    jinja2.TemplateError, ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError,
    ValueError,
)  # fmt: skip
_JINJA_MARK = re.compile(r"\{[{%#]")


class Template(NamedTuple):
    """A template that was understood: the names of its fields, and what fills them in."""

    fields: frozenset[str]
    fill: Callable[[Mapping[str, str]], str]


def is_template(text: str) -> bool:
    """Whether a prompt has fields to fill in, or conditions; any other braces are prose."""
    return "{{" in text or "{%" in text


def field_names(column: str) -> tuple[str, ...]:
    """The names by which a template may call a column: `Product Name` is `Product Name`'s plain `product_name`."""
    return column, _plain(column)


@lru_cache(maxsize=4096)
def compiled(text: str) -> Template | Wrong:
    """The template, or what is wrong with its spelling."""
    if len(text) > FILLED_MAX:
        return Wrong("the template is too long", f"it has {FILLED_MAX:,} characters at most")
    if (plain := _plainly(text)) is not None:
        return plain
    try:
        tree = _JINJA.parse(text)
        fields = jinja2.meta.find_undeclared_variables(tree)
        return Template(frozenset(fields), _JINJA.understood(tree))
    except (jinja2.TemplateError, MemoryError, RecursionError, SyntaxError, ValueError) as error:
        # Jinja writes Python, and what is nested too deeply for that is told by Python.
        return Wrong(f"the template cannot be read ({_brief(error)})", "a field is written {{ product }}")


def _plainly(text: str) -> Template | None:
    """The template, where it is made of words and plain fields only."""
    if _JINJA_MARK.search(_FIELD.sub("", text)):
        return None
    # Words, a field's name, its filters; and so on, to the last words.
    parts = _FIELD.split(text)
    fields = []
    for name, filters, words in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        names = [each.strip() for each in filters.split("|")[1:]]
        if not all(each in _PLAIN_FILTERS for each in names):
            return None
        fields.append((name, [_PLAIN_FILTERS[each] for each in names], words))

    def fill(values: Mapping[str, str]) -> str:
        pieces = [parts[0]]
        for name, filters, words in fields:
            value = values[name]
            for each in filters:
                value = str(each(value))
            pieces += (value, words)
        return "".join(pieces)

    return Template(frozenset(name for name, _, _ in fields), fill)


def filled(
    text: str,
    cells: Mapping[str, str],
    columns: frozenset[str],
    optional: frozenset[str] = frozenset(),
    *,
    without: frozenset[str] = frozenset(),
) -> str | Wrong:
    """The prompt with its fields filled from the row's cells, or what is missing; `columns` are the whole matrix's.

    Fields that are `optional` may be empty; columns that a template may not call are left out (`without`).
    """
    template = compiled(text)
    if isinstance(template, Wrong):
        return template
    values = dict.fromkeys(optional, "")
    for name, column in _called(template.fields, tuple(cells), without):
        values[name] = cells[column]
    if not all(map(values.get, template.fields)):
        for name in sorted(template.fields - optional):
            if not values.get(name):
                return _missing(name, {known: each for each in columns - without for known in field_names(each)})
    try:
        return template.fill(values).strip()
    except SecurityError as error:
        fix = f"a template makes {FILLED_MAX:,} characters at most, in {STEPS_MAX:,} steps; write it without that"
        return Wrong(f"the template cannot be filled ({_brief(error)})", fix)
    except _UNFILLED as error:
        return Wrong(f"the template cannot be filled ({_brief(error)})", "a field is written {{ product }}")


@lru_cache(maxsize=4096)
def _called(fields: frozenset[str], columns: tuple[str, ...], without: frozenset[str]) -> Sequence[tuple[str, str]]:
    """The fields that a row's columns fill, each with the column."""
    able = [column for column in columns if column not in without]
    return [(name, column) for column in able for name in field_names(column) if name in fields]


def single_braces(text: str, columns: frozenset[str]) -> Wrong | None:
    """What is wrong with a prompt that says `{product}` and has a column of that name."""
    for name in _SINGLE_BRACES.findall(text):
        if name in columns or canonical(name) in columns:
            return Wrong(f"`{{{name}}}` is not filled in", f"a field has two braces: {{{{ {name} }}}}")
    return None


@lru_cache(maxsize=4096)
def _plain(column: str) -> str:
    return re.sub(r"\W+", "_", canonical(column)).strip("_")


def _brief(error: Exception) -> str:
    """What an error says, and in which line of a template of several lines."""
    if isinstance(error, SyntaxError):
        return error.msg
    line = getattr(error, "lineno", None)
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename == "<template>":
            line = number
    said = str(error).partition("\n")[0].rstrip(".")
    return f"line {line}: {said}" if line and line > 1 else said


def _missing(name: str, known: Mapping[str, str]) -> Wrong:
    """What is wrong with a field without a value; `known` holds the columns by the names that a template may use."""
    if name in known:
        problem = f"the template's field `{name}` is empty in this row"
        return Wrong(problem, f"fill in the column `{known[name]}`", known[name])
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    shown = ", ".join(sorted({_plain(each) for each in known}))
    fix = f"did you mean {{{{ {close[0]} }}}}?" if close else f"the columns are {shown}"
    return Wrong(f"the template's field `{name}` is no column", fix)
