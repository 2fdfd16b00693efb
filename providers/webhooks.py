"""Webhooks: how a provider is asked to call once a render has ended, and how its call proves that it comes from there.

A call is a hint and nothing more: what it says of state, cost or video is never believed. Its address ends in a tag
that only we can make, so that nobody else finds a job; where the provider signs, key, time and body must fit, too.
"""

import base64
import hashlib
import hmac
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import quote

from providers import fields, rules
from providers.contract import Answer, Call, Endpoint

#: Seconds, of the provider's clock, by which the time in a signed call may differ from now; all documents say so.
SKEW_S = 300.0
#: Hexadecimal digits of a tag: 128 bits.
TAG_DIGITS = 32
#: How an address ends: account, job, number of the send, tag, and what a provider may append.
_ADDRESS = re.compile(r"/([A-Za-z0-9-]+)/([A-Za-z0-9_-]+)/([0-9]{1,9})/([0-9a-f]{32})(?:/callback)?\Z", re.ASCII)
#: Of a name or time in a header, so many characters at most.
_NAME = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
_TIME = re.compile(r"[0-9]{1,12}", re.ASCII)

#: What signatures are checked with: shared secrets or public keys, more than one while they change.
Keys = Sequence[bytes]


class Signed(NamedTuple):
    """What a signed call says of itself: the name of the delivery, its time in Unix seconds, and the body."""

    name: str
    at: str
    body: bytes


class Proof(ABC):
    """How a call is proved."""

    def secret_keys(self, secret: str) -> Keys:
        """The keys in a shared secret. Raises ValueError where it cannot be one."""
        return (secret.encode(),)

    def keys_call(self, at: Endpoint) -> Call | None:  # noqa: ARG002 - for those who publish keys
        """The GET of the provider's public keys; None where it publishes none."""
        return None

    def read_keys(self, answer: Answer) -> Keys:  # noqa: ARG002 - the same
        """The keys in that answer; none where it holds none."""
        return ()

    @abstractmethod
    def delivery(self, headers: Mapping[str, str], body: bytes, keys: Keys, now_s: float) -> str | None:
        """The name under which this delivery is told from others and known again; None unless it is proved.

        `headers` have lower-case names; `now_s` are Unix seconds of the provider's clock.
        """


class Unsigned(Proof):
    """Nothing is signed: that its address is known is all the proof there is."""

    def delivery(self, headers: Mapping[str, str], body: bytes, keys: Keys, now_s: float) -> str:  # noqa: ARG002
        """The same body is the same delivery."""
        return hashlib.sha256(body).hexdigest()


@dataclass(frozen=True, slots=True)
class Shared(Proof):
    """HMAC-SHA256 over `id.timestamp.body` with a shared secret, in the three headers behind `prefix`.

    `standard` is the spelling of Standard Webhooks: `v1,<base64>`, and a secret in base64 behind `whsec_`. Without it:
    `v1=<hexadecimal>`, and the secret as it is. One of several signatures must fit, since keys change.
    """

    prefix: str
    standard: bool = False

    def secret_keys(self, secret: str) -> Keys:
        """The bytes to sign with. Raises ValueError where a standard secret is no base64."""
        return (base64.b64decode(secret.removeprefix("whsec_"), validate=True) if self.standard else secret.encode(),)

    def delivery(self, headers: Mapping[str, str], body: bytes, keys: Keys, now_s: float) -> str | None:
        """The id that is signed."""
        told = _timely(headers, self.prefix + "id", self.prefix + "timestamp", body, now_s)
        if told is None:
            return None
        shape, apart = (r"v1,([A-Za-z0-9+/]{43}=)", " ") if self.standard else (r"v1=([0-9a-f]{64})", ",")
        signatures = headers.get(self.prefix + "signature", "").split(apart)
        given = [found[1] for each in signatures if (found := re.fullmatch(shape, each.strip(" "), re.ASCII))]
        text = f"{told.name}.{told.at}.".encode() + told.body
        for digest in (hmac.digest(key, text, "sha256") for key in keys):
            own = base64.b64encode(digest).decode() if self.standard else digest.hex()
            if any(hmac.compare_digest(own, each) for each in given):
                return told.name
        return None


@dataclass(frozen=True, slots=True)
class Published(Proof):
    """ED25519 over request, user, time and the body's SHA-256, a line each, by one of the keys that fal publishes."""

    prefix: str
    keys_host: str
    keys_path: str

    def keys_call(self, at: Endpoint) -> Call:
        """GET the key set; no key of ours goes along."""
        return Call("GET", at.host(self.keys_host) + self.keys_path)

    def read_keys(self, answer: Answer) -> Keys:
        """The Ed25519 keys of a JSON Web Key Set."""
        rows = answer.fields().get("keys") if answer.status in rules.TAKEN else None
        keys = [fields.obj(row) for row in rows] if isinstance(rows, list) else []
        told = [str(key.get("x")) for key in keys if (key.get("kty"), key.get("crv")) == ("OKP", "Ed25519")]
        # A public key is 32 bytes: 43 characters.
        return [base64.urlsafe_b64decode(x + "=") for x in told if re.fullmatch(r"[A-Za-z0-9_-]{43}", x, re.ASCII)]

    def delivery(self, headers: Mapping[str, str], body: bytes, keys: Keys, now_s: float) -> str | None:
        """The id of the request, which is signed."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - 7 MB that only a receiver needs
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - the same

        told = _timely(headers, self.prefix + "request-id", self.prefix + "timestamp", body, now_s)
        signature = headers.get(self.prefix + "signature", "")
        if told is None or not re.fullmatch(r"[0-9a-fA-F]{128}", signature, re.ASCII):
            return None
        user = headers.get(self.prefix + "user-id", "")
        text = "\n".join((told.name, user, told.at, hashlib.sha256(body).hexdigest())).encode("utf-8", "replace")
        for key in keys:
            try:
                Ed25519PublicKey.from_public_bytes(key).verify(bytes.fromhex(signature), text)
            except InvalidSignature:
                continue
            return told.name
        return None


def _timely(headers: Mapping[str, str], name: str, at: str, body: bytes, now_s: float) -> Signed | None:
    """What a call says of itself, unless its name or its time is none, or now is further from it than may be."""
    told = Signed(headers.get(name, ""), headers.get(at, ""), body)
    if not _NAME.fullmatch(told.name) or not _TIME.fullmatch(told.at) or abs(int(told.at) - now_s) > SKEW_S:
        return None
    return told


@dataclass(frozen=True, slots=True)
class Webhook:
    """How calls are proved; where their bodies name the task, its parts joined by dots; the field of the order's body,
    or of its query, that takes the address; and what else goes into the body.
    """

    proof: Proof
    task: str
    body_field: str = ""
    query: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    def asked(self, call: Call, address: str) -> Call:
        """The same order, with the wish to be called at that address."""
        if self.query:
            return replace(
                call, url=f"{call.url}{'&' if '?' in call.url else '?'}{self.query}={quote(address, safe='')}"
            )
        return replace(call, body={**(call.body or {}), self.body_field: address, **self.more})

    def task_of(self, body: bytes) -> str | None:
        """The task that a call is about; None where it names none."""
        *parts, name = self.task.split(".")
        held = Answer(200, {}, body).fields()
        for part in parts:
            held = fields.obj(held.get(part))
        return fields.task_id(held.get(name))


class About(NamedTuple):
    """One send of a job of an account."""

    account: str
    job_id: str
    send: int


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of a receiver: `base_url` is where it is reached, and the secret makes the tags."""

    base_url: str
    secret: bytes = field(repr=False)

    def of(self, about: About) -> str:
        """Where a provider tells of this send."""
        return f"{self.base_url.rstrip('/')}/{about.account}/{about.job_id}/{about.send}/{self._tag(about)}"

    def read(self, path: str) -> About | None:
        """What an address is about that was made here; None for any other."""
        found = _ADDRESS.search(path)
        if found is None:
            return None
        about = About(found[1], found[2], int(found[3]))
        return about if hmac.compare_digest(self._tag(about), found[4]) else None

    def _tag(self, about: About) -> str:
        return hmac.digest(self.secret, "/".join(map(str, about)).encode(), "sha256").hex()[:TAG_DIGITS]
