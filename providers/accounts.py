"""An account: one key at a provider, in one region, in one world; the gates count by its name."""

from dataclasses import dataclass

from config.accounts import AccountFacts
from config.facts import ProviderFacts
from config.settings import provider_key
from jobs.errors import KeyMissing
from providers.clock import REAL, Clock
from providers.contract import Endpoint
from providers.provider import Provider
from providers.registry import endpoint, provider

#: The key that the simulator takes; it opens nothing else. A further account has one of its own, with its name behind.
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


def open_real(known: AccountFacts) -> Account:
    """The real account. Raises KeyMissing with the variable to set."""
    facts = known.facts
    key = provider_key(facts)
    if key is None:
        raise KeyMissing(
            f"no key for {title(known)}: {' or '.join(facts.key_variables)} is not set",
            f"export {facts.key_variables[0]}=... (or leave --provider out to simulate); nothing was bought",
        )
    at = endpoint(facts.name, key.get_secret_value(), region=known.place)
    speaks = provider(facts.name, known.place)
    return Account(known.name, speaks, facts, known.place, simulated=False, endpoint=at, clock=REAL)


def open_simulated(known: AccountFacts, simulator_url: str, clock: Clock) -> Account:
    """The same account at a simulator, which speaks every dialect under the provider's name."""
    facts = known.facts
    key = f"{SIMULATED_KEY}-{known.bare}" if known.is_further else SIMULATED_KEY
    at = endpoint(facts.name, key, region=known.place, simulator_url=simulator_url)
    speaks = provider(facts.name, known.place)
    return Account(known.name, speaks, facts, known.place, simulated=True, endpoint=at, clock=clock)


def title(known: AccountFacts) -> str:
    """The account for a person: the provider's title, with the account's name where it is a further one."""
    return f"{known.facts.title} ({known.bare})" if known.is_further else known.facts.title
