"""A stranger's first command, on one machine with nothing set up: what it says, leaves, costs and outlives."""

import hashlib
import signal
from collections import Counter
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.acceptance.driving import (
    CAMPAIGN_FILE,
    CAMPAIGN_VIDEOS,
    Command,
    Ended,
    begin,
    bought_twice,
    good_videos,
    journal,
    manifest_of,
    papers,
    processes_with,
    spent_usd,
    statuses,
    tasks,
    throttled,
    typed,
    until,
    wanbatch,
)

NAME = "simulated-summer-campaign"
#: Purchases after which a run is in the middle: some are rendering, and some not yet bought.
MIDDLE = 8
#: What the promise of the first run allows, with `.venv` present; a repetition that makes nothing has less.
FIRST_WITHIN_S, AGAIN_WITHIN_S = 20.0, 3.0
#: A run that goes on where another was killed may have to wait for a lease or two.
RESUMED_WITHIN_S = 30.0
#: Seconds after which it is proved that a lost submit bought nothing: 30 on the wire, and 900 of the simulator's.
PROOF_S = 30 + 900 / 60


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of someone who has just unpacked the program."""
    return tmp_path_factory.mktemp("stranger")


@pytest.fixture(scope="module")
def store(home: Path) -> Path:
    """Where that first run puts everything."""
    return home / "out"


@pytest.fixture(scope="module")
def first(home: Path, store: Path) -> Ended:
    """The first command of all, run to its end."""
    ended = wanbatch("run", CAMPAIGN_FILE, "--store", store.as_uri(), cwd=home)
    assert ended.code == 0, ended.err
    return ended


def start_run(store: Path, log: Path) -> Command:
    """The first command, still running."""
    return begin(log, "run", CAMPAIGN_FILE, "--store", store.as_uri())


def in_the_middle(run: Command, store: Path) -> None:
    """Wait until some videos are bought and some are not."""
    until(lambda: len(journal(store)) >= MIDDLE, 30, f"{MIDDLE} purchases; {run.said}")


def check_whole(store: Path) -> None:
    """All videos are there and good, each was bought once, and the provider threw no submit back."""
    lines = manifest_of(papers(store, NAME) / "manifest.jsonl")
    assert len(lines) == CAMPAIGN_VIDEOS
    good_videos(lines)
    bought = journal(store)
    assert bought_twice(bought) == {}
    assert tasks(lines) == Counter(one["task_id"] for one in bought)
    assert throttled(store) == []


def test_it_says_first_that_it_is_simulated_and_what_it_would_cost(first: Ended, store: Path) -> None:
    """The first line has campaign, world and store; then come the videos, their price, and at the end the papers."""
    opening, *rest = first.err.splitlines()
    assert opening.startswith(f"NEW campaign {NAME} | SIMULATED")
    assert opening.endswith(store.as_uri())
    assert "24 videos from 10 rows; 24 to make" in rest[0]
    assert "would cost $19.0625" in rest[1]
    assert "nothing was bought" in first.out
    assert str(papers(store, NAME) / "manifest.jsonl") in first.out
    assert str(papers(store, NAME) / "report.html") in first.out
    assert first.took_s < FIRST_WITHIN_S


def test_every_line_of_the_manifest_has_its_own_good_video(first: Ended, store: Path) -> None:
    """Twenty-four verified videos, each on disk with its SHA-256, each different, at the cost that was told."""
    check_whole(store)
    lines = manifest_of(papers(store, NAME) / "manifest.jsonl")
    for line in lines:
        video = Path(unquote(urlsplit(line["video"]["uri"]).path))
        assert hashlib.sha256(video.read_bytes()).hexdigest() == line["video"]["sha256"]
        assert (line["simulated"], line["cost_source"], line["duration_s"]) == (True, "provider", line["duration_s"])
        assert abs(line["video"]["duration_s"] - line["duration_s"]) < 0.1
        assert line["seed"] is not None
        assert line["remaining_credits"] is not None
    assert spent_usd(lines) == Decimal("19.0625")
    page = (papers(store, NAME) / "report.html").read_text(encoding="utf-8")
    assert "SIMULATED" in page


def test_everything_it_started_is_gone(first: Ended, store: Path) -> None:
    """Ledger, simulator and worker end with the run."""
    assert processes_with(str(store)) == []


def test_the_second_time_nothing_is_started_or_bought(first: Ended, home: Path, store: Path) -> None:
    """The same command says that all is there, leaves the same papers, and takes under three seconds."""
    before = journal(store)
    took = []
    for _ in range(3):
        again = wanbatch("run", CAMPAIGN_FILE, "--store", store.as_uri(), cwd=home)
        assert again.code == 0
        assert again.err.startswith(f"KNOWN campaign {NAME}")
        assert "nothing was started, nothing was bought" in again.err
        assert "24 are there already; nothing left to make" in again.err
        took.append(again.took_s)
        if min(took) < AGAIN_WITHIN_S:
            break
    assert min(took) < AGAIN_WITHIN_S
    assert journal(store) == before
    check_whole(store)


def test_the_papers_can_be_asked_for_when_nothing_runs(first: Ended, home: Path, store: Path) -> None:
    """Status, manifest and report answer from the store alone."""
    where = ("--store", store.as_uri())
    status = typed("status", NAME, *where, "--json", cwd=home)
    assert status.json["states"]["done"] == CAMPAIGN_VIDEOS
    assert status.json["money_usd"]["spent"] == "19.0625"
    table = typed("manifest", NAME, *where, "--format", "csv", cwd=home)
    assert (table.code, "variant.hook" in table.out.splitlines()[0]) == (0, True)
    assert typed("report", NAME, *where, cwd=home).code == 0


def test_ctrl_c_ends_everything_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """Interrupted in the middle it exits 130 and says how to go on; the second run buys only what is missing."""
    store = tmp_path / "out"
    run = start_run(store, tmp_path / "run.log")
    in_the_middle(run, store)
    run.tell(signal.SIGINT)
    assert run.ended(within_s=10) == 130
    assert "the same command goes on from here" in run.said
    assert processes_with(str(store)) == []
    assert len(journal(store)) <= CAMPAIGN_VIDEOS
    again = wanbatch("run", CAMPAIGN_FILE, "--store", store.as_uri(), cwd=tmp_path)
    assert (again.code, again.took_s < RESUMED_WITHIN_S) == (0, True), again.err
    check_whole(store)


def test_a_killed_run_takes_its_children_along_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """SIGKILL of the run: no child lives two seconds longer, nothing is lost and nothing is bought twice."""
    store = tmp_path / "out"
    run = start_run(store, tmp_path / "run.log")
    in_the_middle(run, store)
    run.tell(signal.SIGKILL)
    run.ended(within_s=5)
    until(lambda: not processes_with(str(store)), 2, "all children are gone")
    again = wanbatch("run", CAMPAIGN_FILE, "--store", store.as_uri(), cwd=tmp_path)
    lines = manifest_of(papers(store, NAME) / "manifest.jsonl")
    assert again.code == 0, again.err
    assert statuses(lines) == {"done": CAMPAIGN_VIDEOS}
    bought = journal(store)
    assert bought_twice(bought) == {}
    assert len(bought) == CAMPAIGN_VIDEOS
    assert throttled(store) == []
    # A submit whose answer died with the run is looked for first, until it is proved what it bought.
    assert again.took_s < RESUMED_WITHIN_S + (PROOF_S if "without an answer" in again.err else 0)


def test_two_runs_of_the_same_file_at_once_buy_each_video_once(tmp_path: Path) -> None:
    """The second run joins the first one's ledger and simulator; both end well, with one set of purchases."""
    store = tmp_path / "out"
    runs = [start_run(store, tmp_path / f"run-{number}.log") for number in (1, 2)]
    assert [run.ended(within_s=60) for run in runs] == [0, 0], [run.said for run in runs]
    check_whole(store)
    assert processes_with(str(store)) == []
