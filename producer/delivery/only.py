"""Which of a campaign's videos are delivered, by the fields that names may have: all, or only some."""

from collections import defaultdict
from collections.abc import Iterable

from jobs.errors import BadInput
from jobs.record import ManifestLine
from producer.columns import meant
from producer.delivery.pattern import FIELDS, column_text


class Only:
    """Videos that have all of these words; of those that are given for the same field, one is enough.

    Raises BadInput for a field that no video has, and `check` where no video has the words.
    """

    def __init__(self, where: Iterable[tuple[str, str]] = (), columns: Iterable[str] = ()) -> None:
        self._wanted: defaultdict[str, set[str]] = defaultdict(set)
        self._seen: defaultdict[str, set[str]] = defaultdict(set)
        known = [*FIELDS, *sorted(columns)]
        for field, text in where:
            if field not in known:
                raise BadInput(f"--where: nothing is called {field}", hint=meant(field, known))
            self._wanted[field].add(_alike(field, text))

    def takes(self, line: ManifestLine) -> bool:
        """Whether a video is one of them."""
        found = {field: _alike(field, _text(field, line)) for field in self._wanted}
        for field, text in found.items():
            self._seen[field].add(text)
        return all(found[field] in texts for field, texts in self._wanted.items())

    def check(self) -> None:
        """Say that none of the videos that were looked at is one of them."""
        asked = ", ".join(f"{field}={text}" for field, texts in self._wanted.items() for text in sorted(texts))
        for field, texts in self._wanted.items():
            for text in sorted(texts - self._seen[field]):
                raise BadInput(f"--where: no video has {field}={text}", hint=meant(text, sorted(self._seen[field])))
        raise BadInput(f"--where: no video has {asked} at once", hint="the same field twice means either of the two")


def _text(field: str, line: ManifestLine) -> str:
    return FIELDS[field](line) if field in FIELDS else column_text(line, field) or ""


def _alike(field: str, text: str) -> str:
    """A ratio is written in either way."""
    return text.strip().replace(":", "x") if field == "ratio" else text.strip()
