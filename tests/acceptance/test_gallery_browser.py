"""The gallery in a real browser: videos play, few at once, few are fetched, and everything can be found."""

import hashlib
import io
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from jobs.identity import derived_seed, job_id, variant_id
from jobs.job import FRAMES, AspectRatio, Job, Mode, PlanLine, Render
from jobs.record import JobRecord, ManifestLine, Purchase, Trouble, Video
from ledger.objects import S3Options, open_store
from ledger.shelf import Shelf
from producer import manifest, report
from producer.delivery.deliver import Order, deliver
from producer.delivery.pattern import Pattern
from simulator.clips import clip
from tests.services import Seaweed

CHROMIUM = "/usr/bin/chromium"
#: Keep the browser from calling its maker, which no test may do.
QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]

#: The gallery's own bounds (producer/gallery/playing.js): videos that play at once, on a wide screen and on a phone.
MOST_PLAYING, MOST_PLAYING_NARROW = 9, 4

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\u202egnp.exe"
RATIOS: tuple[AspectRatio, ...] = ("16:9", "9:16", "1:1")
HOOKS = ("calm", "bold", "odd", "slow")
REPORT_KEY = "simulated/campaigns/summer/report.html"


def line(number: int) -> ManifestLine:
    """One job of three shapes and four hooks; the sixth has a hostile prompt, every twelfth failed."""
    ratio, hook = RATIOS[number % 3], HOOKS[number // 3 % 4]
    words = HOSTILE if number == 5 else f"Number {number}: a lighthouse, {hook}, and a very long walk to it. " * 4
    render = Render(mode=Mode.T2V, prompt=words, aspect_ratio=ratio)
    name = variant_id(render)
    seed = derived_seed(name)
    job = Job(
        job_id=job_id(name, seed, simulated=True),
        variant_id=name,
        render=render,
        seed=seed,
        seed_source="job",
        simulated=True,
        provider="segmind",
        account="simulated-segmind",
        price_uusd=500_000,
        price_as_of="2026-11-20",
    )
    variant = {"hook": hook, "ratio": ratio, "duration": "5"}
    wanted = PlanLine(job=job, source_lines=(number + 2,), variant=variant, labels={"sku": f"S{number}"})
    was = record(job, failed=number % 12 == 11)
    return manifest.join(wanted, campaign="summer", run_id="run-1", submitted_by=None, record=was, live=None)


def record(job: Job, *, failed: bool) -> JobRecord:
    """What became of the job."""
    bought = Purchase(
        send=1,
        task_id=f"task-{job.seed}",
        request_id=None,
        account=job.account,
        submitted_at=NOON,
        state="failed" if failed else "succeeded",
        cost_usd=Decimal(0) if failed else Decimal("0.50"),
        cost_source="provider",
        price_as_of="2026-11-20",
    )
    assert job.render.frame is not None
    width, height = job.render.frame
    video = Video(
        uri=f"file:///out/simulated/jobs/{job.job_id}/video.mp4",
        sha256="0" * 64,
        bytes=1,
        width=width,
        height=height,
        duration_s=5.0,
        fps=30.0,
        codec="h264",
        has_audio=True,
        verified=True,
    )
    trouble = Trouble(kind="render_failed", code="E1", message="The render broke off.", hint="Run the file again.")
    return JobRecord(
        tool_version="1",
        job_id=job.job_id,
        status="failed" if failed else "done",
        error=trouble if failed else None,
        attempts=1,
        polls=3,
        provider=job.provider,
        account=job.account,
        region=None,
        purchases=(bought,),
        task_id=bought.task_id,
        submitted_at=NOON,
        completed_at=NOON,
        stored_at=NOON,
        queue_wait_s=1.0,
        render_s=60.0,
        video=None if failed else video,
    )


def head(lines: list[ManifestLine]) -> report.ReportHead:
    """The campaign's totals."""
    done = sum(one.status == "done" for one in lines)
    return report.ReportHead(
        campaign="summer",
        simulated=True,
        provider="segmind",
        store="file:///out",
        as_of=NOON,
        total=len(lines),
        states={"done": done, "failed": len(lines) - done},
        budget_usd=Decimal(600),
        spent_usd=done * Decimal("0.50"),
        reserved_usd=Decimal(0),
        in_doubt_usd=Decimal(0),
        credits={},
        manifest_href="manifest.jsonl",
    )


def href(one: ManifestLine) -> str | None:
    """The video as seen from the report."""
    return f"../../jobs/{one.job_id}/video.mp4" if one.video else None


def movie(one: ManifestLine) -> bytes:
    """A real video of the size that was ordered."""
    assert one.aspect_ratio is not None
    width, height = FRAMES[one.resolution, one.aspect_ratio]
    return clip(width, height, 5, one.job_id, variant=0, audio=True, pad_bytes=0)


def lay_out(folder: Path, count: int) -> list[ManifestLine]:
    """Write a store with that many jobs, their videos and the report."""
    lines = [line(number) for number in range(count)]
    for one in lines:
        if one.video:
            shelf = folder / "simulated/jobs" / one.job_id
            shelf.mkdir(parents=True)
            (shelf / "video.mp4").write_bytes(movie(one))
    page = folder / REPORT_KEY
    page.parent.mkdir(parents=True)
    with page.open("w", encoding="utf-8") as out:
        report.write_report(lines, head(lines), out, href)
    return lines


SERVE = """
import sys
from ledger.objects import S3Options, open_store
from producer.serve import serve_report
url, endpoint, key, secret = sys.argv[1:]
options = S3Options(endpoint_url=endpoint, region="us-east-1", access_key=key, secret_key=secret) if endpoint else None
store = open_store(url, s3=options)
key = "simulated/campaigns/summer/report.html"
serve_report(store, key, open_browser=False, announce=lambda url: print(url, flush=True))
"""


@pytest.fixture
def served() -> Iterator[Callable[..., str]]:
    """Serve a store's report as `report --open` does: `served(url)` answers the address."""
    servers: list[subprocess.Popen[str]] = []

    def serve(url: str, *s3: str) -> str:
        command = [sys.executable, "-c", SERVE, url, *(s3 or ("", "", ""))]
        servers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        stdout = servers[-1].stdout
        assert stdout is not None
        return stdout.readline().strip()

    yield serve
    for server in servers:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield one
        one.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page of a width; what it complains about in its console fails the test at the end."""
    complaints: list[str] = []
    contexts = []

    def go(url: str, width: int = 1440, height: int = 1000, **options: Any) -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **options))
        page: Page = contexts[-1].new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[ManifestLine]]:
    """The address of a report of 24 jobs, opened as a file, and its lines."""
    folder = tmp_path_factory.mktemp("small")
    lines = lay_out(folder, 24)
    return (folder / REPORT_KEY).as_uri(), lines


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a report of 1,000 jobs."""
    folder = tmp_path_factory.mktemp("large")
    lay_out(folder, 1000)
    return folder


def until(page: Page, expression: str) -> None:
    """Wait until the expression is true; the page's policy forbids the browser to evaluate text by itself."""
    deadline = time.monotonic() + 15
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"never came true: {expression}"
        page.wait_for_timeout(20)


def playing(page: Page) -> int:
    """How many videos play now."""
    count: int = page.evaluate("[...document.querySelectorAll('video')].filter((one) => !one.paused).length")
    return count


def moving(page: Page, least: int = 1) -> None:
    """Wait until that many videos have played on from their first frame."""
    until(page, f"[...document.querySelectorAll('video')].filter((one) => one.currentTime > 0.3).length >= {least}")


def to_the_videos(page: Page) -> None:
    """Scroll until the grid is in view."""
    page.locator(".group").first.scroll_into_view_if_needed()
    page.evaluate("document.getElementById('tools').scrollIntoView()")


def shown(page: Page) -> int:
    """How many jobs the grid shows."""
    return page.locator(".card").count()


def test_videos_play_where_they_are_seen(small: tuple[str, list[ManifestLine]], opened: Callable[..., Page]) -> None:
    """A report opened as a file plays its real videos, muted, in the size that was ordered."""
    page = opened(small[0])
    to_the_videos(page)
    moving(page, 3)
    video = page.locator("#grid video").first
    assert video.evaluate("(one) => [one.muted, one.loop, one.playsInline]") == [True, True, True]
    assert video.evaluate("(one) => [one.videoWidth, one.videoHeight, Math.round(one.duration)]") == [1280, 720, 5]
    assert page.locator("h1").inner_text() == "22 of 24 videos, as of 2026-11-21 12:00 UTC"
    assert page.locator(".badge.sim").count() == 24


@pytest.mark.parametrize(("width", "most"), [(1440, MOST_PLAYING), (390, MOST_PLAYING_NARROW)])
def test_few_videos_play_at_once(
    small: tuple[str, list[ManifestLine]], opened: Callable[..., Page], width: int, most: int
) -> None:
    """However one scrolls, no more videos play than a laptop or a phone can bear, and some do."""
    page = opened(small[0], width, 2400)
    counts = []
    for _ in range(12):
        page.mouse.wheel(0, 500)
        page.wait_for_timeout(120)
        counts.append(playing(page))
    assert 0 < max(counts) <= most


def test_only_what_is_near_is_fetched(large: Path, served: Callable[..., str], opened: Callable[..., Page]) -> None:
    """Of 1,000 videos a handful is fetched at first; all can be reached, and those left behind are let go."""
    fetched: set[str] = set()
    page = opened("about:blank")
    page.on("request", lambda request: fetched.add(request.url) if "video.mp4" in request.url else None)
    page.goto(served(large.as_uri()))
    to_the_videos(page)
    moving(page)
    assert 0 < len(fetched) <= 24
    deadline = time.monotonic() + 40
    while shown(page) < 1000 and time.monotonic() < deadline:
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(50)
    assert shown(page) == 1000
    page.locator(".card.is-done").last.scroll_into_view_if_needed()
    moving(page)
    assert page.locator("#grid video").count() <= 60
    assert 0 < playing(page) <= MOST_PLAYING


def test_everything_can_be_found(small: tuple[str, list[ManifestLine]], opened: Callable[..., Page]) -> None:
    """Grouping, filters by state and axis, search and "show all" do what they say."""
    page = opened(small[0])
    headings = page.locator(".group > h2")
    assert headings.all_inner_texts() == ["calm 6", "bold 6", "odd 6", "slow 6"]
    assert page.locator("#group option").all_inner_texts() == ["nothing", "hook", "ratio", "sku", "status"]
    page.select_option("#group", label="ratio")
    assert headings.all_inner_texts() == ["16:9 8", "9:16 8", "1:1 8"]
    page.get_by_label("hook", exact=True).select_option("bold")
    assert (shown(page), page.locator("#result").inner_text()) == (6, "6 of 24 jobs")
    page.get_by_role("button", name="failed").first.click()
    assert shown(page) == 0
    page.click("#reset")
    until(page, "document.querySelectorAll('.card').length === 24")
    assert headings.count() == 3
    page.fill("#query", "NUMBER 17:")
    until(page, "document.querySelectorAll('.card').length === 1")
    page.fill("#query", "no such words")
    until(page, "document.querySelectorAll('.card').length === 0")
    assert "nothing fits" in page.locator("#result").inner_text()


def test_failures_say_what_to_do(small: tuple[str, list[ManifestLine]], opened: Callable[..., Page]) -> None:
    """What needs a person stands on top, once for each reason, with the next step and the jobs it hit."""
    entry = opened(small[0]).locator(".entry")
    assert entry.count() == 1
    assert "2 render failed" in entry.inner_text()
    assert "Run the file again." in entry.inner_text()
    assert entry.locator("a").count() == 2


def test_each_job_has_its_record(small: tuple[str, list[ManifestLine]], opened: Callable[..., Page]) -> None:
    """A link with a job's id opens its whole manifest line and its video; the keyboard turns pages and closes it."""
    address, lines = small
    page = opened(f"{address}#{lines[7].job_id}")
    assert json.loads(page.locator("dialog pre").inner_text()) == json.loads(lines[7].model_dump_json())
    assert page.locator("dialog video").evaluate("(one) => one.controls")
    assert playing(page) <= 1
    for key, number in (("ArrowRight", 8), ("ArrowRight", 18), ("ArrowLeft", 8)):
        page.keyboard.press(key)
        until(page, f"location.hash === '#{lines[number].job_id}'")
    page.keyboard.press("Escape")
    until(page, "!document.querySelector('dialog').open && location.hash === ''")
    page.locator(".card .links a").first.click()
    until(page, "document.querySelector('dialog').open")
    assert page.locator(".links a", has_text="file").first.get_attribute("href") == href(lines[0])


def test_a_hostile_prompt_is_only_text(small: tuple[str, list[ManifestLine]], opened: Callable[..., Page]) -> None:
    """Markup in a prompt is shown as it was written, in card and record, and runs nowhere."""
    address, lines = small
    page = opened(f"{address}#{lines[5].job_id}")
    assert "</script><script>" in page.locator("dialog dd").first.inner_text()
    assert "\\u202e" in page.locator("dialog dd").first.inner_text()
    assert page.title() == "22 of 24 videos: summer"
    assert page.locator("img").count() == 0


def test_who_wants_no_motion_gets_none(small: tuple[str, list[ManifestLine]], opened: Callable[..., Page]) -> None:
    """With reduced motion the first frames stand still, until one is pointed at."""
    page = opened(small[0], reduced_motion="reduce")
    to_the_videos(page)
    until(page, "[...document.querySelectorAll('#grid video')].some((one) => one.readyState >= 2)")
    page.mouse.move(0, 0)
    assert playing(page) == 0
    page.locator(".stage").first.hover()
    moving(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_sticks_out(
    small: tuple[str, list[ManifestLine]], opened: Callable[..., Page], width: int, scheme: str
) -> None:
    """Neither the page nor a job's record scrolls sideways, on a desk or on a phone."""
    page = opened(f"{small[0]}#{small[1][5].job_id}", width, color_scheme=scheme)
    wide = (
        "[document.documentElement, document.querySelector('dialog')].map((one) => one.scrollWidth - one.clientWidth)"
    )
    assert page.evaluate(wide) == [0, 0]


def test_a_delivered_copy_plays(seaweed: Seaweed, opened: Callable[..., Page], tmp_path: Path) -> None:
    """What a delivery put into another bucket plays as the stored video does; a second one copies nothing."""
    options = S3Options(
        endpoint_url=seaweed.endpoint,
        region="us-east-1",
        access_key=seaweed.access_key,
        secret_key=seaweed.secret_key,
    )
    shelf, place = (open_store(f"s3://{seaweed.bucket()}/{name}", s3=options) for name in ("ads", "copies"))
    one = line(0)
    data = movie(one)
    assert one.video is not None
    video = one.video.model_copy(update={"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)})
    one = one.model_copy(update={"video": video})
    shelf.put(f"simulated/jobs/{one.job_id}/video.mp4", data, content_type="video/mp4")
    order = Order(campaign="summer", source="summer.csv", pattern=Pattern("{hook}", ["hook"], {}))
    first, second = (deliver([one], Shelf(shelf, simulated=True), place, order) for _ in range(2))
    assert [len(each) for each in (first.copied, first.there, second.copied, second.there)] == [1, 0, 0, 1]
    copy = tmp_path / "calm.mp4"
    copy.write_bytes(place.get("calm.mp4"))
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == first.copied[0].sha256 != video.sha256
    page = opened(copy.as_uri())
    moving(page)
    shape = "(one) => [one.videoWidth, one.videoHeight, Math.round(one.duration)]"
    assert page.locator("video").evaluate(shape) == [1280, 720, 5]


def test_a_private_object_store_plays_on_this_machine(
    seaweed: Seaweed, served: Callable[..., str], opened: Callable[..., Page]
) -> None:
    """The report of a private S3 store plays by links signed on demand, which nobody gets without its key."""
    url = f"s3://{seaweed.bucket()}/ads"
    access = (seaweed.endpoint, seaweed.access_key, seaweed.secret_key)
    options = S3Options(endpoint_url=access[0], region="us-east-1", access_key=access[1], secret_key=access[2])
    store = open_store(url, s3=options)
    lines = [line(number) for number in range(3)]
    for one in lines:
        store.put(f"simulated/jobs/{one.job_id}/video.mp4", movie(one), content_type="video/mp4")
    page_file = io.StringIO()
    report.write_report(lines, head(lines), page_file, href)
    store.put(REPORT_KEY, page_file.getvalue().encode(), content_type="text/html")
    page = opened(served(url, *access))
    to_the_videos(page)
    moving(page)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(
            f"{seaweed.endpoint}/{url.removeprefix('s3://')}/simulated/jobs/{lines[0].job_id}/video.mp4"
        )
