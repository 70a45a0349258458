"""`penstock debug` replays a call with its recorded inputs."""

from __future__ import annotations

import subprocess

from tests.cli.project import Project

FLOW = """
    from dataclasses import dataclass
    from pathlib import Path
    from penstock import each, pipeline, step

    @dataclass(frozen=True)
    class Hyper:
        lr: float = 0.5

    @step
    def load(path: Path) -> int:
        return len(path.name)

    @step
    def item(x: int, base: int, hyper: Hyper) -> float:
        return base * hyper.lr / x

    @pipeline
    def flow(path: Path = Path("flow.py"), hyper: Hyper = Hyper()) -> list[float]:
        return item.map(each([1, 0]), load(path), hyper)
"""


def test_a_failed_item_is_replayed_and_stops_where_it_failed(project: Project) -> None:
    project.write("flow.py", FLOW)
    assert project.penstock("run", "flow.py").code == 1
    process = subprocess.run(
        project.command("debug", "last", "item[1]"),
        cwd=project.root,
        env=project.environment(),
        input="p base, hyper\nq\n",
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "(7, Hyper(lr=0.5))" in process.stdout
    assert "ZeroDivisionError: float division by zero" in process.stderr
    assert process.returncode == 1


def test_a_step_that_went_well_shows_its_result_again(project: Project) -> None:
    project.write("flow.py", FLOW)
    project.penstock("run", "flow.py")
    assert project.penstock("debug", "last", "item[0]").out == "3.5\n"
    assert project.penstock("debug", "last", "load").out == "7\n"
    other = project.penstock("debug", "last", "item[0]", "-p", "base=2")
    assert other.out == "1.0\n"


def test_pdb_stops_a_run_where_a_step_fails(project: Project) -> None:
    project.write("flow.py", FLOW)
    process = subprocess.run(
        project.command("run", "flow.py", "--pdb", "--workers", "2"),
        cwd=project.root,
        env=project.environment(),
        input="p base, hyper\nq\n",
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "(7, Hyper(lr=0.5))" in process.stdout
    assert process.returncode == 1
