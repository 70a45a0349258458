"""`penstock run` and `penstock plan`: targets, arguments, options, progress and exit codes."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
from pathlib import Path

import pytest
from tests.campaigns.scene import eventually
from tests.cli.project import Project

FAILING = """
from penstock import pipeline, step


def inner(x):
    return 1 / x


@step
def load(n: int) -> int:
    return n


@step
def divide(n: int) -> float:
    return inner(n)


@pipeline
def failing(n: int = 0) -> float:
    return divide(load(n))


@pipeline
def other(n: int = 1) -> float:
    return divide(n)
"""


def untimed(text: str) -> str:
    """Without ids and times."""
    text = re.sub(r"\b6[a-z0-9]{10}\b", "RUN", text)
    return re.sub(r" +\d+(\.\d+)? (ms|s)\b", " TIME", text)


def test_a_run_shows_its_steps_on_stderr_and_its_result_on_stdout(project: Project) -> None:
    said = project.penstock("run", "flow.py")
    assert said.code == 0
    assert untimed(said.out) == "metric\nfit.auc  0.56\nrun RUN done in TIME: 2 done\n"
    assert untimed(said.err) == (
        "run RUN: training on local\n"
        "loading 5\n"
        "  load      done TIME  first run\n"
        "  fit       done TIME  first run\n"
    )


def test_a_second_run_reuses_all_and_a_changed_parameter_only_what_depends_on_it(
    project: Project,
) -> None:
    project.penstock("run", "flow.py")
    again = project.penstock("run", "flow.py:training")
    assert again.out.endswith(": 2 reused\n")
    changed = project.penstock("run", "flow:training", "-p", "depth=8")
    assert changed.out.endswith(": 1 done, 1 reused\n")
    assert "changed: parameter 'depth' 6 → 8" in changed.err


def test_json_is_one_document_on_stdout_whatever_steps_print(project: Project) -> None:
    said = project.penstock(
        "run", "flow.py", "--json", "--seed", "3", "--tag", "try", "--name", "x"
    )
    assert said.json["run"]["status"] == "done"
    assert said.json["run"]["seed"] == 3
    assert said.json["run"]["tags"] == ["try"]
    assert said.json["run"]["name"] == "x"
    assert [step["node"] for step in said.json["steps"]] == ["load", "fit"]
    assert said.json["metrics"] == {"fit.auc": 0.56}


def test_a_runs_file_gives_parameters_options_and_what_code_leaves_open(project: Project) -> None:
    file = """
        parameters: {depth: 4}
        options: {seed: 7, tags: [file]}
        steps:
          fit: {retries: 2, lr: 1e-3}
    """
    project.write("prod.yaml", file)
    said = project.penstock("run", "flow.py", "--config", "prod.yaml", "-p", "n=3", "--json")
    run = said.json["run"]
    assert run["parameters"] == {"n": 3, "depth": 4}
    assert (run["seed"], run["tags"]) == (7, ["file"])
    fit = said.json["steps"][1]
    assert fit["parts"]["shown"]["lr"] == "0.001"


def test_an_argument_that_code_binds_is_not_overridden(project: Project) -> None:
    said = project.penstock("run", "flow.py", "--set", "fit.depth=3")
    assert said.code == 2
    assert said.err == (
        "error: 'fit.depth' is bound in code (flow.py:19)\n"
        "  Make it a parameter of the pipeline, or leave it to its default in code.\n"
    )


def test_part_of_a_pipeline_runs_and_another_result_may_stand_in(project: Project) -> None:
    until = project.penstock("run", "flow.py", "--until", "load", "-p", "n=9", "--json")
    assert [step["node"] for step in until.json["steps"]] == ["load"]
    run = until.json["run"]["id"]
    other = project.penstock("run", "flow.py", "--with", f"load=run:{run}/load", "--json")
    assert other.json["run"]["status"] == "done"
    result = project.penstock("artifacts", "last", "fit", "--json").json
    assert result[0]["type"] == "builtins:float"


def test_plan_says_what_would_be_done_and_does_nothing(project: Project) -> None:
    first = project.penstock("plan", "flow.py")
    assert first.out == "  load  execute  first run\n  fit   await    waits for 'load'\n"
    assert project.penstock("runs").err == "no runs\n"
    project.penstock("run", "flow.py")
    then = project.penstock("plan", "flow.py", "-p", "depth=9", "--json").json
    assert [(one["step"], one["action"]) for one in then] == [("load", "reuse"), ("fit", "execute")]
    assert then[1]["reason"] == "changed: parameter 'depth' 6 → 9"


def test_a_failure_shows_the_users_traceback_and_how_to_go_on(project: Project) -> None:
    project.write("bad file.py", FAILING)
    said = project.penstock("run", "bad file.py:failing")
    assert said.code == 1
    run = project.last()
    assert (
        f"""
'divide' failed
  Traceback (most recent call last):
    File "{project.root}/bad file.py", line 15, in divide
      return inner(n)
    File "{project.root}/bad file.py", line 5, in inner
      return 1 / x
  ZeroDivisionError: division by zero
"""
        # Which part of a line is marked, and how, depends on the Python.
        in re.sub(r"(?m)^ +[~^]+\n", "", said.err)
    )
    assert said.err.endswith(
        f"replay: penstock debug {run} divide\nresume: penstock run 'bad file.py:failing'\n"
    )
    assert "src/penstock" not in said.err


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["run", "flow.py:trainin"], "'trainin' does not exist in 'flow.py'", "'training'"),
        (["run", "flow.py:load"], "'load' is not a pipeline in 'flow.py'", "training"),
        (["run", "flwo.py"], "no file 'flwo.py'", "'flow.py'"),
        (["run", "my.py"], "'my.py' is a folder", "Name a file in it."),
        (["run", "no.such:p"], "no module 'no.such'", "path of a file"),
        (["run", "features.py"], "'features.py' has no pipeline", "@pipeline"),
        (["run", "bad file.py"], "has several pipelines: failing, other", "bad file.py:failing"),
        (["run", "flow.py", "-p", "dpeth=3"], "'training' has no parameter 'dpeth'", "'depth'"),
        (["run", "flow.py", "-p", "depth=x"], "'depth': expected a whole number, got 'x'", ""),
        (["run", "flow.py", "-p", "depth"], "-p 'depth' is no assignment", "NAME=VALUE"),
        (["run", "flow.py", "--set", "fti.retries=1"], "no step 'fti'", "'fit'"),
        (["run", "flow.py", "--set", "fit.retires=1"], "no setting or argument 'retires'", "'retries'"),
        (["run", "flow.py", "--until", "fti"], "'fti'", "'fit'"),
        (["run", "flow.py", "--stack", "prod"], "no stack 'prod'", "local"),
        (["run", "flow.py", "--workerz", "2"], "no option '--workerz'", "'--workers'"),
        (["run", "flow.py", "--share-it=2"], "no option '--share-it'", "-p share_it=VALUE"),
        (["rnu", "flow.py"], "no command 'rnu'", "'run'"),
        (["explain", "last"], "no command 'explain'; did you mean 'why'?", ""),
        (["run", "."], "'.' is a folder", "Name a file in it."),
        (["note"], "missing argument 'RUN'", "penstock note --help"),
        (["run"], "missing argument", "penstock run --help"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_told_with_the_nearest_right_one(
    project: Project, words: list[str], message: str, hint: str
) -> None:
    project.write("bad file.py", FAILING)
    (project.root / "my.py").mkdir()
    said = project.penstock(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: ")
    assert message in said.err
    assert hint in said.err
    assert "Traceback" not in said.err


def test_a_required_parameter_that_is_not_given_is_named(project: Project) -> None:
    project.write("need.py", FAILING.replace("n: int = 0", "n: int, m: int = 2"))
    said = project.penstock("run", "need.py:failing")
    assert (said.code, said.err) == (2, "error: 'failing' needs a value for 'n'\n  Add -p n=…\n")


def test_a_module_that_cannot_be_imported_shows_its_own_traceback(project: Project) -> None:
    project.write("broken.py", "import features\n\nfeatures.nothing()\n")
    said = project.penstock("run", "broken.py")
    assert said.code == 1
    assert f'File "{project.root}/broken.py", line 3, in <module>' in said.err
    assert "AttributeError: module 'features' has no attribute 'nothing'" in said.err
    assert "importlib" not in said.err
    assert "src/penstock" not in said.err


def test_a_traceback_keeps_the_users_frames_wherever_the_project_lies(tmp_path: Path) -> None:
    project = Project(tmp_path / "penstock" / "importlib")
    project.write("flow.py", "def half():\n    return 1 / 0\n\n\nhalf()\n")
    project.write(
        "late.py",
        "import importlib\ntry:\n    import nosuch\nexcept ImportError:\n    importlib.import_module('flow')\n",
    )
    said = project.penstock("run", "late.py").err
    files = [line.strip() for line in said.splitlines() if line.strip().startswith("File")]
    root = project.root
    assert files == [
        f'File "{root}/late.py", line 3, in <module>',
        f'File "{root}/late.py", line 5, in <module>',
        f'File "{root}/flow.py", line 5, in <module>',
        f'File "{root}/flow.py", line 2, in half',
    ]


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_a_daemon_that_has_closed_its_streams_runs_all_the_same(
    project: Project, closed: tuple[int, ...]
) -> None:
    def close() -> None:
        for number in closed:
            os.close(number)

    for words in (["run", "flow.py", "--workers", "1"], ["show"]):
        done = subprocess.run(
            project.command(*words),
            cwd=project.root,
            env=project.environment(),
            capture_output=True,
            text=True,
            preexec_fn=close,
            timeout=60,
        )
        assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    run, steps = map(project.penstock("show", "--json").json.get, ("run", "steps"))
    assert (run["status"], run["counts"]["done"]) == ("done", len(steps))
    assert project.penstock("logs", "last", "load").out == "loading 5\n"


def test_a_module_that_ends_python_when_it_is_imported_is_told(project: Project) -> None:
    project.write("script.py", "import sys\n\nsys.exit('usage: script.py FILE')\n")
    said = project.penstock("run", "script.py")
    assert said.code == 1
    assert said.err == (
        "error: 'script.py' ends Python while it is imported: sys.exit('usage: script.py FILE')\n"
        '  Put what only a script does below `if __name__ == "__main__":`.\n'
    )


def test_a_file_in_a_package_is_loaded_under_its_dotted_name(project: Project) -> None:
    project.write("src/app/__init__.py", "")
    project.write("src/app/rows.py", "def rows(n):\n    return list(range(n))\n")
    project.write(
        "src/app/flow.py",
        """
        from penstock import pipeline, step
        from .rows import rows

        @step
        def make(n: int = 2) -> list[int]:
            return rows(n)

        @pipeline
        def flow() -> list[int]:
            return make()
        """,
    )
    said = project.penstock("run", "src/app/flow.py", "--json")
    assert said.json["run"]["ref"] == "app.flow:flow"
    by_module = project.penstock("run", "app.flow:flow", "--json")
    assert by_module.json["steps"][0]["status"] == "reused"


def test_a_run_from_another_folder_is_in_the_files_own_project(project: Project) -> None:
    elsewhere = project.root.parent
    said = project.penstock("run", "my project/flow.py", cwd=elsewhere)
    assert said.code == 0
    assert (project.root / ".penstock").is_dir()
    assert not (elsewhere / ".penstock").exists()


def test_workers_run_steps_in_their_own_processes(project: Project) -> None:
    said = project.penstock("run", "flow.py", "--workers", "2", "--json")
    assert said.json["run"]["status"] == "done"
    assert {step["executor"] for step in said.json["steps"]} != {"inline"}


def test_a_terminal_shows_the_run_in_place_and_a_pipe_does_not(project: Project) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        project.command("run", "flow.py"),
        cwd=project.root,
        env=project.environment(TERM="xterm", COLUMNS="60", NO_COLOR="", CI=""),
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = _read(master)
    assert process.wait(20) == 0
    assert "✓ load" in _plain(shown)
    assert "✓ fit" in _plain(shown)
    assert "\x1b[" in shown
    assert "\x1b[" not in project.penstock("run", "flow.py").err


def _read(fd: int) -> str:
    data = b""
    while select.select([fd], [], [], 20)[0]:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        data += piece
    os.close(fd)
    return data.decode()


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_ctrl_c_cancels_in_good_order_and_says_how_to_continue(project: Project) -> None:
    project.write(
        "slow.py",
        """
        import time
        from pathlib import Path
        from penstock import pipeline, step

        @step
        def quick() -> int:
            return 1

        @step
        def wait(n: int) -> int:
            Path(__file__).with_name("waiting").touch()
            time.sleep(60)
            return n

        @pipeline
        def slow() -> int:
            return wait(quick())
        """,
    )
    process = subprocess.Popen(
        project.command("run", "slow.py"),
        cwd=project.root,
        env=project.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    eventually((project.root / "waiting").exists, "the step waits", 30)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)  # the step would sleep for a minute
    assert process.returncode == 130
    assert err.endswith("cancelled; what is done is kept. Go on with:\n  penstock run slow.py\n")
    run = project.penstock("show", "--json").json
    assert run["run"]["status"] == "cancelled"
    assert {s["node"]: s["status"] for s in run["steps"]} == {"quick": "done", "wait": "cancelled"}


def test_what_the_projects_file_says_of_a_step_is_for_the_pipelines_that_have_it(
    project: Project,
) -> None:
    project.write("penstock.toml", "[steps.fit]\nretries = 2\n[steps.absent]\nretries = 9\n")
    assert project.penstock("run", "flow.py").code == 0
    settings = project.penstock("config", "--json").json
    assert settings["settings.fit.retries"] == {"value": 2, "source": "penstock.toml:2"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("parameters:\n  dept: 3\n", "run.yaml:2: 'training' has no parameter 'dept'"),
        ("parameters:\n  depth: x\n", "run.yaml:2: 'depth': expected a whole number, got 'x'"),
        (
            "steps:\n  fit:\n    retris: 1\n",
            "run.yaml:3: 'fit' has no setting or argument 'retris'",
        ),
        (
            "steps:\n  fitt:\n    retries: 1\n",
            "run.yaml:3: no step 'fitt', which 'fitt.retries' sets",
        ),
    ],
)
def test_an_error_in_a_runs_file_names_its_line(project: Project, text: str, told: str) -> None:
    project.write("run.yaml", text)
    said = project.penstock("run", "flow.py", "--config", "run.yaml")
    assert (said.code, said.err.splitlines()[0]) == (2, f"error: {told}")


def test_last_is_a_run_in_a_reference_too(project: Project) -> None:
    project.penstock("run", "flow.py")
    said = project.penstock("run", "flow.py", "--with", "load=run:last/load", "--json")
    assert [step["status"] for step in said.json["steps"]] == ["reused", "reused"]


def test_an_error_that_quotes_a_file_does_not_rule_the_terminal(project: Project) -> None:
    project.write("red.yaml", 'penstock: 1\nsteps:\n  "\\e[31mred": {step: "flow:load"}\n')
    said = project.penstock("run", "red.yaml")
    assert said.err.startswith("error: red.yaml:3: '\\x1b[31mred' cannot be the name of a step")
