"""Accounts: named for provider, region and world; a real one needs its key, a simulated one never uses it."""

import pytest

from jobs.errors import BadInput, KeyMissing
from providers.accounts import SIMULATED_KEY, account_name, open_real, open_simulated
from providers.clock import REAL, Clock
from providers.registry import facts

CLOCK = Clock(60, 1_700_000_000)


@pytest.mark.parametrize(
    ("provider", "region", "simulated", "name"),
    [
        ("segmind", None, False, "segmind"),
        ("segmind", "global", True, "simulated-segmind"),
        ("dashscope", None, True, "simulated-dashscope"),
        ("dashscope", "intl", False, "dashscope"),
        ("dashscope", "cn", False, "dashscope-cn"),
        ("dashscope", "us", True, "simulated-dashscope-us"),
    ],
)
def test_an_account_is_named_for_what_is_limited(
    provider: str, region: str | None, name: str, *, simulated: bool
) -> None:
    """The gates count by this name: two regions are two accounts, and the usual region needs no mention."""
    assert account_name(facts(provider), region, simulated=simulated) == name


def test_a_real_account_needs_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the message names the variable to set; nothing is bought by accident."""
    with pytest.raises(KeyMissing, match=r"SEGMIND_API_KEY is not set(?s:.)*export SEGMIND_API_KEY="):
        open_real("segmind")
    monkeypatch.setenv("SEGMIND_API_KEY", "sg-secret")
    account = open_real("segmind")
    assert (account.name, account.region, account.simulated, account.clock) == ("segmind", "global", False, REAL)
    assert account.endpoint.key == "sg-secret"
    assert "sg-secret" not in repr(account)


def test_a_simulated_account_never_holds_the_real_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal goes to the simulator, with a key that opens nothing else."""
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-secret")
    account = open_simulated("dashscope", "cn", "http://127.0.0.1:1", CLOCK)
    assert (account.name, account.region, account.clock) == ("simulated-dashscope-cn", "cn", CLOCK)
    assert account.endpoint.key == SIMULATED_KEY
    assert account.endpoint.base_url.startswith("http://127.0.0.1:1/dashscope")


def test_an_unknown_region_is_named_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in the region is told before anything is asked."""
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-secret")
    with pytest.raises(BadInput, match=r'no region "mars"(?s:.)*intl, us, cn'):
        open_real("dashscope", "mars")
