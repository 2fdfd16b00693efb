"""Accounts: named for provider, region and world; a real one needs its key, a simulated one never uses it."""

from pathlib import Path

import pytest

from config.accounts import Accounts, account_name
from jobs.errors import BadInput, KeyMissing, Refused
from providers.accounts import SIMULATED_KEY, open_real, open_simulated
from providers.clock import REAL, Clock
from providers.registry import facts
from worker.wiring import check_keys

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
        open_real(Accounts().named("segmind", simulated=False))
    monkeypatch.setenv("SEGMIND_API_KEY", "sg-secret")
    account = open_real(Accounts().named("segmind", simulated=False))
    assert (account.name, account.region, account.simulated, account.clock) == ("segmind", "global", False, REAL)
    assert account.endpoint.key == "sg-secret"
    assert "sg-secret" not in repr(account)


def test_a_simulated_account_never_holds_the_real_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal goes to the simulator, with a key that opens nothing else."""
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-secret")
    account = open_simulated(Accounts(None, "cn").named("dashscope", simulated=True), "http://127.0.0.1:1", CLOCK)
    assert (account.name, account.region, account.clock) == ("simulated-dashscope-cn", "cn", CLOCK)
    assert account.endpoint.key == SIMULATED_KEY
    assert account.endpoint.base_url.startswith("http://127.0.0.1:1/dashscope")


def test_an_unknown_region_is_named_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in the region is told before anything is asked."""
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-secret")
    with pytest.raises(BadInput, match=r'no region "mars"(?s:.)*intl, us, cn'):
        Accounts(None, "mars").named("dashscope", simulated=False)


def test_two_keys_are_two_accounts_and_one_key_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is opened with its own variable, and rehearsed with a key of its own; two names for one key are refused."""
    file = tmp_path / "accounts.toml"
    file.write_text('[two]\nprovider = "segmind"\nkey_variable = "SEGMIND_TWO_API_KEY"\n')
    known = Accounts(file)
    usual, further = (known.named(name, simulated=False) for name in ("segmind", "two"))
    monkeypatch.setenv("SEGMIND_API_KEY", "sg-one")
    with pytest.raises(KeyMissing, match=r"no key for Segmind \(two\): SEGMIND_TWO_API_KEY is not set"):
        open_real(further)
    monkeypatch.setenv("SEGMIND_TWO_API_KEY", "sg-two")
    opened = [open_real(usual), open_real(further)]
    assert [(account.name, account.endpoint.key) for account in opened] == [("segmind", "sg-one"), ("two", "sg-two")]
    check_keys(opened)
    rehearsed = [
        open_simulated(known.named(name, simulated=True), "http://127.0.0.1:1", CLOCK) for name in ("segmind", "two")
    ]
    assert len({account.endpoint.key for account in rehearsed}) == 2
    monkeypatch.setenv("SEGMIND_TWO_API_KEY", "sg-one")
    with pytest.raises(Refused, match="segmind and two have the same key"):
        check_keys([open_real(usual), open_real(further)])
