"""The commands that stop, resume and cancel: what they say, what they refuse, and what is left in the store."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.share import Share
from ledger.campaignfile import CampaignFile
from ledger.files import FileStore
from ledger.jobs import Ledger
from ledger.shares import read_share
from ledger.shelf import Shelf
from tests.integration.conftest import Told
from tests.services import Valkey

NAME = "simulated-two"


@pytest.fixture
def facts(tmp_path: Path) -> Callable[[], CampaignFile]:
    """The campaign's lasting facts as they lie in the store now."""

    def read() -> CampaignFile:
        file = Shelf(FileStore(str(tmp_path / "out")), simulated=True).campaign(NAME)
        assert file is not None
        return file

    return read


def states(told: Told) -> dict[str, int]:
    """The campaign's states that have jobs."""
    shape = json.loads(told("status", NAME, "--json")[1])
    return {state: number for state, number in shape["states"].items() if number}


def test_pause_and_resume_a_campaign(told: Told, facts: Callable[[], CampaignFile]) -> None:
    """Both say what they did and what comes next; the store knows; a submit in between changes nothing."""
    told("submit", "two.csv", "--simulate")
    code, out, _ = told("pause", NAME)
    assert code == 0
    assert out == f"paused {NAME}: 2 wait, 0 are bought and still collected; `wanbatch resume {NAME}` goes on\n"
    assert facts().state == "paused"
    told("submit", "two.csv", "--simulate")
    assert facts().state == "paused"
    assert states(told) == {"parked": 2}
    assert "`wanbatch resume simulated-two` goes on" in told("status", NAME)[1]
    assert told("resume", NAME)[:2] == (0, f"resumed {NAME}\n")
    assert facts().state == "running"
    assert states(told) == {"queued": 2}


def test_pause_everything_or_a_provider(told: Told) -> None:
    """Before any campaign too; whatever does not buy yet after a resume is named with its reason."""
    told("submit", "two.csv", "--simulate")
    assert told("pause", "--all")[0] == 0
    assert told("pause", "--provider", "segmind")[0] == 0
    assert states(told) == {"parked": 2}
    code, _, err = told("resume", NAME)
    assert code == 0
    assert f"{NAME} does not buy yet: all buying is paused" in err
    _, _, err = told("resume", "--all")
    assert "buying at segmind is paused; `wanbatch resume --provider segmind` goes on" in err
    code, _, err = told("resume", "--provider", "segmind")
    assert (code, err) == (0, "")
    assert states(told) == {"queued": 2}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pause",), "say whom it is for"),
        (("pause", "x", "--all"), "say whom it is for"),
        (("pause", "nowhere"), "no campaign 'nowhere'"),
        (("resume", "--provider", "segmnd"), "did you mean segmind?"),
        (("recover",), "say what to recover"),
        (("recover", "nowhere"), "no campaign 'nowhere'"),
    ],
)
def test_what_cannot_be_meant_is_bad_input(told: Told, words: tuple[str, ...], said: str) -> None:
    """Exit 2, with what would be right."""
    told("submit", "two.csv", "--simulate")
    code, _, err = told(*words)
    assert code == 2
    assert said in err


def test_cancel_asks_says_and_empties(told: Told, facts: Callable[[], CampaignFile]) -> None:
    """Without a terminal only --yes will do; then nothing is left to buy, and the end is told as not all done."""
    told("submit", "two.csv", "--simulate")
    code, _, err = told("cancel", NAME)
    assert code == 4
    assert "say --yes" in err
    assert states(told) == {"queued": 2}
    code, out, err = told("cancel", NAME, "--yes")
    assert (code, out) == (0, f"cancelled {NAME}: 2 are not made\n")
    assert f"{NAME}: 2 that wait will not be made" in err
    assert facts().state == "cancelled"
    assert states(told) == {"cancelled": 2}
    assert told("wait", NAME)[0] == 3
    assert told("pause", NAME)[0] == 2


def test_a_cancelled_campaign_is_not_taken_up_by_accident(told: Told, facts: Callable[[], CampaignFile]) -> None:
    """Submitting it again is refused with the way out; `resume` queues what its plan asks for."""
    told("submit", "two.csv", "--simulate")
    told("cancel", NAME, "--yes")
    code, _, err = told("submit", "two.csv", "--simulate")
    assert code == 4
    assert f"`wanbatch resume {NAME}` takes it up again" in err
    assert told("resume", NAME)[:2] == (0, f"resumed {NAME}: 2 are queued again\n")
    assert facts().state == "running"
    assert states(told) == {"queued": 2}
    assert told("submit", "two.csv", "--simulate")[0] == 0


def test_cancel_leaves_shared_jobs_to_others(told: Told) -> None:
    """Of two campaigns that want the same videos the other one makes them; cancelling all leaves nothing."""
    told("submit", "two.csv", "--simulate")
    told("submit", "two.csv", "--simulate", "--campaign", "other")
    _, out, _ = told("cancel", "other", "--yes")
    assert "2 are left to other campaigns" in out
    assert states(told) == {"queued": 2}
    told("resume", "other")
    _, out, _ = told("cancel", NAME, "--yes")
    assert "2 are left to other campaigns" in out
    told("cancel", "--all", "--yes")
    shapes = json.loads(told("status", "--json")[1])["campaigns"]
    assert {shape["campaign"]: shape["states"]["queued"] for shape in shapes} == {NAME: 0, "other": 0}


def test_another_ledgers_campaign_is_not_touched(told: Told, valkey: Valkey, tmp_path: Path) -> None:
    """The reason says whose it is and what to do when that ledger is lost."""
    told("submit", "two.csv", "--simulate")
    shelf = Shelf(FileStore(str(tmp_path / "out")), simulated=True)
    file = shelf.campaign(NAME)
    assert file is not None
    shelf.write_campaign(file.model_copy(update={"epoch": "elsewhere"}))
    for words in (("pause", NAME), ("resume", NAME), ("cancel", NAME, "--yes"), ("submit", "two.csv", "--simulate")):
        code, _, err = told(*words)
        assert code == 4
        assert f"`wanbatch recover {NAME}`" in err
    ledger = Ledger.connect(valkey.url, store_url=(tmp_path / "out").as_uri())
    status = ledger.status(NAME)
    ledger.close()
    assert status is not None
    assert status.parked is None


def test_without_a_ledger_there_is_nothing_to_pause(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that no run ever used is told apart from one whose run has ended."""
    monkeypatch.delenv("WANBATCH_REDIS")
    code, _, err = told("pause", "--all")
    assert code == 4
    assert "needs a ledger" in err


def test_a_newer_ledger_and_a_newer_campaign_are_left_alone(told: Told, valkey: Valkey, tmp_path: Path) -> None:
    """Exit 4 and "upgrade": what a newer version wrote is never misread."""
    told("submit", "two.csv", "--simulate")
    file = tmp_path / "out" / "simulated" / "campaigns" / NAME / "campaign.json"
    text = file.read_text()
    file.write_text(json.dumps({**json.loads(text), "version": 3, "moon_phase": "full"}))
    code, _, err = told("pause", NAME)
    assert code == 4
    assert "a newer wanbatch wrote this CampaignFile (version 3, and this one knows 2)" in err
    file.write_text(text)
    with valkey.client() as client:
        client.hset("wb:meta", "version", "3")
    code, _, err = told("pause", NAME)
    assert code == 4
    assert "upgrade wanbatch" in err


def test_a_share_and_a_budget_are_adjusted(told: Told, facts: Callable[[], CampaignFile], tmp_path: Path) -> None:
    """The ledger goes by it at once, the store remembers it; a word without a change is refused."""
    told("submit", "two.csv", "--simulate")
    assert told("adjust", NAME, "--priority", "3")[0] == 0
    code, out, _ = told("adjust", NAME, "--weight", "2.5", "--budget", "7")
    assert (code, out) == (0, f"adjusted {NAME}: weight 2.5, budget $7.00\n")
    assert facts().budget_usd == 7
    assert read_share(Shelf(FileStore(str(tmp_path / "out")), simulated=True), NAME) == Share(weight=2.5, priority=3)
    assert told("adjust", NAME)[0] == 2
    assert told("adjust", NAME, "--weight", "nan")[0] == 2
    assert told("adjust", "nobody", "--weight", "2")[0] == 2


def test_a_share_is_given_at_the_submit(told: Told, valkey: Valkey, tmp_path: Path) -> None:
    """By the campaign file, or by an option, which wins; a submit that says nothing leaves what was adjusted."""
    (tmp_path / "two.toml").write_text('rows = "two.csv"\nweight = 2\npriority = 1\n')

    def share(*words: str, of: str = "two.toml") -> list[Any]:
        assert told("submit", of, "--simulate", *words)[0] == 0
        with valkey.client() as client:
            given = client.hmget(f"wb:c:{NAME}", "weight", "priority")
            client.hdel(f"wb:c:{NAME}", "weight", "priority")
        return given

    assert share(of="two.csv") == [b"1.0", b"0"]
    assert share() == [b"2.0", b"1"]
    assert share("--weight", "0.5") == [b"0.5", b"1"]
    assert share("--priority", "-2") == [b"2.0", b"-2"]
    assert share(of="two.csv") == [None, None]
    assert read_share(Shelf(FileStore(str(tmp_path / "out")), simulated=True), NAME) == Share(weight=2, priority=-2)
    with valkey.client() as client:
        client.flushall()
    assert told("recover", NAME)[0] == 0
    with valkey.client() as client:
        assert client.hmget(f"wb:c:{NAME}", "weight", "priority") == [b"2.0", b"-2"]
    (tmp_path / "two.toml").write_text('rows = "two.csv"\nweight = 0\n')
    code, _, err = told("submit", "two.toml", "--simulate")
    assert code == 2
    assert "two.toml:2: weight" in err
    assert "a weight is above 0 and up to 1000" in err
