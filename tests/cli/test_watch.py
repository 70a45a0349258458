"""`penstock run … --watch`: what is saved is run, and never what was there before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from queue import Empty, Queue

import pytest
from tests.cli.project import FEATURES, FLOW, Project
from tests.cli.seat import seated

from penstock.cli.watching import SHARE

PATIENCE = 30


@dataclass
class Watching:
    """A watched run, heard line by line."""

    process: subprocess.Popen[str]
    reader: threading.Thread | None = None
    lines: Queue[str] = field(default_factory=Queue)
    heard: list[str] = field(default_factory=list)

    def until(self, word: str) -> list[str]:
        """Lines up to one that has this word."""
        lines: list[str] = []
        while not lines or word not in lines[-1]:
            try:
                lines.append(self.lines.get(timeout=PATIENCE))
            except Empty:
                raise AssertionError(f"no '{word}' after {self.heard + lines}") from None
        self.heard += lines
        return lines

    def run(self) -> str:
        """What was said until it waits again."""
        return "\n".join(self.until("Ctrl-C ends"))

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip())


@contextmanager
def watching(
    project: Project, *words: str, by: Sequence[str] = ("-m", "penstock"), **variables: str
) -> Iterator[Watching]:
    process = subprocess.Popen(
        [sys.executable, *by, "run", *words, "--watch"],
        cwd=project.root,
        env=project.environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    seen = Watching(process)
    seen.reader = threading.Thread(target=seen.read)
    seen.reader.start()
    try:
        yield seen
    finally:
        process.kill()
        process.wait()
        seen.reader.join()
        assert process.stdout is not None
        process.stdout.close()


def interrupt(seen: Watching) -> int:
    """Ctrl-C, as a terminal sends it: to all processes in front."""
    os.killpg(seen.process.pid, signal.SIGINT)
    return seen.process.wait(PATIENCE)


def test_a_saved_helper_runs_what_reaches_it_again(project: Project) -> None:
    with watching(project, "flow.py") as seen:
        assert "2 done" in seen.run()
        project.write("features.py", FEATURES.replace("x + 1", "x + 2"))
        second = seen.run()
        assert "features.py changed" in second
        assert "changed: helper 'features.encode' (features.py)" in second
        assert ": 1 done, 1 reused" in second
        # Another text of the same length in the same second: bytecode would not tell them apart.
        project.write("features.py", FEATURES.replace("x + 1", "x + 3"))
        assert ": 1 done, 1 reused" in seen.run()
        project.write("features.py", FEATURES)
        assert ": 2 reused" in seen.run()
        assert interrupt(seen) == 0
    results = {run["id"]: run["status"] for run in project.penstock("runs", "--json").json}
    assert [*results.values()] == ["done"] * 4


def test_what_is_broken_is_told_and_waited_for(project: Project) -> None:
    with watching(project, "flow.py") as seen:
        seen.run()
        project.write("features.py", "def encode(x:\n")
        assert "SyntaxError" in seen.run()
        project.write("features.py", "raise ValueError('half an edit')\n")
        assert "ValueError: half an edit" in seen.run()
        project.write("features.py", "raise ValueError('half a edit.')\n")
        assert "ValueError: half a edit." in seen.run()
        project.write("features.py", "from missing import encode\n")
        assert "No module named 'missing'" in seen.run()
        project.write("missing.py", FEATURES)
        assert "done" in seen.run()
        (project.root / "features.py").unlink()
        assert "No module named 'features'" in seen.run()
        project.write("features.py", FEATURES)
        assert ": 2 reused" in seen.run()
        assert interrupt(seen) == 0


DATA = """
    from pathlib import Path
    from penstock import Cache, pipeline, step

    @step(cache=Cache(also=["query.sql"]))
    def load(file: Path) -> int:
        Path(__file__).with_name("made.txt").write_text("by the step itself")
        return len(file.read_text())

    @step
    def undeclared(n: int) -> str:
        return Path(__file__).with_name("aside.txt").read_text()

    @pipeline
    def flow(file: Path = Path("rows.csv")) -> str:
        return undeclared(load(file))
"""


@pytest.mark.parametrize("workers", ["0", "1"])
def test_data_and_settings_are_watched_as_code_is(project: Project, workers: str) -> None:
    project.write("flow.py", DATA)
    for name in ("rows.csv", "query.sql", "aside.txt", "unrelated.txt", "unrelated.py"):
        project.write(name, "1\n")
    # What is known by heart is not read again, and watched all the same.
    project.penstock("run", "flow.py", "--workers", workers)
    with watching(project, "flow.py", "--workers", workers, "--no-cache") as seen:
        seen.run()
        project.write("unrelated.txt", "2\n")
        project.write("unrelated.py", "2\n")
        # How a declared file is found does not hang on where steps run.
        declared = ("rows.csv", "query.sql", "penstock.toml") if workers == "0" else ()
        for name in (*declared, "aside.txt"):
            project.write(name, "# other\n")
            assert f"{name} changed" in seen.run()
        assert interrupt(seen) == 0
    assert not any("unrelated" in line or "made.txt" in line for line in seen.heard)
    # The pipeline, what it reads, and two files of settings: nothing of our own state.
    assert sum("watching 6 files" in line for line in seen.heard) == len(declared) + 2


SLOW = """
    import time
    from pathlib import Path
    from penstock import pipeline, step

    @step
    def quick() -> int:
        return 1

    @step
    def wait(n: int) -> int:
        print("waiting", flush=True)
        time.sleep(60)
        return n

    @pipeline
    def slow() -> int:
        return wait(quick())
"""


def test_a_run_whose_code_is_saved_meanwhile_is_begun_anew(project: Project) -> None:
    project.write("slow.py", SLOW)
    words = ("slow.py", "--workers", "1")
    with watching(project, *words, PENSTOCK_CAPTURE="false") as seen:
        seen.until("waiting")
        project.write("slow.py", SLOW.replace("time.sleep(60)", "time.sleep(0)"))
        text = seen.run()
        assert "slow.py changed" in text
        assert "Go on with" not in text
        assert ": 1 done, 1 reused" in text
        assert interrupt(seen) == 0
    statuses = [run["status"] for run in project.penstock("runs", "--json").json]
    assert statuses == ["done", "cancelled"]


def test_ctrl_c_in_a_run_cancels_it(project: Project) -> None:
    project.write("slow.py", SLOW)
    with watching(project, "slow.py") as seen:
        seen.until("waiting")
        assert interrupt(seen) == 130
    (run,) = project.penstock("runs", "--json").json
    assert run["status"] == "cancelled"
    assert any("what is done is kept" in line for line in [*seen.heard, *seen.lines.queue])


TIDYING = SLOW.replace(
    "time.sleep(60)",
    """try:
            time.sleep(60)
        finally:
            print("tidying", flush=True)
            time.sleep(60)""",
)


def test_ctrl_c_while_a_run_is_given_up_for_a_save_ends_the_watching(project: Project) -> None:
    project.write("slow.py", TIDYING)
    with watching(project, "slow.py") as seen:
        seen.until("waiting")
        project.write("slow.py", SLOW.replace("time.sleep(60)", "time.sleep(0)"))
        seen.until("tidying")
        assert interrupt(seen) == 130
    statuses = [run["status"] for run in project.penstock("runs", "--json").json]
    assert statuses == ["cancelled"]


def test_ctrl_c_again_does_not_wait_for_the_end_of_a_run(project: Project) -> None:
    project.write("slow.py", TIDYING)
    with watching(project, "slow.py") as seen:
        seen.until("waiting")
        project.write("slow.py", SLOW)
        seen.until("tidying")
        # To the watcher alone: the run goes on tidying.
        seen.process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            seen.process.wait(0.5)
        seen.process.send_signal(signal.SIGINT)
        assert seen.process.wait(PATIENCE) == 130


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_who_ends_the_watcher_ends_the_run(project: Project, number: signal.Signals) -> None:
    project.write("slow.py", SLOW)
    with watching(project, "slow.py") as seen:
        seen.until("waiting")
        seen.process.send_signal(number)
        seen.process.wait(PATIENCE)
        # The run holds the pipe that we read: it is over when that ends.
        assert seen.reader is not None
        seen.reader.join(PATIENCE)
    (run,) = project.penstock("runs", "--json").json
    assert run["status"] == "cancelled"


def test_a_command_that_cannot_be_meant_is_not_watched(project: Project) -> None:
    said = project.penstock("run", "flwo.py", "--watch")
    assert (said.code, said.out) == (2, "")
    assert said.err == "error: no file 'flwo.py'\n  Did you mean 'flow.py'?\n"
    assert project.penstock("run", "nothing:flow", "--watch").code == 2


def test_a_file_that_goes_for_a_while_is_waited_for(project: Project) -> None:
    with watching(project, "flow.py") as seen:
        assert "2 done" in seen.run()
        (project.root / "flow.py").rename(project.root / "kept.txt")
        assert "no file 'flow.py'" in seen.run()
        (project.root / "kept.txt").rename(project.root / "flow.py")
        assert ": 2 reused" in seen.run()
        assert interrupt(seen) == 0


def test_a_pipeline_that_fails_is_run_again_when_it_is_mended(project: Project) -> None:
    project.write("flow.py", FLOW.replace("encode(sum(rows))", "encode(sum(rows)) / 0"))
    with watching(project, "flow.py") as seen:
        assert "ZeroDivisionError" in seen.run()
        project.write("flow.py", FLOW)
        assert ": 1 done, 1 reused" in seen.run()
        assert interrupt(seen) == 0


def test_a_project_is_watched_from_another_folder_and_as_editors_save(project: Project) -> None:
    project.write("flow.py", DATA)
    for name in ("rows.csv", "query.sql", "aside.txt"):
        project.write(name, "1\n")
    project.write("run.yaml", "parameters: {file: rows.csv}\n")
    inside = project.root
    outside = Project(inside.parent)
    words = (f"{inside.name}/flow.py", "--config", f"{inside.name}/run.yaml", "--no-cache")
    project.write("run.yaml", f"parameters: {{file: {inside}/rows.csv}}\n")
    with watching(outside, *words) as seen:
        seen.run()
        for name in ("aside.txt", "rows.csv", "run.yaml"):
            # Written beside, then renamed: the name never stands for half a file.
            text = (inside / name).read_text()
            project.write("beside", text + "# more\n").rename(inside / name)
            assert f"{inside.name}/{name} changed" in seen.run()
        assert interrupt(seen) == 0


def test_a_step_that_writes_what_it_reads_does_not_begin_itself_again(project: Project) -> None:
    project.write(
        "flow.py",
        """
        from pathlib import Path
        from penstock import pipeline, step

        @step
        def count(file: Path) -> int:
            number = int(file.read_text()) + 1
            file.write_text(str(number))
            Path(__file__).with_name("log.txt").write_text(str(number))
            return len(Path(__file__).with_name("log.txt").read_text())

        @pipeline
        def flow(file: Path = Path("count.txt")) -> int:
            return count(file)
        """,
    )
    project.write("count.txt", "1")
    with watching(project, "flow.py") as seen:
        seen.run()
        project.write("flow.py", (project.root / "flow.py").read_text() + "# a comment\n")
        second = seen.run()
        assert "flow.py changed" in second
        assert interrupt(seen) == 0
    assert (project.root / "count.txt").read_text() == "3"


def test_who_is_in_the_debugger_is_not_thrown_out_by_a_save(project: Project) -> None:
    broken = FLOW.replace("encode(sum(rows))", "encode(sum(rows)) / 0")
    project.write("flow.py", broken)
    with seated(project, *project.command("run", "flow.py", "--watch", "--pdb")) as seat:
        assert seat.asks("p depth") == "6"
        project.write("flow.py", FLOW)
        # Newer Pythons say first that the file has changed.
        assert seat.asks("p depth, lr").endswith("(6, 0.1)")
        seat.type("q")
        seat.until("flow.py changed")
        seat.until(": 1 done, 1 reused")
        seat.until("Ctrl-C ends")
        os.killpg(seat.process.pid, signal.SIGINT)
        assert seat.end()[0] == 0


WAITING = """
import os

if os.path.exists("gate"):
    os.rename("gate", "no gate")  # for the next run
    print("importing", flush=True)
    open("no gate").close()
"""


def test_bytecode_of_a_save_in_the_same_second_is_not_taken(project: Project) -> None:
    project.write("flow.py", FLOW + WAITING)
    with watching(project, "flow.py", PYTHONDONTWRITEBYTECODE="") as seen:
        seen.run()
        # An import that takes longer than two saves: what it imported first is compiled by then,
        # and no file is young any more.
        os.mkfifo(project.root / "gate")
        first = project.write("beside.py", FEATURES.replace("x + 1", "x + 2"))
        second = project.write("beside_it.py", FEATURES.replace("x + 1", "x + 3"))
        before = (first.stat().st_mtime_ns // 10**9 - 10) * 10**9
        for nanosecond, path in enumerate((first, second)):
            os.utime(path, ns=(before, before + nanosecond))
        first.rename(project.root / "features.py")
        seen.until("importing")
        second.rename(project.root / "features.py")
        assert "features.py changed" in seen.run()
        assert interrupt(seen) == 0
    code = "import penstock; print(penstock.find_run('last').result())"
    told = subprocess.run([sys.executable, "-c", code], cwd=project.root, capture_output=True)
    assert float(told.stdout) == pytest.approx((10 + 3) * 6 * 0.1)


LOOKING = """
    import sys
    import time
    from penstock.cli import watching
    from penstock.cli.main import main

    known = watching.state

    def state(path):
        began = time.monotonic()
        found = known(path)
        if path.endswith("rows"):
            time.sleep(0.02)
            print("look", began, time.monotonic(), flush=True)
        return found

    watching.state = state
    sys.exit(main(sys.argv[1:]))
"""
READING = """
    import time
    from pathlib import Path
    from penstock import pipeline, step

    @step
    def read(folder: Path) -> int:
        print("reading", flush=True)
        for n in range(150):
            Path(__file__).with_name(f"{n}.txt").read_text()
            time.sleep(0.01)
        print("read", flush=True)
        return 1

    @pipeline
    def flow(folder: Path = Path("rows")) -> int:
        return read(folder)
"""


def test_during_a_run_looks_that_take_long_are_rare_too(project: Project) -> None:
    project.write("looking.py", LOOKING)
    project.write("flow.py", READING)
    project.write("rows/1.csv", "1\n")
    for n in range(150):
        project.write(f"{n}.txt", "")
    # Each file that is read is told, and nothing of what is told brings a look forward.
    with watching(project, "flow.py", by=("looking.py",)) as seen:
        lines = [*seen.until("reading"), *seen.until("read")]
        seen.run()
        assert interrupt(seen) == 0
    looks = [[*map(float, line.split()[1:])] for line in lines if line.startswith("look")]
    assert looks
    pauses = [began - ended for (_, ended), (began, _) in pairwise(looks)]
    assert [pause for pause in pauses if pause < SHARE * 0.02] == []
