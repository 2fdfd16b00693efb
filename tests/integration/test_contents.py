"""A video is named by what its files on the web hold: the same bytes elsewhere buy nothing, other bytes there do."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from config.settings import load_settings
from jobs.errors import BadInput, PlanChanged, StoreRefused
from jobs.job import PlanLine
from jobs.record import JobRecord
from ledger.files import FileStore
from ledger.objects import ObjectStore, S3Options, open_store
from ledger.shelf import Shelf
from producer import manifest
from producer.causes import causes
from producer.contents import Contents
from producer.known import keep_known
from producer.plan import Plan, iter_plan
from producer.planned import Asked, planned
from producer.savedplan import SavedPlan
from producer.world import choose
from tests.mediaserver import MediaServer
from tests.samples import film, mp3, picture
from tests.services import Seaweed

pytestmark = pytest.mark.usefixtures("own_folder")

ORANGE, BLUE = picture(size=(1280, 720)), picture(size=(1280, 721))
WORDS = ("the lamp turns", "the kettle turns", "the jacket turns", "the tent turns")


@pytest.fixture(params=["file", "s3"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """A new store, on disk and on S3."""
    if request.param == "file":
        return FileStore(str(Path("store").absolute()))
    seaweed: Seaweed = request.getfixturevalue("seaweed")
    keys = S3Options(
        endpoint_url=seaweed.endpoint, region="us-east-1", access_key=seaweed.access_key, secret_key=seaweed.secret_key
    )
    return open_store(f"s3://{seaweed.bucket()}/ads", s3=keys)


def matrix(*rows: str, columns: str = "prompt,image_url", name: str = "shop.csv") -> Path:
    """A matrix in the test's folder."""
    Path(name).write_text("\n".join((columns, *rows)) + "\n")
    return Path(name)


def shelf() -> Shelf:
    """The simulated world of the test's store."""
    return Shelf(FileStore(str(Path("store").absolute())), simulated=True)


def asked(source: Path, *, looks: bool = True, **words: Any) -> Asked:
    """What is to be planned; without looks no provider is named."""
    usual = {
        "template": None, "provider": "segmind" if looks else None, "simulate": looks, "campaign": "shop",
        "limit": None, "where": (), "seed_by": "job", "takes": 1, "price": None, "skip_bad_rows": False, "store": None,
    }  # fmt: skip
    return Asked(matrix=source, **(usual | words))


@contextmanager
def opened(source: Path, *, store: ObjectStore | None = None, **words: Any) -> Iterator[Plan]:
    """The plan of a matrix, by a machine that knows nothing but the store."""
    wish = asked(source, **words)
    settings = load_settings(provider=wish.provider)
    world = choose(settings, simulate=wish.simulate)
    with planned(wish, world, store or FileStore(str(Path("store").absolute())), settings) as plan:
        yield plan


def lines(source: Path, **words: Any) -> list[PlanLine]:
    """The lines of its plan."""
    with opened(source, **words) as plan:
        return list(iter_plan(plan.path))


def ids(source: Path, **words: Any) -> list[str]:
    """The jobs of its plan."""
    return [line.job.job_id for line in lines(source, **words)]


def buy(jobs: Sequence[str]) -> None:
    """Put the records of these jobs into the store."""
    for job in jobs:
        record = JobRecord(
            tool_version="1", job_id=job, status="done", attempts=1, polls=3, provider="segmind",
            account="simulated-segmind", region=None, purchases=(), task_id="t", submitted_at=None, completed_at=None,
            stored_at=None, queue_wait_s=None, render_s=None,
        )  # fmt: skip
        shelf().write_record(record)


def test_another_address_of_the_same_bytes_is_the_same_video(server: MediaServer) -> None:
    """Image, references and sound; what is sent is where they are now, and the manifest has their SHA-256."""
    columns = "prompt,image_url,reference_urls,audio_url"
    sound, clip = server.hold("/s", mp3(5)), server.hold("/c", film(5))
    image = server.hold("/a.png", ORANGE)
    rows = [f"it turns,{image}?v={{0}},,", f"it moves,,{clip}?{{0}};{image}?{{0}},", f"it sounds,,,{sound}?{{0}}"]
    names = [
        ids(matrix(*(row.format(version) for row in rows), columns=columns), provider="dashscope")
        for version in ("1", "2")
    ]
    assert names[0] == names[1]
    first, *_ = lines(matrix(*(row.format("3") for row in rows), columns=columns), provider="dashscope")
    assert first.job.render.image == f"{image}?v=3"
    joined = manifest.join(first, campaign="c", run_id="r", submitted_by=None, record=None, live=None)
    assert joined.image is not None
    assert (joined.image.uri, joined.image.sha256) == (f"{image}?v=3", hashlib.sha256(ORANGE).hexdigest())
    Path("here.png").write_bytes(ORANGE)
    assert ids(matrix("it turns,here.png"), provider="dashscope") == names[0][:1]


@pytest.mark.parametrize(
    "manners",
    [{"etag": '"{}"'}, {}, {"etag": 'W/"same"'}, {"dated": True}],
    ids=["an ETag", "no ETag", "a weak ETag that stays", "a date that stays"],
)
def test_other_bytes_under_the_same_address_are_another_video(server: MediaServer, manners: dict[str, Any]) -> None:
    """At once, whatever its server tells of versions; the cause is named, and what did not change stays."""

    def hold(data: bytes) -> None:
        told = {name: value.format(len(data)) if name == "etag" else value for name, value in manners.items()}
        server.hold("/lamp.png", data, **told)

    server.hold("/tent.png", ORANGE)
    source = matrix(f"the lamp turns,{server.url}/lamp.png", f"the tent turns,{server.url}/tent.png")
    hold(ORANGE)
    with opened(source) as before:
        first = list(iter_plan(before.path))
        hold(BLUE)
        with opened(source) as plan:
            second = list(iter_plan(plan.path))
            why = causes(plan.path, frozenset(), before.path)
    lamp, tent = zip((line.job.job_id for line in first), (line.job.job_id for line in second), strict=True)
    assert (lamp[0] == lamp[1], tent[0] == tent[1]) == (False, True)
    said = "1 because the image of `image_url` changed under the same address"
    assert said in next(iter(why.said()))
    assert {"cause": "replaced", "columns": ["image_url"], "count": 1} in why.json()
    hold(ORANGE)
    assert ids(source) == [line.job.job_id for line in first]


def test_what_has_not_changed_costs_a_short_answer(server: MediaServer, store: ObjectStore) -> None:
    """A second plan of a hundred images, on another machine, makes a hundred requests and fetches nothing."""
    urls = [
        server.hold(f"/{number}.png", picture(size=(640 + number, 480)), etag=f'"{number}"') for number in range(100)
    ]
    source = matrix(*(f"it turns,{url}" for url in urls))
    first, sent = ids(source, store=store), server.sent
    asked = server.asked.total()
    with opened(source, store=store) as plan:
        assert (plan.looked, plan.recalled, plan.unkept) == (0, 100, None)
        assert [line.job.job_id for line in iter_plan(plan.path)] == first
    assert (server.asked.total() - asked, server.sent) == (100, sent)
    assert sum(number for (_, _, status), number in server.asked.items() if status == 304) == 100


def test_a_known_image_that_cannot_be_looked_at_is_refused(server: MediaServer) -> None:
    """What it holds now is unknown: its row is a problem, and the others may go on without it."""
    urls = [server.hold(f"/{at}", ORANGE, etag='"1"') for at in range(len(WORDS))]
    source = matrix(*(f"{words},{url}" for words, url in zip(WORDS, urls, strict=True)))
    first = ids(source)
    server.hold("/2", b"", status=503)
    with pytest.raises(BadInput) as caught, opened(source):
        pass
    assert [str(problem).split("; ")[0] for problem in caught.value.problems] == [
        "shop.csv:4: image_url: its server answers 503 just now"
    ]
    assert ids(source, skip_bad_rows=True) == [first[0], first[1], first[3]]


def test_a_saved_plan_is_refused_once_a_photo_has_changed(server: MediaServer) -> None:
    """It buys exactly what was looked at, or nothing."""
    source = matrix(f"it turns,{server.hold('/a.png', ORANGE)}")
    with opened(source) as plan:
        saved = SavedPlan.of(plan, asked(source), "store", {})
    with opened(source) as plan:
        saved.check(plan, "store")
    server.hold("/a.png", BLUE)
    with opened(source) as plan, pytest.raises(PlanChanged, match="or a file that it names, has changed"):
        saved.check(plan, "store")


def test_videos_that_were_named_by_an_address_keep_their_names(server: MediaServer) -> None:
    """In a store of old: they are there already, also at a new address of the same bytes; not so for other bytes."""
    photos = [server.hold(f"/{at}.png", data) for at, data in enumerate((ORANGE, ORANGE, BLUE))]

    def source(version: str = "") -> Path:
        return matrix(*(f"{words},{url}{version}" for words, url in zip(WORDS, photos, strict=False)))

    old = ids(source(), looks=False)
    buy(old)
    with opened(source()) as plan:
        assert (plan.already_bought, [line.job.job_id for line in iter_plan(plan.path)]) == (3, old)
    assert ids(source("?v=2")) == old
    server.hold("/0.png", BLUE)
    now = ids(source())
    assert (now[0] in old, now[1:]) == (False, old[1:])
    with opened(source()) as plan:
        assert (plan.already_bought, [line.job.job_id for line in iter_plan(plan.path)]) == (2, now)
    buy(now)
    assert ids(source("?v=3")) == now


def test_what_was_asked_for_and_is_not_begun_keeps_its_name(server: MediaServer) -> None:
    """A campaign of old whose videos wait in the queue goes on with them."""
    source = matrix(f"it turns,{server.hold('/a.png', ORANGE)}")
    with opened(source, looks=False) as plan:
        (old,) = (line.job.job_id for line in iter_plan(plan.path))
        keep_known(shelf(), "shop", plan.path, ("prompt",))
    assert ids(source) == [old]


def test_two_desks_that_disagree_about_an_old_address_buy_nothing(store: ObjectStore) -> None:
    """Both have seen it first, with other bytes: each may be what the old video was made of."""

    def desk() -> Contents:
        return Contents(Shelf(store, simulated=True), lambda _: nullcontext())

    store.put("simulated/jobs/old/record.json", b"{}")
    one, other = desk(), desk()

    def job(names: Any) -> Any:
        return type("Job", (), {"job_id": "old" if names["u"] == "u" else "new"})

    for each, content in ((one, "media:a.png"), (other, "media:b.png")):
        assert each.chosen(each.names({"u": content}), job).job_id == "old"
    assert (one.save(), other.save()) == (None, None)
    for content, name in (("media:a.png", "old"), ("media:b.png", "old"), ("media:c.png", "new")):
        third = desk()
        assert third.chosen(third.names({"u": content}), job).job_id == name


def test_a_store_that_takes_no_writes_can_be_planned_for(server: MediaServer) -> None:
    """All is looked at anew each time, and the plan says so."""

    class ReadOnly(FileStore):
        """As a key without the right to write sees it."""

        def put(self, *_: Any, **__: Any) -> bool:
            raise StoreRefused("this key may not write here")

    url = server.hold("/a.png", ORANGE, etag='"1"')
    source = matrix(f"it turns,{url}")
    for _ in range(2):
        with opened(source, store=ReadOnly(str(Path("store").absolute()))) as plan:
            assert (plan.looked, plan.recalled, plan.unkept) == (1, 0, "this key may not write here")


def test_a_refresh_compares_what_files_hold(server: MediaServer) -> None:
    """`refresh_on` an image: a new address keeps the video, which is still made of what is at the new one; new bytes
    buy it anew.
    """
    Path("shop.toml").write_text('rows = "shop.csv"\nkey = ["sku"]\nrefresh_on = ["image_url"]\nseeds = "rotate"\n')

    def seen(version: int, words: str = "it turns") -> PlanLine:
        matrix(f"1,{words},{server.url}/a.png?v={version}", columns="sku,prompt,image_url")
        with opened(Path("shop.toml")) as plan:
            keep_known(shelf(), "shop", plan.path, plan.key)
            (line,) = iter_plan(plan.path)
        return line

    server.hold("/a.png", ORANGE)
    first, second, third = seen(1), seen(2), seen(3, "it moves")
    assert second.job.job_id == first.job.job_id == third.job.job_id
    assert (second.job.render.image, third.job.render.prompt) == (f"{server.url}/a.png?v=2", "it turns")
    server.hold("/a.png", BLUE)
    fourth = seen(3)
    assert fourth.job.job_id != first.job.job_id
    assert fourth.job.seed != first.job.seed
    assert seen(3).job.job_id == fourth.job.job_id
