"""What integration tests share: a ledger on the real Valkey."""

from collections.abc import Iterator

import pytest

from tests.books import Bench, close_bench, open_bench
from tests.services import Valkey


@pytest.fixture
def bench(valkey: Valkey) -> Iterator[Bench]:
    """A newly founded ledger; when the test is over, its books must be in order."""
    one = open_bench(valkey)
    yield one
    one.audit()
    close_bench(one)
