"""`penstock list` finds pipelines in source text, by whatever name the decorator goes."""

from __future__ import annotations

import json
import subprocess

from tests.cli.project import Project

EVERY_WAY = '''
raise SystemExit("nobody's code is executed")

import functools
import penstock
import penstock as ps
from penstock import pipeline as p, step as s

def pipeline(function):
    return function

@pipeline
def not_ours(): ...

@p
def plain(n: int = 5, *rest, path: "Path" = None, **more) -> dict[str, float]:
    """Does a thing.

    And says more.
    """

@p(name="other")
def named(a, b="x", /): ...

@functools.cache
@ps.pipeline(options={"seed": 3})
def qualified(): ...

class Group:
    @staticmethod
    @penstock.pipeline
    def inner(n: int): ...

try:
    import torch
except ImportError:
    @p
    def without_torch(): ...

made = p(not_ours)
typed: ps.Pipeline = p(not_ours)

if __name__ == "__main__":
    @p
    def only_of_the_script(): ...

@s
def one(n: int) -> int: ...
'''


def test_every_pipeline_is_found_with_its_place_and_parameters(project: Project) -> None:
    project.write("ways.py", EVERY_WAY)
    assert project.penstock("list").out.splitlines() == [
        "name           where       parameters",
        "training       flow.py:18  n: int = 5, depth: int = 6",
        "plain          ways.py:15  n: int = 5, *rest, path: 'Path' = None, **more  Does a thing.",
        "named          ways.py:22  a, b='x'",
        "qualified      ways.py:26",
        "Group.inner    ways.py:31  n: int",
        "without_torch  ways.py:37",
        "made           ways.py:39",
        "typed          ways.py:40",
    ]


def test_steps_are_told_when_asked_for(project: Project) -> None:
    assert project.penstock("list", "--steps").out.splitlines() == [
        "kind      name      where       parameters",
        "step      load      flow.py:6   n: int",
        "step      fit       flow.py:12  rows: list[int], depth: int = 6, lr: float = 0.1",
        "pipeline  training  flow.py:18  n: int = 5, depth: int = 6",
    ]


def test_a_target_that_is_told_can_be_run_from_where_it_was_asked_for(project: Project) -> None:
    project.write("deep/down/notes.txt", "")
    deep = project.root / "deep" / "down"
    (one,) = json.loads(project.penstock("list", "--json", cwd=deep).out)
    assert one["target"] == "../../flow.py:training"
    assert one["parameters"][0] == {"name": "n", "annotation": "int", "default": "5"}
    assert project.penstock("run", one["target"], cwd=deep).code == 0


def test_what_is_not_the_projects_own_is_left_out(project: Project) -> None:
    flow = (project.root / "flow.py").read_text()
    for place in (".venv/lib/a.py", "node_modules/a.py", "old/site-packages/a.py", ".hidden/a.py"):
        project.write(place, flow)
    project.write("my-env/pyvenv.cfg", "")
    project.write("my-env/lib/a.py", flow)
    project.write("ignored/a.py", flow)
    names = {one["file"] for one in project.penstock("list", "--json").json}
    assert names == {"flow.py", "ignored/a.py"}
    subprocess.run(["git", "init", "-q"], cwd=project.root, check=True)
    project.write(".gitignore", "ignored/\nmy-env/\n.venv/\nnode_modules/\n")
    assert [one["file"] for one in project.penstock("list", "--json").json] == ["flow.py"]


def test_notebooks_are_read_cell_by_cell(project: Project) -> None:
    cells = [
        {"cell_type": "markdown", "source": "# penstock"},
        {"cell_type": "code", "source": ["%load_ext x\n", "from penstock import pipeline\n"]},
        {"cell_type": "code", "source": ["%%bash\n", "ls -l | head\n"]},
        {"cell_type": "code", "source": "!ls\n@pipeline\ndef sketch(n=1): ...\n"},
    ]
    project.write("nb.ipynb", json.dumps({"cells": cells}))
    (one,) = project.penstock("list", "nb.ipynb", "--json").json
    assert (one["name"], one["cell"], one["line"], one["target"]) == ("sketch", 4, 3, None)


def test_a_file_that_cannot_be_parsed_is_told_and_the_others_are_listed(project: Project) -> None:
    project.write("broken.py", "import penstock\ndef f(:\n")
    project.write("deep.py", "import penstock\nx = " + "(" * 5000 + ")" * 5000)
    project.write("odd.py", "import penstock\nx = '\\d'\n")
    project.write("zeros.py", "import penstock\0")
    project.write("latin.py", "# coding: no-such\nimport penstock\n")
    project.write("nb.ipynb", '{"penstock": [}')
    project.write("cells.ipynb", '{"cells": "penstock"}')
    said = project.penstock("list")
    assert said.code == 0
    assert "training" in said.out
    told = [line.split(": ")[1] for line in said.err.splitlines()]
    assert [place.partition(":")[0] for place in told] == [
        "broken.py", "cells.ipynb", "deep.py", "latin.py", "nb.ipynb", "zeros.py",
    ]  # fmt: skip
    assert (told[0], told[1]) == ("broken.py:2", "cells.ipynb")


def test_a_project_without_pipelines_says_how_to_begin(project: Project) -> None:
    (project.root / "flow.py").unlink()
    said = project.penstock("list")
    assert (said.code, said.out) == (0, "")
    assert "penstock new NAME" in said.err
    assert project.penstock("list", "--json").json == []
    assert project.penstock("list", "nowhere").code == 2
