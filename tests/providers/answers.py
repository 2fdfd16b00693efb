"""Answers of a provider, as the tables of its tests spell them."""

import json
from typing import Any

from providers.contract import Answer


def answer(status: int, body: Any = b"", **headers: str) -> Answer:
    """An HTTP answer; header names are written with underscores."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def error(code: Any, message: str = "", kind: str | None = None) -> dict[str, Any]:
    """An error as APIMart and ToAPIs document it."""
    return {"error": {"code": code, "message": message, "type": kind}}
