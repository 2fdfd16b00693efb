"""Logging: facts in one JSON line, and no secret in any of them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from config.logs import configure_logs, known_secrets
from config.settings import load_settings


@pytest.fixture(autouse=True)
def logging_put_back() -> Iterator[None]:
    """Other tests find logging as they left it."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_events_are_json_lines_with_their_facts() -> None:
    """Event first, then time and level, then the facts."""
    out = io.StringIO()
    configure_logs("info", stream=out)
    structlog.get_logger("one").info("job.claimed", job_id="abc", late_ms=3)
    line = out.getvalue()
    assert line.startswith('{"event": "job.claimed", "timestamp": ')
    assert json.loads(line)["late_ms"] == 3


def test_the_standard_library_logs_the_same_way() -> None:
    """Celery's and redis' lines are JSON too, with the logger's name."""
    out = io.StringIO()
    configure_logs("info", stream=out)
    logging.getLogger("celery.worker").warning("hello %s", "there")
    said = json.loads(out.getvalue())
    assert (said["event"], said["logger"], said["level"]) == ("hello there", "celery.worker", "warning")


def test_the_level_is_obeyed() -> None:
    """What is below it is not written."""
    out = io.StringIO()
    configure_logs("error", stream=out)
    structlog.get_logger("two").warning("job.slow")
    logging.getLogger("redis").warning("slow")
    assert not out.getvalue()


def test_secrets_are_masked_everywhere() -> None:
    """In a fact, in a message, in a traceback, JSON-escaped or in a URL."""
    out = io.StringIO()
    configure_logs("info", secrets=['key-"quoted"', "plain-secret"], stream=out)
    log = structlog.get_logger("three")
    log.info("call.sent", header='Bearer key-"quoted"', url="redis://:pass@word@host/0")
    logging.getLogger("httpx").warning("sent %s", "plain-secret")
    try:
        raise ValueError("plain-secret")
    except ValueError:
        log.exception("call.failed")
    text = out.getvalue()
    assert "quoted" not in text
    assert "plain-secret" not in text
    assert "pass" not in text
    assert text.count("***") >= 4


def test_short_words_are_no_secrets() -> None:
    """Masking a two-letter password would spoil every line."""
    out = io.StringIO()
    configure_logs("info", secrets=["ok"], stream=out)
    structlog.get_logger("four").info("all ok")
    assert "all ok" in out.getvalue()


def test_a_terminal_gets_readable_lines() -> None:
    """A person reads words, not JSON."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    configure_logs("info", stream=out)
    structlog.get_logger("five").info("job.claimed", job_id="abc")
    assert "job.claimed" in out.getvalue()
    assert not out.getvalue().startswith("{")


def test_foreign_words_forge_no_line_on_a_terminal() -> None:
    """A provider's message may hold line breaks, colours and marks that turn text around."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    configure_logs("info", stream=out)
    evil = "oops\n12:00:00 [info] all is well \x1b[2J\u202e"
    structlog.get_logger("seven").warning("account parked", reason=evil)
    logging.getLogger("eight").warning("said %s", evil)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert "\x1b[2J" not in out.getvalue()
    assert "\u202e" not in out.getvalue()
    json_out = io.StringIO()
    configure_logs("info", stream=json_out)
    logging.getLogger("nine").warning("said %s", evil, extra={"reason": evil})
    (line,) = json_out.getvalue().splitlines()
    assert json.loads(line)["reason"] == evil


def test_known_secrets_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys, the secrets of webhooks, the ledger's password and the S3 secret."""

    class Facts:
        key_variables = ("SOME_KEY",)
        webhook_secret_variable = "SOME_WEBHOOK_SECRET"

    monkeypatch.setenv("SOME_KEY", "sk-some")
    monkeypatch.setenv("SOME_WEBHOOK_SECRET", "whsec_some")
    monkeypatch.setenv("WANBATCH_WEBHOOK_SECRET", "one-of-sixteen-characters")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-secret")
    settings = load_settings(redis="redis://:redis-pw@host/0")
    hooks = ["whsec_some", "one-of-sixteen-characters"]
    assert known_secrets(settings, [Facts()]) == ["sk-some", *hooks, "redis-pw", "aws-secret"]
