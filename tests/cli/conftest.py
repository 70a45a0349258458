from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.project import FEATURES, FLOW, Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with a pipeline `training` of two steps, in a folder whose name has a space."""
    made = Project(tmp_path / "my project")
    made.write("pyproject.toml", '[project]\nname = "demo"\n')
    made.write("flow.py", FLOW)
    made.write("features.py", FEATURES)
    return made
