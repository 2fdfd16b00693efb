"""Counters at simulated providers: `counter("segmind", "--balance-usd", "1")` opens an account."""

from collections.abc import Callable, Iterator

import pytest

from tests.conformance.counter import Counter, Street


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """The simulators that the tests of a file share."""
    one = Street(tmp_path_factory.mktemp("street"))
    yield one
    one.close()


@pytest.fixture
def counter(street: Street) -> Iterator[Callable[..., Counter]]:
    """Open accounts, and leave calm weather behind."""
    yield street.open
    street.calm()
