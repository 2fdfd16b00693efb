"""The list of providers: one line each. Whoever needs one asks here, by name."""

from difflib import get_close_matches

from config.facts import ProviderFacts, load_facts
from jobs.errors import BadInput
from jobs.job import Render
from providers.aimlapi import AimlApi
from providers.apimart import ApiMart
from providers.contract import Endpoint
from providers.dashscope import DashScope
from providers.fal import Fal
from providers.provider import Provider
from providers.replicate import Replicate
from providers.segmind import Segmind
from providers.toapis import ToApis

#: By name, in the order of providers.toml.
PROVIDERS: dict[str, type[Provider]] = {
    "segmind": Segmind,
    "dashscope": DashScope,
    "aimlapi": AimlApi,
    "apimart": ApiMart,
    "toapis": ToApis,
    "fal": Fal,
    "replicate": Replicate,
}


def provider(name: str, region: str | None = None) -> Provider:
    """The provider of that name, pricing and checking for that region; BadInput names the known ones."""
    known = facts(name)
    known.region(region)
    return PROVIDERS[name](known, region)


def sellers(render: Render, besides: str) -> list[str]:
    """The names of the other providers that can make this very render, in their usual region."""
    return [name for name in PROVIDERS if name != besides and not provider(name).complaints(render)]


def facts(name: str) -> ProviderFacts:
    """What is known of the provider of that name; BadInput names the known ones."""
    if name not in PROVIDERS:
        near = get_close_matches(name.lower(), PROVIDERS, 1)
        hint = f"did you mean {near[0]}?" if near else "`wanbatch providers` lists what they sell"
        raise BadInput(f'There is no provider "{name}"; there are {", ".join(PROVIDERS)}', hint=hint)
    return load_facts()[name]


def endpoint(name: str, key: str, *, region: str | None = None, simulator_url: str | None = None) -> Endpoint:
    """Where and as whom to call the provider, or its dialect on a simulator when that URL is given."""
    base_url, others = facts(name).urls(region, simulator_url)
    return Endpoint(base_url, key, others)
