"""Logging for all processes: events with facts, as readable lines on a terminal and as JSON lines elsewhere.

Celery, redis and uvicorn log by the standard library; their lines go the same way. Known secrets are masked in the
finished line, so no field, message or traceback can carry one out.
"""

import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, TextIO
from urllib.parse import urlsplit

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config.settings import SecretNames, Settings, provider_key, s3_keys, webhook_secret
from jobs.visible import visible

#: What stands where a secret was.
MASK: Final = "***"
#: Characters. Shorter values are no secrets, and masking them would spoil ordinary words.
SHORTEST_SECRET: Final = 6
#: Loggers of others that tell every request and every message at `info`; heard at `debug` only.
TALKATIVE: Final = ("httpx", "httpcore", "celery", "kombu", "amqp", "botocore", "boto3", "urllib3", "asyncio")
#: What lines of the standard library's loggers carry beside their words: the facts in `extra`, the logger, a traceback.
_STANDARD: Final[tuple[Processor, ...]] = (
    structlog.stdlib.ExtraAdder(),
    structlog.stdlib.add_logger_name,
    structlog.processors.format_exc_info,
)
_URL_PASSWORD: Final = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")


class Masked:
    """A renderer that puts `***` in the place of every known secret and of every password in a URL."""

    def __init__(self, render: Processor, secrets: Iterable[str]) -> None:
        self._render = render
        known = {secret for secret in secrets if len(secret) >= SHORTEST_SECRET}
        spelt = known | {json.dumps(secret)[1:-1] for secret in known}
        self._secrets = sorted(spelt, key=len, reverse=True)

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        """Render the event, then mask."""
        line = str(self._render(logger, name, event))
        for secret in self._secrets:
            line = line.replace(secret, MASK)
        return _URL_PASSWORD.sub(rf"\1:{MASK}@", line)


def configure_logs(level: str, *, secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Set logging up once, at a process door; `level` is debug, info, warning or error."""
    out = stream or sys.stderr
    human = out.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if human else "iso", utc=not human),
    ]
    render: list[Processor] = (
        [_spelt_out, structlog.dev.ConsoleRenderer()]
        if human
        else [_event_first, structlog.processors.JSONRenderer(default=str)]
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, *_STANDARD],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *render[:-1],
                Masked(render[-1], secrets),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level != "debug":
        for name in TALKATIVE:
            logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()]))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            *([] if human else [structlog.processors.format_exc_info]),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def known_secrets(settings: Settings, providers: Iterable[SecretNames]) -> list[str]:
    """Every secret that this process can know: keys, the ledger's password, the S3 secret, where messages go."""
    found = [secret for facts in providers for secret in (provider_key(facts), webhook_secret(facts))]
    keys = [secret.get_secret_value() for secret in (*found, settings.webhook_secret) if secret]
    password = urlsplit(settings.redis_url).password if settings.redis_url else None
    keys += [each.get_secret_value() for each in (settings.notify, settings.notify_secret) if each]
    names = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return [secret for secret in (*keys, password, s3_keys()[1], *(os.environ.get(name) for name in names)) if secret]


def _spelt_out(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Keep foreign words from driving the terminal or forging a line; JSON does so by itself."""
    return {
        name: visible(value, keep="\n\t" if name == "exception" else "") if isinstance(value, str) else value
        for name, value in event.items()
    }


def _event_first(_logger: WrappedLogger, _name: str, event: EventDict) -> Mapping[str, Any]:
    """Put the event's name and time before its facts, so that a line reads from the left."""
    first = {key: event.pop(key) for key in ("event", "timestamp", "level") if key in event}
    return {**first, **event}
