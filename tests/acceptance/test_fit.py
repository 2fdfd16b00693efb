"""Pictures of the wrong shape, from matrix to video: refused, then made to fit, bought once, told in the manifest."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import httpx
from PIL import Image

from tests.acceptance.driving import good_videos, manifest_of, papers, typed, wanbatch
from tests.mediaserver import serving
from tests.samples import picture
from tests.services import Simulator


def matrix(folder: Path, *rows: tuple[str, str, str]) -> Path:
    """A matrix of (image, ratio, fit)."""
    with (folder / "brief.csv").open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(
            [("prompt", "image_url", "aspect_ratio", "fit"), *(("it turns", *row) for row in rows)]
        )
    return folder / "brief.csv"


def test_a_square_photo_becomes_a_tall_video(tmp_path: Path, simulator: Callable[..., Simulator]) -> None:
    """A web photo and a cut-out beside the matrix: an error first, then an image of 9:16 reaches the provider for each,
    and neither a second run nor a copy of the photo under another address buys anything.
    """
    provider = simulator("--speed", "600")
    env = {"WANBATCH_SIMULATOR_URL": provider.url}
    store = tmp_path / "out"
    words = ("--provider", "segmind", "--simulate", "--store", store.as_uri())
    (tmp_path / "cut-out.png").write_bytes(picture("PNG", (700, 500), "RGBA"))
    with serving() as web:
        photo = web.hold("/photo.jpg", picture(size=(900, 900)))
        copy = web.hold("/copy.jpg", picture(size=(900, 900)))
        refused = typed("run", matrix(tmp_path, (photo, "9:16", "")), *words, cwd=tmp_path, env=env)
        assert refused.code == 2
        assert "brief.csv:2: aspect_ratio: the image is 1:1 (900 x 900 pixels)" in refused.err
        assert provider.purchases() == []

        rows = [(photo, "9:16", "pad"), ("cut-out.png", "9:16", "crop")]
        ended = wanbatch("run", matrix(tmp_path, *rows), *words, cwd=tmp_path, env=env)
        assert ended.code == 0, ended.err
        shapes = [_shape(bought["input"]["image"]) for bought in provider.purchases()]
        assert [width * 16 == height * 9 for width, height in shapes] == [True, True]

        again = typed("run", matrix(tmp_path, *rows, (copy, "9:16", "pad")), *words, cwd=tmp_path, env=env)
        assert again.code == 0, again.err
        assert len(provider.purchases()) == 2

    lines = manifest_of(papers(store, "simulated-brief") / "manifest.jsonl")
    good_videos(lines)
    told = [(line["image"]["uri"], line["image"]["fit"], line["aspect_ratio"]) for line in lines]
    assert told == [(photo, "pad", "9:16"), ("cut-out.png", "crop", "9:16")]
    assert [(line["video"]["width"], line["video"]["height"]) for line in lines] == [(720, 1280)] * 2
    stored = {path.name for path in (store / "simulated" / "media").glob("*.jpg")}
    assert stored == {line["image"]["sha256"] + ".jpg" for line in lines}


def _shape(link: str) -> tuple[int, int]:
    """The pixels of an image that was uploaded."""
    return Image.open(io.BytesIO(httpx.get(link).content)).size
