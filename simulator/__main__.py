"""`python -m simulator`: the provider next door as a process of its own."""

import sys

from simulator.app import serve
from simulator.journal import JournalRefused
from simulator.options import parse


def main() -> int:
    """Serve; 1 with a sentence on stderr where that cannot be."""
    try:
        serve(parse())
    except (JournalRefused, OSError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
