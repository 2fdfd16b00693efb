"""`wanbatch budget`, and labels on the command line: what is said, what is refused, and what the ledger then holds."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jobs.job import Job
from jobs.lifecycle import Move, State
from jobs.record import JobRecord, Purchase
from ledger.budgets import read_budgets
from ledger.files import FileStore
from ledger.jobs import Ledger
from ledger.orders import Claim, Order
from ledger.shelf import Intent, Receipt, Shelf
from producer.planfile import iter_plan
from tests.books import FREE, faults
from tests.integration.conftest import Told
from tests.services import Valkey

ACCOUNT = "simulated-segmind"


@pytest.fixture
def told(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Commands of Anna's, beside a matrix for two clients."""
    monkeypatch.setenv("WANBATCH_SUBMITTED_BY", "Anna@Growth")
    (tmp_path / "mixed.csv").write_text("prompt,client,brand\na red cup,Globex,x\na blue cup,,y\n")
    return told


@pytest.fixture
def ledger(told: Told, valkey: Valkey, tmp_path: Path) -> Iterator[Ledger]:
    """The ledger of these commands; when the test is over, its books must be in order."""
    one = Ledger.connect(valkey.url, store_url=FileStore(str(tmp_path / "out")).url, found=True)
    yield one
    assert list(faults(one.client)) == []
    one.close()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """The store's simulated world."""
    return Shelf(FileStore(str(tmp_path / "out")), simulated=True)


def claimed(ledger: Ledger, most: int = 9) -> list[Any]:
    """Claim what may be claimed."""
    return ledger.claim(ACCOUNT, FREE, most=most, most_waiting=10**6)


def listed(told: Told) -> dict[str, dict[str, Any]]:
    """The caps of rehearsals by budget and period."""
    caps = json.loads(told("budget", "list", "--simulated", "--json")[1])["budgets"]
    return {f"{one['budget']} {one['period']}": one for one in caps}


def test_labels_and_who_submitted_are_told_everywhere(told: Told, ledger: Ledger) -> None:
    """In status, in the manifest, for people and for scripts."""
    assert told("submit", "mixed.csv", "--simulate", "--label", "client=acme", "--label", "team=growth")[0] == 0
    shape = json.loads(told("status", "simulated-mixed", "--json")[1])
    assert (shape["submitted_by"], shape["labels"]) == ("Anna@Growth", {"client": "acme", "team": "growth"})
    assert "\n  by Anna@Growth, client=acme, team=growth\n" in told("status", "simulated-mixed")[1]
    lines = [json.loads(line) for line in told("manifest", "simulated-mixed")[1].splitlines()]
    assert [(line["submitted_by"], line["labels"]["client"], line["labels"]["team"]) for line in lines] == [
        ("Anna@Growth", "Globex", "growth"),
        ("Anna@Growth", "acme", "growth"),
    ]
    code, _, err = told("submit", "two.csv", "--simulate", "--label", "seed=5")
    assert code == 2
    assert "is a setting of a video" in err


def test_a_cap_is_set_listed_raised_and_removed(told: Told, ledger: Ledger, shelf: Shelf) -> None:
    """What waits for it is named with the command to paste, and goes on by itself."""
    assert told("budget", "set", "Client = ACME", "--month", "0.65", "--simulated")[0] == 0
    told("submit", "two.csv", "--simulate", "--label", "client=acme")
    (claim,) = claimed(ledger)
    assert listed(told)["client=acme month"] | {"when": "", "ends_at": ""} == {
        "budget": "client=acme", "period": "month", "when": "", "ends_at": "", "cap_usd": "0.65", "spent_usd": "0.00",
        "reserved_usd": "0.625", "in_doubt_usd": "0.00", "left_usd": "0.025", "waiting": [],
    }  # fmt: skip
    for move, to in ((Move.ACCEPT, State.RENDERING), (Move.FINISH, State.READY), (Move.COLLECT, State.COLLECTING)):
        if move is Move.ACCEPT:
            ledger.send(claim, FREE, token="t", send=1)
        assert ledger.move(Order(move=move, to=to, claim=claim, due_s=1000)).ok
    assert ledger.move(Order(move=Move.SETTLE, to=State.DONE, claim=claim, cost_uusd=600_000)).ok
    assert claimed(ledger) == []
    assert listed(told)["client=acme month"]["waiting"] == ["simulated-two"]
    (need,) = json.loads(told("status", "simulated-two", "--json")[1])["needs"]
    assert "`wanbatch budget set 'client=acme' --month USD --simulated`" in need
    assert "! waiting for it: simulated-two" in told("budget", "list", "--simulated")[1]
    assert told("wait", "simulated-two")[0] == 5
    told("budget", "set", "client=acme", "--day", "9", "--simulated")
    assert claimed(ledger) == []
    assert told("budget", "remove", "client=acme", "--month", "--simulated")[:2] == (0, "removed client=acme --month\n")
    assert len(claimed(ledger)) == 1
    assert list(listed(told)) == ["client=acme day"]
    assert told("budget", "remove", "client=acme", "--simulated")[0] == 0
    assert read_budgets(shelf).budgets == ()
    assert told("budget", "list")[1].startswith("no budgets in ")


@pytest.mark.parametrize("name", ["acme", "client=", "duration=5", "day=1", "all=x"])
def test_what_is_no_budget_is_refused(told: Told, ledger: Ledger, name: str) -> None:
    """With what would be right."""
    code, _, err = told("budget", "set", name, "--day", "1")
    assert code == 2
    assert "Error" in err


def test_rows_of_a_client_hold_that_client_s_cap(told: Told, ledger: Ledger) -> None:
    """A column of the matrix counts as the label does, whether or not the campaign names one."""
    told("budget", "set", "client=globex", "--day", "0.01", "--simulated")
    told("budget", "set", "submitted_by=anna@growth", "--month", "100", "--simulated")
    told("submit", "mixed.csv", "--simulate", "--campaign", "m")
    assert claimed(ledger) == []
    assert listed(told)["client=globex day"]["waiting"] == ["m"]
    told("budget", "set", "client=globex", "--day", "1", "--simulated")
    assert len(claimed(ledger)) == 2
    assert listed(told)["client=globex day"]["reserved_usd"] == "0.625"
    assert listed(told)["submitted_by=anna@growth month"]["reserved_usd"] == "1.25"


def test_a_budget_by_a_column_that_nobody_counted_is_refused(told: Told, ledger: Ledger, shelf: Shelf) -> None:
    """Rows that are queued already would pass it by; what is said helps."""
    told("submit", "mixed.csv", "--simulate", "--campaign", "m")
    code, _, err = told("budget", "set", "brand=x", "--day", "0.01", "--simulated")
    assert code == 4
    assert "the rows of m have a column `brand`" in err
    assert read_budgets(shelf).budgets == ()
    assert told("submit", "mixed.csv", "--simulate", "--campaign", "m", "--label", "brand=none")[0] == 0
    assert told("budget", "set", "brand=x", "--day", "0.01", "--simulated")[0] == 0
    assert claimed(ledger) == []


def test_another_ledger_cannot_hold_the_same_caps(told: Told, ledger: Ledger, valkey: Valkey) -> None:
    """Whose campaigns have not ended keeps them: another one is refused, at submit and at `budget set`."""
    told("submit", "two.csv", "--simulate")
    assert told("budget", "set", "all", "--day", "5", "--simulated")[0] == 0
    other = valkey.url.replace("/0", "/1")
    code, _, err = told("submit", "mixed.csv", "--simulate", "--redis", other)
    assert code == 4
    assert "no two can hold one cap" in err
    code, _, err = told("budget", "set", "all", "--day", "9", "--simulated", "--redis", other)
    assert code == 4
    assert "simulated-two of this store belong to another ledger" in err


def test_a_ledger_of_before_budgets_cannot_keep_any(told: Told, ledger: Ledger, shelf: Shelf) -> None:
    """Its workers would not look at them: it is refused, with the way to a new one."""
    ledger.client.hset("wb:meta", "version", "1")
    code, _, err = told("budget", "set", "all", "--day", "5", "--simulated")
    assert code == 4
    assert "an older wanbatch founded this ledger" in err
    assert read_budgets(shelf).budgets == ()


def test_before_anything_was_submitted_a_cap_needs_no_ledger(
    told: Told, shelf: Shelf, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lies in the store, and the first submit tells it; where there are campaigns a ledger must be named."""
    monkeypatch.delenv("WANBATCH_REDIS")
    assert told("budget", "set", "client=acme", "--day", "1", "--simulated")[0] == 0
    assert "$0.00 of $1.00 spent by the records of the store" in told("budget", "list", "--simulated")[1]
    monkeypatch.setenv("WANBATCH_REDIS", valkey.url)
    told("submit", "two.csv", "--simulate", "--label", "client=acme")
    one = Ledger.connect(valkey.url, store_url=shelf.store.url)
    assert read_budgets(shelf).epoch == one.epoch
    assert len(claimed(one)) == 1
    one.close()
    monkeypatch.delenv("WANBATCH_REDIS")
    code, _, err = told("budget", "set", "client=acme", "--day", "2", "--simulated")
    assert code == 4
    assert "needs a ledger" in err


def test_a_plan_says_which_shared_budgets_it_asks_of_and_where_one_stops_it(told: Told, ledger: Ledger) -> None:
    """What others hold of a cap counts; a row of another client passes it by; without budgets nothing is said."""
    plain = told("plan", "mixed.csv", "--simulate", "--label", "client=acme")[1]
    assert "shared budget" not in plain
    told("submit", "two.csv", "--simulate", "--label", "client=acme")
    told("budget", "set", "client=acme", "--day", "1", "--simulated")
    told("budget", "set", "all", "--month", "1250", "--simulated")
    assert len(claimed(ledger)) == 1
    code, out, err = told("plan", "mixed.csv", "--simulate", "--label", "client=acme", "--json")
    assert code == 0
    assert "shared budget client=acme: asks $0.6250 of $0.3750 left of $1.00 this day" in err
    assert "shared budget all: asks $1.25 of $1,249.3750 left of $1,250.00 this month" in err
    assert "! about 1 of 2 videos fit into the day of client=acme: the rest waits until " in err
    assert "`wanbatch budget set 'client=acme' --day USD`" in err
    shape = json.loads(out)
    assert shape["fits_shared_budgets"] == 1
    acme, whole = shape["shared_budgets"]
    assert (acme["budget"], acme["left_usd"], acme["needs_usd"], acme["videos"]) == ("client=acme", "0.375", "0.625", 1)
    assert (whole["budget"], whole["period"], whole["needs_usd"], whole["videos"]) == ("all", "month", "1.25", 2)


def test_without_a_ledger_the_caps_are_held_against_the_records(
    told: Told, shelf: Shelf, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was spent is added up from the store; what is under way and left is unknown, never 0."""
    told("submit", "two.csv", "--simulate", "--label", "client=acme")
    told("budget", "set", "client=acme", "--month", "1", "--simulated")
    file = shelf.campaign("simulated-two")
    assert file is not None
    with shelf.plan(file.campaign, file.plan_sha256) as plan:
        first = next(iter_plan(plan)).job
    bought(shelf, first, "0.625", at=datetime.now(UTC), buyer="simulated-gone")
    monkeypatch.delenv("WANBATCH_REDIS")
    code, _, err = told("budget", "list", "--simulated")
    assert code == 4
    assert "bring back what is missing of simulated/campaigns/simulated-gone" in err
    bought(shelf, first, "0.625", at=datetime.now(UTC), buyer=file.campaign)
    code, out, err = told("budget", "list", "--simulated")
    assert code == 0
    assert "$0.6250 of $1.00 spent by the records of the store" in out
    assert "no ledger is running" in err
    (cap,) = listed(told).values()
    assert (cap["spent_usd"], cap["reserved_usd"], cap["left_usd"], cap["waiting"]) == ("0.625", None, None, None)
    assert "only a running ledger knows" in told("plan", "two.csv", "--simulate", "--label", "client=acme")[1]


def bought(
    shelf: Shelf, job: Job, cost: str | None, *, at: datetime, ended: bool = True, buyer: str = "simulated-four"
) -> None:
    """A job of the campaign that was bought by a ledger which is gone: its trail in the store."""
    common: dict[str, Any] = {"job_id": job.job_id, "send": 1, "token": "t"}
    shelf.write_intent(
        Intent(**common, account=job.account, epoch="lost", written_at=at, send_by=at, worker="w/8"),
    )
    shelf.write_receipt(Receipt(**common, answered_at=at, outcome="accepted", task_id=f"task-{job.job_id}"))
    if ended:
        purchase = Purchase(
            send=1, task_id=f"task-{job.job_id}", request_id=None, account=job.account, submitted_at=at,
            state="succeeded", cost_usd=None if cost is None else Decimal(cost), cost_source="provider",
            price_as_of="2026-11-01",
        )  # fmt: skip
        shelf.write_record(
            JobRecord(
                tool_version="1", job_id=job.job_id, buyer=buyer, status="done", attempts=1, polls=1,
                provider="segmind", account=job.account, region=None, purchases=(purchase,), task_id=purchase.task_id,
                submitted_at=at, completed_at=at, stored_at=at, queue_wait_s=0, render_s=1,
            )
        )  # fmt: skip


def test_a_lost_ledger_knows_its_caps_and_what_was_spent(
    told: Told, ledger: Ledger, shelf: Shelf, tmp_path: Path
) -> None:
    """Until it is recovered nothing is bought; then caps, and what this month's claims cost, are what they were.

    A purchase of unknown cost counts at its price; what is under way is reserved, and comes to its end as any other.
    """
    (tmp_path / "four.csv").write_text("prompt\na\nb\nc\nd\n")
    told("budget", "set", "client=acme", "--month", "2.5", "--simulated")
    told("submit", "four.csv", "--simulate", "--label", "client=acme")
    now, file = datetime.now(UTC), shelf.campaign("simulated-four")
    assert file is not None
    with shelf.plan(file.campaign, file.plan_sha256) as plan:
        one, two, three, old = (line.job for line in iter_plan(plan))
    bought(shelf, one, "0.4", at=now)
    bought(shelf, two, None, at=now)
    bought(shelf, three, "", at=now, ended=False)
    bought(shelf, old, "0.6", at=now - timedelta(days=40))
    ledger.client.flushdb()
    code, _, err = told("submit", "two.csv", "--simulate")
    assert code == 4
    assert "wanbatch recover --all" in err
    assert told("recover", "--all")[0] == 0
    sums = {"spent_usd": "1.025", "reserved_usd": "0.625", "in_doubt_usd": "0.00", "left_usd": "0.85"}
    cap = listed(told)["client=acme month"]
    assert {name: cap[name] for name in sums} == sums
    ledger.is_founded()
    ledger.client.hset(f"wb:a:{ACCOUNT}", "hold_ms", 1)
    (due,) = ledger.lease(ACCOUNT, FREE, most=9, rings=9)
    claim = Claim(due.job_id, due.fence)
    for move, to in ((Move.FINISH, State.READY), (Move.COLLECT, State.COLLECTING)):
        assert ledger.move(Order(move=move, to=to, claim=claim, due_s=1000)).ok
    assert ledger.move(Order(move=Move.SETTLE, to=State.DONE, claim=claim, cost_uusd=600_000)).ok
    bought(shelf, three, "0.6", at=now)
    for _ in range(2):
        assert told("budget", "set", "client=acme", "--month", "2.5", "--simulated")[0] == 0
        assert listed(told)["client=acme month"]["spent_usd"] == "1.625"
    assert told("submit", "two.csv", "--simulate", "--label", "client=acme")[0] == 0
    assert len(claimed(ledger)) == 1
