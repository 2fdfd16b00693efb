"""Every setting of wanbatch, read once and never changed: flag, then WANBATCH_*, then wanbatch.toml, then the default.

A wrong value is told by the name under which the person wrote it. Secrets have a type that masks itself.
"""

import getpass
import os
import platform
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from jobs.errors import BadInput

PREFIX = "WANBATCH_"
FILE_NAME = "wanbatch.toml"
#: Where container engines mount secrets as files.
SECRETS_DIR = Path("/run/secrets")
#: Command-line spelling of the settings that have a flag.
FLAGS = {
    "redis": "--redis",
    "store": "--store",
    "provider": "--provider",
    "budget_usd": "--budget",
    "simulator_speed": "--speed",
}

Usd = Annotated[Decimal, BeforeValidator(lambda value: value.lstrip("$") if isinstance(value, str) else value)]


class KeyNames(Protocol):
    """Whatever knows the usual environment variables of one provider's key."""

    @property
    def key_variables(self) -> tuple[str, ...]:
        """The variables to look into, the usual one first."""
        ...


class SecretNames(KeyNames, Protocol):
    """Whatever knows those of all its secrets."""

    @property
    def webhook_secret_variable(self) -> str | None:
        """The variable of the secret that its webhooks are signed with."""
        ...


def login() -> str:
    """Who is logged in here: user and machine; the user's number where the system has no name for it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{platform.node()}"


class Settings(BaseSettings):
    """All settings: a field is also `WANBATCH_<NAME>`, a file of that name with the secrets, a key of wanbatch.toml."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    redis: SecretStr | None = Field(
        None, description="the ledger's URL, redis://host:6379/0; without it a ledger is embedded in `run`"
    )
    store: str = Field(
        "file://./out", description="where videos and records go: file://./folder, file:///folder or s3://bucket/prefix"
    )
    provider: str | None = Field(
        None, description="the name of a provider or account, as `wanbatch providers` lists it"
    )
    submitted_by: str = Field(
        default_factory=login, pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$", max_length=200,
        description="in whose name campaigns are submitted, such as anna@growth; without it whoever is logged in",
    )  # fmt: skip
    region: str | None = Field(None, description="the provider's region, where it has several (intl, us, cn)")
    budget_usd: Usd | None = Field(None, gt=0, description="the most a campaign may spend in dollars, such as 12.50")
    type_above_usd: Usd = Field(
        Decimal(100), ge=0, description="a purchase above so many dollars has to be typed out, such as 100"
    )
    simulator_url: str | None = Field(
        None, pattern=r"^https?://\S+$", description="a simulator that is already running, http://host:port"
    )
    simulator_speed: float = Field(
        60, gt=0, le=100_000, description="how many times faster than life an embedded simulator runs, such as 60"
    )
    threads: int = Field(8, ge=2, le=256, description="a worker's threads for short tasks, from 2 to 256")
    accounts: str | None = Field(
        None,
        description="the accounts that a worker serves, such as segmind,simulated-dashscope; without it all it can",
    )
    limits: Path | None = Field(
        None,
        description="a TOML file with your further accounts, and what each may do where that is not as documented",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="the least that is logged: debug, info, warning or error"
    )
    notify: SecretStr | None = Field(
        None,
        description="where a message goes when a run ends or needs a person: https://..., slack+https://... or "
        "smtp://user:password@host:587/?to=you@example.org, several with blanks between",
    )
    notify_secret: SecretStr | None = Field(None, description="what the webhook of WANBATCH_NOTIFY is signed with")
    webhook_secret: SecretStr | None = Field(
        None, min_length=16, description="a text of your own, 16 characters or more, that makes webhooks' addresses"
    )
    webhook_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#]+$",
        description="where providers reach `wanbatch webhooks`, https://host/path; it needs WANBATCH_WEBHOOK_SECRET",
    )
    s3_endpoint: str | None = Field(
        None, pattern=r"^https?://\S+$", description="the S3 endpoint, https://host, for stores other than AWS"
    )
    s3_region: str | None = Field(None, description="the S3 region's name, such as eu-central-1")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - made below, for the folder that is set
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the places that are asked: flags, environment, secrets folder, the nearest wanbatch.toml."""
        sources = [init_settings, env_settings]
        folder = _secrets_dir()
        if folder.is_dir():
            sources.append(SecretsSettingsSource(settings_cls, secrets_dir=folder))
        if file := nearest_file():
            sources.append(TomlConfigSettingsSource(settings_cls, toml_file=file))
        return tuple(sources)

    @field_validator("redis")
    @classmethod
    def _redis_url(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse what is no Redis URL before a client is made of it."""
        if value is not None and urlsplit(value.get_secret_value()).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError
        return value

    @field_validator("webhook_url")
    @classmethod
    def _told_with_a_secret(cls, value: str | None, told: ValidationInfo) -> str | None:
        """Refuse addresses that anybody could make."""
        if value is not None and told.data.get("webhook_secret") is None:
            raise ValueError
        return value

    @field_validator("store", mode="after")
    @classmethod
    def _absolute_store(cls, value: str) -> str:
        """Make the store absolute, from the folder of the nearest wanbatch.toml, else from here."""
        scheme, separator, rest = value.partition("://")
        if separator and scheme != "file":
            if scheme != "s3" or not rest.strip("/"):
                raise ValueError
            return value.rstrip("/")
        folder = unquote(rest.removeprefix("localhost")) if separator else value
        if not folder.strip():
            raise ValueError
        file = nearest_file()
        return ((file.parent if file else Path.cwd()) / folder).resolve().as_uri()

    @field_validator("limits", mode="after")
    @classmethod
    def _absolute_limits(cls, value: Path | None) -> Path | None:
        """Make the file's path absolute, from the folder of the nearest wanbatch.toml, else from here."""
        file = nearest_file()
        return None if value is None else ((file.parent if file else Path.cwd()) / value).resolve()

    @property
    def redis_url(self) -> str | None:
        """The ledger's URL with its password, for the client; None where the ledger is embedded."""
        return None if self.redis is None else self.redis.get_secret_value()

    @property
    def redis_shown(self) -> str:
        """The ledger's URL as people may see it."""
        return "embedded" if self.redis is None else masked_url(self.redis.get_secret_value())

    def serves(self, account: str) -> bool:
        """Whether a worker with these settings may serve the account of that name."""
        return self.accounts is None or account in {name.strip() for name in self.accounts.split(",")}


def load_settings(**flags: object) -> Settings:
    """Read the settings; a flag that is None was not given. BadInput names every wrong value at once."""
    given: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(
            f"{nearest_file()}: this is not TOML: {error}", hint="write lines such as store = 'file://./out'"
        ) from None
    except ValidationError as error:
        wrong = [_explained(str(each["loc"][0]), given) for each in error.errors(include_input=False) if each["loc"]]
        raise BadInput("\n".join(wrong)) from None


def nearest_file() -> Path | None:
    """The wanbatch.toml of this folder or of the nearest one above it."""
    here = Path.cwd()
    return next((folder / FILE_NAME for folder in (here, *here.parents) if (folder / FILE_NAME).is_file()), None)


def provider_key(facts: KeyNames) -> SecretStr | None:
    """The provider's key from its usual variables, else from a file of that name with the secrets; None if unset."""
    return _secret(*facts.key_variables)


def webhook_secret(facts: SecretNames) -> SecretStr | None:
    """What the provider's webhooks are signed with, from the same places; None if unset, or where there is none."""
    return _secret(facts.webhook_secret_variable) if facts.webhook_secret_variable else None


def s3_keys() -> tuple[str | None, str | None]:
    """The S3 store's access key and secret, for the client, from files of their usual names with the secrets.

    Both are None where a file is missing or the environment has a key of its own: then the AWS chain decides.
    """
    key, secret = _secret_file("AWS_ACCESS_KEY_ID"), _secret_file("AWS_SECRET_ACCESS_KEY")
    if os.environ.get("AWS_ACCESS_KEY_ID") or not (key and secret):
        return None, None
    return key.get_secret_value(), secret.get_secret_value()


def masked_url(url: str) -> str:
    """The URL with its password as `***`, and without query or fragment, where secrets may hide too."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = f"{parts.username or ''}:***@" if parts.password else f"{parts.username}@" if parts.username else ""
    return f"{parts.scheme}://{user}{host}{parts.path}"


def _secrets_dir() -> Path:
    """The folder with secrets, known before any other setting."""
    return Path(os.environ.get(f"{PREFIX}SECRETS_DIR") or SECRETS_DIR)


def _secret(*names: str) -> SecretStr | None:
    """The first of these variables that is set, else the first of them that is a file with the secrets."""
    for name in names:
        if value := os.environ.get(name, "").strip():
            return SecretStr(value)
    return next(filter(None, map(_secret_file, names)), None)


def _secret_file(name: str) -> SecretStr | None:
    """What stands in the file of that name, or of the same in small letters, with the secrets."""
    for file in (_secrets_dir() / name, _secrets_dir() / name.lower()):
        if file.is_file() and (value := file.read_text(encoding="utf-8").strip()):
            return SecretStr(value)
    return None


def _explained(name: str, given: Mapping[str, Any]) -> str:
    """One line for a wrong setting: where it was written, and what would be right."""
    field = Settings.model_fields.get(name)
    file = nearest_file()
    if field is None:
        known = ", ".join(Settings.model_fields)
        return f"{file}: there is no setting {name!r}; the settings are {known}"
    variable = f"{PREFIX}{name.upper()}"
    if name in given:
        place = FLAGS.get(name, name)
    elif os.environ.get(variable):
        place = variable
    elif any((_secrets_dir() / spelt).is_file() for spelt in (variable, variable.lower())):
        place = f"{_secrets_dir()}/{variable.lower()}"
    else:
        place = f"{file}: {name}"
    return f"{place}: this value cannot be used; wanted is {field.description}"
