"""`wanbatch deliver`: words, exit codes and JSON; what is copied is tested in tests/producer/test_delivery.py."""

import hashlib
import json
from pathlib import Path

import pytest

from cli.app import exit_code
from tests.cli.conftest import Stored, record
from tests.samples import film

NAME = "{client}_{campaign}_{colour}_{ratio}_{dur}s_{creative_id}_t{take}"


def delivering(stored: Stored, *more: str) -> int:
    """Deliver the stored campaign to the folder `copies` of here."""
    return exit_code(["deliver", "simulated-spring", "--store", stored.store.url, "--to", "copies", *more])


def make(stored: Stored) -> None:
    """End every job of the campaign with a real video."""
    video = film()
    for line in stored.lines:
        ended = record(line, failed=False, verified=True)
        assert ended.video is not None
        facts = {"sha256": hashlib.sha256(video).hexdigest(), "bytes": len(video)}
        stored.shelf.write_record(ended.model_copy(update={"video": ended.video.model_copy(update=facts)}))
        stored.store.put(stored.shelf.job_key(line.job.job_id, "video.mp4"), video)


def test_the_copies_have_the_names_that_were_asked_for(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0 once all is there, with where the list lies; the second time says that nothing was copied."""
    make(stored)
    assert delivering(stored, "--name", NAME, "--set", "client=ACME Co.") == 0
    said = capsys.readouterr()
    assert said.err == "SIMULATED: these copies are a rehearsal, and no ad\n"
    told = said.out.splitlines()
    assert told[0] == "3 videos copied"
    assert told[1].split() == ["delivered.jsonl", str(Path("copies/delivered.jsonl").absolute())]
    ids = [line.job.job_id[:8] for line in stored.lines]
    colours = ("red", "blue", "green")
    wanted = [
        f"acme-co_simulated-spring_{colour}_16x9_5s_{one}_t1.mp4" for colour, one in zip(colours, ids, strict=True)
    ]
    assert sorted(path.name for path in Path("copies").glob("*.mp4")) == sorted(wanted)
    assert delivering(stored, "--name", NAME, "--set", "client=ACME Co.") == 0
    assert capsys.readouterr().out.startswith("0 videos copied; 3 copies with the same hash there already")


def test_what_is_missing_is_told(stored: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 3, with the reason for each video that is not there; --json has the same for scripts."""
    assert delivering(stored) == 3
    told = capsys.readouterr()
    assert told.out.startswith("0 videos copied")
    assert told.err.splitlines() == [
        "3 videos left out:",
        "  line 2: failed: there is no video (the render failed)",
        "  line 3: queued: there is no video",
        "  line 2: its video is no longer in the store",
    ]
    assert delivering(stored, "--json") == 3
    shape = json.loads(capsys.readouterr().out)
    assert list(shape) == ["campaign", "copied", "there", "left_out", "refused", "files"]
    assert [one["job_id"] for one in shape["left_out"]] == [stored.lines[number].job.job_id for number in (1, 2, 0)]


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--name", "{clinet}"], 2, "nothing is called {clinet}"),
        (["--feed", "google", "--public-base-url", "https://cdn.example.com"], 4, "these videos are simulated"),
        (["--feed", "tiktok"], 2, "'tiktok' is not one of 'meta', 'google'"),
        (["--to", "ftp://somewhere"], 4, "store 'ftp://somewhere' is not understood"),
    ],
)
def test_what_cannot_be_is_refused(
    more: list[str], code: int, said: str, stored: Stored, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad words end with 2, what must not be with 4, and nothing is copied."""
    make(stored)
    assert delivering(stored, *more) == code
    assert said in capsys.readouterr().err
    assert not Path("copies").exists()
