"""Runs in memory, for tests: nothing is read from or left in the project's own state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from penstock.api import seam
from penstock.config import Backend, Config, StackConfig
from penstock.core.project import Project
from penstock.session import Session
from penstock.stack import open_stack

STACK = "memory"


@contextmanager
def in_memory() -> Iterator[Session]:
    """In this block pipelines run on stores in memory, which begin empty, in this process.

    In a `conftest.py`:

        @pytest.fixture
        def runs():
            with penstock.testing.in_memory() as session:
                yield session
    """
    found = seam.project()
    backends = {"artifact_store": Backend("memory"), "metadata_store": Backend("memory")}
    config = Config(STACK, {STACK: StackConfig(STACK, backends)})
    with TemporaryDirectory(prefix="penstock-") as folder:
        # Logs, scratch folders and the signing key are files all the same.
        session = Session(open_stack(Project(found.root, found.name, Path(folder)), config, STACK))
        with seam.using(session):
            yield session
        session.stack.close()
