"""A catalog or matrix on the web: a feed's address, or a Google Sheet that is shared by link, as a file here."""

import re
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from config.links import LinkRefused
from jobs.errors import BadInput
from producer.columns import Wrong
from producer.fetch import Unfetchable, Web

#: Bytes of a file that is fetched, and the seconds that it may take.
MOST_BYTES: Final = 1 << 29
WITHIN_S: Final = 300.0
_SHEET: Final = re.compile(r"https://docs\.google\.com/spreadsheets/(?:u/\d+/)?d/(e/)?([\w-]+)", re.IGNORECASE)
_TYPES: Final = frozenset({".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".xml", ".xlsx", ".txt", ".rss", ".atom"})


def shown_address(url: str) -> str:
    """The address as messages and papers name it: without what may be a secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def export_address(url: str) -> str:
    """Where the file itself lies: of a link to a Google Sheet its export as CSV, of any other address itself."""
    sheet = _SHEET.match(url)
    if sheet is None:
        return url
    parts = urlsplit(url)
    asked = {**parse_qs(parts.query), **parse_qs(parts.fragment)}
    gid = asked.get("gid", ["0"])[0]
    tab = f"&gid={gid}" if gid.isdigit() else ""
    if sheet[1]:
        return f"https://docs.google.com/spreadsheets/d/e/{sheet[2]}/pub?output=csv{tab}"
    return f"https://docs.google.com/spreadsheets/d/{sheet[2]}/export?format=csv{tab}"


def fetched(url: str, folder: Path, *, campaign: str | None, public_only: bool) -> Path:
    """The file at an address, in `folder` under its own name, which also names the campaign where none is given.

    Raises BadInput with what to tell the person.
    """
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    if _SHEET.match(url) or not PurePosixPath(name).stem:
        if campaign is None:
            raise BadInput(f"No campaign can be named after {shown_address(url)}", hint="Add --campaign NAME.")
        name = f"{campaign}.csv"
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix.lower()
    here = folder / (re.sub(r"[^\w.-]+", "-", stem)[:90] + (suffix if suffix in _TYPES else ""))
    web = Web(public_only=public_only)
    try:
        with here.open("wb") as file:
            too_large = Wrong(f"it has more than {MOST_BYTES:,} bytes", "fetch it, and give the file")
            web.download(export_address(url), file, most_bytes=MOST_BYTES, too_large=too_large, within_s=WITHIN_S)
    except Unfetchable as error:
        problem, fix, _ = error.wrong
        if isinstance(error.__cause__, LinkRefused):
            problem, fix = str(error.__cause__), "where real money is spent none is asked: save it, and give the file"
        if _SHEET.match(url):
            fix += "; a Sheet must be shared: Anyone with the link, Viewer"
        raise BadInput(
            f"{shown_address(url)} cannot be fetched: {problem}", hint=f"{fix}; nothing was queued"
        ) from error
    finally:
        web.close()
    return here
