"""Money is exact: what is added up is whole micro-dollars, and no rounding ever loses one."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.money import from_uusd, in_unit, shown, to_uusd, usd_text

AMOUNTS = st.decimals(min_value=0, max_value=10**9, allow_nan=False, allow_infinity=False, places=9)


@given(st.integers(0, 10**15))
def test_micro_dollars_come_back_as_they_were(uusd: int) -> None:
    """Dollars and back is the same number, to the last micro-dollar."""
    assert to_uusd(from_uusd(uusd)) == uusd


@given(AMOUNTS)
def test_a_reservation_is_never_too_small(usd: Decimal) -> None:
    """Rounding goes up, by less than a micro-dollar."""
    back = from_uusd(to_uusd(usd))
    assert usd <= back < usd + Decimal("0.000001")


@given(AMOUNTS)
def test_a_text_is_a_plain_number(usd: Decimal) -> None:
    """No exponent ever reaches a manifest, and the text is the very amount."""
    text = usd_text(usd)
    assert text is not None
    assert set(text) <= set("0123456789.")
    assert Decimal(text) == usd


@given(st.integers(0, 10**12))
def test_whole_cents_show_two_places(cents: int) -> None:
    """$1.5 is written 1.50, as money is."""
    assert usd_text(from_uusd(cents * 10_000)) == f"{cents // 100}.{cents % 100:02}"


def test_unknown_is_not_zero() -> None:
    """What nobody knows stays None in JSON and is called unknown to a person."""
    assert usd_text(None) is None
    assert shown(None) == "unknown"
    assert usd_text(Decimal(0)) == "0"


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("0", "$0.00"),
        ("12.5", "$12.50"),
        ("1234567.891", "$1,234,567.8910"),
        ("0.00004", "$0.0000"),
        ("0.5625", "$0.5625"),
        ("2.8125", "$2.8125"),
    ],
)
def test_a_person_reads_dollars_and_cents(usd: str, text: str) -> None:
    """Two places, or four where cents do not tell all."""
    assert shown(Decimal(usd)) == text


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [("-1312.5", "USD", "-$1,312.50"), ("1E+3", "credits", "1,000 credits"), ("6.250", None, "6.25")],
)
def test_amounts_in_units_of_their_own(amount: str, unit: str | None, text: str) -> None:
    """Dollars look the same everywhere, also below zero; credits are never an exponent."""
    assert in_unit(Decimal(amount), unit) == text
