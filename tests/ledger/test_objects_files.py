"""The file store alone: durability, crashes, rights, and the errors of a disk."""

import errno
import os
import stat
import time
from pathlib import Path

import pytest

from jobs.errors import ObjectNotFound, StoreRefused, StoreUnavailable
from ledger.files import FileStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "out" / "store"


@pytest.fixture
def store(root: Path) -> FileStore:
    """An empty store in that folder."""
    return FileStore(str(root))


def test_opening_and_reading_make_nothing(store: FileStore, root: Path) -> None:
    """A store that is only read leaves no trace on the disk."""
    assert not store.exists("a")
    assert list(store.list()) == list(store.shelves()) == []
    store.delete("a")
    assert not root.exists()


def test_an_object_is_a_plain_file(store: FileStore, root: Path) -> None:
    """People find the object where its key says, and `local_path` says so too."""
    store.put("jobs/a/record.json", b"{}")
    assert (root / "jobs/a/record.json").read_bytes() == b"{}"
    assert store.local_path("jobs/a/record.json") == root / "jobs/a/record.json"


def test_files_follow_the_umask(store: FileStore, root: Path, tmp_path: Path) -> None:
    """A file may be read by whom the umask allows, not only by its writer; the source's own rights do not matter."""
    source = tmp_path / "v"
    source.write_bytes(b"1")
    source.chmod(0o600)
    before = os.umask(0o027)
    try:
        store.put("jobs/a/record.json", b"{}")
        store.put_file("jobs/a/video.mp4", source, content_type="video/mp4", sha256="00")
    finally:
        os.umask(before)
    modes = [
        stat.S_IMODE((root / path).stat().st_mode) for path in ("jobs/a", "jobs/a/record.json", "jobs/a/video.mp4")
    ]
    assert modes == [0o750, 0o640, 0o640]


def test_bytes_are_on_the_disk_before_their_name_and_the_name_before_the_answer(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is synced before it gets its name, then its folder; a new shelf's own name is synced too."""
    store.put("first", b"")
    steps: list[str] = []
    real_sync, real_link = os.fsync, os.link

    def sync(descriptor: int) -> None:
        steps.append("sync " + Path(f"/proc/self/fd/{descriptor}").readlink().name[:5])
        real_sync(descriptor)

    def link(source: Path, target: Path) -> None:
        steps.append("link")
        real_link(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "link", link)
    store.put("jobs/a/intent.json", b"{}", if_absent=True)
    assert steps == ["sync .tmp-", "sync store", "sync jobs", "link", "sync a"]


def test_a_crash_leaves_no_object_and_its_litter_is_swept(store: FileStore, root: Path, tmp_path: Path) -> None:
    """What a killed writer left is never listed; a day later the next process removes it, and nothing younger."""
    source = tmp_path / "video.mp4"
    source.write_bytes(b"1")
    store.put_file("a", source, content_type="video/mp4", sha256="00")
    old, young = root / ".tmp/old", root / ".tmp/young"
    for file in (old, young):
        file.write_bytes(b"half a vid")
    os.utime(old, (time.time() - 90_000,) * 2)
    (root / ".tmp-half").write_bytes(b"{")
    assert list(store.list()) == ["a"]
    FileStore(str(root)).put_file("b", source, content_type="video/mp4", sha256="00")
    assert (old.exists(), young.exists()) == (False, True)


def test_a_write_leaves_nothing_but_its_object(store: FileStore, root: Path, tmp_path: Path) -> None:
    """Won, lost or failed: no temporary file stays."""
    store.put("jobs/a", b"1", if_absent=True)
    store.put("jobs/a", b"2", if_absent=True)
    store.probe_if_absent()
    with pytest.raises(StoreRefused):
        store.put_file("jobs/b", tmp_path / "missing", content_type="video/mp4", sha256="00")
    assert list((root / ".tmp").iterdir()) == []


def test_a_file_at_its_landing_is_taken_over_without_a_copy(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sees it before; then it is synced, named and synced again, and it is the very same file."""
    landing, another = store.landing("jobs/a/video.mp4"), store.landing("jobs/a/video.mp4")
    assert landing != another
    landing.write_bytes(b"1")
    before = landing.stat().st_ino
    assert list(store.list()) == []
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    store.put_file("jobs/a/video.mp4", landing, content_type="video/mp4", sha256="00")
    path = landing.with_name("video.mp4")
    assert (path.stat().st_ino, path.read_bytes(), len(synced)) == (before, b"1", 2)
    assert [each.name for each in path.parent.iterdir()] == ["video.mp4"]


def test_what_tells_of_a_file_is_named_after_it_and_one_sync_of_the_folder_serves_both(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a power cut leaves, no record speaks of a video that is not there."""
    landing = store.landing("jobs/a/video.mp4")
    landing.write_bytes(b"1")
    steps: list[str] = []
    real_replace = os.replace

    def replace(source: str, target: str) -> None:
        steps.append("name " + Path(target).name)
        real_replace(source, target)

    def sync(descriptor: int) -> None:
        steps.append("sync " + Path(f"/proc/self/fd/{descriptor}").readlink().name[:5])

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(os, "fsync", sync)
    notes = {"jobs/a/record.json": b"{}"}
    store.put_file("jobs/a/video.mp4", landing, content_type="video/mp4", sha256="00", notes=notes)
    assert steps == ["sync .tmp-", "name video.mp4", "sync .tmp-", "name record.json", "sync a"]
    assert sorted(each.name for each in landing.parent.iterdir()) == ["record.json", "video.mp4"]


def test_housekeeping_is_never_listed(store: FileStore, root: Path) -> None:
    """The embedded ledger's and the simulator's folders are not objects; a dot deeper down is nothing special."""
    for folder in (".ledger", ".simulator"):
        (root / folder).mkdir(parents=True)
        (root / folder / "file").write_bytes(b"")
    store.put("jobs/.odd", b"")
    assert list(store.list()) == ["jobs/.odd"]
    assert list(store.shelves()) == ["jobs"]


def test_files_list_as_s3_sorts(store: FileStore) -> None:
    """Keys come in the order of their bytes, as from AWS."""
    keys = ["a-1/x", "a.txt", "a/x", "a/x-1", "a/x/y", "ab", "Z", "é"]
    keys.remove("a/x")  # a name is a file or a folder here
    for key in keys:
        store.put(key, b"")
    assert list(store.list()) == sorted(keys)


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.ENOSPC, StoreRefused, "the disk is full"),
        (errno.EROFS, StoreRefused, "read-only"),
        (errno.EACCES, StoreRefused, "this user may not"),
        (errno.EIO, StoreUnavailable, "tries again"),
        (errno.EMFILE, StoreUnavailable, "tries again"),
        (errno.ELOOP, StoreRefused, "look at the folder"),
    ],
)
def test_a_disk_that_fails_is_explained(
    store: FileStore, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception], says: str
) -> None:
    """A disk's error becomes one that says which object, which store, what happened and what to do."""

    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(kind, match=says) as caught:
        store.put("jobs/a/record.json", b"{}")
    assert "'jobs/a/record.json'" in str(caught.value)
    assert store.url in str(caught.value)
    monkeypatch.undo()
    assert not store.exists("jobs/a/record.json")


def test_a_file_in_the_way_is_named(store: FileStore) -> None:
    """An object where a folder is needed, and a folder where an object is needed, are told apart."""
    store.put("a", b"1")
    with pytest.raises(StoreRefused, match="is a file, not a folder"):
        store.put("a/b", b"2")
    with pytest.raises(ObjectNotFound):
        store.get("a/b")
    store.put("c/d", b"3")
    with pytest.raises(StoreRefused, match="there is a folder where the object should be"):
        store.put("c", b"4")


def test_a_disk_without_hard_links_is_found_by_the_probe(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files cannot be linked there is no `if_absent`: the probe says False, and a put says what to do."""

    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "link", refuse)
    assert not store.probe_if_absent()
    with pytest.raises(StoreRefused, match="hard links"):
        store.put("a", b"", if_absent=True)


def test_a_probe_that_cannot_try_says_why(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is no answer to the question whether rivals are kept apart."""

    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(StoreRefused, match="disk is full"):
        store.probe_if_absent()
