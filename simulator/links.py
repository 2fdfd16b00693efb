"""Signed links to videos, as object stores make them: they hold their expiry and a signature, and die on time."""

import hashlib
from collections.abc import Mapping
from typing import Literal

Verdict = Literal["good", "expired", "forged"]


class Links:
    """Makes links and judges them. The same seed signs alike, so a restart breaks no link."""

    def __init__(self, seed: int) -> None:
        self._secret = f"simulator:{seed}".encode()

    def url(self, base: str, task_id: str, expires_at: float) -> str:
        """A link below `base` that lives until the simulated instant `expires_at`."""
        expires = str(int(expires_at))
        query = f"Expires={expires}&OSSAccessKeyId=SIMULATED&Signature={self._sign(task_id, expires)}"
        return f"{base}/clips/{task_id}.mp4?{query}"

    def verdict(self, task_id: str, query: Mapping[str, str], now: float) -> Verdict:
        """Whether a link may be followed at `now`."""
        expires = query.get("Expires", "")
        if query.get("Signature") != self._sign(task_id, expires) or not expires.isdigit():
            return "forged"
        return "good" if now < int(expires) else "expired"

    def _sign(self, task_id: str, expires: str) -> str:
        return hashlib.blake2b(f"{task_id}:{expires}".encode(), key=self._secret[:64], digest_size=16).hexdigest()
