"""The pytest fixture: `from penstock.testing.fixture import penstock_in_memory` in a conftest.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from penstock.session import Session
from penstock.testing.memory import in_memory
from penstock.testing.seeded import seeded


@pytest.fixture
def penstock_in_memory() -> Iterator[Session]:
    """Runs go to empty stores in memory; plain calls draw as a run of the default seed does."""
    with in_memory() as session, seeded():
        yield session
