"""Numbers with their nouns, and labels, for whoever reads them."""

from collections.abc import Mapping


def counted(number: int, noun: str) -> str:
    """`1 video`, `1,200 videos`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def labels_text(labels: Mapping[str, str]) -> str:
    """`client=acme, team=growth`."""
    return ", ".join(f"{name}={value}" for name, value in labels.items())
