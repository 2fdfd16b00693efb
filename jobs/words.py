"""Numbers with their nouns, for whoever reads them."""


def counted(number: int, noun: str) -> str:
    """`1 video`, `1,200 videos`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
