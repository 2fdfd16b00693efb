"""Uploads in parts that nobody ended cost money in a real bucket: old ones of our own are aborted, no others."""

import contextlib

import boto3
import pytest

from ledger import s3
from ledger.objects import S3Options, open_store
from tests.services import Seaweed


def test_only_our_own_old_uploads_are_aborted(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a shared bucket, what other programs upload is left alone; so is what has just begun."""
    bucket = seaweed.bucket()
    options = S3Options(
        endpoint_url=seaweed.endpoint,
        region="us-east-1",
        access_key=seaweed.access_key,
        secret_key=seaweed.secret_key,
    )
    store = open_store(f"s3://{bucket}", s3=options)
    client = boto3.client(
        "s3",
        endpoint_url=seaweed.endpoint,
        region_name="us-east-1",
        aws_access_key_id=seaweed.access_key,
        aws_secret_access_key=seaweed.secret_key,
    )
    with contextlib.closing(client):
        for key in ("jobs/a/video.mp4", "simulated/jobs/b/video.mp4", "backup/of-others.tar"):
            client.create_multipart_upload(Bucket=bucket, Key=key)

        def begun() -> set[str]:
            return {each["Key"] for each in client.list_multipart_uploads(Bucket=bucket).get("Uploads", ())}

        store.sweep()
        assert len(begun()) == 3
        monkeypatch.setattr(s3, "ABANDONED_AFTER_S", -60.0)
        store.sweep()
        assert begun() == {"backup/of-others.tar"}
