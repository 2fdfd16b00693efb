"""HTML to the words that a person would read: descriptions of products come with tags, prompts have none."""

import html
import re
from html.parser import HTMLParser
from typing import Final

#: Elements whose text is not read.
_SILENT: Final = frozenset({"script", "style", "template", "iframe", "object", "svg", "head"})
#: Elements in the middle of a sentence; all others part words.
_INLINE: Final = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "mark", "q", "s", "small", "span", "strong",
     "sub", "sup", "u", "wbr"}
)  # fmt: skip
#: Elements after whose text a sentence ends, so that headings and list items do not run into each other.
_SENTENCE: Final = frozenset({"p", "li", "h1", "h2", "h3", "h4", "h5", "h6", "div", "tr", "dd", "dt", "blockquote"})
#: The other elements of HTML, also those of its past that editors still write.
_OTHERS: Final = frozenset(
    {"acronym", "address", "area", "article", "aside", "audio", "base", "basefont", "big", "body", "br", "button",
     "canvas", "caption", "center", "col", "colgroup", "data", "datalist", "del", "details", "dfn", "dialog", "dir",
     "dl", "embed", "fieldset", "figcaption", "figure", "footer", "form", "frame", "frameset", "header", "hgroup", "hr",
     "html", "img", "input", "ins", "kbd", "label", "legend", "link", "main", "map", "menu", "meta", "meter", "nav",
     "nobr", "noscript", "ol", "optgroup", "option", "output", "param", "path", "picture", "pre", "progress", "rp",
     "rt", "ruby", "samp", "search", "section", "select", "slot", "source", "strike", "summary", "table", "tbody", "td",
     "textarea", "tfoot", "th", "thead", "time", "title", "track", "tt", "ul", "var", "video"}
)  # fmt: skip
_TAG: Final = re.compile(r"<(?:/?([a-z][a-z0-9:-]*)\b[^<>]*|!--.*?--)>", re.IGNORECASE | re.DOTALL)
_ENTITY: Final = re.compile(r"&(?:[a-z][a-z0-9]{1,30}|#\d{1,7}|#x[0-9a-f]{1,6});", re.IGNORECASE)
_ENDED: Final = (".", "!", "?", ":", ";", ",", "\u2026", "\u3002")


def plain_text(text: str) -> str:
    """The text without tags, its entities as letters, its spaces single; what is no HTML keeps its `<`: `Size <M>`.

    Headings, paragraphs and list items end as sentences do.
    """
    if "<" not in text and "&" not in text:
        return " ".join(text.split())
    # Some exporters escape the HTML itself, so that its tags show after one unescaping.
    for _ in range(2):
        if any(found[1] is None or _is_tag(found[1].lower(), found[0]) for found in _TAG.finditer(text)):
            reader = _Reader()
            reader.feed(text)
            reader.close()
            text = reader.text()
        elif _ENTITY.search(text):
            text = html.unescape(text)
    return " ".join(text.split())


def _is_tag(name: str, written: str) -> bool:
    """Whether it is a tag of HTML, of a word processor (`<o:p>`) or of a page's own (`<my-box>`), or a misspelt one."""
    return any(name in names for names in (_OTHERS, _INLINE, _SENTENCE, _SILENT)) or bool(re.search("[:=-]", written))


class _Reader(HTMLParser):
    """Gathers what is read aloud."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._silent: list[str] = []

    def text(self) -> str:
        """All that was read."""
        words = "".join(self._parts)
        said: list[str] = []
        for line in words.split("\f"):
            plain = " ".join(line.split())
            if plain:
                said.append(plain)
        if len(said) > 1:
            said = [each if each.endswith(_ENDED) else f"{each}." for each in said]
        return " ".join(said)

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        """A tag opens."""
        written = self.get_starttag_text() or ""
        if not _is_tag(tag, written):
            self.handle_data(written)
            return
        if tag in _SILENT:
            self._silent.append(tag)
        self._part(tag)

    def handle_endtag(self, tag: str) -> None:
        """A tag closes."""
        if tag in self._silent:
            del self._silent[self._silent.index(tag) :]
        self._part(tag)

    def handle_data(self, data: str) -> None:
        """Words."""
        if not self._silent:
            self._parts.append(data.replace("\f", " "))

    def updatepos(self, i: int, j: int) -> int:  # noqa: ARG002 - the library's own
        """Nobody asks in which line a tag stands, which takes the library a seventh of its time to know."""
        return j

    def _part(self, tag: str) -> None:
        if tag in _SENTENCE:
            self._parts.append("\f")
        elif tag not in _INLINE:
            self._parts.append(" ")
