"""Foreign text made safe to look at: what could drive a terminal, forge a line or turn words around is spelt out."""

import re

#: Control characters, lone surrogates, line separators, and the marks that override a reader's direction.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str, *, keep: str = "") -> str:
    """The text in one line, each unseen character spelt as its code; those in `keep` stay as they are."""
    return _UNSEEN.sub(lambda found: found[0] if found[0] in keep else _spelt(found[0]), text)


def _spelt(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - two digits hold a byte
