"""`penstock debug`, `--pdb` and `breakpoint()`, at a terminal."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys

import pytest
from tests.cli.project import Project
from tests.cli.seat import seated

FLOW = """
    from dataclasses import dataclass
    from pathlib import Path
    from penstock import each, pipeline, step
    from features import ratio

    @dataclass(frozen=True)
    class Hyper:
        lr: float = 0.5

    @step
    def load(path: Path) -> int:
        return len(path.name)

    @step
    def item(x: int, base: int, hyper: Hyper) -> float:
        scaled = base * hyper.lr
        return ratio(scaled, x)

    @pipeline
    def inner(path: Path, hyper: Hyper) -> list[float]:
        return item.map(each([1, 0, 2, 0]), load(path), hyper)

    @pipeline
    def flow(path: Path = Path("flow.py"), hyper: Hyper = Hyper()) -> list[float]:
        return inner(path, hyper)
"""
FEATURES = """
    def ratio(a, b):
        return a / b
"""


@pytest.fixture
def project(project: Project) -> Project:
    project.write("flow.py", FLOW)
    project.write("features.py", FEATURES)
    return project


def run(project: Project, *words: str, input: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        project.command(*words),
        cwd=project.root,
        env=project.environment(),
        input=input,
        capture_output=True,
        text=True,
        timeout=30,
    )


# ---- penstock debug


def test_without_a_name_it_is_the_step_that_failed_first(project: Project) -> None:
    assert project.penstock("run", "flow.py:flow").code == 1
    for words in (["debug"], ["debug", "last"], ["debug", "last/inner/item"]):
        said = run(project, *words)
        assert "'inner/item[1]' of run " in said.stderr
        assert "ZeroDivisionError" in said.stderr


def test_what_failed_is_shown_with_its_error_where_an_output_is_asked_for(project: Project) -> None:
    project.penstock("run", "flow.py:flow")
    id = project.penstock("show", "--json").json["run"]["id"]
    said = project.penstock("show", "last", "inner/item[1]")
    assert said.err == (
        "error: 'last/inner/item[1]' gave nothing: it is failed\n"
        "  ZeroDivisionError: float division by zero\n"
        f"  Replay it: penstock debug {id} 'inner/item[1]'\n"
    )


def test_where_no_step_failed_one_must_be_named(project: Project) -> None:
    project.write("features.py", "def ratio(a, b):\n    return 1.0\n")
    assert project.penstock("run", "flow.py:flow").code == 0
    said = project.penstock("debug")
    assert said.code == 2
    assert "failed\n  Name one of its steps: inner/load, inner/item\n" in said.err


def test_a_failed_item_of_a_map_in_a_pipeline_is_replayed_and_stops_where_it_failed(
    project: Project,
) -> None:
    assert project.penstock("run", "flow.py:flow").code == 1
    with seated(project, *project.command("debug", "last", "inner/item[1]")) as seat:
        assert "with the code that ran then:" in seat.until("ZeroDivisionError")
        seat.until("features.py(2)ratio()")
        assert seat.asks("p a, b") == "(3.5, 0)"
        assert "scaled = base * hyper.lr" not in seat.asks("up")
        assert seat.asks("p base, hyper, scaled") == "(7, Hyper(lr=0.5), 3.5)"
        assert seat.asks("up") == "*** Oldest frame"
        seat.type("q")
        assert seat.end()[0] == 1


def test_of_a_map_the_first_item_that_failed_is_meant(project: Project) -> None:
    project.penstock("run", "flow.py:flow", "--keep-going")
    said = run(project, "debug", "last", "inner/item")
    assert said.stderr.startswith("'inner/item[1]' of run ")
    project.penstock("run", "flow.py:flow", "--until", "inner/load")
    assert run(project, "debug", "last", "inner/load").stdout == "7\n"
    project.write("features.py", "def ratio(a, b):\n    return a\n")
    project.penstock("run", "flow.py:flow")
    said = run(project, "debug", "last", "inner/item")
    assert said.returncode == 2
    assert "is a map of 4 items, none of which failed\n  Name one: 'inner/item[0]'" in said.stderr


def test_a_step_that_went_well_or_was_reused_shows_its_result_again(project: Project) -> None:
    project.penstock("run", "flow.py:flow")
    project.penstock("run", "flow.py:flow")
    assert project.penstock("debug", "last", "inner/item[0]").out == "3.5\n"
    assert project.penstock("debug", "last", "inner/load").out == "7\n"
    other = project.penstock("debug", "last", "inner/item[0]", "-p", "base=2")
    assert other.out == "1.0\n"
    wrong = project.penstock("debug", "last", "inner/item[0]", "-p", "bsae=2")
    assert (wrong.code, "Did you mean 'base'?" in wrong.err) == (2, True)


def test_it_says_what_has_changed_in_the_code_since(project: Project) -> None:
    project.penstock("run", "flow.py:flow")
    project.write("features.py", "def ratio(a, b):\n    return a / (b or 7)\n")
    said = project.penstock("debug", "last", "inner/item[1]")
    assert (said.code, said.out) == (0, "0.5\n")
    assert "as it is now (changed since then: helper 'features.ratio' (features.py)):" in said.err


def test_it_stops_at_the_first_line_when_asked_to(project: Project) -> None:
    project.penstock("run", "flow.py:flow")
    with seated(project, *project.command("debug", "last", "inner/item[0]", "--start")) as seat:
        seat.until("flow.py(16)item()")
        assert seat.asks("p x, base") == "(1, 7)"
        seat.type("c")
        assert seat.end() == (0, "(Pdb) c\nit did not fail this time; its result:\n3.5\n")
    left = run(project, "debug", "last", "inner/item[0]", "--start", input="q\n")
    assert (left.returncode, "Traceback" in left.stderr) == (0, False)


def test_secrets_stars_and_the_context_are_as_in_the_run(project: Project) -> None:
    project.write(
        "flow.py",
        """
        import random
        from penstock import context, pipeline, secret, step

        @step
        def tell(first: int, /, *rest: int, token: str, **more: int) -> str:
            made = context().scratch / "x"
            made.touch()
            return f"{first} {rest} {token} {more} {random.random()} {context().seed}"

        @pipeline
        def flow() -> str:
            return tell(1, 2, 3, token=secret("env:TOKEN"), last=4)
        """,
    )
    first = project.penstock("run", "flow.py", TOKEN="hush")
    assert first.code == 0
    again = project.penstock("debug", "last", "tell", TOKEN="hush")
    assert again.out.startswith("\"1 (2, 3) hush {'last': 4} 0.")
    result = "import penstock; print(repr(penstock.find_run('last')['tell'].output.load()))"
    told = subprocess.run(
        [sys.executable, "-c", result], cwd=project.root, capture_output=True, text=True
    )
    assert told.stdout == again.out
    without = project.penstock("debug", "last", "tell")
    assert (without.code, "Set the environment variable TOKEN." in without.err) == (2, True)


def test_an_input_that_is_lost_is_told_with_what_makes_it_again(project: Project) -> None:
    big = FLOW.replace("return len(path.name)", "return list(range(5000))")
    big = big.replace("base * hyper", "len(base) * hyper")
    project.write(
        "flow.py", big.replace("-> int", "-> list[int]").replace("base: int", "base: list[int]")
    )
    project.penstock("run", "flow.py:flow")
    shutil.rmtree(project.root / ".penstock" / "artifacts")
    said = project.penstock("debug", "last", "inner/item[1]")
    assert said.code == 1
    assert "an input of 'inner/item[1]' is lost" in said.err
    assert "Run the pipeline again" in said.err
    assert "Traceback" not in said.err


def test_a_file_that_has_changed_since_is_had_from_its_copy(project: Project) -> None:
    flow = """
        from pathlib import Path
        from penstock import pipeline, step

        @step
        def read(file: Path) -> str:
            return file.read_text()

        @pipeline
        def flow(file: Path = Path("a.txt")) -> str:
            return read(file)
        """
    project.write("flow.py", flow)
    project.write("a.txt", "as it was")
    project.penstock("run", "flow.py")
    project.write("a.txt", "other")
    said = project.penstock("debug", "last", "read")
    assert said.out == "'as it was'\n"
    assert "'a.txt' is not what it was: a copy from then is taken" in said.err
    project.write("penstock.toml", '[retention]\ninputs = "1B"\n')
    project.penstock("run", "flow.py")
    (project.root / "a.txt").unlink()
    gone = project.penstock("debug", "last", "read")
    assert (gone.code, gone.out) == (2, "")
    assert "'a.txt' is gone since the run, and no copy of it was kept" in gone.err
    project.write("b.txt", "given")
    assert project.penstock("debug", "last", "read", "-p", "file=b.txt").out == "'given'\n"


def test_code_that_cannot_be_loaded_any_more_is_told(project: Project) -> None:
    project.penstock("run", "flow.py:flow")
    for text, told in {
        "raise OSError('gone')": "OSError: gone",
        "def f(:": "SyntaxError",
        "other = 1": "cannot find 'item'",
    }.items():
        project.write("flow.py", text + "\n")
        said = project.penstock("debug", "last", "inner/item[0]")
        assert said.code != 0
        assert told in said.err
        assert "src/penstock" not in said.err


# ---- --pdb


def test_values_that_cannot_be_shown_are_replayed_all_the_same(project: Project) -> None:
    project.write(
        "shy.py",
        """
        from penstock import pipeline, step

        class Shy:
            def __repr__(self): raise RuntimeError("not to be seen")

        @step
        def make() -> Shy:
            return Shy()

        @step
        def use(shy: Shy) -> Shy:
            return shy

        @pipeline
        def main() -> Shy:
            return use(make())
        """,
    )
    assert project.penstock("run", "shy.py:main").code == 0
    said = project.penstock("debug", "last", "use")
    assert (said.code, said.out) == (0, "a Shy (its repr fails: RuntimeError)\n")
    assert "  shy = a Shy (its repr fails: RuntimeError)\n" in said.err


def test_pdb_without_a_standard_input_only_tells_what_went_wrong(project: Project) -> None:
    words = shlex.join(project.command("run", "flow.py:flow", "--pdb"))
    done = subprocess.run(
        ["bash", "-c", f"{words} <&-"],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    assert "'inner/item[1]' failed" in done.stderr
    assert "isatty" not in done.stderr


def test_pdb_stops_a_run_in_the_users_frame_whatever_workers_are_asked_for(
    project: Project,
) -> None:
    command = project.command("run", "flow.py:flow", "--pdb", "--workers", "2")
    with seated(project, *command) as seat:
        assert "return ratio(scaled, x)" in seat.until("ZeroDivisionError: float division by zero")
        seat.until("features.py(2)ratio()")
        assert seat.asks("p b") == "0"
        assert "return ratio(scaled, x)" in seat.asks("up")
        assert seat.asks("p base, hyper") == "(7, Hyper(lr=0.5))"
        assert seat.asks("up") == "*** Oldest frame"
        seat.type("q")
        code, shown = seat.end()
    assert code == 1
    assert "'inner/item[1]' failed" in shown
    assert project.penstock("show", "--json").json["run"]["status"] == "failed"


def test_an_error_that_we_raise_stops_at_the_line_that_called_us(project: Project) -> None:
    project.write(
        "flow.py",
        """
        from penstock import context, pipeline, step

        @step
        def log(n: int) -> int:
            context().log_metric("n", "no number")
            return n

        @step
        def unstorable(n: int) -> object:
            return (one for one in [lambda: n])

        @pipeline
        def flow() -> object:
            return unstorable(log(1))
        """,
    )
    with seated(project, *project.command("run", "flow.py", "--pdb")) as seat:
        seat.until("flow.py(5)log()")
        assert seat.asks("p n") == "1"
        seat.type("q")
        assert seat.end()[0] == 1


def test_json_is_alone_on_stdout_though_somebody_debugs(project: Project) -> None:
    said = run(project, "run", "flow.py:flow", "--pdb", "--json", input="p a\nq\n")
    assert json.loads(said.stdout)["run"]["status"] == "failed"
    assert "(Pdb) 3.5" in said.stderr


def test_a_run_from_a_script_stops_too(project: Project) -> None:
    project.write("script.py", "from flow import flow\n\nflow.options(pdb=True).run()\n")
    with seated(project, sys.executable, "script.py") as seat:
        seat.until("features.py(2)ratio()")
        assert seat.asks("p a") == "3.5"
        seat.type("q")
        code, shown = seat.end()
    assert (code, "'inner/item[1]' failed" in shown) == (1, True)


def test_the_debugger_that_pythonbreakpoint_names_is_let_in(project: Project) -> None:
    project.write(
        "mine.py",
        """
        def set_trace():
            print("stopped here")

        def post_mortem(frames):
            while frames.tb_next:
                frames = frames.tb_next
            print("mine at line", frames.tb_lineno, flush=True)
        """,
    )
    said = project.penstock(
        "run", "flow.py:flow", "--pdb", PYTHONBREAKPOINT="mine.set_trace", PYTHONPATH="."
    )
    assert "mine at line 2" in said.out
    assert said.code == 1
    without = project.penstock("run", "flow.py:flow", "--pdb", PYTHONBREAKPOINT="no.such")
    assert "(Pdb)" in without.out


# ---- breakpoint()

STOPPING = """
    from penstock import pipeline, step

    @step
    def stop(n: int) -> int:
        inside = n + 1
        breakpoint()
        return inside

    @pipeline
    def flow() -> int:
        return stop(1)
"""


def test_a_breakpoint_in_a_step_stops_there(project: Project) -> None:
    project.write("flow.py", STOPPING)
    with seated(project, *project.command("run", "flow.py")) as seat:
        seat.until("(6)stop()" if sys.version_info >= (3, 13) else "-> return inside")
        # Between two lines that are typed the run may be drawn anew.
        assert "2" in seat.asks("p inside").splitlines()
        seat.type("c")
        code, shown = seat.end()
    assert (code, "1 done" in shown) == (0, True)


def test_who_quits_the_debugger_cancels_the_run(project: Project) -> None:
    project.write("flow.py", STOPPING)
    with seated(project, *project.command("run", "flow.py", "--pdb")) as seat:
        seat.until("(Pdb) ")
        seat.type("q")
        code, shown = seat.end()
    assert (code, "Go on with:" in shown) == (130, True)
    assert project.penstock("show", "--json").json["run"]["status"] == "cancelled"


def test_a_breakpoint_in_a_worker_says_how_to_have_it(project: Project) -> None:
    project.write("flow.py", STOPPING)
    said = project.penstock("run", "flow.py", "--workers", "1")
    assert said.code == 1
    assert "breakpoint() in a worker process, which has no terminal" in said.err
    assert "Run it with --pdb" in said.err
    silent = project.penstock("run", "flow.py", "--workers", "1", PYTHONBREAKPOINT="0")
    assert silent.code == 0


def test_pythons_own_debugger_runs_a_script_with_its_breakpoints(project: Project) -> None:
    project.write(
        "script.py", "from flow import flow\n\nif __name__ == '__main__':\n    flow.run()\n"
    )
    command = [
        sys.executable,
        "-m",
        "pdb",
        "-c",
        "break features.py:2",
        "-c",
        "continue",
        "script.py",
    ]
    with seated(project, *command) as seat:
        seat.until("features.py(2)ratio()")
        assert "(3.5, 1)" in seat.asks("p a, b").splitlines()
        seat.type("q")
        _, shown = seat.end()
    assert "Traceback" not in shown
    assert project.penstock("show", "--json").json["run"]["status"] == "cancelled"


def test_a_step_that_yields_is_replayed_to_its_end(project: Project) -> None:
    project.write(
        "yields.py",
        """
        from collections.abc import Iterator
        from penstock import pipeline, step

        @step
        def numbers(n: int) -> Iterator[float]:
            for k in range(n):
                yield 1 / (k - 2)

        @pipeline
        def flow(n: int) -> Iterator[float]:
            return numbers(n)
        """,
    )
    run(project, "run", "yields.py", "-p", "n=5")
    replayed = run(project, "debug", "last", "numbers", input="q\n")
    assert replayed.returncode == 1
    assert "yield 1 / (k - 2)" in replayed.stdout + replayed.stderr
    run(project, "run", "yields.py", "-p", "n=2")
    done = run(project, "debug", "last", "numbers")
    assert (done.returncode, "a generator of 2" in done.stdout) == (0, True)
