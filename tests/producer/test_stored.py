"""Files of one's own in a plan: named by content, kept before anything is queued, refused where no way leads."""

import hashlib
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import BadInput
from jobs.identity import variant_id
from jobs.job import Mode, PlanLine, Render
from ledger.objects import open_store
from ledger.shelf import Shelf
from producer.keep import keep_media
from producer.plan import Plan, iter_plan
from tests.producer.plans import plan_of, problem_of
from tests.samples import mp3, picture


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test works in a folder of its own; the matrix lies in another one."""
    (tmp_path / "here").mkdir()
    (tmp_path / "brief" / "images").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")


BRIEF = Path("../brief")


def held(name: str, data: bytes) -> str:
    """A file beside the matrix; answers its SHA-256."""
    (BRIEF / name).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def planned(*rows: dict[str, Any], dialect: str = "segmind", **options: Any) -> Plan:
    """A simulated plan of those rows; nothing on the web is looked at."""
    return plan_of(*rows, source=BRIEF / "matrix.jsonl", dialect=dialect, **options)


def told(*rows: dict[str, Any], **options: Any) -> str:
    """The one problem of those rows."""
    return problem_of(lambda: planned(*rows, **options))


def lines_of(plan: Plan) -> list[PlanLine]:
    """All lines of a plan."""
    return list(iter_plan(plan.path))


def shelf() -> Shelf:
    """The simulated world of a store of the test's own."""
    return Shelf(open_store(Path("store").absolute().as_uri()), simulated=True)


def test_a_path_counts_from_the_matrix_and_is_named_by_content() -> None:
    """A picture beside the matrix becomes its SHA-256; the plan line remembers how the matrix spells it."""
    image, sound = held("images/shoe.jpg", picture()), held("drum.mp3", mp3())
    (line,) = lines_of(planned({"image_url": "images/shoe.jpg", "audio_url": "drum.mp3"}))
    assert (line.job.render.image, line.job.render.audio_track) == (f"media:{image}.jpg", f"media:{sound}.mp3")
    assert line.written == {f"media:{image}.jpg": "images/shoe.jpg", f"media:{sound}.mp3": "drum.mp3"}


def test_the_same_content_is_the_same_video() -> None:
    """A copy under another name, or an absolute path, buys nothing new; other content does."""
    held("images/a.jpg", picture())
    held("b.jpg", picture())
    held("c.jpg", picture(size=(800, 600)))
    absolute = (BRIEF / "b.jpg").resolve()
    rows = [{"image_url": name} for name in ("images/a.jpg", "b.jpg", str(absolute), absolute.as_uri(), "c.jpg")]
    plan = planned(*rows)
    assert (plan.variants, plan.duplicates.count, len(plan.kept)) == (2, 3, 2)


def test_old_matrices_keep_their_names() -> None:
    """The identity of what names web addresses, or nothing, is what it always was, and so is the text of its line."""
    image = Render(mode=Mode.I2V, prompt="A lamp", image="https://a.example/shoe.jpg", aspect_ratio=None)
    assert variant_id(Render(mode=Mode.T2V, prompt="A lamp")) == "oia7gocb2oq7bp2hoqm4phqfoi"
    assert variant_id(image) == "7ogl4yp4d7h5evha6hf45owlte"
    plan = planned({}, {"image_url": "https://a.example/shoe.jpg"})
    assert [line.job.variant_id for line in lines_of(plan)] == [
        "oia7gocb2oq7bp2hoqm4phqfoi",
        "7ogl4yp4d7h5evha6hf45owlte",
    ]
    assert b"written" not in plan.path.read_bytes()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("images/none.jpg", "images/none.jpg; paths count from"),
        ("images", "images is no file; name a file"),
        ("www.example.com/shoe.jpg", "a web address begins with https://"),
        ("notes.txt", "the file is JSON or text"),
        ("s3://bucket/shoe.jpg", "no S3 store is set up here"),
        ("pipe", "is no file"),
    ],
)
def test_what_is_no_picture_is_told(name: str, said: str) -> None:
    """A path that leads to nothing, to a folder, a pipe or a text is a problem of its row."""
    held("notes.txt", b"remember the shoe")
    os.mkfifo(BRIEF / "pipe")
    problem = told({"image_url": name})
    assert problem.startswith("../brief/matrix.jsonl:1: image_url: ")
    assert said in problem


@pytest.mark.parametrize(
    ("dialect", "row", "said"),
    [
        ("toapis", {"image_url": "a.jpg", "model": "flash"}, "ToAPIs fetches image files itself, and cannot reach"),
        ("dashscope", {"audio_url": "a.mp3"}, "fetches audio files itself, and cannot reach this one; give an https"),
        ("dashscope", {"image_url": "big.bmp"}, "is given files of at most 5 MB with the order; make it smaller"),
        ("aimlapi", {"image_url": "a.jpg", "model": "flash"}, "fetches image files itself"),
    ],
)  # fmt: skip
def test_where_no_way_leads_the_file_is_refused(dialect: str, row: dict[str, Any], said: str) -> None:
    """What a provider can neither be sent nor fetch is told with what would work; a store on S3 is such a thing."""
    held("a.jpg", picture())
    held("a.mp3", mp3())
    held("big.bmp", picture("BMP", (1600, 1200)))
    price = {"price_usd": Decimal("0.05")} if dialect == "aimlapi" else {}
    assert said in told(row, dialect=dialect, **price)
    assert planned(row, dialect=dialect, linked=True, **price).variants == 1


def test_a_plan_keeps_nothing_and_a_submit_keeps_all_once() -> None:
    """Planning stores nothing; before jobs are queued every file lies in the store under its hash; again is nothing."""
    sha256 = held("a.jpg", picture())
    plan = planned({"image_url": "a.jpg"}, {"image_url": "a.jpg", "prompt": "B"})
    assert not Path("store").exists()
    keep_media(plan, shelf())
    stored = Path("store/simulated/media") / f"{sha256}.jpg"
    assert stored.read_bytes() == picture()
    before = stored.stat().st_mtime_ns
    (BRIEF / "a.jpg").unlink()
    keep_media(plan, shelf())
    assert stored.stat().st_mtime_ns == before


def test_a_file_that_changes_after_its_plan_is_refused() -> None:
    """What is bought is what was planned."""
    held("a.jpg", picture())
    plan = planned({"image_url": "a.jpg"})
    held("a.jpg", picture(size=(300, 300)))
    with pytest.raises(BadInput, match=r"a\.jpg has changed since it was planned"):
        keep_media(plan, shelf())
    (BRIEF / "a.jpg").unlink()
    with pytest.raises(BadInput, match=r"a\.jpg: there is no file"):
        keep_media(plan, shelf())


def test_only_what_the_plan_holds_is_kept() -> None:
    """Rows that are left out need no file in the store."""
    held("a.jpg", picture())
    held("b.jpg", picture("PNG", mode="RGBA"))
    plan = planned({"image_url": "a.jpg"}, {"image_url": "b.jpg"}, skip_bad_rows=True)
    assert list(plan.kept.values()) == ["a.jpg"]
