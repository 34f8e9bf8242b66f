"""One emulated account for all tests of the campaign."""

from collections.abc import Iterator

import pytest

from tests.faults.world.world import Account, emulated_account


@pytest.fixture(scope="session")
def account() -> Iterator[Account]:
    """Return the account in which schedules are played, one after the other."""
    with emulated_account() as opened:
        yield opened
