"""What a provider is: pure pairs of "the call to make" and "what this answer means". No wire, no clock, no dice.

A provider is one file in this room, one table in `config/providers.toml`, and one line in `registry.py`. Durations
and instants in its answers are the provider's own; the worker's wire converts them for a simulated clock.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, Protocol

from jobs.job import Job, Render


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and as whom to call. `key` never shows in a repr."""

    base_url: str
    history_url: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request. Headers hold the key, so they never show in a repr."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer: status, headers with lower-case names, and the body's bytes (bounded by the wire)."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def fields(self) -> dict[str, Any]:
        """The body as a JSON object; an empty one when it is anything else (HTML, a list, garbage, nothing)."""
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
class Balance:
    """What is left on the account, as seen in an answer."""

    remaining: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Open:
    """Still rendering."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The answer points to another call that knows more (a result beside a status, a history row)."""

    call: Call


@dataclass(frozen=True, slots=True)
class Finished:
    """The video is there. `cost_usd` is None where the provider does not say; `url_life_s` from now."""

    url: str
    cost_usd: Decimal | None = None
    cost_native: tuple[Decimal, str] | None = None
    balance: Balance | None = None
    seed: int | None = None
    prompt_expanded: str | None = None
    url_life_s: float | None = None


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
    """One page of that list; `more` when another one follows."""

    rows: tuple[Candidate, ...]
    more: bool


FindReading = Found | Throttled | Unreadable


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a render cannot be bought here: the matrix column to look at, what is wrong, what would be right."""

    column: str
    text: str
    problem: str
    fix: str


class Provider(Protocol):
    """One dialect of Wan 2.6. Every method is pure."""

    name: str
    #: Seconds, of the provider's time, for which `find_call` sees a task; 0 where there is no list of tasks.
    memory_s: float

    def complaints(self, render: Render) -> Sequence[Complaint]:
        """All reasons why this provider cannot render this; empty when it can."""
        ...

    def price_usd(self, render: Render) -> Decimal | None:
        """The most this render can cost by the price list, in dollars; None when the list does not say."""
        ...

    def submit_call(self, job: Job, at: Endpoint) -> Call:
        """The POST that buys: every priced or meaning-changing field is set, since defaults differ in price."""
        ...

    def read_submit(self, answer: Answer) -> SubmitReading:
        """What the answer to the POST means; never raises, whatever the bytes."""
        ...

    def check_call(self, task_id: str, at: Endpoint) -> Call:
        """The GET that asks after a task."""
        ...

    def read_check(self, answer: Answer, task_id: str, at: Endpoint) -> CheckReading:
        """What that answer (or the answer to an `Ask`) means; never raises, whatever the bytes."""
        ...

    def find_call(self, since: datetime, until: datetime, page: int, at: Endpoint) -> Call | None:
        """The GET of one page (from 1) of the tasks created between two instants; None where there is no list."""
        ...

    def read_find(self, answer: Answer) -> FindReading:
        """The tasks on that page; never raises, whatever the bytes."""
        ...

    def detail_call(self, candidate: Candidate, at: Endpoint) -> Call | None:
        """The GET that tells more of a task than the list does; None where nothing more will be told, or not yet."""
        ...

    def read_detail(self, answer: Answer, candidate: Candidate) -> Candidate:
        """The candidate with what that answer tells; the same one when it tells nothing."""
        ...

    def told(self, job: Job, at: Endpoint) -> Mapping[str, Any]:
        """What the provider would tell of this job, if a task were its; every key must agree with a candidate's."""
        ...

    def cancel_call(self, task_id: str, at: Endpoint) -> Call | None:
        """The call that cancels a task before it is rendered and billed; None where no task can be cancelled."""
        ...

    def read_cancel(self, answer: Answer) -> bool:
        """Whether that answer confirms that the task will be neither rendered nor billed."""
        ...

    def balance_call(self, at: Endpoint) -> Call | None:
        """The GET that asks for the balance; None where no API key can ask."""
        ...

    def read_balance(self, answer: Answer) -> Balance | None:
        """The balance in that answer; None when it holds none."""
        ...
