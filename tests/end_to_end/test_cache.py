"""The cache in whole runs: after each edit exactly what depends on it is made again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.define import edits

FLOW = """
from penstock import pipeline, step
from shop import models, steps

class Rows:
    def sum(self): return 2
    def query(self, text): return len(text)

@step
def loud() -> models.Loud:
    return models.Loud()

NAMES = (
    "alias annotated base body branches cached caught chain closed constant decorated deep"
    " default_of_helper edited_dependency enum generator instance lambdas lazy lazy_module library"
    " literal managed matching method mutual named names nested oddly_named pair partials point"
    " quoted ranked registered row same_file sets sized swapped tables two_away whole written"
).split()
GIVEN = {
    "annotated": lambda: (models.Loud(),),
    "branches": lambda: (1, 1, 0),
    "matching": lambda: (["one", "two"],),
    "named": lambda: (Rows(),),
    "quoted": lambda: ([models.Loud()],),
    "sets": lambda: ("pqrs",),
    "tables": lambda: ("a",),
}
PLAIN = {
    name: lambda name=name: getattr(steps, name)(*GIVEN.get(name, lambda: (5,))())
    for name in NAMES
} | {"loud": models.Loud}
STEPS = {name: step(getattr(steps, name)).named(name) for name in NAMES}

@pipeline
def everything() -> None:
    model = loud()
    for name, one in STEPS.items():
        if name == "annotated":
            one(model)
        elif name == "quoted":
            one([model])
        else:
            one(*GIVEN.get(name, lambda: (5,))())
"""
HERE = Path(__file__).parent
DRIVERS = 6
"""Processes that share the work, each with a hash seed of its own."""

Found = dict[str, Any]


def checkout(folder: Path, change: edits.Edit | None = None) -> Path:
    project = edits.write(folder, change)
    (project / "flow.py").write_text(FLOW)
    return project


def runs(home: Path, *projects: Path, seed: str) -> dict[Path, Found]:
    done = subprocess.run(
        # A script would be of this project; `-c` is of the one that it stands in.
        [sys.executable, "-c", "import edited_runs; edited_runs.main()", *map(str, projects)],
        env=os.environ
        | {"PYTHONHASHSEED": seed, "PENSTOCK_HOME": str(home), "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {Path(k): v for k, v in json.loads(done.stdout.rpartition("@@")[2]).items()}


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Callable[[edits.Edit | None], Found]:
    """What a run made after an edit, in a checkout of its own, when the unedited steps were known."""
    folder = tmp_path_factory.mktemp("edited")
    home = folder / "home"
    changes = [None, *edits.REAL, *edits.HARMLESS]
    projects = {change: checkout(folder / str(i), change) for i, change in enumerate(changes)}
    first = runs(home, checkout(folder / "first"), seed="random")
    assert all(set(found["made"]) >= {"body", "loud"} for found in first.values())
    share = [list(projects.values())[i::DRIVERS] for i in range(DRIVERS)]
    found: dict[Path, Found] = {}
    with ThreadPoolExecutor(2) as pool:
        for some in pool.map(lambda part: runs(home, *part, seed="random"), share):
            found |= some
    return lambda change: found[projects[change]]


def what(change: edits.Edit) -> str:
    return change.what


@pytest.mark.parametrize("change", edits.REAL, ids=what)
def test_after_an_edit_exactly_the_dependents_run(
    change: edits.Edit, edited: Callable[[edits.Edit | None], Found]
) -> None:
    found = edited(change)
    assert set(found["made"]) - {"loud"} == change.runs
    assert found["stale"] == {}


@pytest.mark.parametrize("change", [None, *edits.HARMLESS], ids=lambda c: c.what if c else "none")
def test_after_an_edit_that_changes_no_result_nothing_runs(
    change: edits.Edit | None, edited: Callable[[edits.Edit | None], Found]
) -> None:
    assert edited(change)["made"] == {}
