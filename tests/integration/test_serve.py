"""The loopback gallery: it gives out one report and its videos to one person, and nothing else of the store."""

import hashlib
import io
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from starlette.responses import FileResponse, RedirectResponse

from jobs.errors import ObjectNotFound
from jobs.record import ManifestLine
from ledger.objects import ObjectStore, open_store
from producer import report
from producer.serve import ReportShelf, serve_report
from tests.producer.test_report import line

REPORT_KEY = "simulated/campaigns/summer/report.html"
PRIVATE = "simulated/campaigns/other/report.html"

SHOWN, UNSHOWN = line("shown"), line("another campaign's")


def video_key(one: ManifestLine) -> str:
    """Where the job keeps its video."""
    return f"simulated/jobs/{one.job_id}/video.mp4"


def page(*hrefs: str) -> bytes:
    """A report that links to these."""
    head = report.ReportHead(
        campaign="summer",
        simulated=True,
        provider="segmind",
        store="file:///x",
        as_of=datetime.now(UTC),
        total=1,
        states={},
        budget_usd=None,
        spent_usd=Decimal(0),
        reserved_usd=Decimal(0),
        in_doubt_usd=Decimal(0),
        credits={},
        manifest_href=None,
    )
    out, links = io.StringIO(), iter(hrefs)
    report.write_report([SHOWN] * len(hrefs), head, out, lambda _: next(links))
    return out.getvalue().encode()


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """A store with two jobs, of which the report shows one."""
    one = open_store((tmp_path / "out").as_uri())
    one.put(
        REPORT_KEY, page(f"../../jobs/{SHOWN.job_id}/video.mp4", "../../../../../etc/passwd", "../other/report.html")
    )
    one.put("simulated/campaigns/summer/manifest.jsonl", b"{}\n")
    one.put(PRIVATE, b"private")
    for job in (SHOWN, UNSHOWN):
        one.put(video_key(job), b"video " * 100, content_type="video/mp4")
    return one


class Elsewhere:
    """A store that is not on this machine."""

    def __init__(self, report_page: bytes) -> None:
        self._page = report_page

    def get(self, key: str) -> bytes:
        """Answer the report alone."""
        if key != REPORT_KEY:
            raise ObjectNotFound(key)
        return self._page

    def local_path(self, key: str) -> None:
        """There is no file here."""

    def presign(self, key: str, expires_s: int) -> str:
        """A link that says what was signed."""
        return f"https://bucket.example/{key}?expires={expires_s}&signature=x"


def shelf_of(store: ObjectStore) -> ReportShelf:
    """The shelf of the store's report, looked at once."""
    shelf = ReportShelf(store, REPORT_KEY)
    shelf.page()
    return shelf


def test_local_videos_come_as_files(store: ObjectStore) -> None:
    """A store on this disk needs no signature."""
    answer = shelf_of(store).answer(video_key(SHOWN))
    assert isinstance(answer, FileResponse)
    assert answer.media_type == "video/mp4"


def test_videos_elsewhere_are_signed_when_asked_for() -> None:
    """A private object store is reached by a link made now, which nobody keeps."""
    elsewhere = Elsewhere(page(f"../../jobs/{SHOWN.job_id}/video.mp4"))
    answer = shelf_of(cast("ObjectStore", elsewhere)).answer(video_key(SHOWN))
    assert isinstance(answer, RedirectResponse)
    assert answer.headers["location"].startswith(f"https://bucket.example/{video_key(SHOWN)}?expires=")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "key",
    [
        video_key(UNSHOWN),
        PRIVATE,
        "simulated/campaigns/other/manifest.jsonl",
        "simulated/campaigns/summer/manifest.csv",
        "simulated/campaigns/summer/../other/report.html",
        "etc/passwd",
        "/etc/passwd",
        "../../etc/passwd",
        f"simulated/jobs/{SHOWN.job_id}/record.json",
        f"simulated/jobs/{SHOWN.job_id}/../{SHOWN.job_id}/video.mp4",
        "",
    ],
)
def test_nothing_else_of_the_store_is_shown(store: ObjectStore, key: str) -> None:
    """Other campaigns, other files and paths that climb are not there, even if the report links to them."""
    assert shelf_of(store).answer(key).status_code == 404


def test_a_report_that_is_not_there_is_told_before_serving(store: ObjectStore) -> None:
    """Serving starts only with a report to show."""
    with pytest.raises(ObjectNotFound):
        serve_report(store, "campaigns/none/report.html", open_browser=False, announce=pytest.fail)


SERVE = """
import sys
from ledger.objects import open_store
from producer.serve import serve_report
serve_report(open_store(sys.argv[1]), sys.argv[2], open_browser=False, announce=lambda url: print(url, flush=True))
print("ended", flush=True)
"""


def fetch(url: str, **headers: str) -> tuple[int, bytes]:
    """Status and body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_server_answers_its_owner_until_ctrl_c(store: ObjectStore) -> None:
    """Report, manifest and ranges of a video are under the token; a foreign Host is refused; Ctrl-C ends it well."""
    command = [sys.executable, "-c", SERVE, store.url, REPORT_KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        root = address.removesuffix("/" + REPORT_KEY)
        assert fetch(address)[0] == 200
        assert fetch(f"{root}/simulated/campaigns/summer/manifest.jsonl") == (200, b"{}\n")
        assert fetch(f"{root}/{video_key(SHOWN)}", Range="bytes=6-10") == (206, b"video")
        whole = fetch(f"{root}/{video_key(SHOWN)}")[1]
        assert hashlib.sha256(whole).digest() == hashlib.sha256(b"video " * 100).digest()
        assert fetch(address, Host="evil.example")[0] == 400
        assert fetch(f"{root}x/{REPORT_KEY}")[0] == 404
        assert fetch(f"{root}/..%2f..%2fetc%2fpasswd")[0] == 404
        server.send_signal(signal.SIGINT)
        rest, _ = server.communicate(timeout=10)
    assert (rest, server.returncode) == ("ended\n", 0)
    port = int(address.split(":")[2].split("/")[0])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
