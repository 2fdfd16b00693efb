"""Prompt templates: what one may ask for, and what it may not."""

import pytest

from producer.columns import Wrong
from producer.prompts import filled
from producer.sandbox import FILLED_MAX, STEPS_MAX

CELLS = {"price": "1299", "product": "Lamp", "text": "x" * 600, "long": "a word\n" * 3_000}
STEPS = f"it takes more than {STEPS_MAX:,} steps"
#: Opens a loop that goes round a hundred times and keeps what it makes in `kept.x`.
AGAIN = "{% set kept = namespace(x=text) %}{% for n in range(100) %}"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ price * 1000000000 }}", "`*` repeats a text or a list 1,000,000,000 times"),
        ("{{ 1000000000 * price }}", "`*` repeats a text or a list 1,000,000,000 times"),
        ("{{ ([product] * 1000000000) | join }}", "`*` repeats a text or a list 1,000,000,000 times"),
        ("{{ product }}{{ 9 ** 999999999 }}", "`**` is not known here"),
        ("{{ product | center(1000000000) }}", "`center` is given the number 1,000,000,000"),
        ("{{ product | indent(width=1000000000) }}", "`indent` is given the number 1,000,000,000"),
        ("{{ price | int | round(1000000000, 'floor') }}", "`round` is given the number 1,000,000,000"),
        ("{{ product | batch(1000000000, 'x') | join }}", "`batch` is given the number 1,000,000,000"),
        ("{{ product.ljust(1000000000) }}", "`ljust` is given the number 1,000,000,000"),
        ("{{ '%999999999d' % 1 }}", "a format's width has three digits at most"),
        ("{{ '%*d' % (999999999, 1) }}", "a format's width has three digits at most"),
        ("{{ '%999999999s' | format(product) }}", "a format's width has three digits at most"),
        ("{{ '{:>999999999}'.format(product) }}", "a format's width has three digits at most"),
        ("{{ '{:{}}'.format(product, 999999999) }}", "a format's width has three digits at most"),
        ("{{ ('{0}' * 9000).format(long) }}", "`format` makes more than 100,000 characters"),
        ("{{ '%(a)s' * 9000 % {'a': long} }}", "`format` makes more than 100,000 characters"),
        ("{{ long | replace('a', long) }}", "`replace` makes more than 100,000 characters"),
        ("{{ long.replace('a', long) }}", "`replace` makes more than 100,000 characters"),
        ("{{ long.split() | join(long) }}", "`join` makes more than 100,000 characters"),
        ("{{ long | indent(9999) }}", "`indent` makes more than 100,000 characters"),
        ("{{ long | wordwrap(1, wrapstring=long) }}", "`wordwrap` makes more than 100,000 characters"),
        ("{{ product.encode() }}", "access to attribute 'encode' of 'str' object is unsafe"),
        ("{% for a in range(300) %}{{ text }}{% endfor %}", "it makes more than 100,000 characters"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{{ product }}{% endfor %}{% endfor %}", STEPS),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", STEPS),
        ("{% for a in range(999) %}{% for b in range(999) if not product %}{% endfor %}{% endfor %}", STEPS),
        (f"{{% set x %}}{{% for a in range(9999) %}}{'words ' * 5000}{{% endfor %}}{{% endset %}}", STEPS),
        ("{% set l = [1] %}{% for a in l %}{% set _ = l.append(a) %}{% endfor %}", STEPS),
        ("{% macro a(n) %}{% if n %}{{ a(n - 1) }}{{ a(n - 1) }}{% endif %}{% endmacro %}{{ a(30) }}", STEPS),
        (AGAIN + "{% set kept.x = kept.x ~ kept.x %}{% endfor %}", STEPS),
        (AGAIN + "{% set kept.x = kept.x + kept.x %}{% endfor %}", STEPS),
        (AGAIN + "{% set kept.x = [kept.x, kept.x] %}{% endfor %}{{ kept.x }}", STEPS),
        (AGAIN + "{% set kept.x = (kept.x, kept.x) %}{% endfor %}{{ {kept.x: 1} }}", STEPS),
        (AGAIN + "{% set kept.x = [kept.x, kept.x] %}{% endfor %}{{ kept.x == [kept.x, kept.x] }}", STEPS),
        ("{{ range(999) | batch(9999, text) | list }}", STEPS),
        ("{% set n = namespace(x=9) %}{% for a in range(99) %}{% set n.x = n.x * n.x %}{% endfor %}", "of digits"),
    ],
)
def test_a_template_that_would_not_end_is_refused(template: str, why: str) -> None:
    """Whatever would make a mountain out of little, of text, of lists or of work, is told in words, at once."""
    wrong = filled(template, CELLS, frozenset(CELLS))
    assert isinstance(wrong, Wrong)
    assert why in wrong.problem
    assert f"{FILLED_MAX:,} characters at most, in {STEPS_MAX:,} steps" in wrong.fix


@pytest.mark.parametrize("template", ["{{ ['calm', 'loud'] | random }} {{ product }}", "{{ product }} {{ lipsum(2) }}"])
def test_a_prompt_is_not_left_to_chance(template: str) -> None:
    """What is another prompt at every plan would be bought at every plan."""
    wrong = filled(template, CELLS, frozenset(CELLS))
    assert isinstance(wrong, Wrong)
    assert "would make, and buy, another prompt each time" in wrong.problem


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{% for a in range(9) %}" * 21 + "{% endfor %}" * 21, "too many statically nested blocks"),
        ("{% if product %}" * 150 + "{% endif %}" * 150, "too many levels of indentation"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "maximum recursion depth"),
        ("{{ " + "9" * 5000 + " }}", "4300 digits"),
        ("{% if product %}" + "x" * FILLED_MAX, "the template is too long"),
        ("{{ product | dictsort }}", "has no attribute 'items'"),
        ("{{ product | truncate(1) }}", "expected length >= 3"),
        ("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "maximum recursion depth"),
        ("{% include 'other' %}", "no loader"),
        ("A lamp,\nquietly lit,\n{{ product | nofilter }}", "(line 3: No filter named 'nofilter')"),
        ("A lamp,\nquietly lit,\n{{ 1 / 0 }}", "(line 3: division by zero)"),
        ("A lamp,\n{% for a in range(99999) %}\n{% endfor %}", f"(line 2: {STEPS})"),
    ],
)
def test_what_is_wrong_with_a_template_is_told(template: str, why: str) -> None:
    """However a template fails, its row says so, and of several lines which."""
    wrong = filled(template, CELLS, frozenset(CELLS))
    assert isinstance(wrong, Wrong)
    assert why in wrong.problem


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("{{ (price | int) * 2 }} for {{ product }}", "2598 for Lamp"),
        ("{{ (price | float * 1000000) | round(2) }}", "1299000000.0"),
        ("{{ product | center(8) }}|{{ '-' * 3 }}", "Lamp  |---"),
        ("{{ product.replace('L', 'C') }}{% for n in range(2) %}!{% endfor %}", "Camp!!"),
        ("{{ text | truncate(9) }}", "xxxxxx..."),
        ("{{ '{:,}'.format(price | int * 1000) }} yen, {{ '%.2f' % (price | float) }}", "1,299,000 yen, 1299.00"),
        ("{{ product ~ ' at ' ~ price }}{{ (1, 2)[0] }}{{ 'cheap' if price | int < 9 }}", "Lamp at 12991"),
        ("{% for a in [1, 2] %}{{ loop.index }}/{{ loop.length }}{{ ', ' if not loop.last }}{% endfor %}", "1/2, 2/2"),
        ("{% for a, b in {'c': product}.items() %}{{ a }}{{ b }}{% endfor %}", "cLamp"),
        ("{{ long.split() | unique | map('upper') | join(' ') }}", "A WORD"),
        ("{% macro shot(of) %}[{{ of | lower }}]{% endmacro %}{{ shot(product) }}{{ shot('B') }}", "[lamp][b]"),
    ],
)
def test_a_template_may_reckon(template: str, made: str) -> None:
    """Numbers are multiplied and rounded, texts repeated and set, as Jinja does it."""
    assert filled(template, CELLS, frozenset(CELLS)) == made
