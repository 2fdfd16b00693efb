"""Money: Decimal dollars where people read it, integer micro-dollars where machines add it up.

Redis and Lua count in micro-USD (`_uusd`), so that no sum is ever rounded; a float never touches a price.
"""

from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

#: Micro-dollars in a dollar.
UUSD_PER_USD = 1_000_000


def to_uusd(usd: Decimal) -> int:
    """Whole micro-dollars for an amount in dollars, rounded up: a reservation is never too small."""
    return int((usd * UUSD_PER_USD).to_integral_value(rounding=ROUND_CEILING))


def from_uusd(uusd: int) -> Decimal:
    """Dollars for whole micro-dollars, without trailing zeros beyond the cent."""
    usd = Decimal(uusd) / UUSD_PER_USD
    return usd.quantize(Decimal("0.01")) if uusd % 10_000 == 0 else usd.normalize()


def usd_text(usd: Decimal | None) -> str | None:
    """The amount as the JSON string of dollars that manifests hold; unknown stays None, never "0"."""
    return None if usd is None else format(usd, "f")


def shown(usd: Decimal | None) -> str:
    """The amount for a person: `$1,312.50`, `-$3.00`, four places under a cent's precision, `unknown` for None."""
    if usd is None:
        return "unknown"
    sign = "-" if usd < 0 else ""
    cents = usd.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    if cents == usd:
        return f"{sign}${abs(cents):,.2f}"
    return f"{sign}${abs(usd).quantize(Decimal('0.0001'), rounding=ROUND_HALF_UP):,.4f}"


def in_unit(amount: Decimal, unit: str | None) -> str:
    """An amount in a unit of its own, for a person: `1,250 credits`, and dollars as everywhere."""
    plain = f"{amount.normalize():,f} {unit or ''}".rstrip()
    return shown(amount) if unit is not None and unit.upper() == "USD" else plain
