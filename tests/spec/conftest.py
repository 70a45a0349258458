from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.api.seam import using
from penstock.core.project import Project, find_project
from penstock.define.trace import Environment
from penstock.session import Session
from penstock.stack import open_stack
from penstock.testing import in_memory


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Stores in memory, and the secrets that the pipelines ask for."""
    monkeypatch.setenv("PENSTOCK_TEST_TOKEN", "t0")
    monkeypatch.setenv("PENSTOCK_TEST_OTHER", "t1")
    with in_memory() as opened:
        yield opened


@pytest.fixture
def filed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Session]:
    """Stores as files, which worker processes can reach."""
    found = find_project(Path(__file__).parent)
    opened = Session(open_stack(Project(found.root, found.name, tmp_path / ".penstock")))
    with using(opened):
        yield opened
    opened.stack.close()


@pytest.fixture
def environment(session: Session) -> Environment:
    return session.environment()
