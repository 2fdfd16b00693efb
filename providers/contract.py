"""What a provider is asked and answers: calls to make, and what an answer may mean. No wire, no clock, no dice.

Durations and instants in answers are the provider's own; the worker's wire converts them for a simulated clock.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and as whom to call. `others` are further hosts by what they are for; `key` never shows in a repr."""

    base_url: str
    key: str = field(repr=False)
    others: Mapping[str, str] = field(default_factory=dict)

    def host(self, purpose: str) -> str:
        """The URL of the host for that purpose; the base URL where there is none of its own."""
        return self.others.get(purpose, self.base_url)


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request; its body is JSON, or the bytes of `content`. Headers hold the key: no repr shows them."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: Mapping[str, Any] | None = None
    content: bytes = field(repr=False, default=b"")

    def with_query(self, **changes: str | int) -> "Call":
        """The same call with other values in its query: the next page."""
        page, _, query = self.url.partition("?")
        return replace(self, url=f"{page}?{urlencode({**dict(parse_qsl(query)), **changes})}")

    def queried(self, name: str) -> int:
        """A whole number out of its query."""
        return int(dict(parse_qsl(self.url.partition("?")[2]))[name])


@dataclass(frozen=True)
class Answer:
    """One HTTP answer: status, headers with lower-case names, and the body's bytes (bounded by the wire)."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def fields(self) -> dict[str, Any]:
        """The body as a JSON object; an empty one when it is anything else (HTML, a list, garbage, nothing)."""
        return self._fields

    @cached_property
    def _fields(self) -> dict[str, Any]:
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


class Kind(StrEnum):
    """What an error means for the work; scripts may match it."""

    BAD_REQUEST = "bad_request"
    CONTENT_REFUSED = "content_refused"
    OUT_OF_CREDIT = "out_of_credit"
    KEY_REFUSED = "key_refused"
    RATE_LIMITED = "rate_limited"
    PROVIDER_DOWN = "provider_down"
    SUBMIT_UNKNOWN = "submit_unknown"
    RENDER_FAILED = "render_failed"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The submit bought a task."""

    task_id: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A definite no: nothing was bought, or (in a `Failed`) the render ended badly. `message` holds its words."""

    kind: Kind
    message: str
    code: str | None = None
    hint: str = ""
    retry_after_s: float | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """The answer does not say whether a task was bought."""

    reason: str


SubmitReading = Accepted | Rejected | Lost


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer tells of the limit on submits: what the first window holds in all, and how much is left of it."""

    limit: int | None = None
    remaining: int | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """What the account may do, as its provider lists it: submits in so many seconds, and tasks in flight."""

    submits: int | None = None
    window_s: int = 1
    slots: int | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left on the account, as seen in an answer."""

    remaining: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Open:
    """Still rendering; or `waiting` in the provider's queue, where nothing of it has begun."""

    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """The answer points to another call that knows more (a result beside a status, a history row)."""

    call: Call


@dataclass(frozen=True, slots=True)
class Finished:
    """The video is there. `cost_usd` is None where the provider does not say; `url_life_s` from now.

    `took_s` is the time from its submit to its end by the provider's own clock, where it tells.
    """

    url: str
    cost_usd: Decimal | None = None
    cost_native: tuple[Decimal, str] | None = None
    balance: Balance | None = None
    seed: int | None = None
    prompt_expanded: str | None = None
    url_life_s: float | None = None
    took_s: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The render ended without a video. `billed` is None where the provider does not say."""

    why: Rejected
    billed: bool | None = None


@dataclass(frozen=True, slots=True)
class Throttled:
    """The poll itself came too fast."""

    retry_after_s: float | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """No news: a 5xx, HTML, garbage, or a record that is not (or no longer) there. The job waits."""

    reason: str


CheckReading = Open | Ask | Finished | Failed | Throttled | Unreadable


@dataclass(frozen=True, slots=True)
class Candidate:
    """A task in the provider's own list, which may be the one that a lost submit bought.

    `told` is what the provider tells of its input, in the keys of `Provider.told`; None for what it does not tell
    (yet). `created_at` is the provider's own time.
    """

    task_id: str
    created_at: datetime | None
    state: Literal["open", "succeeded", "failed"]
    told: Mapping[str, Any]
    cost_usd: Decimal | None = None
    cost_native: tuple[Decimal, str] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One page of that list, and the call for the page that follows it, if any."""

    rows: tuple[Candidate, ...]
    following: Call | None = None


FindReading = Found | Throttled | Unreadable


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a render cannot be bought here: the matrix column to look at, what is wrong, what would be right."""

    column: str
    text: str
    problem: str
    fix: str
