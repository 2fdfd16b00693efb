"""Prompt templates: `A hand lifts {{ product }}`, filled from the row's other columns.

A field that is missing or empty is a problem of its row, never a gap in a video that costs money.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

import jinja2
import jinja2.meta
import jinja2.sandbox

from producer.columns import Wrong, canonical

_JINJA = jinja2.sandbox.SandboxedEnvironment(undefined=jinja2.StrictUndefined, autoescape=False)
_SINGLE_BRACES = re.compile(r"(?<!\{)\{ *(\w+) *\}(?!\})")


#: A field, bare or through filters without arguments. A template of nothing else is filled without Jinja, whose
#: compiler takes milliseconds: too long where every row of a large matrix brings a template of its own.
_FIELD = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*((?:\|\s*[a-z]+\s*)*)\}\}")
#: Jinja's own filters of text that need to know nothing of the template.
_PLAIN_FILTERS: Mapping[str, Callable[[str], object]] = {
    name: _JINJA.filters[name] for name in ("capitalize", "lower", "title", "trim", "upper")
}
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
    if (plain := _plainly(text)) is not None:
        return plain
    try:
        fields = jinja2.meta.find_undeclared_variables(_JINJA.parse(text))
        return Template(frozenset(fields), _JINJA.from_string(text).render)
    except jinja2.TemplateError as error:
        return Wrong(f"the template cannot be read ({_brief(error)})", "a field is written {{ product }}")


def _plainly(text: str) -> Template | None:
    """The template, where it is made of words and plain fields only."""
    if _JINJA_MARK.search(_FIELD.sub("", text)):
        return None
    # Words, a field's name, its filters; and so on, to the last words.
    parts = _FIELD.split(text)
    fields = []
    for name, filters in zip(parts[1::3], parts[2::3], strict=True):
        names = [each.strip() for each in filters.split("|")[1:]]
        if not all(each in _PLAIN_FILTERS for each in names):
            return None
        fields.append((name, [_PLAIN_FILTERS[each] for each in names]))
    words = parts[0::3]

    def fill(values: Mapping[str, str]) -> str:
        pieces = [words[0]]
        for (name, filters), following in zip(fields, words[1:], strict=True):
            value: object = values[name]
            for each in filters:
                value = each(str(value))
            pieces += (str(value), following)
        return "".join(pieces)

    return Template(frozenset(name for name, _ in fields), fill)


def filled(
    text: str, cells: Mapping[str, str], columns: frozenset[str], optional: frozenset[str] = frozenset()
) -> str | Wrong:
    """The prompt with its fields filled from the row's cells, or what is missing; `columns` are the whole matrix's.

    Fields that are `optional` may be empty.
    """
    template = compiled(text)
    if isinstance(template, Wrong):
        return template
    values = dict.fromkeys(optional, "")
    fields = template.fields
    values |= {name: value for column, value in cells.items() for name in field_names(column) if name in fields}
    for name in sorted(fields):
        if not values.get(name) and name not in optional:
            return _missing(name, {known: column for column in columns for known in field_names(column)})
    try:
        return template.fill(values).strip()
    except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        return Wrong(f"the template cannot be filled ({_brief(error)})", "a field is written {{ product }}")


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
    return str(error).partition("\n")[0].rstrip(".")


def _missing(name: str, known: Mapping[str, str]) -> Wrong:
    """What is wrong with a field without a value; `known` holds the columns by the names that a template may use."""
    if name in known:
        problem = f"the template's field `{name}` is empty in this row"
        return Wrong(problem, f"fill in the column `{known[name]}`", known[name])
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    shown = ", ".join(sorted({_plain(each) for each in known}))
    fix = f"did you mean {{{{ {close[0]} }}}}?" if close else f"the columns are {shown}"
    return Wrong(f"the template's field `{name}` is no column", fix)
