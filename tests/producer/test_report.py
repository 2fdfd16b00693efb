"""The report: one file that shows whatever a campaign holds, and lets nothing of it run."""

import base64
import hashlib
import html.parser
import io
import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from jobs.identity import job_id, variant_id
from jobs.job import Job, Mode, PlanLine, Render
from jobs.record import ManifestLine
from producer import manifest, report

HEAD = report.ReportHead(
    campaign="summer & sun <b>",
    simulated=True,
    provider="segmind",
    store="file:///ads/out",
    as_of=datetime(2026, 11, 21, 7, 12, 40, tzinfo=UTC),
    total=1480,
    states={"rendering": 1000, "done": 312, "odd": 168},
    budget_usd=None,
    spent_usd=Decimal("156.00"),
    reserved_usd=Decimal(500),
    in_doubt_usd=Decimal(0),
    credits={"simulated-segmind": report.Credits(remaining=Decimal("812.5"), unit="credits", at=datetime.now(UTC))},
    manifest_href="manifest.jsonl",
)


def line(prompt: str = "A lighthouse", **variant: str) -> ManifestLine:
    """A queued job with that prompt."""
    render = Render(mode=Mode.T2V, prompt=prompt)
    name = variant_id(render)
    job = Job(
        job_id=job_id(name, 7, simulated=True),
        variant_id=name,
        render=render,
        seed=7,
        seed_source="job",
        simulated=True,
        provider="segmind",
        account="simulated-segmind",
        price_uusd=500_000,
        price_as_of="2026-11-20",
    )
    wanted = PlanLine(job=job, source_lines=(2,), variant=variant)
    return manifest.join(wanted, campaign="summer", run_id="run-1", submitted_by=None, record=None, live=None)


def written(*lines: ManifestLine, head: report.ReportHead = HEAD, link: str | None = "../../jobs/a/video.mp4") -> str:
    """The page for these lines."""
    out = io.StringIO()
    report.write_report(iter(lines), head, out, lambda _: link)
    return out.getvalue()


class Page(html.parser.HTMLParser):
    """What a browser would make of the page: its elements, texts and scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, Any]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.elements.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        """What follows belongs to no element that matters here."""
        self._open = ""
        self.texts.append(("", " " if tag == "dt" else ""))

    def handle_data(self, data: str) -> None:
        """Note the text by the element that opened last."""
        self.texts.append((self._open, data))

    def of(self, tag: str) -> list[str]:
        """The texts that follow a start of that element."""
        return [text for name, text in self.texts if name == tag]

    def visible(self) -> str:
        """The text of the page's body without its scripts, as one line."""
        shown = (text for name, text in self.texts if name not in {"title", "style", "script", "head", "meta", "link"})
        return " ".join("".join(shown).split())


def rows(page: str) -> list[list[Any]]:
    """The jobs as the page's script reads them."""
    found: list[list[Any]] = json.loads(Page(page).of("script")[0])
    return found


def test_the_first_line_says_how_far_it_is() -> None:
    """A report made in the middle says of how many and as of when, before anything else."""
    assert Page(written()).visible().startswith("312 of 1,480 videos, as of 2026-11-21 07:12 UTC")


def test_the_page_says_that_it_is_simulated_or_not() -> None:
    """A rehearsal is stamped; a real campaign is not."""
    real = report.ReportHead(**{name: getattr(HEAD, name) for name in HEAD.__slots__} | {"simulated": False})
    assert "Simulated nothing was bought" in Page(written()).visible()
    assert "imulated nothing" not in Page(written(head=real)).visible()


def test_the_money_is_on_the_page() -> None:
    """Totals are in dollars; a budget that nobody set is said so, and doubt shows only where there is some."""
    shown = Page(written()).visible()
    assert "Spent $156.00" in shown
    assert "Budget none set" in shown
    assert "812.5 credits" in shown
    assert "In doubt" not in shown


def test_every_state_is_counted() -> None:
    """States stand in the order of the corridor, and one that the page does not know is not dropped."""
    assert HEAD.ordered_states() == [("done", 312, 0), ("rendering", 1000, 312), ("odd", 168, 1312)]


def test_the_data_is_the_manifest() -> None:
    """Each job's record can be had back whole: the first is in full, the others as what differs."""
    lines = [line("one", hook="a"), line("two", hook="b"), line("three")]
    first, *others = rows(written(*lines))
    records = [first[1], *(first[1] | other[1] for other in others)]
    assert records == [json.loads(one.model_dump_json()) for one in lines]
    assert "campaign" not in others[0][1]


@pytest.mark.parametrize(
    "hostile",
    [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "]]></SCRIPT >",
        '"><img src=x onerror=alert(1)>',
        "\u202egnp.exe\u2066 \x00\x1b[31m \x85 \u2028 \u2029",
        "{{ 7 * 7 }}",
    ],
)
def test_nothing_in_a_campaign_becomes_markup(hostile: str) -> None:
    """Hostile prompts, names and stores leave the page's elements as they are, and come back as the same text."""
    plain = Page(written(line("x", hook="y")))
    head = report.ReportHead(
        **{name: getattr(HEAD, name) for name in HEAD.__slots__} | {"campaign": hostile, "store": hostile}
    )
    page = written(line(hostile, hook=hostile), head=head)
    assert [tag for tag, _ in Page(page).elements] == [tag for tag, _ in plain.elements]
    assert rows(page)[0][1]["prompt"] == hostile
    data = page.split(report.OPENING)[1].split("</script>")[0]
    assert not re.search("[<>&\u2028\u2029\u202a-\u202e\u2066-\u2069]", data)


def test_only_our_own_script_may_run_and_nothing_is_fetched() -> None:
    """The page's policy names its script and style by hash, and the page names no other host."""
    page = written(line())
    elements = Page(page).elements
    policy = next(attributes["content"] for tag, attributes in elements if "http-equiv" in attributes)
    scripts = Page(page).of("script")
    digest = base64.b64encode(hashlib.sha256(scripts[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    fetched = [attributes.get("src") for tag, attributes in elements if tag in {"script", "img", "iframe"}]
    assert fetched == [None, None]
    assert not re.search(r"https?://", scripts[1])


def test_the_links_can_be_read_back() -> None:
    """What a report links to is found in it again, whatever its prompts pretend."""
    page = written(line('"../../jobs/b/video.mp4"'), line("other")).encode()
    assert report.links(page) == {"../../jobs/a/video.mp4"}
    assert report.links(written(line(), link=None).encode()) == frozenset()
    assert report.links(written().encode()) == frozenset()
    assert report.links(b"<html></html>") == frozenset()


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "blob:x"])
def test_a_link_that_runs_is_refused(link: str) -> None:
    """A link to a video is a path or an address, never code."""
    with pytest.raises(ValueError, match="no link to a video"):
        written(line(), link=link)


def test_the_page_stays_light() -> None:
    """1,000 jobs with a prompt of their own weigh under a kilobyte each."""
    page = written(*(line(f"A prompt of its own, number {number}", hook=str(number % 7)) for number in range(1000)))
    assert len(page) < 1_000_000
