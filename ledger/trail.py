"""A job's trail on its shelf: record, intents and receipts; all that is known of its purchases without a ledger."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from jobs.record import JobRecord
from ledger.shelf import Intent, Receipt, Shelf, read_noun

_NAME = re.compile(r"(intent|receipt|record)\.(\d+)\.json$")


class Trail(NamedTuple):
    """What lies on one job's shelf, by the number of the send. `sends` is the highest number in use, 0 for none.

    `record` is the job's end; `aside` the newest one that a person set aside to have the job bought anew.
    """

    record: JobRecord | None = None
    intents: Mapping[int, Intent] = MappingProxyType({})
    receipts: Mapping[int, Receipt] = MappingProxyType({})
    aside: JobRecord | None = None

    @property
    def sends(self) -> int:
        """The number of the last send that anybody meant to make."""
        return max((*self.intents, *self._bought), default=0)

    @property
    def _bought(self) -> set[int]:
        """The sends that the newest record has as purchases."""
        known = self.record or self.aside
        return {one.send for one in known.purchases} if known else set()

    @property
    def accepted(self) -> list[Receipt]:
        """The sends that bought a task since the last record, oldest first."""
        after = max(self._bought, default=0)
        answered = [one for send, one in sorted(self.receipts.items()) if send > after]
        return [one for one in answered if one.outcome == "accepted" and one.task_id]

    @property
    def unanswered(self) -> Intent | None:
        """The last send, if nobody knows what became of it; earlier ones were decided before it was made."""
        answered = self.sends in self.receipts or self.sends in self._bought
        return None if answered else self.intents.get(self.sends)

    @property
    def given_up(self) -> list[Intent]:
        """Sends of which no task is known and for which nobody waits: proved absent, or bought anew by a person."""
        answered = {send for send, one in self.receipts.items() if one.outcome != "absent"} | self._bought
        last = self.unanswered
        return [one for send, one in sorted(self.intents.items()) if send not in answered and one is not last]


def read_trail(shelf: Shelf, job_id: str) -> Trail:
    """Read a job's shelf. A good end says all if its first send bought it; a bad one may have been followed by more."""
    record = shelf.record(job_id)
    if record is not None and record.status != "failed" and all(one.send == 1 for one in record.purchases):
        return Trail(record)
    intents: dict[int, Intent] = {}
    receipts: dict[int, Receipt] = {}
    revisions: list[int] = []
    for key in shelf.store.list(shelf.job_key(job_id) + "/"):
        if found := _NAME.search(key):
            kind, send = found[1], int(found[2])
            if kind == "intent":
                intents[send] = read_noun(Intent, shelf.store, key)
            elif kind == "record":
                revisions.append(send)
            else:
                receipts[send] = read_noun(Receipt, shelf.store, key)
    aside = shelf.record(job_id, max(revisions)) if revisions and record is None else None
    return Trail(record, intents, receipts, aside)
