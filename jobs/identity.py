"""Names that follow from content: the same video asked for twice has the same name, on every machine.

Provider, price, priority, budget, campaign, file and labels are no part of it: changing those buys nothing.
"""

import hashlib
import json
from typing import Any, Final

from jobs.job import SEED_MAX, Render

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
#: Two letters of base32 for ten bits, and where the ten bits of 26 letters stand: four times as fast as the library's.
_PAIRS: Final = [one + two for one in _LETTERS for two in _LETTERS]
_SHIFTS: Final = range(120, -1, -10)
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(*parts: Any) -> str:
    """26 lower-case base32 letters (130 bits' worth of BLAKE2b-128) of the parts' canonical JSON."""
    return _named(_CANONICAL.encode(parts))


def _named(text: str) -> str:
    raw = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    bits = int.from_bytes(raw) << 2
    return "".join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS])


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
    # The same as `digest("job-1", variant, seed, simulated)`, whose text is plain enough to be written here.
    return _named(f'["job-1","{variant}",{seed},{"true" if simulated else "false"}]')


def creative_id(job: str) -> str:
    """Eight letters for file names and `utm_content`, out of the job's identity."""
    return job[:8]


def send_mark(job: str, send: int, token: str) -> str:
    """The name of one POST of a job, as a provider may be told it (letters, digits and colons).

    The token is its intent's: another store that makes the same video at the same account has other names.
    """
    return f"{job}:{send}:{token}"
