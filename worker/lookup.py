"""One look for an account's lost sends: what its parts share, and the times by which a send's task is known."""

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from jobs.identity import send_mark
from jobs.job import Job
from jobs.lifecycle import State
from jobs.media import names_stored
from jobs.record import Purchase
from ledger.campaigns import instant
from ledger.gates import ON_THE_WIRE_S
from ledger.lost import LostSends, Watched
from ledger.shelf import Intent, Receipt, Shelf
from worker.twins import Sought
from worker.wiring import Counter, Workshop

#: Seconds of the provider's time by which its clock may differ from ours.
SLACK_S = 60.0
#: Seconds between looks: at first, at most, and at most where only a person can decide.
SOON_S, LATER_S, HELD_S = 2.0, 60.0, 600.0


@dataclass
class Looked:
    """What one look decided, by job id; of the held and the waiting it tells why."""

    adopted: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    surplus: list[str] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)

    def add(self, other: "Looked") -> None:
        """What a look at another account decided."""
        self.adopted += other.adopted
        self.absent += other.absent
        self.surplus += other.surplus
        self.held |= other.held
        self.waiting |= other.waiting


class Look:
    """One look at one account."""

    def __init__(self, counter: Counter, shop: Workshop) -> None:
        self.counter, self.shop = counter, shop
        self.lost = LostSends(shop.ledger)
        self.shelf: Shelf = shop.shelf(simulated=counter.account.simulated)
        self.looked = Looked()
        self.settle_s = settle_s(counter)
        #: Redis milliseconds at which the provider was asked.
        self.asked_ms = self.lost.now_ms()
        #: The instant of the monotonic clock at which its latest question was asked.
        self.step_at = time.monotonic()
        self._meant: dict[tuple[str, str], Intent | None] = {}

    def abroad(self, job_id: str, row: dict[str, str]) -> Intent | None:
        """The intent of a lost send that another ledger makes at another account; None where it is at this one."""
        name = job_id, row["sends"]
        if name not in self._meant:
            self._meant[name] = self.shelf.intent(job_id, int(row["sends"]))
        intent = self._meant[name]
        return None if intent is None or intent.account == self.counter.name else intent

    def sent(self) -> dict[str, dict[str, str]]:
        """Jobs whose POST is on the wire or was lost, by id; without those that only another account can tell of."""
        rows = self.lost.sent(self.counter.name).items()
        return {one: row for one, row in rows if row["state"] != State.UNKNOWN or self.abroad(one, row) is None}

    def theirs(self, ours_ms: float) -> datetime:
        """What the provider's clock shows at those milliseconds of ours."""
        return self.counter.account.clock.theirs(ours_ms / 1000)

    def slack(self) -> timedelta:
        """By how much the clocks may differ; a simulated clock that runs fast makes our own differences larger."""
        return timedelta(seconds=max(SLACK_S, 2 * self.counter.account.clock.speed))

    def settled(self, sent_ms: int) -> bool:
        """Whether the provider had had all the time in which a task of that send may still show, when it was asked."""
        return self.asked_ms >= sent_ms + self.settle_s * 1000

    def next_s(self, sent_ms: int, *, held: bool) -> float:
        """Seconds until the next look: rarer as time goes by, but one as soon as absence can be proved."""
        age_s = (self.lost.now_ms() - sent_ms) / 1000
        if held:
            return min(max(age_s / 2, LATER_S / 2), HELD_S)
        left_s = self.settle_s - age_s
        if left_s > 0:
            return min(max(age_s / 2, SOON_S), LATER_S, left_s + 0.05)
        # It could have been decided by now, and was not: a list that failed is asked again soon, then ever less often.
        return min(max(-left_s / 2, SOON_S), LATER_S)

    def sought(self, send: Watched, state: str, *, name: str) -> Sought:
        """The send as the matching sees it, under a name of its own; `state` is its job's, or `freed`."""
        account, job = self.counter.account, Job.model_validate_json(send.job).at(self.counter.name)
        mark = send_mark(send.job_id, send.send, send.token)
        call = account.provider.submit_call(job, account.endpoint, mark)
        return Sought(
            name=name,
            kind="unknown" if state == State.UNKNOWN else "sending" if state == State.SUBMITTING else "freed",
            # Of a stored file the provider was given a copy or a link, which is another one each time.
            told={name: told for name, told in account.provider.told(job, mark).items() if not names_stored(told)},
            body=json.dumps([call.url, call.body], sort_keys=True),
            since=self.theirs(send.sent_ms) - self.slack(),
            until=self.theirs(send.sent_ms + ON_THE_WIRE_S * 1000) + self.slack(),
            settles=self.theirs(send.sent_ms + self.settle_s * 1000) + self.slack(),
        )

    def purchase(self, row: dict[str, str], task_id: str, request_id: str | None, state: str) -> Purchase:
        """The purchase that a job's lost send turned out to be; its cost is not known yet."""
        return Purchase.model_validate(
            {
                "send": int(row["sends"]),
                "task_id": task_id,
                "request_id": request_id,
                "account": self.counter.name,
                "submitted_at": instant(row["sent_ms"]),
                "state": state,
                "cost_usd": None,
                "cost_source": "unknown",
                "price_as_of": Job.model_validate_json(row["job"]).at(self.counter.name).price_as_of,
            }
        )


def settle_s(counter: Counter) -> float:
    """Our seconds after a send from which on a look can prove that it bought nothing."""
    return ON_THE_WIRE_S + counter.account.clock.ours_s(counter.account.facts.unknown_settle_s)


def receipt(job_id: str, row: dict[str, str], outcome: str, **told: str | None) -> Receipt:
    """The receipt that the lost send never got."""
    return Receipt.model_validate(
        {
            "job_id": job_id,
            "send": int(row["sends"]),
            "token": row.get("token", ""),
            "answered_at": datetime.now(UTC),
            "outcome": outcome,
            **told,
        }
    )
