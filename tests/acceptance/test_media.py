"""A campaign with files of one's own, from matrix to manifest: over a folder and over S3, by whole processes."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import boto3

from tests.acceptance.driving import Fleet, good_videos, journal, manifest_of, papers, typed, wanbatch
from tests.mediaserver import serving
from tests.samples import mp3, picture
from tests.services import Seaweed, Simulator, Valkey

#: What the manifest says of an image that went in as it was.
UNFITTED = {"fit": None, "original_sha256": None}


def brief(folder: Path, *rows: str, name: str = "brief.csv") -> Path:
    """A matrix in a folder of its own, beside a picture and a sound."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "images" / "shoe.jpg").write_bytes(picture())
    (folder / "drum.mp3").write_bytes(mp3(5))
    (folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / name


def sha256(data: bytes) -> str:
    """In hex."""
    return hashlib.sha256(data).hexdigest()


def test_files_beside_the_matrix_become_videos(tmp_path: Path) -> None:
    """On one machine: the picture goes up by the provider's door, the manifest keeps its spelling and its hash, and the
    same command again buys nothing.
    """
    matrix = brief(
        tmp_path / "brief",
        "prompt,image_url,audio_url",
        "the shoe turns,images/shoe.jpg,drum.mp3",
        "the shoe rests,images/shoe.jpg,",
    )
    store = tmp_path / "out"
    words = ("run", matrix, "--provider", "segmind", "--simulate", "--store", store.as_uri(), "--speed", "600")
    ended = wanbatch(*words, cwd=tmp_path)
    assert ended.code == 0, ended.err
    lines = manifest_of(papers(store, "simulated-brief") / "manifest.jsonl")
    good_videos(lines)
    image = {"uri": "images/shoe.jpg", "sha256": sha256(picture()), **UNFITTED}
    assert [line["image"] for line in lines] == [image, image]
    assert lines[0]["audio_track"] == {"uri": "drum.mp3", "sha256": sha256(mp3(5))}
    orders = [bought["input"] for bought in journal(store)]
    assert len(orders) == 2
    assert len({order["image"] for order in orders}) == 1
    assert all(order["image"].startswith("http://127.0.0.1") for order in orders)
    again = typed(*words, cwd=tmp_path)
    assert again.code == 0
    assert len(journal(store)) == 2


def test_files_from_s3_reach_the_provider_as_links(
    tmp_path: Path, valkey: Valkey, seaweed: Seaweed, simulator: Callable[..., Simulator]
) -> None:
    """A fleet over S3: a picture out of another object goes along in the order, a sound becomes a signed link."""
    provider = simulator("--speed", "600")
    bucket = seaweed.bucket()
    env = {
        "WANBATCH_REDIS": valkey.url,
        "WANBATCH_STORE": f"s3://{bucket}/store",
        "WANBATCH_SIMULATOR_URL": provider.url,
        **seaweed.environment(),
    }
    client = boto3.client(
        "s3",
        endpoint_url=seaweed.endpoint,
        region_name="us-east-1",
        aws_access_key_id=seaweed.access_key,
        aws_secret_access_key=seaweed.secret_key,
    )
    client.put_object(Bucket=bucket, Key="catalog/shoe.png", Body=picture("PNG"))
    matrix = brief(
        tmp_path / "brief", "prompt,image_url,audio_url", f"it turns,s3://{bucket}/catalog/shoe.png,drum.mp3"
    )
    fleet = Fleet(tmp_path, env, provider)
    try:
        fleet.hire()
        submitted = fleet.run("submit", matrix, "--provider", "dashscope", "--simulate")
        assert submitted.code == 0, submitted.err
        assert fleet.run("wait", "simulated-brief", "--timeout", "60").code == 0
        (line,) = fleet.lines("simulated-brief")
    finally:
        fleet.dismiss()
    good_videos([line])
    assert line["image"] == {"uri": f"s3://{bucket}/catalog/shoe.png", "sha256": sha256(picture("PNG")), **UNFITTED}
    (bought,) = provider.purchases()
    assert bought["input"]["input"]["img_url"].startswith("data:image/png;base64,")
    link = bought["input"]["input"]["audio_url"]
    assert f"/{bucket}/store/simulated/media/{sha256(mp3(5))}.mp3?" in link
    assert "X-Amz-Signature" in link
    stored = client.get_object(Bucket=bucket, Key=f"store/simulated/media/{sha256(mp3(5))}.mp3")
    assert stored["ContentType"] == "audio/mpeg"
    assert stored["Body"].read() == mp3(5)
    client.close()


def test_a_file_that_is_missing_stops_before_anything(tmp_path: Path) -> None:
    """Also where no provider is named, one's own files are looked at: exit 2, by line and column, and no store."""
    matrix = brief(tmp_path / "brief", "prompt,image_url", "it turns,images/boot.jpg")
    ended = typed("run", matrix, "--store", (tmp_path / "out").as_uri(), cwd=tmp_path)
    assert ended.code == 2
    assert "brief.csv:2: image_url: there is no file" in ended.err
    assert not (tmp_path / "out").exists()


def test_photos_of_a_shop_are_known_by_their_bytes(tmp_path: Path) -> None:
    """A script's nights: new addresses of the same photos buy nothing, a new photo under its old address buys one."""
    store, photo = tmp_path / "out", picture(size=(1280, 720))
    words = ("--provider", "segmind", "--simulate", "--yes", "--store", store.as_uri(), "--speed", "600")

    def night(version: int) -> str:
        rows = (f"product {number} turns,{web.url}/{number}.jpg?v={version}" for number in range(4))
        matrix = brief(tmp_path, "prompt,image_url", *rows, name="shop.csv")
        ended = wanbatch("run", matrix, *words, cwd=tmp_path)
        assert ended.code == 0, ended.err
        return ended.err

    with serving() as web:
        for number in range(4):
            web.hold(f"/{number}.jpg", photo)
        night(1)
        assert "4 videos from 4 rows; 4 are there already; nothing left to make" in night(2)
        assert len(journal(store)) == 4
        web.hold("/2.jpg", picture(size=(1280, 721)))
        told = night(2)
    assert "3 are there already; 1 to make" in told
    assert "to make: 1 because the image of `image_url` changed under the same address" in told
    assert [bought["input"]["prompt"] for bought in journal(store)[4:]] == ["product 2 turns"]
    lines = manifest_of(papers(store, "simulated-shop") / "manifest.jsonl")
    good_videos(lines)
    assert [line["image"]["sha256"] for line in lines] == [
        sha256(picture(size=(1280, 721)) if number == 2 else photo) for number in range(4)
    ]
