from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.campaigns.scene import Scene
from tests.end_to_end.place import Place


@pytest.fixture
def scenes(tmp_path: Path) -> Iterator[Callable[[str], Scene]]:
    """Empty projects by name, each with a store and a ledger of its own."""

    made: list[Scene] = []

    def make(name: str) -> Scene:
        root = tmp_path / name / "project"
        root.mkdir(parents=True)
        (root / "pyproject.toml").write_text('[project]\nname = "trial"\nversion = "0"\n')
        made.append(Scene(Place(root), tmp_path / name / "ledger", root / ".penstock"))
        return made[-1]

    yield make
    for scene in made:
        scene.close()


@pytest.fixture
def scene(scenes: Callable[[str], Scene]) -> Scene:
    return scenes("scene")
