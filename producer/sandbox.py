"""Jinja's sandbox with an end to its patience: what one row's template may make, and how much work that may be.

Jinja itself bounds `range`, and nothing else. Work is counted in steps, not in seconds, so that a template is refused
on every machine or on none; what would make much out of little in a single step is refused before it does.
"""

import inspect
import itertools
import re
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final, cast

import jinja2
import jinja2.runtime
import jinja2.sandbox
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.visitor import NodeTransformer

#: Characters of a filled template, and the largest number that it may hand to a filter or a method: a slip such as
#: `{{ price * 1000000000 }}`, where a price is text, is told and not carried out.
FILLED_MAX: Final = 100_000
#: What one row's template may do: whatever a loop, a filter, a call or an operator takes in hand is a step, and so are
#: each `CHARACTERS_A_STEP` of a text. A prompt with many conditions takes some hundreds. All of them are over in two
#: thousandths of a second: where every row of a large table asks for too many, that is told within a minute.
STEPS_MAX: Final = 20_000
CHARACTERS_A_STEP: Final = 1_000
#: Bits of the largest number, about 3,000 digits: Python multiplies and writes these in no time.
_BITS_MAX: Final = 10_000

#: Filters that make as much as the numbers say that they are given, as methods of a text do.
_BY_NUMBER: Final = frozenset({"batch", "center", "indent", "round", "slice", "tojson"})
#: Methods that no prompt needs, and that make much out of little in ways of their own.
_UNSAFE: Final = frozenset({"encode", "expandtabs", "from_bytes", "maketrans", "to_bytes", "translate"})
#: A width or precision in a format, of `%` or of braces, that has four digits or comes out of a value.
_WIDTH: Final = re.compile(r"%(\([^)]*\))?[-+ #0-9.]*(\d{4}|\*)|\{[^{}]*:[^{}]*(\d{4}|\{)")
_WIDTH_MAX: Final = 999
#: Names of the filters by which what is compiled counts its work; no template can write them.
_WALKED, _WEIGHED = "each of", "all of"

_left: ContextVar[int] = ContextVar("_left")


class Sandbox(jinja2.sandbox.SandboxedEnvironment):
    """Where templates are compiled and filled."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self) -> None:
        # Nothing is worked out while a template is compiled: its work is counted where it is filled.
        super().__init__(undefined=jinja2.StrictUndefined, optimized=False, finalize=_told)
        self.filters = {name: _counted(name, made) for name, made in self.filters.items()}
        del self.filters["urlize"]
        self.filters |= {_WALKED: _walked, _WEIGHED: _weighed, "random": _by_chance("random")}
        self.tests = {
            name: _counted(name, made) for name, made in cast("dict[str, Callable[..., Any]]", self.tests).items()
        }
        self.globals["lipsum"] = _by_chance("lipsum")

    def understood(self, tree: nodes.Template) -> Callable[[Mapping[str, str]], str]:
        """What fills a parsed template; it raises `SecurityError` where that is too much."""
        template = self.from_string(_Counting().visit(tree))

        def fill(values: Mapping[str, str]) -> str:
            token = _left.set(STEPS_MAX)
            try:
                return _joined(template.generate(values))
            finally:
                _left.reset(token)

        return fill

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """As in Jinja, without the methods that a prompt has no use for."""
        return attr not in _UNSAFE and super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        """What an operator makes, unless it is too much; a power never."""
        if operator == "**":
            raise SecurityError("`**` is not known here")
        _spend(left, right)
        if operator == "*":
            _check_product(left, right)
        elif operator == "%":
            _check_growth("format", left, right)
        return _weighed(super().call_binop(context, operator, left, right))

    def call(self, context: jinja2.runtime.Context, called: Any, /, *args: Any, **named: Any) -> Any:
        """What a call makes, unless it is too much."""
        # The sandbox puts a function of its own round `format`.
        name, owner = getattr(called, "__name__", ""), getattr(inspect.unwrap(called), "__self__", None)
        _spend(owner, *args, *named.values())
        if isinstance(owner, str | int):
            if not name.startswith("format"):
                _check_numbers(name, *args, *named.values())
            _check_growth(name, owner, *args, *named.values())
        return _weighed(super().call(context, called, *args, **named))


class _Counting(NodeTransformer):
    """Puts the counting into a parsed template, wherever the sandbox has no say: loops, `~`, comparisons, lists."""

    def visit(self, node: nodes.Node, *_: Any, **__: Any) -> Any:
        """The node with its work counted, and all that is in it."""
        words = sum(len(each.data) for each in node.find_all(nodes.TemplateData)) if isinstance(node, nodes.For) else 0
        self.generic_visit(node)
        match node:
            case nodes.For():
                node.iter = _through(_WALKED, node.iter, nodes.Const(words, lineno=node.lineno))
            case nodes.Concat():
                return _through("join", nodes.List(node.nodes, lineno=node.lineno))
            case nodes.Tuple(ctx="load") | nodes.Getitem(ctx="load"):
                return _through(_WEIGHED, node)
            case nodes.Compare() | nodes.Operand():
                node.expr = _through(_WEIGHED, node.expr)
        return node


def _through(name: str, node: nodes.Node, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(args), [], None, None, lineno=node.lineno)


def _joined(pieces: Iterable[str]) -> str:
    """A filled template, unless it grows too long."""
    made, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > FILLED_MAX:
            raise SecurityError(f"it makes more than {FILLED_MAX:,} characters")
        made.append(piece)
    return "".join(made)


def _spend(*values: Any) -> None:
    """Count values and all that they hold."""
    left, todo = _left.get(), list(values)
    while todo:
        value = todo.pop()
        left -= 1
        if isinstance(value, str):
            left -= len(value) // CHARACTERS_A_STEP
        elif isinstance(value, range):
            left -= len(value)
        elif isinstance(value, dict):
            todo += (*value.keys(), *value.values())
        elif isinstance(value, list | tuple):
            todo += value
        if left < len(todo):
            break
    _take(_left.get() - left + len(todo))


def _take(steps: int) -> None:
    left = _left.get() - steps
    if left < 0:
        raise SecurityError(f"it takes more than {STEPS_MAX:,} steps")
    _left.set(left)


@jinja2.pass_context
def _told(_: jinja2.runtime.Context, value: Any) -> Any:
    """What a field prints. That it asks for the context keeps Jinja from working it out while it compiles."""
    _spend(value)
    return value


def _walked(values: Iterable[Any], words: int = 0) -> Iterator[Any]:
    """These, a step each, and a step for so many characters of the words between a loop's fields."""
    steps = 1 + words // CHARACTERS_A_STEP
    for value in values:
        _take(steps)
        yield value


def _weighed(value: Any) -> Any:
    """A value that was counted; one that would go on making others is made whole first."""
    made = list(_walked(value)) if isinstance(value, Iterator | ItemsView | KeysView | ValuesView) else value
    _spend(made)
    return made


def _counted(name: str, made: Callable[..., Any]) -> Callable[..., Any]:
    """A filter or test of Jinja's whose work counts, and that is not carried out where it is too much."""
    own = 1 if hasattr(made, "jinja_pass_arg") else 0

    @wraps(made)
    def checked(*args: Any, **named: Any) -> Any:
        given = (*args[own:], *named.values())
        _spend(*given)
        if name in _BY_NUMBER:
            _check_numbers(name, *given[1:])
        _check_growth(name, *given)
        return _weighed(made(*args, **named))

    return checked


def _by_chance(name: str) -> Callable[..., Any]:
    def refused(*_: Any, **__: Any) -> Any:
        raise SecurityError(f"`{name}` would make, and buy, another prompt each time")

    return refused


def _check_numbers(name: str, *given: object) -> None:
    for each in given:
        if isinstance(each, int | float) and each > FILLED_MAX:
            raise SecurityError(f"`{name}` is given the number {each:,}")


def _check_product(left: Any, right: Any) -> None:
    for many, times in ((left, right), (right, left)):
        if isinstance(many, str | list | tuple) and isinstance(times, int) and len(many) * times > FILLED_MAX:
            raise SecurityError(f"`*` repeats a text or a list {times:,} times")
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > _BITS_MAX:
        raise SecurityError("`*` makes a number of thousands of digits")


def _check_growth(name: str, *given: Any) -> None:
    """Refuse what would put one text into another too often."""
    if name in _GROWTH and _GROWTH[name](*given) > FILLED_MAX:
        raise SecurityError(f"`{name}` makes more than {FILLED_MAX:,} characters")


def _formatted(pattern: Any, *given: Any) -> int:
    if not isinstance(pattern, str):
        return 0
    if _WIDTH.search(pattern):
        raise SecurityError(f"a format's width has three digits at most, {_WIDTH_MAX}")
    return (pattern.count("{") + pattern.count("%")) * (_WIDTH_MAX + sum(map(_characters, given)))


def _replaced(text: Any, *given: Any) -> int:
    texts = [str(each) for each in given]
    return max((str(text).count(old) * len(new) for old, new in itertools.permutations(texts, 2)), default=0)


def _between(these: Any, those: Any = "", *_: Any) -> int:
    return len(these) * len(those) if isinstance(these, str | list | tuple) and isinstance(those, str | list) else 0


def _each_line(text: Any, *given: Any) -> int:
    return str(text).count("\n") * max((each if isinstance(each, int) else len(str(each)) for each in given), default=4)


def _wrapped(text: Any, *given: Any) -> int:
    return len(str(text)) * max((len(each) for each in given if isinstance(each, str)), default=1)


def _characters(value: Any) -> int:
    """Of a text, or of all texts in a value that was counted."""
    if isinstance(value, dict):
        return sum(map(_characters, value.values()))
    return sum(map(_characters, value)) if isinstance(value, list | tuple) else len(str(value))


#: How many characters a filter or a method adds to what it is given.
_GROWTH: Final[Mapping[str, Callable[..., int]]] = {
    "format": _formatted,
    "format_map": _formatted,
    "indent": _each_line,
    "join": _between,
    "replace": _replaced,
    "wordwrap": _wrapped,
}
