"""Functions of a script, a prompt or a notebook's cell are found by workers, and keep their classes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

SETTING = """
from pathlib import Path
from typing import NamedTuple
from penstock.core.calls import Given
from penstock.core.graph import Output
from penstock.core.project import find_project
from penstock.define.target import target
from penstock.executors.processes import ProcessExecutor
from penstock.stack import open_stack
from penstock.testing.bench import Bench

class Pair(NamedTuple):
    a: int
    b: int

class Refused(Exception):
    pass

def total(pair):
    if not isinstance(pair, Pair):
        raise TypeError(type(pair))
    return scaled(sum(pair))

def scaled(number):
    return number * 10

def refuse():
    raise Refused("no")

def go():
    stack = open_stack(find_project(Path.cwd()))
    executor = ProcessExecutor(1, stack.reference())
    executor.start(print)
    bench = Bench(executor, stack)
    def run(function, **arguments):
        found = target(function, "it", stack.project.root)
        return bench.run(function, target=found, arguments=arguments)
    outcome = run(total, pair=Pair(1, 2))
    print(outcome.error.message if hasattr(outcome, "error") else bench.value(outcome))
    outcome = run(refuse)
    print(type(outcome.exception) is Refused, outcome.error.type)
    executor.close()
"""


def told(folder: Path, *command: str, text: str | None = None) -> list[str]:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_script_is_imported_by_its_name_and_its_main_part_does_not_run(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'flights'\n")
    folder = tmp_path / "jobs"
    folder.mkdir()
    (folder / "train.py").write_text(f"{SETTING}\nif __name__ == '__main__':\n    go()\n")
    first, second = told(tmp_path, "jobs/train.py")
    assert (first, second.split(".")[-1]) == ("30", "Refused")
    assert second.startswith("True")


def test_a_script_whose_name_is_no_identifier(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'flights'\n")
    (tmp_path / "01-train.py").write_text(f"{SETTING}\nif __name__ == '__main__':\n    go()\n")
    assert told(tmp_path, "01-train.py")[0] == "30"


def test_what_is_typed_at_a_prompt_travels_by_value(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'flights'\n")
    assert told(tmp_path, "-", text=f"{SETTING}\ngo()\n")[0] == "30"


def test_a_script_that_runs_at_once_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'flights'\n")
    (tmp_path / "bare.py").write_text(
        textwrap.dedent(
            """
            from penstock import pipeline, step

            @step
            def one() -> int:
                return 1

            @pipeline
            def job() -> int:
                return one()

            run = job.options(workers=1, on_error="return").run()
            print(run["one"].error.message)
            """
        )
    )
    assert "__main__" in "\n".join(told(tmp_path, "bare.py"))
