"""Records by product: on disk, since a variation may stand far from its parent, and a catalog may be large.

In memory stay a few numbers a record and the products' keys.
"""

import json
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence

from jobs.errors import Problem
from producer.catalogs.sheet import Record


class Groups:
    """The records of a catalog, put together by product in the order in which the products begin.

    Records without a key, or that could not be read, stand alone.
    """

    def __init__(self) -> None:
        self._spool = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - closed with the groups
        self._places = array("q")
        self._products = array("q")
        self._keys: dict[str, int] = {}
        self._problems: dict[int, tuple[Problem, ...]] = {}
        self._end = 0
        self._at = -1
        self._sorted = True
        self.count = 0

    def close(self) -> None:
        """Let the records go."""
        self._spool.close()

    @property
    def records(self) -> int:
        """How many records there are, those that could not be read among them."""
        return len(self._places)

    def add(self, record: Record, keys: Sequence[str]) -> None:
        """Put a record to the product that has one of these keys."""
        product = next((self._keys[key] for key in keys if key in self._keys), None)
        if product is None:
            product, self.count = self.count, self.count + 1
        for key in keys:
            self._keys.setdefault(key, product)
        if record.problems:
            self._problems[len(self._places)] = record.problems
        self._sorted = self._sorted and (not self._products or product >= self._products[-1])
        self._places.append(self._end)
        self._products.append(product)
        self._end += self._spool.write(json.dumps([record.line, record.cells]).encode() + b"\n")

    def __iter__(self) -> Iterator[list[Record]]:
        """The records of each product, in file order."""
        self._at = -1
        order: Iterable[int] = range(len(self._places))
        if not self._sorted:
            order = array("q", sorted(order, key=self._products.__getitem__))
        gathered: list[Record] = []
        last = -1
        for number in order:
            if self._products[number] != last and gathered:
                yield gathered
                gathered = []
            last = self._products[number]
            gathered.append(self._read(number))
        if gathered:
            yield gathered

    def _read(self, number: int) -> Record:
        if self._at != self._places[number]:
            self._spool.seek(self._places[number])
        text = self._spool.readline()
        self._at = self._places[number] + len(text)
        line, cells = json.loads(text)
        return Record(line, cells, self._problems.get(number, ()))
