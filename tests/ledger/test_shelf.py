"""The shelves: names that say what lies there, two worlds that never meet, and an intent that only one can write."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Barrier, Thread

import pytest

from jobs.errors import ObjectNotFound
from jobs.record import JobRecord
from ledger.campaignfile import CampaignFile
from ledger.files import FileStore
from ledger.shelf import Intent, Receipt, Shelf, plan_ids

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Elsewhere(FileStore):
    """A store that is on no disk of ours, as far as the shelves can tell."""

    def local_path(self, key: str) -> None:
        """Nowhere here."""


@pytest.fixture(params=[FileStore, Elsewhere])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    """The simulated world of a store on disk, and of one elsewhere."""
    return Shelf(request.param(str(tmp_path / "store")), simulated=True)


def intent(token: str = "a", send: int = 1) -> Intent:
    """An intent to buy job `j`."""
    return Intent(
        job_id="j", send=send, token=token, account="simulated-segmind", epoch="e", written_at=NOW,
        send_by=NOW + timedelta(seconds=10), worker="w",
    )  # fmt: skip


def record(job_id: str = "j") -> JobRecord:
    """A job that was refused without having been bought."""
    return JobRecord(
        tool_version="1", job_id=job_id, status="refused", attempts=1, polls=0, provider="segmind",
        account="simulated-segmind", region=None, purchases=(), task_id=None, submitted_at=None, completed_at=None,
        stored_at=None, queue_wait_s=None, render_s=None,
    )  # fmt: skip


def campaign() -> CampaignFile:
    """A campaign of two jobs."""
    return CampaignFile(
        campaign="spring", simulated=True, provider="segmind", account="simulated-segmind",
        budget_usd=Decimal("12.5"), state="running", epoch="e", submitted_by="ada", created_at=NOW, run_id="r",
        plan_sha256="0" * 64, jobs=2, source="spring.csv", axes=("hook",), labels=("team",),
    )  # fmt: skip


def test_what_lies_where(shelf: Shelf, tmp_path: Path) -> None:
    """The layout of the store is a contract with every other version: these are its names."""
    shelf.write_intent(intent())
    shelf.write_receipt(Receipt(job_id="j", send=1, token="a", answered_at=NOW, outcome="accepted", task_id="t"))
    shelf.write_record(record())
    shelf.write_campaign(campaign())
    there = {str(path.relative_to(tmp_path / "store")) for path in tmp_path.rglob("*.json")}
    assert there == {
        "simulated/jobs/j/intent.1.json",
        "simulated/jobs/j/receipt.1.json",
        "simulated/jobs/j/record.json",
        "simulated/campaigns/spring/campaign.json",
    }
    assert Shelf(shelf.store, simulated=False).job_key("j", "video.mp4") == "jobs/j/video.mp4"


def test_an_intent_is_written_once(shelf: Shelf) -> None:
    """The first one stands, whoever writes next; the next send is a new one."""
    assert shelf.write_intent(intent("a")).token == "a"
    assert shelf.write_intent(intent("a")).token == "a"
    assert shelf.write_intent(intent("b")).token == "a"
    assert shelf.write_intent(intent("b", send=2)).token == "b"


def test_of_many_rivals_one_writes_the_intent(shelf: Shelf) -> None:
    """Eight threads with eight tokens: one may buy, seven learn that another one does."""
    barrier, met = Barrier(8), []

    def rival(token: str) -> None:
        barrier.wait()
        met.append(shelf.write_intent(intent(token)).token == token)

    threads = [Thread(target=rival, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(met) == [False] * 7 + [True]


def test_what_was_written_is_read_back(shelf: Shelf) -> None:
    """Receipts, records and campaigns come back as the same values, money and times exact."""
    receipt = Receipt(job_id="j", send=3, token="a", answered_at=NOW, outcome="rejected", kind="bad_request", code="x")
    shelf.write_receipt(receipt)
    shelf.write_record(record())
    shelf.write_campaign(campaign())
    assert shelf.receipt("j", 3) == receipt
    assert shelf.record("j") == record()
    assert shelf.campaign("spring") == campaign()
    assert shelf.campaigns() == ["spring"]


def test_what_is_not_there_is_none(shelf: Shelf) -> None:
    """An empty shelf is no error."""
    assert (shelf.receipt("j", 1), shelf.record("j"), shelf.campaign("spring"), shelf.campaigns()) == (
        None, None, None, [],
    )  # fmt: skip
    with pytest.raises(ObjectNotFound), shelf.plan("spring", "0" * 64):
        pass


def test_the_two_worlds_never_meet(shelf: Shelf) -> None:
    """What was simulated is not there for real, and the other way round."""
    shelf.write_record(record())
    shelf.write_campaign(campaign())
    real = shelf.other_world()
    assert (real.record("j"), real.campaign("spring"), real.ended(["j"])) == (None, None, set())
    assert real.other_world().record("j") == record()


def test_ended_is_who_has_a_record(shelf: Shelf) -> None:
    """A job on its way has a shelf and no record; records come in the order that they were asked for."""
    shelf.write_intent(intent())
    shelf.write_record(record("done"))
    assert shelf.ended(["j", "done", "nobody"]) == {"done"}
    assert [one and one.job_id for one in shelf.records(["nobody", "done", "j"])] == [None, "done", None]


def test_a_plan_is_put_once_and_never_changed(shelf: Shelf, tmp_path: Path) -> None:
    """A plan is named by its content: the first copy stands, and its job ids are read in matrix order."""
    plan = tmp_path / "plan"
    plan.write_text("".join(json.dumps({"job": {"job_id": name}}) + "\n" for name in ("b", "a")))
    shelf.write_plan("spring", plan, "0" * 64)
    plan.write_text("something else\n")
    shelf.write_plan("spring", plan, "0" * 64)
    with shelf.plan("spring", "0" * 64) as here:
        assert list(plan_ids(here)) == ["b", "a"]
    assert here.exists() == here.is_relative_to(tmp_path), "a copy of a distant plan is removed, the plan itself stays"


def test_what_people_read_is_put_whole(shelf: Shelf, tmp_path: Path) -> None:
    """A manifest goes to the campaign's shelf, over the one that was there."""
    page = tmp_path / "manifest.csv"
    for text in ("first", "second"):
        page.write_text(text)
        uri = shelf.put_text(shelf.campaign_key("spring", "manifest.csv"), page, "text/csv")
        assert uri.endswith("/simulated/campaigns/spring/manifest.csv")
        assert shelf.store.get("simulated/campaigns/spring/manifest.csv") == text.encode()
