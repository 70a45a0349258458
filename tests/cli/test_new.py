"""`penstock new` makes a project that passes its own checks as it is generated."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.cli.project import Project

OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
"""What is needed is here already. (A "0" is how pip is told not to isolate.)"""


@pytest.fixture
def place(tmp_path: Path) -> Project:
    return Project(tmp_path)


def fresh(folder: Path) -> dict[str, str]:
    """An environment of its own, in which the packages of ours are to be found."""
    venv.create(folder, with_pip=False)
    ours = sysconfig.get_path("purelib")
    theirs = sysconfig.get_path("purelib", vars={"base": str(folder)})
    Path(theirs, "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PENSTOCK_", "PIP_"))}
    path = os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), kept["PATH"]])
    return {**kept, **OFFLINE, "PATH": path, "PYTHONWARNINGS": "", "NO_COLOR": "1"}


def commands(workflow: Path) -> Iterator[tuple[str, str]]:
    """Of a workflow of GitHub: the names of its steps, and what they run."""
    (job,) = yaml.safe_load(workflow.read_text())["jobs"].values()
    for step in job["steps"]:
        if "run" in step:
            yield step["name"], step["run"]


@pytest.mark.parametrize("template", ["core", "sklearn"])
def test_what_ci_will_do_passes_as_generated(place: Project, template: str) -> None:
    said = place.penstock("new", "late-flights", "--template", template)
    assert said.code == 0
    root = place.root / "late-flights"
    assert said.out == "'late-flights' is ready, and a git repository.\n"
    environment = fresh(place.root / "venv")
    ran = dict(commands(root / ".github" / "workflows" / "ci.yml"))
    assert [*ran] == ["Install", "Format", "Lint", "Types", "Tests", "The pipeline itself"]
    if template != "core":
        del ran["Install"]  # a build like the other one; what it needs is here
    for command in ran.values():
        done = subprocess.run(
            ["bash", "-ec", command], cwd=root, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
    listed = place.penstock("list", "--json", cwd=root).json
    assert [one["target"] for one in listed] == ["src/late_flights/pipeline.py:training"]
    (run,) = place.penstock("runs", "--json", cwd=root).json
    assert (run["status"], run["tags"], run["ref"]) == (
        "done",
        ["quick"],
        "late_flights.pipeline:training",
    )
    status = ["git", "status", "--porcelain", "--untracked-files=all"]
    untracked = subprocess.run(status, cwd=root, capture_output=True, text=True, check=True).stdout
    assert not re.search(r"\.penstock/|__pycache__|egg-info|cache", untracked)


def test_what_the_readme_shows_can_be_run(place: Project) -> None:
    said = place.penstock("new", "Wind Power", "--no-git")
    assert "  cd 'Wind Power'\n" in said.err
    root = place.root / "Wind Power"
    readme = (root / "README.md").read_text()
    assert readme.startswith("# Wind power\n")
    shown = re.findall(r"^\$ (penstock run .*)$", readme, re.MULTILINE)
    assert len(shown) == 2
    for command in shown:
        assert place.penstock(*command.split()[1:], cwd=root).code == 0
    named = re.findall(r"^\| `([^`]+)` \|", readme, re.MULTILINE)
    assert [name for name in named if not (root / name).exists()] == []
    assert place.penstock("stack", "check", "parallel", cwd=root).code == 0


def test_no_word_of_a_template_is_left_open(place: Project) -> None:
    for template in ("core", "sklearn"):
        place.penstock("new", template + "-x", "--template", template, "--no-git")
        files = [path for path in (place.root / f"{template}-x").rglob("*") if path.is_file()]
        assert len(files) >= 9
        left = {path.name: re.findall(r"@[A-Z]+@", path.read_text()) for path in files}
        assert {name: words for name, words in left.items() if words} == {}
        assert [path for path in files if path.suffix == ".in" or "PACKAGE" in str(path)] == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("9lives", "'9lives' cannot name a project"),
        ("späße", "'späße' cannot name a project"),
        ("a/..", "'..' cannot name a project"),
        ("", "'' cannot name a project"),
        (".", "'.' cannot name a project"),
        ("-x", "no option '-x'"),
        ("x" * 61, "cannot name a project"),
        ("json", "'json' would be a package 'json'"),
        ("class", "'class' would be a package 'class'"),
        ("Penstock", "'Penstock' would be a package 'penstock'"),
        ("numpy", "'numpy' would be a package 'numpy'"),
        ("pytest", "'pytest' would be a package 'pytest'"),
    ],
)
def test_a_name_that_cannot_be_is_refused(place: Project, name: str, told: str) -> None:
    said = place.penstock("new", name)
    assert (said.code, said.out) == (2, "")
    assert told in said.err
    assert "Traceback" not in said.err
    assert list(place.root.iterdir()) == []


def test_what_exists_is_never_written_to(place: Project) -> None:
    (place.root / "mine").mkdir()
    (place.root / "file").write_text("kept")
    for name in ("mine", "file"):
        said = place.penstock("new", name)
        assert said.code == 2
        assert f"'{name}' exists already" in said.err
    assert list((place.root / "mine").iterdir()) == []
    assert (place.root / "file").read_text() == "kept"


def test_inside_a_repository_no_other_one_is_made(place: Project) -> None:
    subprocess.run(["git", "init", "-q"], cwd=place.root, check=True)
    assert place.penstock("new", "part").out == "'part' is ready.\n"
    assert not (place.root / "part" / ".git").exists()
