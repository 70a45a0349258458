from __future__ import annotations

from pathlib import Path

import pytest
from tests.end_to_end.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty project."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text('[project]\nname = "trial"\nversion = "0"\n')
    return Place(root)
