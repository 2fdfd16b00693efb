"""The list of providers: complete, and helpful to whoever mistypes a name."""

import pytest

from config.facts import load_facts
from jobs.errors import BadInput
from providers.contract import Endpoint
from providers.registry import PROVIDERS, endpoint, facts, provider


def test_every_provider_has_facts_and_a_name() -> None:
    """A line in the list and a table in the file belong together."""
    assert list(PROVIDERS) == list(load_facts())
    assert [provider(name).name for name in PROVIDERS] == list(PROVIDERS)
    assert [facts(name).name for name in PROVIDERS] == list(PROVIDERS)


@pytest.mark.parametrize(("name", "hint"), [("Segmnd", "did you mean segmind?"), ("sora", "wanbatch providers")])
def test_an_unknown_name_is_told_the_known_ones(name: str, hint: str) -> None:
    """Names are few, so the message lists them all."""
    with pytest.raises(BadInput, match="there are segmind, dashscope") as told:
        provider(name)
    assert hint in told.value.hint


def test_an_unknown_region_is_refused() -> None:
    """A region that is not there would cost a wrong price."""
    with pytest.raises(BadInput, match='no region "moon"'):
        provider("segmind", "moon")


def test_endpoints() -> None:
    """Real hosts by region, or everything below the simulator's address."""
    assert endpoint("dashscope", "k", region="cn") == Endpoint("https://dashscope.aliyuncs.com", "k")
    simulated = endpoint("segmind", "k", simulator_url="http://127.0.0.1:9")
    assert simulated.host("history") == "http://127.0.0.1:9/segmind/spotprod"
    assert simulated.host("nothing else") == simulated.base_url == "http://127.0.0.1:9/segmind"
