"""The gallery: one self-contained HTML file that shows a campaign's videos, money and failures, for any browser.

It needs no server, no network and no script of others; the data lies in it as JSON, one job a line, and is only ever
shown as text. The first job is written in full, every other as what differs from it, so that the page stays light.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import urlsplit

from jobs.money import shown
from jobs.record import ManifestLine

if TYPE_CHECKING:
    import jinja2

PAGE = Path(__file__).parent / "gallery"

#: The page's scripts, in the order in which they build on each other; they are written into it as one.
SCRIPTS = ("records.js", "cards.js", "playing.js", "detail.js", "page.js")

#: The states in the order in which the page lists them; others follow as they come.
STATE_ORDER = ("done", "rendering", "queued", "parked", "unknown", "failed", "refused", "cancelled")

#: Stands alone on the lines before and after the jobs, so that their links can be read back without a HTML parser.
OPENING = '<script type="application/json" id="lines">'

#: Schemes that a link to a video may have; an empty one is a path beside the report.
LINK_SCHEMES = frozenset({"", "file", "http", "https"})

#: Characters that could end the script element, or turn the text around them (bidi overrides) in a source view.
_UNSAFE = re.compile("[<>&\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credits:
    """A provider account's balance as last seen, in its own unit."""

    remaining: Decimal
    unit: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportHead:
    """What the page says of the campaign as a whole; `states` counts jobs by status, `credits` is by account.

    Money is in dollars; no budget is None. `manifest_href` is the link to the manifest as seen from the report.
    """

    campaign: str
    simulated: bool
    provider: str
    store: str
    as_of: datetime
    total: int
    states: Mapping[str, int]
    budget_usd: Decimal | None
    spent_usd: Decimal
    reserved_usd: Decimal
    in_doubt_usd: Decimal
    credits: Mapping[str, Credits]
    manifest_href: str | None

    @property
    def done(self) -> int:
        """Jobs whose video is in the store."""
        return self.states.get("done", 0)

    def ordered_states(self) -> list[tuple[str, int, int]]:
        """Each state that has jobs: its name, their number, and how many stand in the states before it."""
        names = [*STATE_ORDER, *(name for name in self.states if name not in STATE_ORDER)]
        ordered: list[tuple[str, int, int]] = []
        before = 0
        for name in names:
            count = self.states.get(name, 0)
            if count:
                ordered.append((name, count, before))
            before += count
        return ordered


def write_report(
    lines: Iterable[ManifestLine], head: ReportHead, out: TextIO, href: Callable[[ManifestLine], str | None]
) -> None:
    """Write the page to `out` (text, UTF-8); it can be made at any moment of the campaign.

    `href` gives the link to a job's video as seen from the report, None where there is none. The lines are written
    as they come. Raises ValueError for a link that is neither a path nor `file:`, `http:` or `https:`.
    """
    script = _part(*SCRIPTS)
    style = _part("page.css")
    page = _templates().get_template("page.html")
    out.writelines(
        page.generate(
            head=head,
            opening=OPENING,
            rows=_rows(lines, href),
            script=script,
            style=style,
            script_hash=_csp_hash(script),
            style_hash=_csp_hash(style),
        )
    )


def links(page: bytes) -> frozenset[str]:
    """The links to videos that a written report holds, as they stand in it."""
    _, found, data = page.partition(f"\n{OPENING}\n".encode())
    if not found:
        return frozenset()
    rows = data.partition(b"\n]\n</script>")[0].splitlines()[1:]
    hrefs = (json.loads(row.removeprefix(b","))[0] for row in rows)
    return frozenset(href for href in hrefs if href is not None)


def _templates() -> "jinja2.Environment":
    """The page's template; every value is escaped but our own script, style and rows, which are safe already."""
    import jinja2  # noqa: PLC0415 - 40 ms that who only counts need not pay

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"usd": shown, "minute": _minute, "count": lambda number: f"{number:,}"}
    return environment


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _part(*names: str) -> str:
    return "\n".join((PAGE / name).read_text(encoding="utf-8") for name in names)


def _csp_hash(text: str) -> str:
    """The Content-Security-Policy source that allows this very text and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _rows(lines: Iterable[ManifestLine], href: Callable[[ManifestLine], str | None]) -> Iterator[str]:
    """`[link, record]` for each job, as JSON on a line of its own; all but the first without what the first has too."""
    first: dict[str, Any] = {}
    for line in lines:
        record = line.model_dump(mode="json")
        row = [_allowed(href(line)), {name: value for name, value in record.items() if first.get(name, ...) != value}]
        yield ("," if first else "") + _script_json(row)
        first = first or record


def _allowed(link: str | None) -> str | None:
    if link is not None and urlsplit(link).scheme not in LINK_SCHEMES:
        raise ValueError(f"{link[:80]!r} is no link to a video: only paths, file:, http: and https: may be in a report")
    return link


def _script_json(value: Any) -> str:
    """JSON that may stand in a script element: nothing in it can end the element or reorder what a reader sees."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
