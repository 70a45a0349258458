"""The pytest plugin: fixtures for tests of pipelines, there wherever penstock is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

# Every pytest in an environment that has penstock imports this file: what the fixtures need is
# loaded by those who ask for one.


@pytest.fixture
def penstock_in_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Runs go to stores in memory, which begin empty; plain calls draw as a run of the default seed."""
    _forget(monkeypatch)
    testing: Any = import_module("penstock.testing")
    with testing.in_memory() as session, testing.seeded():
        yield session


@pytest.fixture
def penstock_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project in a temporary folder, which is the working directory: runs are kept there.

    For what needs files: worker processes, the command line, `penstock.toml`.
    """
    _forget(monkeypatch)
    (tmp_path / "penstock.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the shell says of runs is not what a test means."""
    for name in [name for name in os.environ if name.startswith("PENSTOCK_")]:
        monkeypatch.delenv(name)
