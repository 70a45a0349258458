"""What changes the code digest of a step, and what does not: each digest is from a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import edits
import pytest

Digests = dict[str, list[object]]


def in_a_process(*projects: Path, seed: int) -> dict[Path, Digests]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("digests.py")), *map(str, projects)],
        env=os.environ | {"PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {Path(name): found for name, found in json.loads(done.stdout).items()}


@pytest.fixture(scope="module")
def unedited(tmp_path_factory: pytest.TempPathFactory) -> Digests:
    project = edits.write(tmp_path_factory.mktemp("unedited"))
    return in_a_process(project, seed=1)[project]


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Callable[[edits.Edit], Digests]:
    """Digests after an edit, in a second checkout, under another hash seed."""
    folder = tmp_path_factory.mktemp("edited")
    projects = {
        change: edits.write(folder / str(i), change)
        for i, change in enumerate((*edits.REAL, *edits.HARMLESS))
    }
    found = in_a_process(*projects.values(), seed=2)
    return lambda change: found[projects[change]]


def changed(before: Digests, after: Digests) -> set[str]:
    return {name for name in before.keys() & after.keys() if before[name] != after[name]}


def what(change: edits.Edit) -> str:
    return change.what


@pytest.mark.parametrize("change", edits.REAL, ids=what)
def test_an_edit_reaches_exactly_the_steps_that_depend_on_it(
    change: edits.Edit, unedited: Digests, edited: Callable[[edits.Edit], Digests]
) -> None:
    # What is a step to one test is a helper to another: only names without parameters of their own.
    steps = {name for name in changed(unedited, edited(change)) if name in STEPS}

    assert steps == change.runs


@pytest.mark.parametrize("change", edits.HARMLESS, ids=what)
def test_what_cannot_change_a_result_changes_no_digest(
    change: edits.Edit, unedited: Digests, edited: Callable[[edits.Edit], Digests]
) -> None:
    assert changed(unedited, edited(change)) & STEPS == set()


def test_nothing_in_the_project_is_unknown(unedited: Digests) -> None:
    assert {name: found[2] for name, found in unedited.items() if found[2]} == {}


def test_the_packages_that_a_step_uses_are_named_by_distribution(unedited: Digests) -> None:
    assert unedited["library"][1] == {"fakelib": "1.0"}
    assert unedited["oddly_named"][1] == {"odd-distribution": "2.5"}
    assert unedited["body"][1] == {}


def test_a_digest_is_the_same_in_every_process_and_every_folder(tmp_path: Path) -> None:
    one, other = edits.write(tmp_path / "one"), edits.write(tmp_path / "an other")
    found = [
        *in_a_process(one, other, seed=0).values(),
        *in_a_process(other, one, seed=5).values(),
    ]

    assert found[0] == found[1] == found[2] == found[3]


HELPERS = {
    *("own", "make", "with_default", "remembered", "numbers", "opened", "even", "odd"),
    *("double", "triple", "unrelated"),
}
STEPS = {
    line.split("def ")[1].split("(")[0]
    for line in edits.FILES["shop/steps.py"].splitlines()
    if line.startswith("        def ")
} - HELPERS | {"closed"}


SCRIPT = """
import logging
from pathlib import Path

from penstock.define.closure import Closures

class Model:
    pass

def helper(x):
    logging.getLogger(__name__).info(__file__)
    return x

def step(x: Model):
    return helper(x)

def digest():
    return Closures(Path(__file__).parent, repr).closure(step).digest

if __name__ == "__main__":
    print(digest())
"""


def test_a_script_is_the_same_code_when_it_is_imported(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "train.py").write_text(SCRIPT)
    by_path = "import runpy; runpy.run_path('train.py', run_name='__main__')"
    loaders = (["train.py"], ["-c", "import train; print(train.digest())"], ["-m", "train"])

    printed = {
        subprocess.run(
            [sys.executable, *start], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout
        for start in (*loaders, ["-c", by_path])
    }

    assert len(printed) == 1


def test_a_library_that_a_step_imports_counts_the_same_loaded_or_not(tmp_path: Path) -> None:
    code = """
def f(x):
    import colorsys, xml.dom
    from concurrent.futures import wait
    from msgspec.json import encode
    return colorsys.rgb_to_hls(x, 0, 0), xml.dom.Node, wait, encode
"""
    (tmp_path / "inside.py").write_text(code)
    asks = "import sys; sys.path.insert(0, '.'); {}import inside; from pathlib import Path\n"
    asks += "from penstock.define.closure import closure\n"
    asks += "print(closure(inside.f, root=Path('.').resolve(), digest_value=repr).digest)"
    loads = "import colorsys, xml.dom, concurrent.futures, msgspec.json; "
    digests = {
        subprocess.run(
            [sys.executable, "-c", asks.format(before)],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        ).stdout
        for before in ("", loads)
    }  # fmt: skip
    assert len(digests) == 1
