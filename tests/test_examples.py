"""The examples that need no data of their own: they run, and run again from the cache."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(file: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, file.name, *arguments],
        cwd=file.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_library_example_reads_each_module_once(tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").touch()
    file = Path(shutil.copy(EXAMPLES / "library.py", tmp_path))
    first = run(file)
    figures = dict(line.split() for line in first.splitlines())
    assert float(figures["modules"]) > 30
    assert 0 < float(figures["documented"]) < 1
    assert run(file) == first
    check = "import library; r = library.survey.run(); print({s.status for s in r.steps})"
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "{'reused'}"
