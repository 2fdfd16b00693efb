"""How long a worker waits where webhooks tell of ends: one late look for those that are lost, until webhooks fail."""

from collections.abc import Iterator

import fakeredis
import pytest

from config.accounts import Accounts
from jobs.rendertimes import cell
from ledger import scripts
from ledger.jobs import Ledger
from ledger.orders import Due
from ledger.trips import Trips
from providers.accounts import open_simulated
from providers.clock import REAL
from providers.webhooks import Addresses
from worker.patience import MISSED_IN_A_ROW, Patience
from worker.wiring import Counter, counter

KIND = "t2v-standard-720p-5s"
RECEIVER = Addresses("https://us.example", b"a secret of ours")
FOUND = Due("j", "rendering", "f", 0, "task", 0, 0, "[]", "", kind=KIND, ran_ms="0", look_ms="0")
TOLD = FOUND._replace(hint_ms="1")


def at(provider: str) -> Counter:
    """A counter of that provider, with a receiver behind it."""
    return counter(open_simulated(Accounts().named(provider, simulated=True), "http://127.0.0.1:1", REAL), RECEIVER)


@pytest.fixture
def patience() -> Patience:
    """fal's, which is asked to call."""
    return at("fal").patience


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """A ledger that knows forty renders of 100 s."""
    client = fakeredis.FakeRedis(decode_responses=True)
    epoch, _, _ = scripts.run(Trips(client), "found", "beef", "file:///store", 1)
    client.hset(f"wb:renders:simulated-fal:{KIND}", mapping={str(cell(100)): "40", "known": "40"})
    yield Ledger(client, epoch=epoch, store_url="file:///store")
    client.close()


def test_the_first_look_is_for_lost_webhooks(patience: Patience, ledger: Ledger) -> None:
    """Beyond twice the usual length, or nearly all ends once they are known; what lasts longer is as before."""
    usual_s = patience.account.facts.typical_render_s
    assert 2 * usual_s < patience.wait_s(KIND, 0, 0.0) < 2.4 * usual_s
    patience.renew(ledger)
    waits_s = [patience.wait_s(KIND, 0, 0.0) for _ in range(50)]
    assert 100 < min(waits_s) < max(waits_s) < 140
    # Of renders that another ledger has bought nobody calls here.
    assert patience.wait_s("", 0, 0.0) < 20
    assert patience.wait_s(KIND, 1, 150.0) < 80


def test_when_webhooks_fail_looks_go_on_without_them(
    patience: Patience, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    """Some ends in a row without a call, and looks are planned as learned; one call, and they are waited for again."""
    patience.wait_s(KIND, 0, 0.0)
    patience.renew(ledger)
    for due in [FOUND, FOUND, TOLD] + [FOUND] * (MISSED_IN_A_ROW - 1):
        patience.ended(due)
        assert patience.wait_s(KIND, 0, 0.0) > 100
    patience.ended(FOUND)
    patience.ended(FOUND)
    assert patience.wait_s(KIND, 0, 0.0) < 100
    patience.ended(FOUND._replace(kind=""))
    patience.ended(TOLD)
    assert patience.wait_s(KIND, 0, 0.0) > 100
    said = [line.message for line in caplog.records]
    assert said == ["no webhooks arrive, so renders are looked after without them", "webhooks arrive again"]


def test_who_is_not_asked_to_call_is_looked_at_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a receiver, without webhooks, or without the secret that proves them, nothing changes."""
    alone = counter(open_simulated(Accounts().named("fal", simulated=True), "http://127.0.0.1:1", REAL))
    for one in (alone, at("segmind"), at("replicate"), at("toapis")):
        assert one.addresses is None
        assert one.patience.wait_s(KIND, 0, 0.0) < 60
        one.patience.ended(FOUND)
    monkeypatch.setenv("REPLICATE_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert at("replicate").addresses == at("apimart").addresses == RECEIVER
