"""Sending a digest to where a person reads it: a signed webhook, whatever takes Slack's JSON, or mail.

A webhook is signed as Standard Webhooks says: `webhook-signature: v1,<base64 HMAC-SHA256 of id.timestamp.body>`.
"""

import base64
import hashlib
import hmac
import json
import smtplib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate, make_msgid
from typing import Final
from urllib.error import HTTPError
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import Request, urlopen

from config.links import trusting
from config.settings import masked_url
from jobs.errors import BadInput, WanbatchError
from producer.digest import Digest

#: Seconds that a receiver gets; a run is over by then, and its person waits at the terminal.
SEND_WITHIN_S: Final = 15.0
SMTP_PORT, SMTPS_PORT = 587, 465
SCHEMES: Final = ("https", "http", "slack+https", "slack+http", "smtp", "smtps")


class Unsent(WanbatchError):
    """The message did not get there; what it tells of is not changed by that."""


def addresses(text: str, secret: str | None) -> list[str]:
    """The addresses of a setting, parted by blanks. BadInput for one that no message can be sent to."""
    found = text.split()
    for number, one in enumerate(found, 1):
        parts = urlsplit(one)
        where = f"WANBATCH_NOTIFY: address {number} ({parts.scheme or 'no scheme'}://...)"
        if parts.scheme not in SCHEMES or not parts.hostname:
            hint = "write https://... (a signed webhook), slack+https://..., or smtp://user:password@host:587/?to=you@x.org"
            raise BadInput(f"{where}: no message can be sent there", hint=hint)
        if parts.scheme in ("https", "http") and not secret:
            raise BadInput(
                f"{where}: a webhook is signed, and WANBATCH_NOTIFY_SECRET is not set",
                hint="set it to a long random word that the receiver knows too",
            )
        if parts.scheme in ("smtp", "smtps") and not parse_qs(parts.query).get("to"):
            raise BadInput(f"{where}: it says no one to write to", hint="end it with ?to=you@example.org")
    return found


def send(digest: Digest, address: str, secret: str | None) -> None:
    """Send it to one address of `addresses`. Raises Unsent; neither password nor path stands in its words."""
    scheme = urlsplit(address).scheme
    way = _mail if scheme.startswith("smtp") else _slack if scheme.startswith("slack+") else _webhook(secret or "")
    try:
        way(digest, address)
    except (smtplib.SMTPException, OSError) as error:
        parts = urlsplit(masked_url(address))
        raise Unsent(
            f"the message to {parts.scheme}://{parts.hostname} was not sent: {_why(error)}",
            "what it tells of is done all the same; see WANBATCH_NOTIFY",
        ) from error


def _why(error: Exception) -> str:
    """What went wrong, without the words of an error that may quote an address or a password."""
    if isinstance(error, HTTPError):
        error.close()
        return f"it answered {error.code}"
    return str(error) if isinstance(error, smtplib.SMTPNotSupportedError) else type(error).__name__


def _webhook(secret: str) -> Callable[[Digest, str], None]:
    def post(digest: Digest, address: str) -> None:
        body = json.dumps({"type": "campaign.ended", **asdict(digest), "text": digest.text}).encode()
        name = "msg_" + hashlib.sha256(body).hexdigest()[:24]
        _post(address, body, signature(secret, name, int(time.time()), body))

    return post


def signature(secret: str, name: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers by which a receiver knows the message: its id, when it was sent, and our hand."""
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    signed = hmac.new(key, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    hand = f"v1,{base64.b64encode(signed).decode()}"
    return {"webhook-id": name, "webhook-timestamp": str(at), "webhook-signature": hand}


def _slack(digest: Digest, address: str) -> None:
    # What a campaign is called must not become a link or a call to the whole channel.
    text = digest.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    _post(address.removeprefix("slack+"), json.dumps({"text": text}).encode(), {})


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    told = {"content-type": "application/json", **headers}
    request = Request(url, body, told)  # noqa: S310 - the schemes are known by then
    with urlopen(request, timeout=SEND_WITHIN_S, context=trusting()):  # noqa: S310
        pass


def _mail(digest: Digest, address: str) -> None:
    parts = urlsplit(address)
    asked = parse_qs(parts.query)
    # Folded at 78 characters, a long subject would begin on a line of its own.
    message = EmailMessage(SMTP_POLICY.clone(max_line_length=900))
    message["From"] = asked.get("from", [unquote(parts.username or "wanbatch@localhost")])[0]
    message["To"] = ", ".join(asked["to"])
    message["Subject"] = digest.subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="wanbatch.invalid")
    message.set_content(digest.text + "\n")
    host = parts.hostname or ""
    if parts.scheme == "smtps":
        door: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or SMTPS_PORT, timeout=SEND_WITHIN_S, context=trusting())
    else:
        door = smtplib.SMTP(host, parts.port or SMTP_PORT, timeout=SEND_WITHIN_S)
    with door:
        door.ehlo_or_helo_if_needed()
        encrypted = parts.scheme == "smtps" or door.has_extn("starttls")
        if parts.scheme == "smtp" and encrypted:
            door.starttls(context=trusting())
        if parts.password and not encrypted:
            raise smtplib.SMTPNotSupportedError("the server takes no encryption, and a password is not sent without")
        if parts.password:
            door.login(unquote(parts.username or ""), unquote(parts.password))
        door.send_message(message)
