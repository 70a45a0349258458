"""Records that may only be read: a colleague's folder, a mounted backup, an image."""

from __future__ import annotations

import ctypes
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.project import Project, Said

DAC = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: by them root writes what nobody may."""
DROP = 24
"""PR_CAPBSET_DROP"""


def bound_by_permissions() -> None:
    if os.geteuid() == 0:
        for capability in DAC:
            ctypes.CDLL(None).prctl(DROP, capability, 0, 0, 0)


@pytest.fixture
def kept(project: Project) -> Iterator[Project]:
    """A project with a run, whose state cannot be written."""
    project.penstock("run", "flow.py")
    state = [project.root / ".penstock", *(project.root / ".penstock").rglob("*")]
    lock(state)
    permissions_bind(project)
    yield project
    for path in state:
        path.chmod(0o755)


def permissions_bind(project: Project) -> None:
    """Skips where a locked file can be written all the same: no matter what penstock says."""
    write = "open('.penstock/penstock.db', 'ab')"
    done = subprocess.run(
        [sys.executable, "-c", write],
        cwd=project.root,
        stderr=subprocess.PIPE,
        preexec_fn=bound_by_permissions,
    )
    if done.returncode == 0:
        pytest.skip("permissions do not bind this user")
    assert b"PermissionError" in done.stderr


def lock(state: list[Path]) -> None:
    for path in state:
        path.chmod(0o555 if path.is_dir() else 0o444)


def reads(project: Project, *words: str) -> Said:
    done = subprocess.run(
        project.command(*words),
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=bound_by_permissions,
    )
    return Said(done.stdout, done.stderr, done.returncode)


def test_every_command_that_reads_reads(kept: Project) -> None:
    for words in (
        ["runs"], ["show"], ["why", "last"], ["logs", "last", "load"], ["artifacts", "last"],
        ["code", "last"], ["debug", "last", "fit"], ["plan", "flow.py"], ["stack", "check", "local"],
    ):  # fmt: skip
        said = reads(kept, *words)
        assert (said.code, "error" in said.err) == (0, False), f"{words}: {said.err}"
    assert reads(kept, "show", "--json").json["run"]["status"] == "done"


def test_a_file_that_is_new_to_the_records_is_looked_at_all_the_same(kept: Project) -> None:
    kept.write(
        "sizes.py",
        """
        from pathlib import Path
        from penstock import pipeline, step

        @step
        def size(file: Path) -> int:
            return file.stat().st_size

        @pipeline
        def sizes(file: Path = Path("data.csv")) -> int:
            return size(file)
        """,
    )
    # Of a file as young as its clock is coarse nothing is remembered.
    os.utime(kept.write("data.csv", "1,2"), (0, 0))
    assert reads(kept, "plan", "sizes.py").out.startswith("  size  execute")
    assert reads(kept, "compile", "sizes.py").code == 0
    assert reads(kept, "diff", "last", "sizes.py").err == ""


def test_what_writes_says_that_it_cannot_and_what_to_do(kept: Project) -> None:
    note = ["note", "last", "--name", "x"]
    for words in (["run", "flow.py"], ["keep", "last"], ["rm", "last"], note):
        said = reads(kept, *words)
        assert (said.code, said.out) == (1, "")
        assert said.err.startswith("error: cannot ")
        assert "PENSTOCK_HOME" in said.err


def test_what_another_process_is_writing_is_seen(project: Project) -> None:
    project.penstock("run", "flow.py")
    home = project.root / ".penstock"
    writer = sqlite3.connect(home / "penstock.db", isolation_level=None)
    writer.execute("UPDATE run SET name = 'in the journal'")
    lock([home, *home.iterdir()])
    try:
        assert (home / "penstock.db-wal").stat().st_size > 0
        assert reads(project, "runs", "--json").json[0]["name"] == "in the journal"
    finally:
        home.chmod(0o755)
        writer.close()


def test_a_store_of_an_older_version_that_cannot_be_migrated_is_told(project: Project) -> None:
    project.penstock("run", "flow.py")
    home = project.root / ".penstock"
    old = sqlite3.connect(home / "penstock.db", isolation_level=None)
    old.execute("UPDATE meta SET value = '0' WHERE name = 'schema'")
    old.close()
    lock([home, *home.iterdir()])
    try:
        permissions_bind(project)
        said = reads(project, "runs")
    finally:
        home.chmod(0o755)
    assert said.code == 1
    assert "was written by an older penstock, and is read-only" in said.err


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.parametrize("home", ["/proc/x", "/etc/passwd", "/etc/passwd/x", "a" * 300])
def test_a_home_that_cannot_be_is_told_with_the_next_move(project: Project, home: str) -> None:
    said = project.penstock("run", "flow.py", PENSTOCK_HOME=home)
    assert (said.code, said.out, "Traceback" in said.err) == (1, "", False)
    assert "PENSTOCK_HOME" in said.err.splitlines()[1]


def test_a_home_that_cannot_be_holds_no_runs(project: Project) -> None:
    assert project.penstock("runs", PENSTOCK_HOME="a" * 300).err == "no runs\n"
