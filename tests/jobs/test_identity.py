"""The names of variants and jobs: what changes them, what does not, and that they stay as they are for ever."""

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.identity import creative_id, derived_seed, job_id, variant_id
from jobs.job import SEED_MAX, Job, Mode, Render

RENDER = Render(mode=Mode.T2V, prompt="a red shoe")

#: Another value for each field of a render.
OTHERWISE: dict[str, Any] = {
    "mode": Mode.I2V,
    "model": "flash",
    "prompt": "a blue shoe",
    "negative_prompt": "rain",
    "image": "https://example.com/a.png",
    "references": ("https://example.com/a.mp4",),
    "audio_track": "https://example.com/a.mp3",
    "resolution": "1080p",
    "aspect_ratio": "9:16",
    "duration_s": 10,
    "audio": False,
    "shot_type": "multi",
    "prompt_expansion": False,
    "watermark": True,
    "template": "flying",
    "take": 2,
}


def named(*parts: Any) -> str:
    """The name of these parts by the libraries' own encoders: canonical JSON, BLAKE2b-128, base32 of RFC 4648."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    raw = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return base64.b32encode(raw).decode().rstrip("=").lower()


def test_a_name_never_changes() -> None:
    """A shelf in the store is found again by every later version: these names are for ever."""
    variant = variant_id(RENDER)
    assert variant == "ucc4yveu5dvfqsxnrcu6rh46mi"
    assert job_id(variant, 7, simulated=True) == "wtd7rzdjoilkxeyxpkebm4odqi"
    assert derived_seed("group") == 1567207449


@pytest.mark.parametrize("field", Render.model_fields)
def test_whatever_the_provider_renders_changes_the_variant(field: str) -> None:
    """Every single field of a render is part of its identity."""
    other = RENDER.model_copy(update={field: OTHERWISE[field]})
    assert variant_id(other) != variant_id(RENDER)
    assert variant_id(other) == named("variant-1", other.model_dump(mode="json"))


@given(st.builds(Render))
def test_a_variant_is_named_by_the_canonical_json_of_its_render(render: Render) -> None:
    """By sorted keys without spaces, whatever stands in the cells: names last for years."""
    assert variant_id(render) == named("variant-1", render.model_dump(mode="json"))


def test_nothing_else_is_part_of_a_jobs_name() -> None:
    """Provider, price, priority and account are the job's and not the render's: they cannot reach its identity."""
    beside = set(Job.model_fields) - {"job_id", "variant_id", "render", "seed", "simulated"}
    assert beside == {"seed_source", "provider", "account", "region", "price_uusd", "price_as_of", "priority", "routes"}
    assert not beside & set(Render.model_fields)


def test_the_two_worlds_never_share_a_job() -> None:
    """The same variant and seed, simulated and real, are two jobs."""
    assert job_id("v", 7, simulated=True) != job_id("v", 7, simulated=False)
    assert job_id("v", 7, simulated=True) != job_id("v", 8, simulated=True)


@given(st.text(), st.integers(0, 1000))
def test_a_derived_seed_is_one_that_every_provider_takes(group: str, number: int) -> None:
    """Seeds lie from 0 to the largest that is taken, and the same group always gets the same one."""
    seed = derived_seed(group, number)
    assert 0 <= seed <= SEED_MAX
    assert seed == derived_seed(group, number)


def test_another_round_gives_other_seeds() -> None:
    """A refresh of a campaign renders anew: a hundred groups hardly share a seed with their last round."""
    assert not {derived_seed(f"g{n}", 0) for n in range(100)} & {derived_seed(f"g{n}", 1) for n in range(100)}


@given(st.text(max_size=200))
def test_a_name_fits_every_store(prompt: str) -> None:
    """Names are 26 lower-case letters and digits, whatever was written in the prompt."""
    letters = variant_id(RENDER.model_copy(update={"prompt": prompt}))
    assert len(letters) == 26
    assert letters == letters.lower()
    assert letters.isalnum()
    assert creative_id(letters) == letters[:8]


@given(st.integers(0, SEED_MAX), st.booleans())
def test_a_job_is_named_by_its_variant_its_seed_and_its_world(seed: int, simulated: bool) -> None:
    """By their canonical JSON, as ever: the name decides what is bought already."""
    variant = variant_id(RENDER)
    assert job_id(variant, seed, simulated=simulated) == named("job-1", variant, seed, simulated)


def test_half_a_surrogate_pair_still_has_a_name() -> None:
    """A prompt that came broken out of a spreadsheet is named, not crashed upon."""
    one, other = (variant_id(RENDER.model_copy(update={"prompt": half})) for half in ("\ud83d", "\ud83e"))
    assert len(one) == len(other) == 26
    assert one != other


def test_names_do_not_collide_in_a_large_campaign() -> None:
    """Ten thousand variants have ten thousand names."""
    names = {job_id(hashlib.sha256(str(n).encode()).hexdigest(), n, simulated=False) for n in range(10_000)}
    assert len(names) == 10_000
