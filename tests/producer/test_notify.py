"""Messages to real receivers on loopback: signed, in Slack's shape, by mail; and what is said where one is away."""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest

from jobs.errors import BadInput
from producer.digest import Digest, Need
from producer.notify import Unsent, addresses, send
from tests.receivers import mailbox, web
from tests.tls import self_signed

SECRET = "a long random word"
DIGEST = Digest(
    campaign="spring",
    simulated=False,
    needs=(Need(2, "submits without an answer", "wanbatch reconcile spring"),),
    lines=("2 need you: submits <without> an answer: `wanbatch reconcile spring`", "bought 8 of 10, $5.00 spent"),
    papers=("s3://b/manifest.jsonl",),
)


def test_a_webhook_is_signed_and_says_all() -> None:
    """The receiver proves it with the secret alone: id, time and body are under one hand."""
    with web() as there:
        send(DIGEST, f"{there.url}/hook?token=x", SECRET)
    ((path, headers, body),) = there.got
    assert path == "/hook?token=x"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    hand = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{hand}"
    told = json.loads(body)
    assert (told["campaign"], told["needs"][0]["command"]) == ("spring", "wanbatch reconcile spring")
    assert told["text"] == DIGEST.text


def test_slack_gets_plain_words() -> None:
    """What stands in a campaign's words becomes no link and no call."""
    with web() as there:
        send(DIGEST, f"slack+{there.url}/services/x", None)
    ((path, headers, body),) = there.got
    assert (path, headers["content-type"]) == ("/services/x", "application/json")
    text = json.loads(body)["text"]
    assert text.splitlines()[0] == (
        "spring: 2 need you: submits &lt;without&gt; an answer: `wanbatch reconcile spring`"
    )


def test_mail_is_encrypted_before_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STARTTLS with a known authority, then the login, then the letter."""
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with mailbox(certificate) as box:
        send(DIGEST, f"smtp://anna%40x.org:pa%2Fss@{box.host}/?from=wan@x.org&to=a@x.org&to=b@x.org", None)
    (letter,) = box.letters
    assert box.logins == [("anna@x.org", "pa/ss")]
    assert (letter["from"], letter["to"], letter["subject"]) == ("wan@x.org", "a@x.org, b@x.org", DIGEST.subject)
    assert letter.get_content().splitlines() == DIGEST.text.splitlines()


def test_a_password_is_never_sent_in_the_clear() -> None:
    """A server without encryption gets no login, and its person a reason."""
    with mailbox() as box:
        with pytest.raises(Unsent, match="a password is not sent without"):
            send(DIGEST, f"smtp://anna:secret@{box.host}/?to=a@x.org", None)
        send(DIGEST, f"smtp://{box.host}/?to=a@x.org", None)
    assert len(box.letters) == 1


def test_what_was_not_sent_is_said_without_its_address() -> None:
    """Slack's addresses are secrets: only the host is told, and what it answered."""
    with web(answers=410) as there, pytest.raises(Unsent) as told:
        send(DIGEST, f"slack+{there.url}/services/T0/secret", None)
    assert "it answered 410" in str(told.value)
    assert "secret" not in str(told.value) + told.value.hint
    with pytest.raises(Unsent, match="was not sent: URLError"):
        send(DIGEST, there.url, SECRET)


@pytest.mark.parametrize(
    ("text", "secret", "said"),
    [
        ("ftp://x.org", None, r"address 1 \(ftp://...\)"),
        ("https://x.org/hook", None, "WANBATCH_NOTIFY_SECRET is not set"),
        ("slack+https://hooks.x.org/1 smtp://mail.x.org", None, r"address 2 \(smtp://...\): it says no one"),
        ("https://", "s", "no message can be sent there"),
    ],
)
def test_a_wrong_address_is_told_before_anything_starts(text: str, secret: str | None, said: str) -> None:
    """By its number and scheme; the address itself may be a secret."""
    with pytest.raises(BadInput, match=said):
        addresses(text, secret)
