"""Pause, resume and cancel on a real Valkey: they act at the next claim and send, and the books stay in order."""

import json

import pytest

from jobs.errors import LedgerRefused
from jobs.lifecycle import Move, State
from ledger.campaigns import CampaignStatus
from ledger.files import FileStore
from ledger.halt import Place, Verb, bring_back, cancel, halt, paused, remember
from ledger.jobs import VERSION, Ledger
from ledger.lots import Lot
from tests.books import ACCOUNT, FREE, STORE, Bench, gates
from tests.services import Valkey

#: Everything that a person may stop, and the name by which it is stopped.
PLACES: list[tuple[Place, str]] = [("campaign", "spring"), ("account", ACCOUNT), ("everything", "")]


def put(bench: Bench, campaign: str, *jobs: str) -> str:
    """Open a campaign and queue jobs at 100 micro-dollars; answers the letters."""
    bench.ledger.open_campaign(
        campaign, bench.account, budget_uusd=None, facts={"simulated": "1", "provider": "segmind"}
    )
    rows = [(job, place, 100, "{}", "queued") for place, job in enumerate(jobs)]
    return bench.ledger.enqueue(campaign, [Lot(bench.account, rows)])


def told(bench: Bench, verb: Verb, place: Place, name: str = "") -> None:
    """Stop or resume something that is known."""
    assert halt(bench.ledger, verb, place, name)


def seen(bench: Bench, campaign: str) -> CampaignStatus:
    """The status of a campaign that is there."""
    status = bench.ledger.status(campaign)
    assert status is not None
    return status


def parked(bench: Bench) -> tuple[str | None, str | None]:
    """What keeps the campaign from buying: kind and sentence."""
    status = bench.ledger.status("spring")
    assert status is not None
    return status.parked_kind, status.parked


def counts(bench: Bench, campaign: str = "spring") -> dict[str, int]:
    """The campaign's states that have jobs."""
    status = bench.ledger.status(campaign)
    assert status is not None
    return {state.value: number for state, number in status.states.items() if number}


@pytest.mark.parametrize(("place", "name"), PLACES)
def test_a_pause_stops_claims_and_sends_and_nothing_else(bench: Bench, place: Place, name: str) -> None:
    """What is claimed is not sent, what renders is leased and collected; after the resume buying goes on."""
    bench.stock("spring", 4)
    rendering = bench.reach(State.RENDERING)
    (claim,) = bench.claim()
    told(bench, "pause", place, name)
    assert parked(bench)[0] == "paused"
    assert bench.claim() == []
    assert bench.ledger.send(claim, FREE, token="t", send=1)[0] == "stop"
    bench.do(Move.RELEASE, State.QUEUED, claim)
    assert bench.claim() == []
    bench.now_due(rendering.job_id)
    (due,) = bench.ledger.lease(ACCOUNT, FREE, most=9, rings=9)
    bench.do(Move.FINISH, State.READY, rendering._replace(fence=due.fence), due_s=1000)
    told(bench, "resume", place, name)
    assert parked(bench) == (None, None)
    assert len(bench.claim(9)) == 3


def test_each_pause_says_which_command_ends_it(bench: Bench) -> None:
    """Everything before the provider's, and the campaign's own before both."""
    put(bench, "spring", "a")
    told(bench, "pause", "account", ACCOUNT)
    assert parked(bench)[1] == "buying at segmind is paused; `wanbatch resume --provider segmind` goes on"
    told(bench, "pause", "everything")
    assert parked(bench)[1] == "all buying is paused; `wanbatch resume --all` goes on"
    told(bench, "pause", "campaign", "spring")
    assert parked(bench)[1] == "the campaign is paused; `wanbatch resume spring` goes on"


def test_a_campaign_submitted_again_stays_paused(bench: Bench) -> None:
    """New jobs join the queue and are not bought."""
    put(bench, "spring", "a")
    told(bench, "pause", "campaign", "spring")
    put(bench, "spring", "a", "b")
    assert bench.claim(9) == []
    told(bench, "resume", "campaign", "spring")
    assert len(bench.claim(9)) == 2


def test_an_unknown_campaign_is_told(bench: Bench) -> None:
    """Nothing is made up for a name that nobody submitted."""
    assert halt(bench.ledger, "pause", "campaign", "nowhere") is False
    assert cancel(bench.ledger, "nowhere") is None
    assert bench.redis.exists("wb:c:nowhere") == 0


def lose(bench: Bench) -> None:
    """A submit without an answer."""
    bench.reach(State.UNKNOWN)


def test_after_lost_answers_a_single_submit_goes_first(bench: Bench) -> None:
    """One claim at a time until one is answered; then all go on."""
    bench.stock("spring", 10)
    for _ in range(3):
        lose(bench)
    assert parked(bench)[0] == "breaker"
    told(bench, "resume", "account", ACCOUNT)
    (probe,) = bench.claim(9)
    assert bench.claim(9) == []
    assert bench.ledger.send(probe, FREE, token="t", send=1)[:2] == ("go", "")
    assert bench.claim(9) == []
    bench.do(Move.ACCEPT, State.RENDERING, probe, due_s=1000, answered=True)
    assert len(bench.claim(9)) == 6


def test_a_probe_that_is_lost_too_parks_at_once(bench: Bench) -> None:
    """Not three more are put at risk."""
    bench.stock("spring", 10)
    for _ in range(3):
        lose(bench)
    told(bench, "resume", "campaign", "spring")
    lose(bench)
    assert parked(bench)[0] == "breaker"
    assert bench.claim(9) == []


def end(bench: Bench, *, bad: bool) -> None:
    """One job to its end."""
    bench.do(Move.SETTLE, State.FAILED if bad else State.DONE, bench.reach(State.COLLECTING), bad=bad)


def test_after_bad_videos_a_single_one_goes_first(bench: Bench) -> None:
    """The campaign waits for the end of its probe: a good one frees it, a bad one parks it again."""
    bench.stock("spring", 30)
    for _ in range(10):
        end(bench, bad=True)
    assert parked(bench)[0] == "breaker"
    told(bench, "resume", "campaign", "spring")
    end(bench, bad=True)
    assert parked(bench)[0] == "breaker"
    told(bench, "resume", "campaign", "spring")
    probe = bench.reach(State.RENDERING)
    assert bench.claim(9) == []
    bench.do(Move.FINISH, State.READY, probe, due_s=1000)
    bench.do(Move.COLLECT, State.COLLECTING, probe, due_s=1000)
    assert bench.claim(9) == []
    bench.do(Move.SETTLE, State.DONE, probe, bad=False)
    assert len(bench.claim(9)) == 9


@pytest.mark.parametrize("kind", ["out_of_credit", "key_refused"])
def test_the_same_command_goes_on_after_a_top_up(bench: Bench, kind: str) -> None:
    """Submitting again is a person's word that the account is well: one submit tells whether it is so."""
    bench.stock("spring", 3)
    bench.ledger.hold(ACCOUNT, park=kind, reason="top up")
    assert bench.claim(9) == []
    bench.ledger.open_campaign("spring", ACCOUNT, budget_uusd=None, facts={"run_id": "2"})
    assert len(bench.claim(9)) == 1
    assert bench.claim(9) == []


def test_cancel_empties_the_queue_and_frees_the_money(bench: Bench) -> None:
    """Queued jobs are cancelled; what was claimed or failed unbilled follows when it comes back; renders stay."""
    bench.stock("spring", 6)
    rendering, failing = bench.reach(State.RENDERING), bench.reach(State.RENDERING)
    (claim,) = bench.claim()
    done = cancel(bench.ledger, "spring")
    assert done is not None
    assert (done.cancelled, done.handed_over, done.asked) == (3, 0, 2)
    assert bench.ledger.send(claim, FREE, token="t", send=1)[0] == "stop"
    bench.do(Move.RELEASE, State.QUEUED, claim)
    bench.do(Move.REBUY, State.QUEUED, failing)
    bench.audit()
    assert counts(bench) == {"cancelled": 5, "rendering": 1}
    assert bench.money("spring") == (100, 0, 0)
    bench.do(Move.CANCEL, State.CANCELLED, rendering)
    assert counts(bench) == {"cancelled": 6}
    assert bench.money("spring") == (0, 0, 0)
    assert parked(bench)[0] == "cancelled"


def test_a_claim_of_a_dead_worker_is_cancelled_too(bench: Bench) -> None:
    """Its lease runs out after the cancel: it does not go back to the queue."""
    bench.stock("spring", 1)
    (claim,) = bench.claim()
    cancel(bench.ledger, "spring")
    bench.now_due(claim.job_id)
    assert bench.ledger.lease(ACCOUNT, FREE, most=9, rings=9) == []
    assert bench.state(claim.job_id) == "cancelled"


def test_what_others_want_is_left_to_them(bench: Bench) -> None:
    """The next campaign that buys at the same account takes over; a cancelled one does not."""
    for name in ("spring", "summer", "autumn"):
        put(bench, name, "a", "b")
    put(bench, "spring", "mine")
    assert cancel(bench.ledger, "summer") is not None
    done = cancel(bench.ledger, "spring")
    assert done is not None
    assert (done.cancelled, done.handed_over) == (1, 2)
    bench.audit()
    assert counts(bench, "autumn") == {"queued": 2}
    assert [bench.ledger.job(claim.job_id)["campaigns"].split("\n")[0] for claim in bench.claim(9)] == ["autumn"] * 2


def test_a_campaign_whose_buyer_has_stopped_says_so_and_has_settled(bench: Bench) -> None:
    """Nobody waits for ever: as long as one buyer buys, it waits; then it names who stopped, until that one is gone."""
    put(bench, "spring", "a")
    put(bench, "autumn", "b")
    put(bench, "summer", "a", "b")
    told(bench, "pause", "campaign", "spring")
    assert seen(bench, "summer").needs == []
    told(bench, "pause", "campaign", "autumn")
    status = seen(bench, "summer")
    assert (status.parked_kind, status.settled, status.states[State.PARKED]) == ("joined", True, 2)
    assert "autumn (the campaign is paused; `wanbatch resume autumn` goes on), spring (" in status.needs[0]
    cancel(bench.ledger, "autumn")
    status = seen(bench, "summer")
    assert (status.parked_kind, status.settled, status.states[State.QUEUED]) == (None, False, 2)
    assert [claim.job_id for claim in bench.claim(9)] == ["b"]
    cancel(bench.ledger, "spring")
    assert [claim.job_id for claim in bench.claim(9)] == ["a"]


def test_who_takes_over_is_the_buyer_that_others_wait_for(bench: Bench) -> None:
    """When the buyer leaves, the next in line buys; if that one stops, the third is told of it."""
    for name in ("spring", "summer", "autumn"):
        put(bench, name, "a")
    cancel(bench.ledger, "spring")
    told(bench, "pause", "campaign", "summer")
    assert "summer (the campaign is paused" in (seen(bench, "autumn").parked or "")


def test_only_renders_that_nobody_else_wants_are_cancelled_at_the_provider(bench: Bench) -> None:
    """The next look is due at once and says so; whoever asks for the video meanwhile keeps it."""
    put(bench, "spring", "a", "b", "c")
    for _ in range(3):
        bench.reach(State.RENDERING)
    put(bench, "summer", "c")
    done = cancel(bench.ledger, "spring")
    assert done is not None
    assert done.asked == 2
    put(bench, "summer", "b")
    told(bench, "resume", "campaign", "spring")
    due = {each.job_id: each.unwanted for each in bench.ledger.lease(ACCOUNT, FREE, most=9, rings=9)}
    assert due == {"a": "1", "b": ""}


def test_pauses_outlive_the_ledger(bench: Bench, tmp_path: object) -> None:
    """The store remembers accounts and everything, and tells a new ledger."""
    store = FileStore(str(tmp_path))
    assert not paused(store).everything
    remember(store, "pause", ["segmind", ACCOUNT])
    remember(store, "pause", everything=True)
    remember(store, "resume", ["segmind"])
    assert json.loads(store.get("paused.json")) == {"version": 1, "everything": True, "accounts": [ACCOUNT]}
    bench.stock("spring", 1)
    bring_back(bench.ledger, store)
    told(bench, "resume", "everything")
    assert bench.claim() == []
    told(bench, "resume", "account", ACCOUNT)
    assert len(bench.claim()) == 1


def test_slots_stay_with_what_renders_on(bench: Bench) -> None:
    """A cancelled campaign's renders hold their slots until they end."""
    gate = gates(slots=1)
    put(bench, "spring", "a")
    bench.reach(State.RENDERING)
    cancel(bench.ledger, "spring")
    put(bench, "summer", "b")
    assert bench.claim(gate=gate) == []


def test_a_ledger_that_a_newer_version_took_over_is_left_alone(bench: Bench, valkey: Valkey) -> None:
    """A running worker sees it at its next heartbeat and serves nothing; a new command is refused."""
    bench.redis.hset("wb:meta", "version", str(VERSION + 1))
    assert bench.ledger.is_founded() is False
    assert f"a newer wanbatch founded this ledger (version {VERSION + 1}" in bench.ledger.strange
    with pytest.raises(LedgerRefused, match=f"version {VERSION + 1}, and this one knows {VERSION}"):
        Ledger.connect(valkey.url, store_url=STORE)
    bench.redis.hset("wb:meta", "version", "1")
    assert bench.ledger.is_founded() is True
    assert bench.ledger.strange == ""


def test_a_cancel_that_comes_after_the_resume_queues_the_job(bench: Bench) -> None:
    """The provider gave it up, and the campaign wants it again: it is bought anew, not forgotten."""
    bench.stock("spring", 1)
    claim = bench.reach(State.RENDERING)
    cancel(bench.ledger, "spring")
    told(bench, "resume", "campaign", "spring")
    bench.do(Move.CANCEL, State.CANCELLED, claim)
    assert counts(bench) == {"queued": 1}
    assert len(bench.claim()) == 1


def test_what_is_accepted_after_the_cancel_is_cancelled_there_too(bench: Bench) -> None:
    """The POST was on the wire when the campaign was cancelled."""
    bench.stock("spring", 1)
    claim = bench.reach(State.SUBMITTING)
    cancel(bench.ledger, "spring")
    bench.do(Move.ACCEPT, State.RENDERING, claim, due_s=0, answered=True, set={"task": "t"})
    (due,) = bench.ledger.lease(ACCOUNT, FREE, most=9, rings=9)
    assert due.unwanted == "1"
