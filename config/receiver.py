"""Where the receiver of webhooks is asked whether it is there, at the address that providers are told."""

from http import HTTPStatus
from urllib.error import URLError
from urllib.request import urlopen

#: What it answers.
WELL = b"ok\n"


def receives(url: str) -> bool:
    """Whether a receiver answers at that address, which is http or https by its setting's own rule."""
    try:
        with urlopen(f"{url.rstrip('/')}/healthz", timeout=5) as answer:  # noqa: S310 - see above
            return bool(answer.status == HTTPStatus.OK and answer.read(len(WELL) + 1) == WELL)
    except (URLError, OSError, ValueError):
        return False
