"""Odd values out of answers: amounts, instants, words. What is not as it should be is None or empty, never an error."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from jobs.visible import visible

#: Characters of a provider's message that are kept; a page of HTML is no message.
WORDS_MAX = 500

#: Dollars, credits or seconds beyond which a figure is a slip of the provider's.
AMOUNT_MAX = Decimal(1_000_000_000)

#: The largest whole number that is told exactly in JSON everywhere; seeds go beyond what an amount may be.
WHOLE_MAX = Decimal(2**53)

#: The grain of money: a millionth of a dollar.
MICRO = Decimal("0.000001")

#: Milliseconds since 1970 at the end of the year 9999, beyond which no instant can be told.
EPOCH_MS_MAX = 253_402_300_800_000

#: A wait in the words of a 429: "resets in ~30s", "retry after 5 seconds".
WAIT = re.compile(r"(?:resets?|retry|again)(?: in| after)? ?~?(\d{1,6}) ?s(?:ec|\b)", re.IGNORECASE | re.ASCII)

#: What a task id may look like: it goes into URLs and Redis keys.
TASK_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._:=-]{0,199}", re.ASCII)


def obj(value: Any) -> dict[str, Any]:
    """The value when it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def words(*values: Any) -> str:
    """The first value that is text and not blank, as bounded UTF-8 in one line; empty when there is none."""
    for value in values:
        if isinstance(value, str) and (line := " ".join(value.split())):
            return visible(line[:WORDS_MAX].encode("utf-8", "replace").decode())
    return ""


def trouble(body: Mapping[str, Any]) -> tuple[str, str]:
    """Code and message of an error, wherever providers put them: at the top, under `error`, or in a list of details.

    A code may be a number, where no word tells more; one that is only said once, in place of a message, is the message.
    """
    error, described = body.get("error"), words(body.get("error_description"))
    nested = obj(error)
    details = body.get("detail")
    first = obj(details[0]) if isinstance(details, list) and details else {}
    codes = (body.get("code"), nested.get("code"), nested.get("name"), nested.get("type"), first.get("type"))
    code = words(*codes, *map(_number, codes))
    message = words(
        described, nested.get("message"), error, body.get("message"), details, first.get("msg"), body.get("title")
    )
    return code or (words(error) if described else ""), message


def _number(value: Any) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def text(value: Any) -> str | None:
    """The value as valid UTF-8 when it is text and not blank, whole."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) and value.strip() else None


def task_id(value: Any) -> str | None:
    """The value when it can be a task id."""
    return value if isinstance(value, str) and TASK_ID.fullmatch(value) else None


def url(value: Any) -> str | None:
    """The value as it was given, when it is an http(s) URL without control characters; a list gives its first entry."""
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, str) or not first.lower().startswith(("http://", "https://")):
        return None
    return first if first.isprintable() else None


def amount(*values: Any, most: Decimal = AMOUNT_MAX) -> Decimal | None:
    """The first value that is a finite amount from zero up, from a JSON number or from text."""
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            continue
        try:
            found = Decimal(str(value).strip())
        except (InvalidOperation, ValueError):
            continue
        if found.is_finite() and 0 <= found <= most:
            return found
    return None


def usd(*values: Any) -> Decimal | None:
    """The first of them that is an amount, to the micro-dollar: a JSON float may carry noise behind that."""
    found = amount(*values)
    return found if found is None or found == found.quantize(MICRO) else found.quantize(MICRO)


def whole(value: Any) -> int | None:
    """The value as a whole number from zero up."""
    found = amount(value, most=WHOLE_MAX)
    return int(found) if found is not None and found == found.to_integral_value() else None


def instant(value: Any) -> datetime | None:
    """The UTC instant in a header: ISO 8601 (UTC when it has no zone), epoch seconds, or an HTTP date."""
    if not isinstance(value, str):
        return None
    for read in (_epoch, datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(value.strip().removesuffix("UTC").strip())
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            continue
    return None


def _epoch(value: str) -> datetime:
    return datetime.fromtimestamp(float(value), UTC)


def epoch_ms(value: Any) -> datetime | None:
    """The UTC instant of whole milliseconds since 1970, as far as the year 9999."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < EPOCH_MS_MAX:
        return None
    return datetime.fromtimestamp(value / 1000, UTC)


def span_s(begun: Any, ended: Any) -> float | None:
    """Seconds between two instants, in ISO 8601 or seconds since 1970; None where they are none, or turned around."""
    first, last = (
        instant(str(each)) if isinstance(each, str | int | float) and each else None for each in (begun, ended)
    )
    return None if first is None or last is None or last <= first else (last - first).total_seconds()


def retry_after(headers: Mapping[str, str], message: str = "") -> tuple[float | None, datetime | None]:
    """Seconds to wait, or the instant to wait for: from Retry-After, the headers of resets, or the words.

    `x-ratelimit-reset` holds seconds to go at some and an instant at others, which is more than an amount may be.
    """
    asked, reset = headers.get("retry-after"), headers.get("x-ratelimit-reset")
    until = None if amount(reset) is not None else instant(reset)
    at = instant(asked) or instant(headers.get("x-rate-limit-reset-at-utc")) or until
    said = WAIT.search(message)
    seconds = amount(asked, *(() if at else (reset, said and said[1])))
    return (None, at) if seconds is None else (float(seconds), None)


def quoted(task: str) -> str:
    """A task id as one segment of a URL's path, whatever it holds."""
    return quote(task.encode("utf-8", "replace"), safe="")
