"""The fixtures that pytest finds by itself, in the tests of a project of somebody else."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

THEIRS = """
    import os
    import sys
    from pathlib import Path

    import pytest
    from penstock import PenstockError, each, pipeline, step

    HERE = Path.cwd()
    TWICE = 2

    @step
    def double(number: int) -> int:
        return TWICE * number

    @pipeline
    def doubling(count: int = 3) -> list[int]:
        return double.map(each(list(range(count))))

    def test_a_run_in_memory(penstock_in_memory):
        from penstock.testing import statuses
        run = doubling.run()
        assert statuses(run) == {"double": "done"}
        assert statuses(run, items=True) == {
            "double": "done", "double[0]": "done", "double[1]": "done", "double[2]": "done"
        }
        assert run.result() == [0, 2, 4]
        assert "PENSTOCK_WORKERS" not in os.environ

    def test_that_nothing_of_another_test_is_left(penstock_in_memory):
        assert doubling.runs() == []
        assert not (HERE / ".penstock").exists()

    def test_a_project_of_its_own(penstock_project):
        assert Path.cwd() == penstock_project != HERE
        run = doubling.options(workers=1).run()
        assert run.result() == [0, 2, 4]
        assert (penstock_project / ".penstock" / "penstock.db").exists()
        assert len(doubling.runs()) == 1

    def test_both_at_once(penstock_project, penstock_in_memory):
        doubling.run()
        assert not (penstock_project / ".penstock").exists()
"""
LIGHT = """
    import sys

    LOADED = [name for name in sys.modules if name.startswith(("penstock", "msgspec", "blake3"))]

    def test_that_nothing_is_loaded_for_those_who_do_not_ask():
        assert LOADED == ["penstock", "penstock.pytest_plugin"]
"""


def pytest_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "pyproject.toml").write_text('[project]\nname = "theirs"\nversion = "1"\n')
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *words],
        cwd=folder,
        env={**os.environ, "PENSTOCK_WORKERS": "2", "PENSTOCK_HOME": str(folder / "elsewhere")},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_the_fixtures_are_there_without_a_word_and_leave_nothing_behind(tmp_path: Path) -> None:
    # From a folder below the project, which pytest puts on the path, and a worker does not.
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_theirs.py").write_text(textwrap.dedent(THEIRS))
    done = pytest_in(tmp_path)
    assert "4 passed" in done.stdout, done.stdout
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"pyproject.toml", "tests"}
    assert {path.name for path in (tmp_path / "tests").iterdir()} - {"__pycache__"} == {
        "test_theirs.py"
    }


def test_who_does_not_use_them_does_not_pay(tmp_path: Path) -> None:
    (tmp_path / "test_light.py").write_text(textwrap.dedent(LIGHT))
    done = pytest_in(tmp_path)
    assert "1 passed" in done.stdout, done.stdout
    without = pytest_in(tmp_path, "-p", "no:penstock")
    assert "1 failed" in without.stdout


def test_they_are_told_of(tmp_path: Path) -> None:
    said = pytest_in(tmp_path, "--fixtures").stdout
    assert "penstock_in_memory" in said
    assert "Runs go to stores in memory, which begin empty" in said
    assert "penstock_project" in said
