"""Prompt templates: `A hand lifts {{ product }}`, filled from the row's other columns.

A field that is missing or empty is a problem of its row, never a gap in a video that costs money.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from typing import Any, Final, NamedTuple

import jinja2
import jinja2.meta
import jinja2.runtime
import jinja2.sandbox
from jinja2.exceptions import SecurityError

from producer.columns import Wrong, canonical

#: Characters of a filled template, and the largest number that it may hand to a filter or a function: a slip such as
#: `{{ price * 1000000000 }}`, where a price is text, is told and not carried out.
FILLED_MAX: Final = 100_000


class _Bounded(jinja2.sandbox.SandboxedEnvironment):
    """Jinja's sandbox, which bounds `range`; here, all else that makes much out of one number is bounded, too."""

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self) -> None:
        super().__init__(undefined=jinja2.StrictUndefined, autoescape=False)
        for name in ("batch", "center", "indent", "round", "slice"):
            self.filters[name] = _bounded(name, self.filters[name])

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        """A product, unless it is a text or a list many times over; a power never."""
        if operator == "**":
            raise SecurityError("`**` is not known here")
        for many, times in ((left, right), (right, left)):
            if isinstance(many, str | list | tuple) and isinstance(times, int) and len(many) * times > FILLED_MAX:
                raise SecurityError(f"`*` repeats a text or a list {times:,} times")
        return super().call_binop(context, operator, left, right)

    def call(self, context: jinja2.runtime.Context, called: Any, /, *args: Any, **named: Any) -> Any:
        """A call, unless a number in it is too large."""
        _check_numbers(getattr(called, "__name__", "the function"), *args, *named.values())
        return super().call(context, called, *args, **named)


def _bounded(name: str, made: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that is not told too large a number; what is filtered may be one."""

    @wraps(made)
    def checked(value: Any, *args: Any, **named: Any) -> Any:
        _check_numbers(name, *args, *named.values())
        return made(value, *args, **named)

    return checked


def _check_numbers(name: str, *given: object) -> None:
    for each in given:
        if isinstance(each, int | float) and each > FILLED_MAX:
            raise SecurityError(f"`{name}` is given the number {each:,}")


_JINJA = _Bounded()
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
        return Template(frozenset(fields), _filler(_JINJA.from_string(text)))
    except jinja2.TemplateError as error:
        return Wrong(f"the template cannot be read ({_brief(error)})", "a field is written {{ product }}")


def _filler(template: jinja2.Template) -> Callable[[Mapping[str, str]], str]:
    """What fills a template piece by piece, and stops where it grows too long."""

    def fill(values: Mapping[str, str]) -> str:
        pieces, size = [], 0
        for piece in template.generate(values):
            size += len(piece)
            if size > FILLED_MAX:
                raise SecurityError("it grows and grows")
            pieces.append(piece)
        return "".join(pieces)

    return fill


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
    except SecurityError as error:
        fix = f"a filled template has {FILLED_MAX:,} characters at most; write it without that"
        return Wrong(f"the template cannot be filled ({_brief(error)})", fix)
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
