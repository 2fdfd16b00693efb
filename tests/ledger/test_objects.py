"""What holds for every store before any is asked: URLs and keys."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import StoreRefused
from ledger.objects import S3Options, check_key, open_store


@pytest.mark.parametrize(
    ("given_url", "normal"),
    [
        ("file:///tmp/no-such-store", "file:///tmp/no-such-store"),
        ("file:///tmp/./one/../no-such-store/", "file:///tmp/no-such-store"),
        ("file://localhost/tmp/no-such-store", "file:///tmp/no-such-store"),
        ("file:///tmp/with space", "file:///tmp/with%20space"),
        ("file:///tmp/with%20space", "file:///tmp/with%20space"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://bucket/a/b/", "s3://bucket/a/b"),
    ],
)
def test_a_store_has_one_name(given_url: str, normal: str) -> None:
    """However a store is written, its identity is the same, and opening that identity gives it again."""
    options = S3Options(region="us-east-1")
    assert open_store(given_url, s3=options).url == normal
    assert open_store(normal, s3=options).url == normal


def test_a_link_to_a_folder_is_that_folder(tmp_path: Path) -> None:
    """A symbolic link and the folder that it leads to are one store."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert open_store((tmp_path / "link").as_uri()).url == (tmp_path / "real").as_uri()


@pytest.mark.parametrize(
    "url", ["", "out", "/tmp/out", "file:", "file://", "file://./out", "gs://b", "s3:b", "s3://", "s3:///p"]
)
def test_a_store_that_is_not_understood_is_refused(url: str) -> None:
    """Anything but an absolute file: or an s3: URL is refused with what would be right."""
    with pytest.raises(StoreRefused, match=r"write (file:///|s3://)"):
        open_store(url)


def test_an_object_has_an_address(tmp_path: Path) -> None:
    """`uri` is what a manifest shows: the store and the key in one."""
    assert (
        open_store("s3://bucket/p", s3=S3Options(region="us-east-1")).uri("jobs/a/v.mp4")
        == "s3://bucket/p/jobs/a/v.mp4"
    )
    assert open_store(tmp_path.as_uri()).uri("jobs/a b/v.mp4") == f"{tmp_path.as_uri()}/jobs/a%20b/v.mp4"


BAD_KEYS = [
    "", "/", "/etc/passwd", "a/", "a//b", ".", "..", "../x", "a/../b", "a/./b", ".ledger/appendonly.aof", ".tmp/x",
    "line\nbreak", "nul\0", "\x7f", "half\ud800", "n" * 256, "a/" * 600 + "b",
]  # fmt: skip


@pytest.mark.parametrize("key", BAD_KEYS, ids=ascii)
def test_a_key_that_could_escape_or_vanish_is_refused(key: str) -> None:
    """No key leaves the store, hides in its housekeeping, or cannot be a name everywhere; the message says why."""
    with pytest.raises(StoreRefused, match="cannot be an object's key: "):
        check_key(key)


@given(st.text())
def test_what_passes_stays_inside(key: str) -> None:
    """Whatever the text, a key that is let through names a place inside the store's folder."""
    try:
        check_key(key)
    except StoreRefused:
        return
    root = Path("/store")
    assert root in (root / key).parents
    assert ".." not in (root / key).parts


def test_stores_of_files_do_not_pay_for_s3() -> None:
    """Opening a file store does not import boto3, which takes longer than all the rest."""
    code = (
        "import sys; from ledger.objects import open_store as o; o('file:///tmp/x'); sys.exit('boto3' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0


def test_options_do_not_show_their_keys() -> None:
    """The options' repr, which may end in a log, holds neither half of a key."""
    shown = repr(S3Options(access_key="half-one", secret_key="half-two", region="r"))
    assert "half" not in shown
    assert "region='r'" in shown
