"""Steps of every kind, run here and in workers, from a script, a module and the command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import random
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from penstock import context, each, pipeline, step


@dataclass
class Settings:
    depth: int


@step
def rows() -> list[int]:
    return [1, 2, 3]


@step
def fit(rows: list[int], depth: int) -> float:
    return float(sum(rows) * depth)


class Scaler:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    @step
    def scale(self, value: float) -> float:
        return value * self.factor

    @staticmethod
    @step
    def half(value: float) -> float:
        return value / 2


class Adder:
    def __init__(self, by: int) -> None:
        self.by = by

    def __call__(self, value: float) -> float:
        return value + self.by


def times(factor: int):
    @step
    def local(value: float) -> float:
        return value * factor

    return local


plus = step(Adder(3))
cubed = step(name="cubed")(partial(pow, exp=3))
squared = step(lambda value: value**2)


@pipeline
def inner(rows: list[int], settings: Settings) -> float:
    return fit(rows, depth=settings.depth)


@pipeline
def flow():
    found = rows()
    mapped = inner.map(found, settings=each([Settings(1), Settings(2)]))
    scaled = Scaler(3).scale(fit(found, 5))
    return mapped, cubed(times(5)(squared(plus(Scaler.half(scaled)))))


def main():
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    first = flow.options(workers=workers).run()
    assert first.result() == flow(), (first.result(), flow())
    again = flow.options(workers=workers).run()
    assert {one.status for one in again.steps} == {"reused"}, again.steps
    return first


if __name__ == "__main__":
    sys.stdout.write(main().status)
"""

EVERY = {
    "rows", "fit", "scale", "half", "Adder", "lambda", "local", "cubed",
    "inner/fit[0]", "inner/fit[1]",
}  # fmt: skip


def python(*words: str, cwd: Path) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK")}
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, env=kept, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("workers", ["0", "2"])
def test_steps_of_every_kind_run_and_are_reused(project: Path, workers: str) -> None:
    (project / "script.py").write_text(SCRIPT)
    assert python("script.py", workers, cwd=project) == "done"


def test_a_script_a_module_and_the_command_share_what_they_made(project: Path) -> None:
    (project / "sub").mkdir()
    (project / "sub" / "script.py").write_text(SCRIPT)
    python("sub/script.py", cwd=project)
    listed = (
        "import sys; sys.path.insert(0, 'sub'); import script; "
        "run = script.flow.run(); "
        "sys.stdout.write(' '.join(s.name for s in run.steps if s.status == 'reused'))"
    )
    assert set(python("-c", listed, cwd=project).split()) == EVERY
    told = python("-m", "penstock", "run", "sub/script.py:flow", "--json", cwd=project)
    assert told.count('"status": "reused"') + told.count('"status":"reused"') == len(EVERY)
