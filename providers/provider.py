"""What every provider does, in the plainest way that providers have; one that is odd somewhere overrides just that.

A provider is one file in this room, one table in `config/providers.toml`, and one line in `registry.py`. Every method
is pure: a call to make, or what an answer means. A `read_*` never raises, whatever the bytes.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from http import HTTPStatus
from typing import Any, ClassVar

from config.facts import Offer, ProviderFacts
from jobs.job import Job, Render
from providers import fields, offers, rules
from providers.contract import (
    Accepted,
    Answer,
    Ask,
    Balance,
    Call,
    Candidate,
    CheckReading,
    Complaint,
    Endpoint,
    Failed,
    FindReading,
    Finished,
    Found,
    Kind,
    Lost,
    Open,
    Rejected,
    SubmitReading,
    Throttled,
    Unreadable,
)
from providers.rules import Rule
from providers.webhooks import Webhook


class Provider(ABC):
    """One dialect of Wan 2.6. Paths stand below the base URL and may name `{slug}` and `{task_id}`."""

    name: ClassVar[str]
    #: The word before the key in every call.
    key_scheme: ClassVar[str] = "Bearer"
    submit_path: ClassVar[str]
    task_path: ClassVar[str]
    balance_path: ClassVar[str | None] = None
    #: What the balance's host is for, where it is another one.
    balance_host: ClassVar[str] = "base"
    #: The field with the amount, its parts joined by dots; its currency stands beside it, or it is dollars.
    balance_field: ClassVar[str] = ""
    #: Method and path of a cancel, and the word that confirms one before anything was rendered; empty without either.
    cancel_path: ClassVar[tuple[str, str] | None] = None
    cancelled_word: ClassVar[str] = ""
    #: Headers of the answer to a submit with what its first window holds, and what is left of it; empty without them.
    limit_header: ClassVar[str] = ""
    remaining_header: ClassVar[str] = ""
    #: Where the account's limits are listed; None where no such list is known.
    quota_path: ClassVar[str | None] = None
    #: The scope that a key needs to ask for the balance, beyond what buying needs; empty where every key may.
    balance_scope: ClassVar[str] = ""
    #: The field with the word for where a task stands, and those words by what they mean; any other word is no news.
    state_field: ClassVar[str] = "status"
    #: The field of an accepted task that holds its id, and the field or header with the id of the request.
    id_field: ClassVar[str] = "id"
    request_field: ClassVar[str] = ""
    request_header: ClassVar[str] = "x-request-id"
    open_words: ClassVar[tuple[str, ...]]
    #: Those of them that say that it waits in the provider's queue, where the documents say so.
    queue_words: ClassVar[tuple[str, ...]] = ()
    good_words: ClassVar[tuple[str, ...]]
    bad_words: ClassVar[tuple[str, ...]]
    #: The field of a finished task that holds the video's URL.
    video_field: ClassVar[str] = "video_url"
    #: The fields of a finished task with its submit and its end by the provider's own clock; empty where it tells none.
    span_fields: ClassVar[tuple[str, str]] = ("", "")
    #: How it is asked to call when a render has ended; None where it calls nobody.
    webhook: ClassVar[Webhook | None] = None
    #: What a definite no means, read from the top.
    rules: ClassVar[Sequence[Rule]] = rules.PLAIN
    #: Seconds, of the provider's time, for which its list of tasks goes back; 0 where there is no list.
    memory_s: float = 0.0

    def __init__(self, facts: ProviderFacts, region: str | None = None) -> None:
        self.facts = facts
        self.region = region

    # What is sold.

    def complaints(self, render: Render) -> Sequence[Complaint]:
        """All reasons why this provider cannot render this; empty when it can."""
        return offers.complaints(render, self.facts, self.region)

    def price_usd(self, render: Render, *, named_usd: Decimal | None = None) -> Decimal | None:
        """The most this render can cost by the price list, in dollars; where the list does not say, at `named_usd` a
        second; None when neither does.
        """
        return offers.price_usd(render, self.facts, self.region, named_usd=named_usd)

    def offer(self, job: Job) -> Offer:
        """What is bought for the job; ValueError where nothing is sold, which `complaints` would have said."""
        found = self.facts.offer(job.render.mode, job.render.model, job.region or self.region)
        if found is None:
            raise ValueError(f"{self.facts.title} does not sell {job.render.mode} {job.render.model}")
        return found

    # To buy.

    @abstractmethod
    def body(self, job: Job) -> dict[str, Any]:
        """The order. Every field that has a price or changes the meaning is set, since defaults differ in price."""

    def headers(self, at: Endpoint) -> dict[str, str]:
        """The headers of every call."""
        return {"Authorization": f"{self.key_scheme} {at.key}"}

    def submit_call(self, job: Job, at: Endpoint, mark: str) -> Call:
        """The POST that buys. `mark` names this very send; it goes along wherever the provider has a door for it."""
        path = self.submit_path.format(slug=self.offer(job).slug)
        headers = {**self.headers(at), "Content-Type": "application/json"} | self.marked(mark)
        return Call("POST", at.base_url + path, headers, self.body(job))

    def marked(self, mark: str) -> dict[str, str]:  # noqa: ARG002 - for those who have a door for it
        """The headers in which the send's name goes along; none where there is no such header."""
        return {}

    def read_submit(self, answer: Answer) -> SubmitReading:
        """A 2xx with a task id is bought; a 4xx (but 408 and 499) is not; all else proves nothing, so it is lost."""
        body = answer.fields()
        if answer.status in rules.DEFINITE:
            return rules.rejected(self.rules, answer, *fields.trouble(body))
        task, request = self.bought(body, answer.headers)
        task_id = fields.task_id(task)
        if answer.status in rules.TAKEN and task_id:
            return Accepted(task_id, fields.task_id(request))
        return Lost(f"HTTP {answer.status} without a usable task id")

    def bought(self, body: dict[str, Any], headers: Mapping[str, str]) -> tuple[Any, Any]:
        """What should be the ids of the task and of the request."""
        request = body.get(self.request_field) if self.request_field else headers.get(self.request_header)
        return self.task(body).get(self.id_field), request

    # To hand a file over, where there is an upload door; nothing is bought by it.

    def upload_call(self, name: str, content_type: str, data: bytes, at: Endpoint) -> Call | None:  # noqa: ARG002
        """The POST that uploads one file; None where there is no such door."""
        return None

    def read_upload(self, answer: Answer) -> str | Rejected:
        """The link under which the provider reads what was uploaded, or why there is none."""
        link = fields.url(self.uploaded(answer.fields())) if answer.status in rules.TAKEN else None
        if link is not None:
            return link
        if answer.status in rules.DEFINITE:
            return rules.rejected(self.rules, answer, *fields.trouble(answer.fields()))
        return Rejected(Kind.PROVIDER_DOWN, f"the upload was answered with HTTP {answer.status} and no link")

    def uploaded(self, body: dict[str, Any]) -> Any:
        """What should be the link, in the answer to an upload."""
        return body.get("url")

    # To look.

    def check_call(self, task_id: str, at: Endpoint) -> Call:
        """The GET that asks after a task."""
        path = self.task_path.format(task_id=fields.quoted(task_id))
        return Call("GET", at.base_url + path, self.headers(at))

    def result_call(self, task_id: str, at: Endpoint) -> Call | None:  # noqa: ARG002 - for those with a result beside
        """The GET that tells more than `check_call` of a task said to have ended; None where nothing does."""
        return None

    def read_check(self, answer: Answer, task_id: str, at: Endpoint) -> CheckReading:
        """What that answer (or the answer to an `Ask`) means."""
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            return self.throttled(answer)
        task = self.task(answer.fields())
        word = fields.words(task.get(self.state_field))
        if answer.status in rules.TAKEN and word in self.open_words:
            return Open(waiting=word in self.queue_words)
        if answer.status in rules.TAKEN and word in self.good_words:
            reading, (begun, ended) = self.finished(task, answer, task_id, at), self.span_fields
            if not begun or not isinstance(reading, Finished):
                return reading
            return replace(reading, took_s=fields.span_s(task.get(begun), task.get(ended)))
        if answer.status in rules.TAKEN and word in self.bad_words:
            return self.failed(task, word)
        code, message = fields.trouble(answer.fields())
        untold = f"the task stands as {word}" if word else "no task status in the answer"
        return Unreadable(f"HTTP {answer.status}: {message or code or untold}")

    def task(self, body: dict[str, Any]) -> dict[str, Any]:
        """The part of an answer that tells of the task."""
        return body

    def finished(self, task: dict[str, Any], answer: Answer, task_id: str, at: Endpoint) -> CheckReading:  # noqa: ARG002
        """What a task with a good end means: its video, or the call that tells it."""
        return self.video(task.get(self.video_field))

    def video(self, url: Any, **told: Any) -> Finished | Unreadable:
        """The end with that video and what else is told; no news where the URL is none."""
        where = fields.url(url)
        if where is None:
            return Unreadable("the render has ended well, but there is no URL of its video")
        return Finished(url=where, **{"url_life_s": self.facts.url_life_s, **told})

    def failed(self, task: dict[str, Any], word: str) -> Failed:
        """A task without a video. Refused content is told apart, since it is never bought again; nobody bills it."""
        code, message = fields.trouble(task)
        rule = rules.judge(self.task_rules, code, message)
        why = Rejected(rule.kind, message or f"the task ended {word}", code=code or word, hint=rule.hint)
        return Failed(why, billed=False)

    @cached_property
    def task_rules(self) -> Sequence[Rule]:
        """What the words of a failed task mean: the content's fault, or else bad luck."""
        content = (rule for rule in self.rules if rule.kind is Kind.CONTENT_REFUSED)
        return (*content, Rule(None, "", "", Kind.RENDER_FAILED, f"{self.facts.title} bills no failed render"))

    # To find a lost submit.

    def find_calls(self, since: datetime, until: datetime, at: Endpoint) -> Sequence[Call]:  # noqa: ARG002
        """The GETs of the first page of each list of tasks created between two instants; none without a list."""
        return ()

    def read_find(self, answer: Answer, asked: Call) -> FindReading:  # noqa: ARG002 - for those who have a list
        """The tasks on that page, which `asked` called for."""
        return Unreadable("there is no list of tasks")

    def throttled(self, answer: Answer) -> Throttled:
        """A look that came too fast, and how long to wait where that is told."""
        return Throttled(*fields.retry_after(answer.headers, fields.trouble(answer.fields())[1]))

    def found(self, rows: Iterable[dict[str, Any]], following: Call | None) -> Found:
        """A page of the list, with the call for the next one."""
        return Found(tuple(filter(None, map(self.candidate, rows))), following)

    def candidate(self, row: dict[str, Any]) -> Candidate | None:  # noqa: ARG002 - for those who have a list
        """A row of the list; None for one without a usable id."""
        return None

    def no_list(self, answer: Answer) -> Throttled | Unreadable:
        """What an answer means that should have been a page of a list, and is none."""
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            return self.throttled(answer)
        return Unreadable(f"HTTP {answer.status} without a list of tasks")

    def detail_call(self, candidate: Candidate, at: Endpoint) -> Call | None:  # noqa: ARG002
        """The GET that tells more of a task than the list does; None where nothing more will be told, or not yet."""
        return None

    def read_detail(self, answer: Answer, candidate: Candidate) -> Candidate:  # noqa: ARG002
        """The candidate with what that answer tells; the same one when it tells nothing."""
        return candidate

    def told(self, job: Job, mark: str) -> Mapping[str, Any]:  # noqa: ARG002 - for those who tell the mark
        """What the provider would tell of this send, if a task were its; every key must agree with a candidate's."""
        return {"model": self.offer(job).slug, **self.body(job)}

    # To cancel, and to know what is left.

    def cancel_call(self, task_id: str, at: Endpoint) -> Call | None:
        """The call that cancels a task before it is rendered and billed; None where no task can be cancelled."""
        if self.cancel_path is None:
            return None
        method, path = self.cancel_path
        return Call(method, at.base_url + path.format(task_id=fields.quoted(task_id)), self.headers(at))

    def read_cancel(self, answer: Answer) -> bool:
        """Whether that answer confirms that the task will be neither rendered nor billed."""
        word = answer.fields().get(self.state_field)
        return answer.status in rules.TAKEN and bool(self.cancelled_word) and word == self.cancelled_word

    def balance_call(self, at: Endpoint) -> Call | None:
        """The GET that asks for the balance; None where no API key can ask."""
        url = None if self.balance_path is None else at.host(self.balance_host) + self.balance_path
        return None if url is None else Call("GET", url, self.headers(at))

    def read_balance(self, answer: Answer) -> Balance | None:
        """The balance in that answer; None when it holds none."""
        return self.balance(answer.fields()) if answer.status in rules.TAKEN else None

    def balance(self, body: dict[str, Any]) -> Balance | None:
        """The balance that a 2xx tells: none where it says `success: false`, or that the key has no limit."""
        *parts, name = self.balance_field.split(".")
        for part in parts:
            body = fields.obj(body.get(part))
        left = fields.amount(body.get(name))
        untold = left is None or body.get("success") is False or body.get("unlimited_quota") is True
        return None if untold or left is None else Balance(left, fields.words(body.get("currency")) or "USD")

    def follow(self, url: str, at: Endpoint) -> Ask:
        """The reading that points to another GET."""
        return Ask(Call("GET", url, self.headers(at)))
