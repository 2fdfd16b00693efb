"""Settings: who wins, where relative places start, and what a wrong value is told."""

import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.facts import load_facts
from config.settings import FLAGS, Settings, load_settings, masked_url, nearest_file, provider_key, webhook_secret
from jobs.errors import BadInput


@dataclass(frozen=True)
class Keys:
    """The one thing that provider_key wants to know of a provider."""

    key_variables: tuple[str, ...]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test starts in an empty folder, with an empty folder of secrets."""
    (tmp_path / "work").mkdir()
    (tmp_path / "secrets").mkdir()
    monkeypatch.setenv("WANBATCH_SECRETS_DIR", str(tmp_path / "secrets"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def test_nothing_set_gives_the_defaults(here: Path) -> None:
    """Without any setting the ledger is embedded and the store is ./out."""
    settings = load_settings()
    assert settings.redis_url is None
    assert settings.redis_shown == "embedded"
    assert settings.store == (here / "work" / "out").as_uri()
    assert settings.budget_usd is None
    assert settings.simulator_speed == 60


def test_flag_beats_variable_beats_secret_beats_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flag, then environment, then secrets folder, then wanbatch.toml."""
    (here / "wanbatch.toml").write_text("threads = 3\n")
    assert load_settings().threads == 3
    (here / "secrets" / "wanbatch_threads").write_text("4\n")
    assert load_settings().threads == 4
    monkeypatch.setenv("WANBATCH_THREADS", "5")
    assert load_settings().threads == 5
    assert load_settings(threads=6).threads == 6


def test_a_flag_that_was_not_given_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """None means that the flag was left out."""
    monkeypatch.setenv("WANBATCH_PROVIDER", "dashscope")
    assert load_settings(provider=None).provider == "dashscope"


def test_an_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """`WANBATCH_BUDGET_USD=` in an env file sets nothing."""
    monkeypatch.setenv("WANBATCH_BUDGET_USD", "")
    assert load_settings().budget_usd is None


def test_relative_stores_start_at_the_nearest_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is the same from every folder below the wanbatch.toml."""
    (here / "work" / "wanbatch.toml").write_text('store = "file://./videos"\n')
    deep = here / "work" / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert nearest_file() == here / "work" / "wanbatch.toml"
    assert load_settings().store == (here / "work" / "videos").as_uri()
    assert load_settings(store="elsewhere").store == (here / "work" / "elsewhere").as_uri()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("s3://bucket/prefix/", "s3://bucket/prefix"),
        ("s3://bucket", "s3://bucket"),
        ("file:///data/videos", "file:///data/videos"),
        ("file:///data/with%20space", "file:///data/with%20space"),
        ("/data/plain", "file:///data/plain"),
    ],
)
def test_stores_are_made_absolute(given: str, meant: str) -> None:
    """Every spelling of a store comes down to one."""
    assert load_settings(store=given).store == meant


@pytest.mark.parametrize("wrong", ["http://host/x", "s3://", "gs://bucket", "", "file://"])
def test_a_store_that_is_none_is_refused(wrong: str) -> None:
    """The error names the flag and the spellings that are right."""
    with pytest.raises(BadInput, match=r"--store: .*file://./folder.*s3://bucket/prefix"):
        load_settings(store=wrong)


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """All wrong values at once, each by its variable, with what would be right, and without pydantic's words."""
    monkeypatch.setenv("WANBATCH_THREADS", "many")
    monkeypatch.setenv("WANBATCH_BUDGET_USD", "-1")
    with pytest.raises(BadInput) as caught:
        load_settings()
    lines = str(caught.value).splitlines()
    assert sorted(line.split(":")[0] for line in lines) == ["WANBATCH_BUDGET_USD", "WANBATCH_THREADS"]
    assert "from 2 to 256" in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_a_wrong_value_in_the_file_is_named(here: Path) -> None:
    """The error names file and key."""
    (here / "work" / "wanbatch.toml").write_text('log_level = "loud"\n')
    with pytest.raises(BadInput, match=r"wanbatch.toml: log_level: .*debug, info"):
        load_settings()


def test_an_unknown_key_in_the_file_is_named(here: Path) -> None:
    """A misspelt key is not silently ignored."""
    (here / "work" / "wanbatch.toml").write_text('bugdet_usd = "5"\n')
    with pytest.raises(BadInput, match=r"no setting 'bugdet_usd'.*budget_usd"):
        load_settings()


def test_a_wrong_value_in_a_secret_is_named(here: Path) -> None:
    """The error names the file in the secrets folder, and never what is in it."""
    (here / "secrets" / "wanbatch_redis").write_text("postgres://hush@host")
    with pytest.raises(BadInput, match=r"secrets/wanbatch_redis: .*redis://host:6379/0") as caught:
        load_settings()
    assert "hush" not in str(caught.value)


def test_a_file_that_is_no_toml_is_named(here: Path) -> None:
    """The error names the file and the place in it."""
    (here / "work" / "wanbatch.toml").write_text("store = \n")
    with pytest.raises(BadInput, match=r"wanbatch.toml: this is not TOML: .*line 1"):
        load_settings()


def test_the_budget_is_exact_money(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dollar sign is welcome, a float never comes near."""
    monkeypatch.setenv("WANBATCH_BUDGET_USD", "$12.10")
    assert load_settings().budget_usd == Decimal("12.10")


def test_settings_cannot_be_changed() -> None:
    """Once read, a setting stays."""
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().threads = 3  # type: ignore[misc]


def test_the_password_never_shows() -> None:
    """Neither a repr nor the shown URL holds it."""
    settings = load_settings(redis="redis://user:hunter22@host:6379/0?password=hunter22")
    assert "hunter22" not in repr(settings) + settings.redis_shown
    assert settings.redis_shown == "redis://user:***@host:6379/0"
    assert "hunter22" in (settings.redis_url or "")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://:pw@[::1]:6379", "redis://:***@[::1]:6379"),
        ("redis://user@host", "redis://user@host"),
        ("unix:///run/redis.sock?password=pw", "unix:///run/redis.sock"),
    ],
)
def test_urls_are_masked(url: str, shown: str) -> None:
    """Host and user stay readable, passwords do not."""
    assert masked_url(url) == shown


def test_the_key_comes_from_its_usual_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first variable that is set wins; the key masks itself."""
    monkeypatch.setenv("SECOND_KEY", " sk-2 ")
    key = provider_key(Keys(("FIRST_KEY", "SECOND_KEY")))
    assert key is not None
    assert key.get_secret_value() == "sk-2"
    assert "sk-2" not in repr(key)


def test_the_key_may_be_a_file(here: Path) -> None:
    """A container's secret is found under the variable's name, in capitals or not."""
    (here / "secrets" / "first_key").write_text("sk-1\n")
    key = provider_key(Keys(("FIRST_KEY",)))
    assert key is not None
    assert key.get_secret_value() == "sk-1"


def test_no_key_is_none() -> None:
    """Unset and empty are the same."""
    assert provider_key(Keys(("FIRST_KEY",))) is None


def test_a_worker_serves_the_accounts_it_is_told() -> None:
    """Without the setting all, with it those alone."""
    assert load_settings().serves("segmind")
    some = load_settings(accounts="segmind, simulated-dashscope")
    assert some.serves("simulated-dashscope")
    assert not some.serves("simulated-segmind")


def test_every_flag_is_a_setting() -> None:
    """The table that errors are told by names no setting that has gone."""
    assert FLAGS.keys() <= Settings.model_fields.keys()


def test_every_setting_has_words() -> None:
    """An error can only say what would be right if the setting does."""
    assert all(field.description for field in Settings.model_fields.values())
    assert not any(os.environ.get(f"WANBATCH_{name.upper()}") for name in Settings.model_fields)


def test_webhooks_need_a_secret_that_makes_their_addresses() -> None:
    """An address alone, or with a secret that can be guessed, is refused; both are taken, the secret masked."""
    with pytest.raises(BadInput, match="it needs WANBATCH_WEBHOOK_SECRET"):
        load_settings(webhook_url="https://hooks.example")
    with pytest.raises(BadInput, match="16 characters or more"):
        load_settings(webhook_url="https://hooks.example", webhook_secret="short")
    with pytest.raises(BadInput, match="https://host/path"):
        load_settings(webhook_url="hooks.example", webhook_secret="sixteen-characters")
    both = load_settings(webhook_url="https://hooks.example", webhook_secret="sixteen-characters")
    assert "sixteen-characters" not in repr(both)


def test_a_webhook_secret_comes_from_where_keys_come_from(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable, else a file with the secrets; a provider that signs otherwise has none."""
    replicate, fal = load_facts()["replicate"], load_facts()["fal"]
    assert webhook_secret(replicate) is webhook_secret(fal) is None
    (here / "secrets" / "replicate_webhook_secret").write_text("whsec_file\n")
    assert repr(webhook_secret(replicate)) == "SecretStr('**********')"
    monkeypatch.setenv("REPLICATE_WEBHOOK_SECRET", "whsec_variable")
    found = webhook_secret(replicate)
    assert found is not None
    assert found.get_secret_value() == "whsec_variable"
