"""Names that follow from content: the same video asked for twice has the same name, on every machine.

Provider, price, priority, budget, campaign, file and labels are no part of it: changing those buys nothing.
"""

import base64
import hashlib
import json
from typing import Any

from jobs.job import SEED_MAX, Render


def digest(*parts: Any) -> str:
    """26 lower-case base32 letters (130 bits' worth of BLAKE2b-128) of the parts' canonical JSON."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    raw = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return base64.b32encode(raw).decode().rstrip("=").lower()


def variant_id(render: Render) -> str:
    """The identity of one wanted video."""
    return digest("variant-1", render.model_dump(mode="json"))


def derived_seed(seed_group: str, seed_round: int = 0) -> int:
    """A seed from 0 to `SEED_MAX` for a group of variants; another round gives another seed.

    A seed makes a similar video, not the same one (Model Studio: "not guaranteed identical").
    """
    raw = hashlib.blake2b(f"seed-1\0{seed_group}\0{seed_round}".encode(), digest_size=8).digest()
    return int.from_bytes(raw) % (SEED_MAX + 1)


def job_id(variant: str, seed: int, *, simulated: bool) -> str:
    """The identity of one purchase; simulated and real work never share it."""
    return digest("job-1", variant, seed, simulated)


def creative_id(job: str) -> str:
    """Eight letters for file names and `utm_content`, out of the job's identity."""
    return job[:8]


def send_mark(job: str, send: int, token: str) -> str:
    """The name of one POST of a job, as a provider may be told it (letters, digits and colons).

    The token is its intent's: another store that makes the same video at the same account has other names.
    """
    return f"{job}:{send}:{token}"
