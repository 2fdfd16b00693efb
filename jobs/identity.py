"""Names that follow from content: the same video asked for twice has the same name, on every machine.

Provider, price, priority, budget, campaign, file and labels are no part of it: changing those buys nothing.
"""

import hashlib
from json.encoder import encode_basestring
from typing import Final

from jobs.job import SEED_MAX, Render

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
#: Two letters of base32 for ten bits.
_TWO: Final = [one + two for one in _LETTERS for two in _LETTERS]


def _named(text: str) -> str:
    """26 lower-case base32 letters (130 bits' worth of BLAKE2b-128) of a text."""
    raw = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    at = int.from_bytes(raw) << 2
    # Eight times as fast as the library's, and twice as fast as a loop: every row of a plan needs two.
    return (
        f"{_TWO[at >> 120]}{_TWO[at >> 110 & 1023]}{_TWO[at >> 100 & 1023]}{_TWO[at >> 90 & 1023]}"
        f"{_TWO[at >> 80 & 1023]}{_TWO[at >> 70 & 1023]}{_TWO[at >> 60 & 1023]}{_TWO[at >> 50 & 1023]}"
        f"{_TWO[at >> 40 & 1023]}{_TWO[at >> 30 & 1023]}{_TWO[at >> 20 & 1023]}{_TWO[at >> 10 & 1023]}{_TWO[at & 1023]}"
    )


def variant_id(render: Render) -> str:
    """The identity of one wanted video: the name of its canonical JSON, whose keys are sorted, without spaces."""
    # Written here in its order, since the library's encoder takes five times as long, and every row needs one.
    quoted = encode_basestring
    return _named(
        f'["variant-1",{{"aspect_ratio":{_text(render.aspect_ratio)},"audio":{"true" if render.audio else "false"},'
        f'"audio_track":{_text(render.audio_track)},"duration_s":{render.duration_s},"image":{_text(render.image)},'
        f'"mode":"{render.mode}","model":"{render.model}","negative_prompt":{quoted(render.negative_prompt)},'
        f'"prompt":{quoted(render.prompt)},"prompt_expansion":{"true" if render.prompt_expansion else "false"},'
        f'"references":[{",".join(map(quoted, render.references))}],"resolution":"{render.resolution}",'
        f'"shot_type":"{render.shot_type}","take":{render.take},"template":{_text(render.template)},'
        f'"watermark":{"true" if render.watermark else "false"}}}]'
    )


def _text(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)


def derived_seed(seed_group: str, seed_round: int = 0) -> int:
    """A seed from 0 to `SEED_MAX` for a group of variants; another round gives another seed.

    A seed makes a similar video, not the same one (Model Studio: "not guaranteed identical").
    """
    raw = hashlib.blake2b(f"seed-1\0{seed_group}\0{seed_round}".encode(), digest_size=8).digest()
    return int.from_bytes(raw) % (SEED_MAX + 1)


def job_id(variant: str, seed: int, *, simulated: bool) -> str:
    """The identity of one purchase; simulated and real work never share it."""
    return _named(f'["job-1","{variant}",{seed},{"true" if simulated else "false"}]')


def creative_id(job: str) -> str:
    """Eight letters for file names and `utm_content`, out of the job's identity."""
    return job[:8]


def send_mark(job: str, send: int, token: str) -> str:
    """The name of one POST of a job, as a provider may be told it (letters, digits and colons).

    The token is its intent's: another store that makes the same video at the same account has other names.
    """
    return f"{job}:{send}:{token}"
