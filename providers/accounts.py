"""An account: one key at a provider, in one region, in one world; the gates count by its name."""

from dataclasses import dataclass

from config.facts import ProviderFacts
from config.settings import provider_key
from jobs.errors import KeyMissing
from providers.clock import REAL, Clock
from providers.contract import Endpoint
from providers.provider import Provider
from providers.registry import endpoint, provider
from providers.registry import facts as facts_of

#: The key that the simulator takes; it opens nothing else.
SIMULATED_KEY = "sim-wanbatch"


@dataclass(frozen=True, slots=True)
class Account:
    """Where jobs are bought: the provider's dialect and facts, where and as whom to call it, and its clock."""

    name: str
    provider: Provider
    facts: ProviderFacts
    region: str
    simulated: bool
    endpoint: Endpoint
    clock: Clock


def account_name(facts: ProviderFacts, region: str | None, *, simulated: bool) -> str:
    """The account's name: the provider's, with the region where it is not the usual one, and its world."""
    place = facts.name if region in (None, facts.default_region) else f"{facts.name}-{region}"
    return f"simulated-{place}" if simulated else place


def open_real(name: str, region: str | None = None) -> Account:
    """The real account of a provider. Raises KeyMissing with the variable to set, Refused for an unknown region."""
    facts = facts_of(name)
    place = region or facts.default_region
    key = provider_key(facts)
    if key is None:
        raise KeyMissing(
            f"no key for {facts.title}: {' or '.join(facts.key_variables)} is not set",
            f"export {facts.key_variables[0]}=... (or leave --provider out to simulate); nothing was bought",
        )
    at = endpoint(name, key.get_secret_value(), region=place)
    named = account_name(facts, place, simulated=False)
    return Account(named, provider(name, place), facts, place, simulated=False, endpoint=at, clock=REAL)


def open_simulated(name: str, region: str | None, simulator_url: str, clock: Clock) -> Account:
    """The same provider's account at a simulator, which speaks every dialect under the provider's name."""
    facts = facts_of(name)
    place = region or facts.default_region
    at = endpoint(name, SIMULATED_KEY, region=place, simulator_url=simulator_url)
    named = account_name(facts, place, simulated=True)
    return Account(named, provider(name, place), facts, place, simulated=True, endpoint=at, clock=clock)
