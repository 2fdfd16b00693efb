"""The recipe of docker-compose.yml without containers: the same processes and settings, several of each."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from tests.acceptance.driving import (
    CAMPAIGN_FILE,
    CAMPAIGN_VIDEOS,
    Fleet,
    agree,
    begin,
    good_videos,
    prompts_file,
)
from tests.services import Seaweed, Simulator, Valkey

#: Jobs of the second submitter.
PROMPTS = 30


@pytest.fixture
def fleet(tmp_path: Path, valkey: Valkey, seaweed: Seaweed, simulator: Callable[..., Simulator]) -> Iterator[Fleet]:
    """One Valkey, one SeaweedFS, the simulator, and two workers that are there before any campaign."""
    provider = simulator("--speed", "60")
    env = {
        "WANBATCH_REDIS": valkey.url,
        "WANBATCH_STORE": f"s3://{seaweed.bucket()}/store",
        "WANBATCH_SIMULATOR_URL": provider.url,
        **seaweed.environment(),
    }
    made = Fleet(tmp_path, env, provider)
    with contextlib.closing(contextlib.ExitStack()) as ending:
        ending.callback(made.dismiss)
        made.hire(2)
        yield made


def keys_of(fleet: Fleet, seaweed: Seaweed) -> set[str]:
    """Every key in the store's bucket."""
    client = boto3.client(
        "s3",
        endpoint_url=seaweed.endpoint,
        region_name="us-east-1",
        aws_access_key_id=seaweed.access_key,
        aws_secret_access_key=seaweed.secret_key,
    )
    with contextlib.closing(client):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=urlsplit(fleet.env["WANBATCH_STORE"]).netloc)
        return {found["Key"] for page in pages for found in page.get("Contents", [])}


def test_two_workers_and_three_submitters_make_everything_once(fleet: Fleet, seaweed: Seaweed, tmp_path: Path) -> None:
    """Two files and one of them twice, all at the same moment: each job is bought once and every video is in S3."""
    prompts_file(tmp_path / "lamps.txt", PROMPTS)
    asked = {"campaign": CAMPAIGN_FILE, "again": CAMPAIGN_FILE, "lamps": tmp_path / "lamps.txt"}
    submits = [begin(tmp_path / name, "submit", file, "--simulate", env=fleet.env) for name, file in asked.items()]
    assert [one.ended(within_s=60) for one in submits] == [0, 0, 0], [one.said for one in submits]
    names = {"simulated-summer-campaign": CAMPAIGN_VIDEOS, "simulated-lamps": PROMPTS}
    for name in names:
        waited = fleet.run("wait", name, "--timeout", "90")
        assert waited.code == 0, waited.out + waited.err
        assert fleet.run("report", name).code == 0
    lines = {name: fleet.lines(name) for name in names}
    assert {name: len(found) for name, found in lines.items()} == names
    together = [line for found in lines.values() for line in found]
    good_videos(together)
    agree(fleet.provider, together)
    keys = keys_of(fleet, seaweed)
    assert {urlsplit(line["video"]["uri"]).path.lstrip("/") for line in together} <= keys
    papers = ("manifest.jsonl", "manifest.csv", "report.html", "campaign.json")
    assert {f"store/simulated/campaigns/{name}/{paper}" for name in names for paper in papers} <= keys


def test_submitting_what_is_there_buys_nothing(fleet: Fleet, tmp_path: Path) -> None:
    """Another campaign with the same jobs, and the file submitted again after its end, need no purchase."""
    prompts_file(tmp_path / "few.txt", 4)
    for arguments in (("few.txt",), ("few.txt", "--campaign", "others")):
        submitted = fleet.run("submit", *arguments, "--simulate")
        assert submitted.code == 0, submitted.err
        waited = fleet.run("wait", submitted.out.strip(), "--timeout", "60", "--json")
        assert waited.code == 0, waited.out + waited.err
        assert waited.json["states"]["done"] == 4
        assert len(fleet.provider.purchases()) == 4
    again = fleet.run("submit", "few.txt", "--simulate")
    assert "nothing left to make" in again.err
    listed = fleet.run("status", "--json")
    assert {one["campaign"] for one in listed.json["campaigns"]} == {"simulated-few", "others"}
    agree(fleet.provider, fleet.lines("others"))
