"""Where a simulator is asked for its clock, once at start: neither wing needs its HTTP client for it."""

import json
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from jobs.errors import Refused


def simulator_clock(url: str) -> tuple[float, float]:
    """Speed and epoch (Unix seconds) of the simulator's clock. Raises Refused when no simulator answers there."""
    try:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError("the URL must begin with http:// or https://")
        with urlopen(f"{url.rstrip('/')}/_simulator/clock", timeout=5) as answer:  # noqa: S310 - the scheme is checked
            told = json.load(answer)
        return float(told["speed"]), float(told["epoch"])
    except (URLError, OSError, KeyError, ValueError, TypeError) as error:
        raise Refused(
            f"no simulator answers at {url}: {error}",
            "start one with `wanbatch simulate`, or unset WANBATCH_SIMULATOR_URL; nothing was queued",
        ) from None
