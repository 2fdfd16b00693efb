"""Prompt templates: what one may ask for, and what it may not."""

import pytest

from producer.columns import Wrong
from producer.prompts import FILLED_MAX, filled

CELLS = {"price": "1299", "product": "Lamp", "text": "x" * 600}


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
        ("{{ product }}{{ lipsum(1000000000) }}", "is given the number 1,000,000,000"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{{ product }}{% endfor %}{% endfor %}", "it grows"),
    ],
)
def test_a_template_that_would_not_end_is_refused(template: str, why: str) -> None:
    """Whatever makes a mountain of text out of one number is told in words, at once."""
    wrong = filled(template, CELLS, frozenset(CELLS))
    assert isinstance(wrong, Wrong)
    assert why in wrong.problem
    assert f"{FILLED_MAX:,} characters at most" in wrong.fix


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("{{ (price | int) * 2 }} for {{ product }}", "2598 for Lamp"),
        ("{{ (price | float * 1000000) | round(2) }}", "1299000000.0"),
        ("{{ product | center(8) }}|{{ '-' * 3 }}", "Lamp  |---"),
        ("{{ product.replace('L', 'C') }}{% for n in range(2) %}!{% endfor %}", "Camp!!"),
        ("{{ text | truncate(9) }}", "xxxxxx..."),
    ],
)
def test_a_template_may_reckon(template: str, made: str) -> None:
    """Numbers are multiplied and rounded, texts repeated and set, as Jinja does it."""
    assert filled(template, CELLS, frozenset(CELLS)) == made
