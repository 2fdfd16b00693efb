"""The facts of providers.toml: read once, complete, and refused when they contradict themselves."""

from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from config.facts import ProviderFacts, load_facts, read_facts
from jobs.errors import BadInput
from jobs.job import Mode

MINIMAL = """
[fx]
usd_per_unit = { CNY = "0.5" }
[acme]
title = "Acme"
key_variables = ["ACME_KEY"]
docs_url = "https://example.com"
default_region = "here"
price_as_of = 2026-11-01
price_source = "a page"
typical_render_s = 100
longest_render_s = 600
url_life_s = 3600
status_life_s = 3600
unknown_settle_s = 60
regions.here = { base_url = "https://acme.example", currency = "CNY" }
limits = { polls_share_submit_limit = "no" }
cadence = { first_s = 5, growth = 1.5, cap_s = 20, deadline_s = 1800 }
[[acme.offers]]
mode = "t2v"
slug = "acme-t2v"
resolutions = ["720p", "1080p"]
durations_s = [5]
prompt_limit = 100
negative_limit = 100
per_second.CNY = { 720p = "0.6" }
"""


@pytest.fixture(params=load_facts())
def facts(request: pytest.FixtureRequest) -> ProviderFacts:
    """Every provider that is shipped, in turn."""
    return load_facts()[request.param]


def test_facts_are_read_once() -> None:
    """Two readers hold the very same facts."""
    assert load_facts() is load_facts()


def test_facts_cannot_be_changed() -> None:
    """Nobody changes a price while the house runs."""
    with pytest.raises(ValidationError, match="frozen"):
        load_facts()["segmind"].price_as_of = date(2020, 1, 1)  # type: ignore[misc]  # the point of the test


#: What no list says, by provider: a real run names it with --price.
UNPRICED = {
    "aimlapi": {
        "i2v flash 720p", "i2v flash 1080p", "i2v flash 720p silent", "i2v flash 1080p silent", "r2v standard 720p",
    },
    "apimart": {"i2v flash 720p", "i2v flash 1080p", "i2v flash 1080p silent"},
    "toapis": {f"{mode} standard {lines}" for mode in ("t2v", "i2v", "r2v") for lines in ("720p", "1080p")},
}  # fmt: skip


def test_every_offer_has_a_price_or_is_known_to_have_none(facts: ProviderFacts) -> None:
    """What is sold has a price, with and without sound, so that money can be reserved; an unknown one is no slip."""
    unpriced = set()
    for region in facts.regions:
        for offer in facts.sold(region):
            for resolution in offer.resolutions:
                for audio in (True, False) if offer.audio_switch else (True,):
                    price = facts.second_usd(offer, resolution, audio=audio, region=region)
                    if price is None:
                        unpriced.add(f"{offer.mode} {offer.model} {resolution}{'' if audio else ' silent'}")
                    else:
                        assert Decimal("0.01") < price < Decimal("0.25"), (offer.slug, region, resolution)
    assert unpriced == UNPRICED.get(facts.name, set())


def test_no_mode_is_sold_twice_in_a_region(facts: ProviderFacts) -> None:
    """One mode and model is one offer, or the first in the file would hide the second."""
    for region in facts.regions:
        keys = [(offer.mode, offer.model) for offer in facts.sold(region)]
        assert len(keys) == len(set(keys))


def test_polling_ends_while_the_provider_still_remembers(facts: ProviderFacts) -> None:
    """The deadline is between 15 and 30 minutes, and within the life of the status."""
    assert 900 <= facts.cadence.deadline_s <= min(1800, facts.status_life_s)


def test_frames_follow_the_image_only_in_i2v(facts: ProviderFacts) -> None:
    """Aspect ratios are sold wherever no image decides the shape."""
    for offer in facts.offers:
        assert bool(offer.aspect_ratios) == (offer.mode is not Mode.I2V)


@pytest.mark.parametrize(
    ("name", "mode", "resolution", "audio", "region", "second"),
    [
        ("segmind", Mode.T2V, "720p", True, None, "0.125"),
        ("segmind", Mode.I2V, "1080p", True, None, "0.1875"),
        ("dashscope", Mode.T2V, "720p", True, None, "0.10"),
        ("dashscope", Mode.R2V, "1080p", True, "intl", "0.15"),
        ("dashscope", Mode.I2V, "1080p", True, "us", "0.15"),
        ("dashscope", Mode.T2V, "1080p", True, "cn", "0.1363"),
        ("aimlapi", Mode.T2V, "720p", True, None, "0.105"),
        ("aimlapi", Mode.R2V, "1080p", True, None, "0.1575"),
        ("apimart", Mode.T2V, "1080p", True, None, "0.084"),
        ("apimart", Mode.I2V, "720p", True, None, "0.0664"),
    ],
)
def test_prices_a_second(name: str, mode: Mode, resolution: str, audio: bool, region: str | None, second: str) -> None:
    """The price list, in dollars: Beijing's is converted at the rate in the file."""
    facts = load_facts()[name]
    offer = facts.offer(mode, "standard", region)
    assert offer is not None
    assert facts.second_usd(offer, resolution, audio=audio, region=region) == Decimal(second)  # type: ignore[arg-type]


def test_silent_flash_is_half_price() -> None:
    """Only where silence is sold does it change the price."""
    facts = load_facts()["dashscope"]
    flash, standard = facts.offer(Mode.I2V, "flash"), facts.offer(Mode.I2V, "standard")
    assert flash is not None
    assert standard is not None
    assert facts.second_usd(flash, "720p", audio=False) == Decimal("0.025")
    assert facts.second_usd(standard, "720p", audio=False) == Decimal("0.10")


def test_a_price_that_the_list_does_not_say_is_unknown() -> None:
    """Unknown is None, never 0."""
    facts = read_facts(MINIMAL)["acme"]
    assert facts.second_usd(facts.offers[0], "720p") == Decimal("0.30")
    assert facts.second_usd(facts.offers[0], "1080p") is None


def test_regions_by_name() -> None:
    """None is the default region; a name that is not there is told with the names that are."""
    facts = load_facts()["dashscope"]
    assert facts.region().base_url == "https://dashscope-intl.aliyuncs.com"
    assert facts.region("cn").currency == "CNY"
    with pytest.raises(BadInput, match="intl, us, cn"):
        facts.region("mars")


def test_urls_of_provider_and_simulator() -> None:
    """Each host of a region; a simulator serves all below its one address."""
    segmind, dashscope = load_facts()["segmind"], load_facts()["dashscope"]
    assert segmind.urls() == (
        "https://api.segmind.com",
        {"history": "https://api.spotprod.segmind.com", "upload": "https://workflows-api.segmind.com"},
    )
    assert dashscope.urls("us") == ("https://dashscope-us.aliyuncs.com", {})
    assert segmind.urls(None, "http://127.0.0.1:1/") == (
        "http://127.0.0.1:1/segmind",
        {"history": "http://127.0.0.1:1/segmind/spotprod", "upload": "http://127.0.0.1:1/segmind/workflows"},
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('default_region = "here"', 'default_region = "there"', "no such region: there"),
        ('mode = "t2v"', 'mode = "t2v"\nregions = ["moon"]', "no such region: moon"),
        ("deadline_s = 1800", "deadline_s = 7200", "later than the provider's memory"),
        ('slug = "acme-t2v"', 'slug = "acme-t2v"\nwatermrak = true', "watermrak"),
        ("durations_s = [5]", "durations_s = [0]", "greater than 0"),
    ],
)
def test_a_slip_in_the_file_is_found_at_start(old: str, new: str, problem: str) -> None:
    """A wrong name, an unknown field or an impossible figure does not wait for the bill."""
    assert old in MINIMAL
    with pytest.raises(ValidationError, match=problem):
        read_facts(MINIMAL.replace(old, new))
