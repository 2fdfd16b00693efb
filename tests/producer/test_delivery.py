"""Deliveries: what lies at the place afterwards, what a second time does, and what is never overwritten."""

import csv
import hashlib
import io
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.disclosure import disclosure_box
from jobs.errors import BadInput, Refused
from ledger.objects import ObjectStore, open_store
from producer.delivery.deliver import Delivery, Order, deliver
from producer.delivery.feeds import FEEDS
from producer.delivery.only import Only
from producer.delivery.pattern import Pattern
from producer.delivery.staging import staged
from tests.producer.deliveries import Campaign

BASE = "https://cdn.example.com/ads"


@pytest.fixture
def summer(tmp_path: Path) -> Campaign:
    """Two videos that are there, of 5 and 10 seconds."""
    campaign = Campaign(tmp_path / "out")
    campaign.add("calm", labels={"id": "L-1"})
    campaign.add("bold", labels={"id": "L-1"}, duration_s=10)
    return campaign


@pytest.fixture
def place(tmp_path: Path) -> ObjectStore:
    """A folder that is not there yet."""
    return open_store((tmp_path / "copies").as_uri())


def handed(
    campaign: Campaign,
    place: ObjectStore,
    name: str = "{hook}_{dur}s",
    *where: tuple[str, str],
    each: Callable[[int, int], None] = lambda _done, _of: None,
    **wishes: Any,
) -> Delivery:
    """Deliver a campaign there."""
    pattern = Pattern(name, ["hook", "id"], {})
    only = Only(where, ["hook", "id"])
    order = Order(campaign=campaign.name, source="summer.csv", pattern=pattern, only=only, **wishes)
    return deliver(campaign.lines, campaign.shelf, place, order, each=each)


def names(place: ObjectStore) -> list[str]:
    """What lies at the place."""
    return sorted(place.list())


def listed(place: ObjectStore) -> list[dict[str, Any]]:
    """The lines of its list."""
    return [json.loads(line) for line in place.get("delivered.jsonl").splitlines()]


def stored(campaign: Campaign) -> dict[str, bytes]:
    """Every object of the campaign's store."""
    store = campaign.shelf.store
    return {key: store.get(key) for key in store.list()}


def test_copies_are_named_and_say_what_made_them(summer: Campaign, place: ObjectStore) -> None:
    """Each copy is the stored video and the word that a machine made it; the list has both hashes of each."""
    before = stored(summer)
    done = handed(summer, place)
    assert done.complete
    assert names(place) == ["bold_10s.mp4", "calm_5s.mp4", "delivered.csv", "delivered.jsonl"]
    for line, told in zip(summer.lines, listed(place), strict=True):
        video = summer.shelf.store.get(summer.shelf.job_key(line.job_id, "video.mp4"))
        copy = place.get(told["name"])
        assert copy == video + disclosure_box(line.job_id)
        assert told["store_sha256"] == hashlib.sha256(video).hexdigest()
        assert (told["sha256"], told["bytes"]) == (hashlib.sha256(copy).hexdigest(), len(copy))
        assert (told["creative_id"], told["utm_content"]) == (line.creative_id, told["name"].removesuffix(".mp4"))
        assert told["ai_disclosure"] == "trainedAlgorithmicMedia"
    assert stored(summer) == before


def test_copies_may_be_exact(summer: Campaign, place: ObjectStore) -> None:
    """Without the disclosure both hashes are one, and the list says that nothing is disclosed."""
    handed(summer, place, disclose=False)
    assert all(one["store_sha256"] == one["sha256"] and one["ai_disclosure"] is None for one in listed(place))


def test_a_second_time_copies_nothing(summer: Campaign, place: ObjectStore) -> None:
    """What is there with the same hash stays; a new video joins it."""
    handed(summer, place)
    touched = Path(str(place.local_path("calm_5s.mp4"))).stat().st_mtime_ns
    summer.add("odd")
    done = handed(summer, place)
    assert [copy.name for copy in done.copied] == ["odd_5s.mp4"]
    assert [copy.name for copy in done.there] == ["calm_5s.mp4", "bold_10s.mp4"]
    assert Path(str(place.local_path("calm_5s.mp4"))).stat().st_mtime_ns == touched
    assert [one["name"] for one in listed(place)] == ["calm_5s.mp4", "bold_10s.mp4", "odd_5s.mp4"]


def test_a_delivery_that_broke_off_goes_on(summer: Campaign, place: ObjectStore) -> None:
    """Copies that no list tells of are known by their bytes."""
    handed(summer, place)
    place.delete("delivered.jsonl")
    place.delete("bold_10s.mp4")
    done = handed(summer, place)
    assert ([one.name for one in done.there], [one.name for one in done.copied]) == (["calm_5s.mp4"], ["bold_10s.mp4"])
    assert len(listed(place)) == 2


def test_what_broke_off_has_a_list(summer: Campaign, place: ObjectStore) -> None:
    """An interruption leaves a list of the copies that were made, and of what was delivered before."""
    handed(summer, place)
    summer.add("odd")

    def interrupt(_done: int, _of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        handed(summer, place, each=interrupt)
    assert [one["name"] for one in listed(place)] == ["calm_5s.mp4", "bold_10s.mp4", "odd_5s.mp4"]


def test_a_video_that_was_made_anew_takes_the_place_of_its_copy(summer: Campaign, place: ObjectStore) -> None:
    """The record has another hash by now: the copy is renewed; so it is where disclosure is asked for anew."""
    handed(summer, place, disclose=False)
    line = summer.lines[0]
    key = summer.shelf.job_key(line.job_id, "video.mp4")
    anew = summer.shelf.store.get(key) + bytes((0, 0, 0, 9)) + b"free!"
    summer.shelf.store.put(key, anew)
    assert line.video is not None
    video = line.video.model_copy(update={"sha256": hashlib.sha256(anew).hexdigest(), "bytes": len(anew)})
    summer.lines[0] = line.model_copy(update={"video": video})
    assert [copy.name for copy in handed(summer, place, disclose=False).copied] == ["calm_5s.mp4"]
    assert place.get("calm_5s.mp4") == anew
    assert len(handed(summer, place).copied) == 2
    assert place.get("calm_5s.mp4") == anew + disclosure_box(line.job_id)


def test_all_that_is_wrong_is_told_before_anything_is_copied(summer: Campaign, place: ObjectStore) -> None:
    """Empty words, equal names and strange files, each with the matrix's line; the place stays as it was."""
    summer.add(" ")
    summer.add("Calm")
    place.put("bold_10s.mp4", b"somebody's own file")
    with pytest.raises(BadInput) as refused:
        handed(summer, place)
    told = {(one.line, one.column): one.problem for one in refused.value.problems}
    assert told[4, "hook"] == "{hook} is empty here"
    assert told[5, ""] == "its name calm_5s.mp4 is also that of line 2"
    assert "something else, which no delivery to this place put there" in told[3, ""]
    assert len(told) == 3
    assert names(place) == ["bold_10s.mp4"]
    assert place.get("bold_10s.mp4") == b"somebody's own file"


def test_a_copy_that_somebody_changed_is_not_overwritten(summer: Campaign, place: ObjectStore) -> None:
    """Neither one of another size nor one of the same size with other bytes."""
    handed(summer, place)
    for changed in (b"cut", bytes(len(place.get("calm_5s.mp4")))):
        place.put("calm_5s.mp4", changed)
        with pytest.raises(BadInput) as refused:
            handed(summer, place)
        assert "was changed since it was delivered" in refused.value.problems[0].problem
        assert place.get("calm_5s.mp4") == changed


def test_a_name_that_moves_to_another_video_is_refused(summer: Campaign, place: ObjectStore) -> None:
    """The same name for another job would change under whoever uses it."""
    handed(summer, place, name="{seed}_{dur}s")
    summer.lines = [summer.add("other", duration_s=10)]
    with pytest.raises(BadInput) as refused:
        handed(summer, place, name="{seed}_{dur}s")
    assert "is the copy of another video" in refused.value.problems[0].problem


def test_what_is_not_there_is_left_out_with_its_reason(summer: Campaign, place: ObjectStore) -> None:
    """Unfinished and unverified videos, and those whose bytes are not their record's or have gone."""
    summer.add("queued", status="queued")
    summer.add("cut", video={"verified": False, "problems": ("it is cut off",)})
    spoilt, gone = summer.add("spoilt"), summer.add("gone")
    summer.shelf.store.put(summer.shelf.job_key(spoilt.job_id, "video.mp4"), b"other bytes")
    summer.shelf.store.delete(summer.shelf.job_key(gone.job_id, "video.mp4"))
    done = handed(summer, place)
    assert not done.complete
    assert {one.line: one.reason for one in done.left_out} == {
        4: "queued: there is no video",
        5: "it is not what was ordered: it is cut off",
        6: "what lies in the store is not the video that its record tells of",
        7: "its video is no longer in the store",
    }
    assert [name for name in names(place) if name.endswith(".mp4")] == ["bold_10s.mp4", "calm_5s.mp4"]


def test_feeds_list_what_their_rules_allow(summer: Campaign, place: ObjectStore) -> None:
    """Google takes the longer video, Meta both; the reason of a refusal is in the list, with the public link."""
    done = handed(summer, place, feeds=(FEEDS["google"], FEEDS["meta"]), public_base_url=f"{BASE}/")
    assert not done.complete
    assert [one.name for one in done.refused["google"]] == ["calm_5s.mp4"]
    google = place.get("google.tsv").decode().splitlines()
    assert [row.split("\t")[:2] for row in google[1:]] == [["L-1", f"{BASE}/bold_10s.mp4"]]
    rows = list(csv.reader(io.StringIO(place.get("meta.csv").decode())))
    assert rows[1][:3] == ["L-1", f"{BASE}/calm_5s.mp4", f"{BASE}/bold_10s.mp4"]
    assert listed(place)[0]["google"] == "it lasts 5.00 s, and Google takes 6 to 240 s"
    assert listed(place)[0]["meta"] == "listed"


def test_campaigns_share_a_place(summer: Campaign, place: ObjectStore, tmp_path: Path) -> None:
    """Each keeps the other's lines, and a feed holds the videos of both."""
    handed(summer, place, feeds=(FEEDS["meta"],), public_base_url=BASE)
    winter = Campaign(tmp_path / "out", name="winter")
    winter.add("snow", labels={"id": "L-2"})
    handed(winter, place, feeds=(FEEDS["meta"],), public_base_url=BASE)
    assert [one["campaign"] for one in listed(place)] == ["summer", "summer", "winter"]
    assert len(place.get("meta.csv").splitlines()) == 3


def test_no_ad_system_gets_a_simulated_video(tmp_path: Path, place: ObjectStore) -> None:
    """Names and copies can be rehearsed; a feed is refused, and then nothing is copied."""
    rehearsal = Campaign(tmp_path / "out", simulated=True)
    rehearsal.add("calm", duration_s=10, labels={"id": "L-1"})
    with pytest.raises(Refused, match="simulated") as refused:
        handed(rehearsal, place, feeds=(FEEDS["google"],), public_base_url=BASE)
    assert (refused.value.exit_code, names(place)) == (4, [])
    assert handed(rehearsal, place).complete
    assert listed(place)[0]["simulated"] is True


def test_a_feed_needs_an_address(summer: Campaign, place: ObjectStore) -> None:
    """A link of the store would be private or expire."""
    with pytest.raises(BadInput, match="where the public finds the copies"):
        handed(summer, place, feeds=(FEEDS["meta"],))
    assert names(place) == []


@pytest.mark.parametrize("where", ["", "jobs", "simulated/jobs/x", "media"])
def test_nothing_is_delivered_among_what_the_store_keeps(summer: Campaign, where: str) -> None:
    """The store's own keys never change."""
    before = stored(summer)
    with pytest.raises(BadInput, match="among what the store itself keeps"):
        handed(summer, open_store(f"{summer.shelf.store.url}/{where}".rstrip("/")))
    assert stored(summer) == before


def test_a_list_of_somebody_else_is_not_touched(summer: Campaign, place: ObjectStore) -> None:
    """A file of the list's name that is none of ours ends the delivery before it begins."""
    place.put("delivered.jsonl", b"our milkman's list\n")
    with pytest.raises(BadInput, match="no list of a delivery"):
        handed(summer, place)
    assert names(place) == ["delivered.jsonl"]


def test_the_table_runs_no_formula(summer: Campaign, place: ObjectStore) -> None:
    """A product's id that a spreadsheet would run is text in the table, and in no feed."""
    summer.add("odd", duration_s=10, labels={"id": "=HYPERLINK(1)"})
    handed(summer, place, feeds=(FEEDS["google"],), public_base_url=BASE)
    rows = list(csv.DictReader(io.StringIO(place.get("delivered.csv").decode(), newline="")))
    assert rows[-1]["product_id"] == "'=HYPERLINK(1)"
    assert b"HYPERLINK" not in place.get("google.tsv")


def test_a_part_may_be_delivered(summer: Campaign, place: ObjectStore) -> None:
    """By fields of the names, each word of the same field being enough; what was delivered before stays listed."""
    summer.add("odd", duration_s=10, aspect_ratio="9:16")
    name = "{hook}_{dur}s"
    assert [one.name for one in handed(summer, place, name, ("hook", "calm")).copied] == ["calm_5s.mp4"]
    done = handed(summer, place, name, ("hook", "bold"), ("hook", "odd"), ("ratio", "9:16"))
    assert (done.complete, [one.name for one in done.copied]) == (True, ["odd_10s.mp4"])
    assert [one["name"] for one in listed(place)] == ["calm_5s.mp4", "odd_10s.mp4"]
    assert [one.name for one in handed(summer, place, name, ("dur", "10")).copied] == ["bold_10s.mp4"]
    assert {one["name"] for one in listed(place)} == {"bold_10s.mp4", "calm_5s.mp4", "odd_10s.mp4"}


@pytest.mark.parametrize(
    ("where", "said", "hint"),
    [
        ([("hok", "calm")], "nothing is called hok", "did you mean `hook`?"),
        ([("hook", "clam")], "no video has hook=clam", "did you mean `calm`? it is one of bold, calm"),
        ([("hook", "calm"), ("dur", "10")], "no video has hook=calm, dur=10 at once", "means either"),
    ],
)
def test_a_part_that_nothing_is_of_is_told(
    summer: Campaign, place: ObjectStore, where: list[tuple[str, str]], said: str, hint: str
) -> None:
    """A slip in a word does not deliver nothing in silence."""
    with pytest.raises(BadInput, match=said) as refused:
        handed(summer, place, "{hook}_{dur}s", *where)
    assert hint in str(refused.value.hint)
    assert names(place) == []


def test_what_a_killed_delivery_left_is_removed(summer: Campaign, place: ObjectStore, tmp_path: Path) -> None:
    """By the next one to that place; a file that somebody is writing stays, and so do other people's."""
    folder = tmp_path / "copies"
    kill_while_staging(place)
    (left,) = folder.iterdir()
    (folder / ".mine.copy.txt").touch()
    elsewhere = Path(tempfile.gettempdir()) / "wanbatch-copy-dead"
    elsewhere.touch()
    with staged(place, "busy.mp4") as busy:
        handed(summer, place)
        assert busy.exists()
    assert not left.exists()
    assert not elsewhere.exists()
    assert {path.name for path in folder.iterdir() if path.name.startswith(".")} == {".mine.copy.txt"}


def kill_while_staging(place: ObjectStore) -> None:
    """Begin a copy in another process, and kill it as a power cut would."""
    code = (
        "import os, sys; from ledger.objects import open_store; from producer.delivery.staging import staged\n"
        "with staged(open_store(sys.argv[1]), 'a.mp4') as path: path.write_bytes(b'half'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, place.url], check=False).returncode == -signal.SIGKILL
