"""One contract for every object store: plain files, moto, and a real SeaweedFS."""

import hashlib
import itertools
import os
import secrets
import threading
import time
import tracemalloc
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from jobs.errors import ObjectNotFound, StoreRefused
from ledger.objects import ObjectStore, S3Options, open_store
from tests.services import Seaweed

MIB = 1024 * 1024
MP4 = "video/mp4"
#: What lies behind moto's server, which is in this process.
MOTO = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


@pytest.fixture(scope="session")
def moto_options() -> Iterator[S3Options]:
    """How to reach a moto server in this process, which believes any key."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield S3Options(endpoint_url=f"http://{host}:{port}", region="us-east-1", access_key="any", secret_key="any")
    server.stop()


def _moto_bucket(options: S3Options) -> str:
    """Make a new bucket in moto."""
    name = f"test-{secrets.token_hex(6)}"
    client = boto3.client(
        "s3",
        endpoint_url=options.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    client.create_bucket(Bucket=name)
    client.close()
    return name


def seaweed_options(seaweed: Seaweed, secret_key: str | None = None) -> S3Options:
    """How to reach SeaweedFS, with its own secret or another."""
    return S3Options(
        endpoint_url=seaweed.endpoint,
        region="us-east-1",
        access_key=seaweed.access_key,
        secret_key=secret_key or seaweed.secret_key,
    )


@pytest.fixture(params=["files", "moto", "seaweed"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """A new, empty store of each kind in turn."""
    match request.param:
        case "moto":
            options = request.getfixturevalue("moto_options")
            return open_store(f"s3://{_moto_bucket(options)}/some/prefix", s3=options)
        case "seaweed":
            seaweed = request.getfixturevalue("seaweed")
            return open_store(f"s3://{seaweed.bucket()}/some/prefix", s3=seaweed_options(seaweed))
        case _:
            return open_store((tmp_path / "a store").as_uri())


def test_what_was_put_is_there(store: ObjectStore) -> None:
    """An object comes back as it was put, and a later put replaces it."""
    assert not store.exists("jobs/a/record.json")
    assert store.put("jobs/a/record.json", b'{"one": 1}')
    assert store.put("jobs/a/record.json", b'{"two": 22}')
    assert store.get("jobs/a/record.json") == b'{"two": 22}'
    assert store.exists("jobs/a/record.json")
    assert store.size("jobs/a/record.json") == 11


def test_an_object_may_be_empty(store: ObjectStore) -> None:
    """No bytes are an object too."""
    store.put("empty", b"")
    assert (store.get("empty"), store.size("empty"), store.exists("empty")) == (b"", 0, True)


@pytest.mark.parametrize("key", ["jobs/ä ü/世界 100% +&=?#.json", "a/" + "n" * 255, "jobs/a~b(c)'d\"e"])
def test_odd_names_are_kept(store: ObjectStore, key: str) -> None:
    """Spaces, other scripts and marks that mean something in a URL are kept as they are."""
    store.put(key, key.encode())
    assert store.get(key) == key.encode()
    assert list(store.list()) == [key]


def test_what_is_not_there_is_said(store: ObjectStore) -> None:
    """A missing object is ObjectNotFound that names store and key, for every way to read."""
    for read in (store.get, store.size, lambda key: store.get_range(key, 0, 1)):
        with pytest.raises(ObjectNotFound, match="jobs/none") as caught:
            read("jobs/none")
        assert store.url in str(caught.value)


def test_a_folder_is_no_object(store: ObjectStore) -> None:
    """The name of a folder is not the name of an object."""
    store.put("jobs/a/record.json", b"{}")
    assert not store.exists("jobs/a")
    with pytest.raises(ObjectNotFound):
        store.get("jobs/a")


def test_ranges_are_parts_of_the_object(store: ObjectStore) -> None:
    """A range gives those bytes, fewer at the end, and none past it."""
    store.put("ten", b"0123456789")
    ranges = [(0, 4), (3, 1), (8, 10), (10, 5), (99, 1), (0, 0)]
    assert [store.get_range("ten", *span) for span in ranges] == [b"0123", b"3", b"89", b"", b"", b""]


def test_a_second_put_if_absent_changes_nothing(store: ObjectStore) -> None:
    """`if_absent` says no to the second, and the first one's bytes stay."""
    assert store.put("intent", b"first", if_absent=True)
    assert not store.put("intent", b"second", if_absent=True)
    assert store.get("intent") == b"first"


def test_one_of_sixteen_rivals_wins(store: ObjectStore) -> None:
    """Sixteen threads that put the same key at once have one winner, and its bytes are there: as the probe said."""
    assert store.probe_if_absent()
    for turn in range(2):
        key, line = f"jobs/{turn}/intent.1.json", threading.Barrier(16)

        def race(rival: int, key: str = key, line: threading.Barrier = line) -> bool:
            line.wait()
            return store.put(key, b"%d" % rival, if_absent=True)

        with ThreadPoolExecutor(16) as pool:
            won = list(pool.map(race, range(16)))
        assert won.count(True) == 1
        assert store.get(key) == b"%d" % won.index(True)


def test_the_probe_leaves_no_object(store: ObjectStore) -> None:
    """Probing twice gives the same answer, and nothing that a listing shows."""
    assert (store.probe_if_absent(), store.probe_if_absent()) == (True, True)
    assert (list(store.list()), list(store.shelves())) == ([], [])


def test_listings_pass_a_thousand(store: ObjectStore) -> None:
    """1,006 keys are listed, each once, with a folder's keys together; their folders too."""
    keys = {f"jobs/{number:04}/{name}.json" for number in range(503) for name in ("intent", "record")}
    _fill(store, keys)
    listed = list(store.list("jobs/"))
    assert (len(listed), set(listed)) == (len(keys), keys)
    folders = [key.split("/")[1] for key in listed]
    assert sum(one != other for one, other in itertools.pairwise(folders)) == 502
    assert sorted(store.shelves("jobs")) == [f"{number:04}" for number in range(503)]


def _fill(store: ObjectStore, keys: set[str]) -> None:
    """Put an object under each key; moto, which takes long over a request, is given them behind its door."""
    if store.url.removeprefix("s3://").partition("/")[0] in MOTO.buckets:
        for key in keys:
            bucket, _, full = store.uri(key).removeprefix("s3://").partition("/")
            MOTO.put_object(bucket, full, b"{}")
        return
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put(key, b"{}"), keys))


def test_a_prefix_is_a_string_and_a_shelf_is_a_folder(store: ObjectStore) -> None:
    """`list` takes any beginning of a key; `shelves` the folders directly inside one, not the files beside them."""
    for key in ("campaigns/foo/a", "campaigns/foo/deep/b", "campaigns/foo-1/c", "campaigns/note.txt", "jobs/x/d"):
        store.put(key, b"{}")
    assert set(store.list("campaigns/foo")) == {"campaigns/foo/a", "campaigns/foo/deep/b", "campaigns/foo-1/c"}
    assert set(store.list("campaigns/foo/")) == {"campaigns/foo/a", "campaigns/foo/deep/b"}
    assert list(store.list("campaigns/foo/d")) == ["campaigns/foo/deep/b"]
    assert list(store.list("nothing/here")) == []
    assert set(store.shelves("campaigns")) == set(store.shelves("campaigns/")) == {"foo", "foo-1"}
    assert set(store.shelves()) == {"campaigns", "jobs"}
    assert list(store.shelves("nothing")) == []


def test_deleting_twice_is_no_error(store: ObjectStore) -> None:
    """A deleted object is gone; deleting it again changes nothing, and its neighbours stay."""
    store.put("jobs/a/record.json", b"{}")
    store.put("jobs/b/record.json", b"{}")
    store.delete("jobs/a/record.json")
    store.delete("jobs/a/record.json")
    assert list(store.list()) == ["jobs/b/record.json"]
    assert "b" in store.shelves("jobs")


@pytest.mark.parametrize("size", [100_000, 8 * MIB, 17 * MIB + 5], ids=["small", "threshold", "multipart"])
def test_a_file_goes_up_twice_and_is_one_object(store: ObjectStore, tmp_path: Path, size: int) -> None:
    """A file arrives byte for byte, in parts when it is large; a second upload is the same object."""
    data = os.urandom(size)
    video = tmp_path / "video.mp4"
    video.write_bytes(data)
    for _ in range(2):
        store.put_file("jobs/a/video.mp4", video, content_type=MP4, sha256=hashlib.sha256(data).hexdigest())
    assert list(store.list()) == ["jobs/a/video.mp4"]
    assert store.size("jobs/a/video.mp4") == size
    assert hashlib.sha256(store.get("jobs/a/video.mp4")).digest() == hashlib.sha256(data).digest()
    assert store.get_range("jobs/a/video.mp4", size - 3, 9) == data[-3:]


def test_what_tells_of_a_file_is_put_with_it(store: ObjectStore, tmp_path: Path) -> None:
    """A file and the small objects beside it are there when the call returns."""
    video = tmp_path / "video.mp4"
    video.write_bytes(b"1")
    notes = {"jobs/a/record.json": b"{}", "elsewhere.json": b"[]"}
    store.put_file("jobs/a/video.mp4", video, content_type=MP4, sha256="00", notes=notes)
    assert {key: store.get(key) for key in store.list()} == {"jobs/a/video.mp4": b"1", **notes}


def test_type_and_hash_are_kept_on_s3(seaweed: Seaweed, tmp_path: Path) -> None:
    """Content type and SHA-256 can be read with any S3 tool, for small files and for those sent in parts."""
    bucket, options = seaweed.bucket(), seaweed_options(seaweed)
    store = open_store(f"s3://{bucket}", s3=options)
    client = boto3.client(
        "s3",
        endpoint_url=options.endpoint_url,
        region_name=options.region,
        aws_access_key_id=options.access_key,
        aws_secret_access_key=options.secret_key,
    )
    for size in (10, 9 * MIB):
        video = tmp_path / "video.mp4"
        video.write_bytes(bytes(size))
        store.put_file("video.mp4", video, content_type=MP4, sha256="ab12")
        head = client.head_object(Bucket=bucket, Key="video.mp4")
        assert (head["ContentType"], head["Metadata"]) == (MP4, {"sha256": "ab12"})
    client.close()


@pytest.mark.parametrize("kind", ["files", "seaweed"])
def test_a_large_file_never_stands_in_memory(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """64 MiB go up with under 10 MiB of our memory."""
    if kind == "seaweed":
        seaweed = request.getfixturevalue("seaweed")
        store = open_store(f"s3://{seaweed.bucket()}", s3=seaweed_options(seaweed))
    else:
        store = open_store((tmp_path / "store").as_uri())
    store.put("warm", b"up")
    video = tmp_path / "video.mp4"
    with video.open("wb") as file:
        file.truncate(64 * MIB)
    tracemalloc.start()
    try:
        store.put_file("video.mp4", video, content_type=MP4, sha256="00")
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert store.size("video.mp4") == 64 * MIB
    assert peak_bytes < 10 * MIB


def test_a_link_opens_the_object(store: ObjectStore) -> None:
    """The presigned link gives the bytes to a client that has no key."""
    store.put("campaigns/a b/report.html", b"<p>hello")
    assert _fetch(store.presign("campaigns/a b/report.html", expires_s=60)) == (200, b"<p>hello")


def test_a_link_ends(seaweed: Seaweed) -> None:
    """A tampered link is refused, and a link past its time too."""
    store = open_store(f"s3://{seaweed.bucket()}", s3=seaweed_options(seaweed))
    store.put("a", b"1")
    store.put("b", b"2")
    assert _fetch(store.presign("a", expires_s=60).replace("/a?", "/b?"))[0] == 403
    link = store.presign("a", expires_s=1)
    _await(lambda: _fetch(link)[0] == 403)


def test_a_wrong_key_is_refused_without_telling_secrets(seaweed: Seaweed, tmp_path: Path) -> None:
    """A wrong secret is StoreRefused for every call; the message says what to check and holds no secret."""
    url = f"s3://{seaweed.bucket()}/p"
    store = open_store(url, s3=seaweed_options(seaweed, secret_key="not-the-secret"))
    video = tmp_path / "v"
    video.write_bytes(b"1")
    calls: list[Callable[[], object]] = [
        lambda: store.put("a", b""),
        lambda: store.put("a", b"", if_absent=True),
        lambda: store.put_file("a", video, content_type=MP4, sha256="00"),
        lambda: store.get("a"),
        lambda: store.exists("a"),
        lambda: list(store.list()),
        lambda: list(store.shelves()),
        lambda: store.delete("a"),
        store.probe_if_absent,
    ]
    for call in calls:
        with pytest.raises(StoreRefused) as caught:
            call()
        text = str(caught.value)
        assert url in text
        assert "key" in text
        assert "not-the-secret" not in text
        assert seaweed.secret_key not in text


@pytest.mark.parametrize("kind", ["moto", "seaweed"])
def test_a_missing_bucket_is_no_empty_store(kind: str, request: pytest.FixtureRequest) -> None:
    """A bucket that is not there is StoreRefused, never "no such object" and never an empty list."""
    fixture = request.getfixturevalue("moto_options" if kind == "moto" else "seaweed")
    options = fixture if kind == "moto" else seaweed_options(fixture)
    store = open_store("s3://no-such-bucket/p", s3=options)
    calls: list[Callable[[], object]] = [
        lambda: store.put("a", b""),
        lambda: store.get("a"),
        lambda: store.exists("a"),
        lambda: store.size("a"),
        lambda: list(store.list()),
        lambda: list(store.shelves()),
        store.probe_if_absent,
    ]
    for call in calls:
        with pytest.raises(StoreRefused, match="create the bucket"):
            call()


def _fetch(link: str) -> tuple[int, bytes]:
    """GET a link as a browser does; the status (200 for a file) and the body."""
    try:
        with urllib.request.urlopen(link, timeout=10) as answer:
            return answer.status or 200, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def _await(condition: Callable[[], bool], deadline_s: float = 10.0) -> None:
    """Ask again and again until it is so."""
    ends = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < ends, "it did not come to pass"
        time.sleep(0.05)
