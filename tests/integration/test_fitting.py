"""Rows that name a ratio beside their image: refused where it is another one, unless they say how it is to fit."""

import csv
import hashlib
import io
import json
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jobs.job import Fitted, PlanLine
from ledger.objects import open_store
from ledger.shelf import Shelf
from producer import fit, manifest, originals
from producer.fetch import Web
from producer.keep import keep_media
from producer.media import Media
from producer.plan import Plan, iter_plan
from producer.remembered import Remembered
from producer.sources import Sources
from tests.mediaserver import MediaServer
from tests.producer.plans import plan_of, problem_of
from tests.samples import mp3, picture, picture_bomb

SQUARE = picture(size=(720, 720))
CUT_OUT = picture("PNG", (800, 600), "RGBA")


pytestmark = pytest.mark.usefixtures("own_folder")


def shelf() -> Shelf:
    """The simulated world of a store of the test's own."""
    return Shelf(open_store(Path("store").absolute().as_uri()), simulated=True)


def media(*, web: bool = True, stored: Shelf | None = None) -> Media:
    """A look that remembers in the test's folder, and in the store where there is one."""
    reach = Web(public_only=False) if web else None
    spool = Path(tempfile.mkdtemp(dir=Path.cwd()))
    memory = Shelf(open_store(Path("memory").absolute().as_uri()), simulated=True)
    return Media(reach, Sources(Path.cwd()), spool, Remembered(memory), stored)


def planned(*rows: dict[str, Any], dialect: str = "segmind", looks: Media | None = None, **options: Any) -> Plan:
    """A plan of those rows, all with a prompt."""
    return plan_of(*rows, source=Path("matrix.jsonl"), dialect=dialect, media=looks or media(), **options)


def told(*rows: dict[str, Any], **options: Any) -> str:
    """The one problem of those rows, as a person reads it."""
    return problem_of(lambda: planned(*rows, **options))


def line_of(plan: Plan) -> PlanLine:
    """The only line of a plan."""
    (line,) = iter_plan(plan.path)
    return line


def kept(line: PlanLine) -> Image.Image:
    """The image of a line as it lies in the store."""
    key = shelf().media_key(line.job.render.image or "")
    data = shelf().store.get(key)
    assert key.endswith(f"/{hashlib.sha256(data).hexdigest()}.jpg")
    return Image.open(io.BytesIO(data))


def held(name: str, data: bytes) -> str:
    """A file beside the matrix."""
    Path(name).write_bytes(data)
    return name


@pytest.fixture(params=["path", "web"])
def place(request: pytest.FixtureRequest, server: MediaServer) -> Any:
    """Puts a picture beside the matrix or on the web; answers how a row spells it."""
    return held if request.param == "path" else lambda name, data: server.hold(f"/{name}", data)


def test_another_ratio_than_the_images_is_an_error(place: Any) -> None:
    """It names the image's ratio, what a video of it would be, and what to do."""
    said = told({"image_url": place("a.jpg", SQUARE), "aspect_ratio": "9:16"})
    assert said == (
        "matrix.jsonl:1: aspect_ratio: the image is 1:1 (720 x 720 pixels), and its video takes the image's shape, not "
        "9:16; set `fit` to pad (bars), crop (a cut) or as_is (the video is 1:1)"
    )


@pytest.mark.parametrize(
    ("size", "row", "said"),
    [
        ((1080, 1350), {"aspect_ratio": "3:4"}, "aspect_ratio: the image is 4:5 (1080 x 1350 pixels)"),
        ((720, 720), {"size": "1280*720"}, "size: the image is 1:1 (720 x 720 pixels), and its video takes"),
        ((700, 300), {"aspect_ratio": "16:9"}, "the image is 7:3 (700 x 300 pixels)"),
    ],
)
def test_the_images_own_shape_is_said(size: tuple[int, int], row: dict[str, Any], said: str) -> None:
    """Also one that nobody sells, and for a row that names its ratio by a size."""
    assert said in told({"image_url": held("a.jpg", picture(size=size)), **row})


@pytest.mark.parametrize(("size", "ratio"), [((1279, 720), "16:9"), ((1088, 832), "4:3"), ((720, 1280), "9:16")])
def test_the_images_own_ratio_may_be_named(place: Any, size: tuple[int, int], ratio: str) -> None:
    """It changes nothing that is bought: the video is that of the row that leaves the cell empty."""
    image = place("a.jpg", picture(size=size))
    for fits in ("", "pad", "crop"):
        plan = planned({"image_url": image}, {"image_url": image, "aspect_ratio": ratio, "fit": fits})
        assert (plan.variants, plan.duplicates.count, plan.derived) == (1, 1, [])
    line = line_of(planned({"image_url": image, "aspect_ratio": ratio, "fit": "crop"}))
    assert line.fitted == Fitted(aspect_ratio=ratio)  # type: ignore[arg-type]


def test_a_size_names_ratio_and_resolution(place: Any) -> None:
    """The ratio must be the image's, the resolution is obeyed."""
    line = line_of(planned({"image_url": place("a.jpg", picture(size=(720, 1280))), "size": "1080*1920"}))
    assert (line.job.render.resolution, line.job.render.aspect_ratio) == ("1080p", None)


@pytest.mark.parametrize("how", ["pad", "crop"])
def test_an_image_is_made_to_fit_and_kept_by_content(place: Any, how: str) -> None:
    """Of the row's ratio, in the store under its hash before a job is queued; the picture itself is not kept."""
    written = place("a.jpg", SQUARE)
    plan = planned({"image_url": written, "aspect_ratio": "9:16", "fit": how})
    assert not Path("store").exists()
    keep_media(plan, shelf())
    line = line_of(plan)
    width, height = kept(line).size
    assert width * 16 == height * 9
    assert width > 640 if how == "pad" else height < 730
    assert line.written == {line.job.render.image: written}
    original = hashlib.sha256(SQUARE).hexdigest()
    assert line.fitted == Fitted(how=how, aspect_ratio="9:16", original_sha256=original)  # type: ignore[arg-type]
    assert not Path(f"store/simulated/media/{original}.jpg").exists()


def test_as_is_lets_the_video_follow_the_image(place: Any) -> None:
    """All ratios of such a row are one video, and the plan says that it was asked for."""
    image = place("a.jpg", SQUARE)
    plan = planned({"image_url": image, "aspect_ratio": "16:9|9:16", "fit": "as is"}, {"image_url": image})
    assert (plan.variants, plan.duplicates.count) == (1, 2)
    assert line_of(plan).fitted == Fitted(how="as_is")
    assert line_of(plan).job.render.aspect_ratio is None


def test_a_cut_out_is_refused_with_the_way_out_and_taken_with_it(place: Any) -> None:
    """See-through parts are put on white."""
    image = place("a.png", CUT_OUT)
    assert told({"image_url": image}).endswith(
        "flatten it onto a background, and save it without transparency, or set `fit` to pad or crop, with an "
        "aspect_ratio: it is then put on white"
    )
    plan = planned({"image_url": image, "aspect_ratio": "4:3", "fit": "crop"})
    keep_media(plan, shelf())
    colour = kept(line_of(plan)).getpixel((5, 5))
    assert isinstance(colour, tuple)
    assert all(abs(one - right) < 3 for one, right in zip(colour, (172, 197, 227), strict=True))


def test_a_turned_photo_is_never_taken_by_guess() -> None:
    """Whether a provider obeys EXIF is unknown: a row that names a ratio says how to fit it, and gets it upright."""
    photo = held("a.jpg", picture(size=(1280, 720), turned=6))
    said = told({"image_url": photo, "aspect_ratio": "16:9"})
    assert "the image is 16:9 (1280 x 720 pixels), turned by its EXIF data to 9:16" in said
    assert "pad (bars) or crop (a cut), which turn it for good, or as_is" in said
    plan = planned({"image_url": photo, "aspect_ratio": "9:16", "fit": "crop"})
    keep_media(plan, shelf())
    assert kept(line_of(plan)).size == (720, 1280)


def test_the_same_picture_makes_the_same_video_wherever_it_lies(server: MediaServer) -> None:
    """Two addresses, a path, and again tomorrow: one image, one job."""
    rows = [
        {"image_url": image, "aspect_ratio": "9:16", "fit": "pad"}
        for image in (server.hold("/a.jpg", SQUARE), server.hold("/copy?v=2", SQUARE), held("a.jpg", SQUARE))
    ]
    server.hold("/copy", SQUARE)
    plan = planned(*rows)
    assert (plan.variants, plan.duplicates.count, len(plan.kept)) == (1, 2, 1)
    assert line_of(planned(rows[2])).job.job_id == line_of(plan).job.job_id


def test_what_was_made_once_is_used_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of Pillow, which writes other bytes, makes and buys nothing; a lost file is made again."""
    row = {"image_url": held("a.jpg", SQUARE), "aspect_ratio": "9:16", "fit": "pad"}
    first = planned(row, looks=media(stored=shelf()))
    keep_media(first, shelf())
    monkeypatch.setattr(fit, "QUALITIES", (50,))
    again = planned(row, looks=media(stored=shelf()))
    assert line_of(again) == line_of(first)
    assert (again.kept, again.derived) == ({}, [])
    keep_media(again, shelf())
    shelf().store.delete(shelf().media_key(line_of(first).job.render.image or ""))
    remade = planned(row, looks=media(stored=shelf()))
    assert line_of(remade).job.job_id != line_of(first).job.job_id
    assert len(remade.kept) == 1


def test_a_note_of_nobody_known_is_passed_over() -> None:
    """What the store remembers of an image in another shape counts for nothing: it is made anew."""
    row = {"image_url": held("a.jpg", SQUARE), "aspect_ratio": "9:16", "fit": "pad"}
    keep_media(planned(row), shelf())
    (note,) = Path("store/simulated/media").glob("*.json")
    for text in ("{", '{"shape": 2, "facts": {"kind": "image", "format": "JPEG", "size_bytes": 1}}', '{"facts": []}'):
        note.write_text(text)
        assert len(planned(row, looks=media(stored=shelf())).kept) == 1


def test_a_picture_is_fetched_once_for_all_its_ratios(server: MediaServer) -> None:
    """Three ratios are one request; another plan only asks whether it has changed, and needs no picture for what it
    made before.
    """
    row = {"image_url": server.hold("/a.jpg", SQUARE, etag='"1"'), "aspect_ratio": "9:16|16:9|4:3", "fit": "pad"}
    first = planned(row, looks=media(stored=shelf()))
    assert (first.variants, first.looked, server.times("/a.jpg")) == (3, 1, 1)
    keep_media(first, shelf())
    again = planned(row, looks=media(stored=shelf()))
    assert (again.recalled, again.kept, server.asked["GET", "/a.jpg", 304]) == (1, {}, 1)
    assert line_of(planned(row | {"aspect_ratio": "9:16"}, looks=media())).job.job_id in {
        line.job.job_id for line in iter_plan(first.path)
    }


def test_a_picture_that_changes_under_the_plan_is_told(server: MediaServer) -> None:
    """What its server calls unchanged is not what comes when it is needed."""
    row = {"image_url": server.hold("/a.jpg", SQUARE, etag='"1"'), "aspect_ratio": "9:16", "fit": "pad"}
    planned(row)
    server.hold("/a.jpg", picture(size=(721, 721)), etag='"1"')
    assert "it has just changed; give the same command again" in told(row)


def test_many_pictures_need_few_files(server: MediaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the last few pictures lie in temporary files; one whose copy is gone is fetched anew when it is needed."""
    monkeypatch.setattr(originals, "KEPT", 2)
    images = [server.hold(f"/{number}.jpg", picture(size=(500, 500), noise=True)) for number in range(5)]
    plan = planned(*[{"image_url": image, "aspect_ratio": "9:16|16:9", "fit": "crop"} for image in images])
    assert plan.variants == 10
    assert 5 <= sum(server.times(f"/{number}.jpg") for number in range(5)) <= 15
    assert len(list(Path.cwd().glob("*/*.original"))) == 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (picture("PNG", (720, 720), noise=True)[:9000], "image_url: the PNG image is damaged or cut off"),
        (b"<html>sign in", "image_url: the file is a page of HTML"),
        (mp3(5), "image_url: the file is MP3, which is no image"),
        (picture_bomb(), "image_url: the image has 400 million pixels, and"),
        (picture(size=(400, 400)), "image_url: cut to 9:16, the image has 225 x 400 pixels"),
        (b"", "image_url: the file is empty"),
    ],
    ids=["cut off", "a page", "a sound", "a bomb", "small", "empty"],
)
def test_a_bad_picture_is_told_by_line_and_column(place: Any, data: bytes, said: str) -> None:
    """Hostile or broken, large or small: a problem of its row, and nothing is queued."""
    row = {"image_url": place("a", data), "aspect_ratio": "9:16", "fit": "crop"}
    assert told({}, row).startswith(f"matrix.jsonl:2: {said}")


def test_a_picture_that_is_not_there_is_told(place: Any, server: MediaServer) -> None:
    """A missing file and a 404 are what they are without a fit."""
    place("b.jpg", SQUARE)
    assert "there is no file" in told({"image_url": "a.jpg", "aspect_ratio": "9:16", "fit": "pad"})
    said = told({"image_url": f"{server.url}/none.jpg", "aspect_ratio": "9:16", "fit": "pad"})
    assert "its server answers 404" in said


def test_a_picture_in_s3_is_made_to_fit() -> None:
    """An object is read like a file, and makes the same image as a file of the same bytes."""
    held("b.jpg", SQUARE)
    bucket = open_store(Path("bucket").absolute().as_uri())
    bucket.put("catalog/a.jpg", SQUARE)
    looks = Media(None, Sources(Path.cwd(), lambda _: bucket), Path("spool"))
    images = ("s3://shop/catalog/a.jpg", "b.jpg")
    rows = [{"image_url": image, "aspect_ratio": "9:16", "fit": "crop"} for image in images]
    plan = planned(*rows, looks=looks)
    assert (plan.variants, plan.duplicates.count) == (1, 1)
    assert line_of(plan).written == {line_of(plan).job.render.image: images[0]}


def test_a_picture_that_is_too_large_to_fetch_is_told(server: MediaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large pictures go in as they are, or not at all."""
    monkeypatch.setattr(originals, "MOST_BYTES", 1_000_000)
    row = {"image_url": server.hold("/a.bmp", picture("BMP", (700, 700))), "aspect_ratio": "9:16", "fit": "pad"}
    assert "the picture has 1.47005 MB, too much to make another image of it; give one of at most 1 MB" in told(row)


def test_a_server_that_claims_to_have_been_asked_before_is_told(server: MediaServer) -> None:
    """A 304 to the first request is the server's fault, and said so."""
    row = {"image_url": server.hold("/a.jpg", SQUARE, status=304), "aspect_ratio": "9:16", "fit": "pad"}
    assert "its server says that it has not changed, but nobody had it" in told(row)


def test_without_a_provider_only_ones_own_files_are_fitted(server: MediaServer) -> None:
    """A web address is not fetched, so its row says what to do; a path is looked at."""
    row = {"image_url": server.hold("/a.jpg", SQUARE), "aspect_ratio": "9:16"}
    for fits in ("", "pad", "crop"):
        said = told(row | {"fit": fits}, looks=media(web=False))
        assert said == (
            "matrix.jsonl:1: aspect_ratio: nobody has looked at the image, so its shape is unknown: no provider was "
            "named; name one (--provider NAME looks, with --simulate too), or set fit to as_is"
        )
    assert planned(row | {"fit": "as_is"}, looks=media(web=False)).unlooked == 1
    assert server.times("/a.jpg") == 0
    mine = {"image_url": held("a.jpg", SQUARE), "aspect_ratio": "9:16", "fit": "pad"}
    assert planned(mine, looks=media(web=False)).variants == 1


def test_what_cannot_be_handed_over_is_told(server: MediaServer) -> None:
    """An image that was made must reach the provider; ToAPIs takes links only, and S3 gives such."""
    row = {"image_url": server.hold("/a.jpg", SQUARE), "aspect_ratio": "9:16", "fit": "pad", "model": "flash"}
    said = told(row, dialect="toapis")
    assert "padded to 9:16, ToAPIs fetches image files itself, and cannot reach this one; use a store on S3" in said
    assert planned(row, dialect="toapis", linked=True).variants == 1


def test_what_goes_into_the_order_is_made_small_enough() -> None:
    """Replicate takes 256 kB with the order, and a link to a store on S3 as large as it is."""
    row = {"image_url": held("a.jpg", picture(size=(1200, 960), noise=True)), "aspect_ratio": "9:16", "fit": "crop"}
    plan = planned(row, dialect="replicate")
    assert Path(*plan.kept.values()).stat().st_size <= 256_000
    plan = planned(row, dialect="replicate", linked=True)
    assert Path(*plan.kept.values()).stat().st_size > 256_000


def test_the_manifest_tells_picture_and_image() -> None:
    """As the matrix spells it, what was made of it, and of what; in the table, too."""
    rows = [
        {"image_url": held("a.jpg", SQUARE), "aspect_ratio": "9:16", "fit": "pad"},
        {"image_url": "a.jpg", "fit": "as_is"},
    ]
    lines = [
        manifest.join(line, campaign="c", run_id="r", submitted_by=None, record=None, live=None)
        for line in iter_plan(planned(*rows).path)
    ]
    padded, as_is = (json.loads(line.model_dump_json()) for line in lines)
    original = hashlib.sha256(SQUARE).hexdigest()
    assert (padded["aspect_ratio"], padded["size"]) == ("9:16", None)
    assert padded["image"].pop("sha256") not in {None, original}
    assert padded["image"] == {"uri": "a.jpg", "fit": "pad", "original_sha256": original}
    assert as_is["image"] == {"uri": "a.jpg", "sha256": original, "fit": "as_is", "original_sha256": None}
    assert as_is["aspect_ratio"] is None
    table = io.StringIO()
    manifest.write_csv(lines, table, axes=(), labels=())
    first, second = csv.DictReader(io.StringIO(table.getvalue()))
    assert (first["image.fit"], first["image.original_sha256"], second["image.fit"]) == ("pad", original, "as_is")


def test_the_price_is_that_of_the_row() -> None:
    """A fitted image costs what any image costs."""
    row = {"image_url": held("a.jpg", SQUARE), "aspect_ratio": "9:16", "fit": "pad", "resolution": "1080p"}
    assert planned(row).cost_high_usd == Decimal("0.9375")
