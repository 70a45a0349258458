"""A script that runs a pipeline: what it says when something is wrong, or when it is stopped."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from signal import SIGINT, SIGTERM

import pytest
from tests.campaigns.scene import eventually
from tests.end_to_end.place import Place
from tests.views.terminal import Terminal, untimed

FLOW = """
from pathlib import Path
import time
from penstock import pipeline, step


@step
def load(n: int) -> int:
    return n


@step
def divide(n: int) -> float:
    print("dividing")
    return 1 / n


@step
def wait(n: int) -> int:
    Path("waiting").touch()
    time.sleep(60)
    return n


def look_up(n):
    return {1: 2}[n]


@pipeline
def flow(n: int) -> float:
    return divide(load(n))


@pipeline
def slow(n: int) -> int:
    return wait(load(n))


@pipeline
def looking(n: int) -> int:
    return load(look_up(n))
"""


@pytest.fixture
def place(project: Path) -> Place:
    return Place(project).write(flow=FLOW)


def test_a_step_that_fails_shows_its_own_traceback_and_the_next_moves(place: Place) -> None:
    place.write(script="from flow import flow\n\nflow.run(0)\nprint('not reached')\n")
    said = place.python("script.py")
    assert (said.returncode, said.stdout) == (1, "dividing\n")
    assert untimed(said.stderr) == (
        "\n"
        "'divide' failed\n"
        "  Traceback (most recent call last):\n"
        f'    File "{place.root}/flow.py", line 15, in divide\n'
        "      return 1 / n\n"
        "             ~~^~~\n"
        "  ZeroDivisionError: division by zero\n"
        "\n"
        "look:   penstock logs RUN divide\n"
        "replay: penstock debug RUN divide\n"
        "resume: python script.py\n"
    )


def test_an_error_of_ours_is_told_in_words_and_where(place: Place) -> None:
    place.write(script="from flow import flow\n\nflow.run()\n")
    said = place.python("script.py")
    assert said.returncode == 1
    assert said.stderr == (
        "error: 'flow' is called without 'n'\n"
        "  Its parameters: n.\n"
        f"  at {place.root}/script.py:3\n"
    )


def test_a_definition_that_is_wrong_is_told_so_before_anything_runs(place: Place) -> None:
    place.write(script="from penstock import step\n\n\n@step(retries='two')\ndef fit(): ...\n")
    said = place.python("script.py")
    assert said.returncode == 1
    assert said.stderr == (
        "error: 'fit': retries='two' is not a number of attempts (script.py:4)\n"
        "  Write retries=2.\n"
        f"  at {place.root}/script.py:4\n"
    )


def test_an_option_that_is_wrong_is_told_so_before_anything_runs(place: Place) -> None:
    place.write(script="from flow import flow\n\nflow.options(sed=3).run(1)\n")
    said = place.python("script.py")
    assert said.stderr == (
        "error: 'sed' is not an option of a run\n"
        "  Did you mean 'seed'?\n"
        f"  at {place.root}/script.py:3\n"
    )


def test_what_is_wrong_with_the_project_s_file_is_told_in_words_too(place: Place) -> None:
    place.write(script="from flow import flow\n\nflow.run(1)\n")
    (place.root / "penstock.toml").write_text("default_stak = 'local'\n")
    said = place.python("script.py")
    assert said.returncode == 1
    assert said.stderr == (
        "error: penstock.toml:1: 'default_stak' is not a setting of penstock\n"
        "  Did you mean 'default_stack'?\n"
        f"  at {place.root}/script.py:3\n"
    )


def test_penstock_s_own_traceback_is_there_for_who_asks(place: Place) -> None:
    place.write(script="from flow import flow\n\nflow.run()\n")
    said = place.python("script.py", PENSTOCK_TRACEBACK="1")
    assert said.stderr.startswith("Traceback (most recent call last):")
    assert "penstock/api/pipeline.py" in said.stderr


def test_an_exception_of_the_user_has_the_users_frames_only(place: Place) -> None:
    place.write(script="from flow import looking\n\nlooking.run(5)\n")
    said = place.python("script.py")
    assert said.returncode == 1
    # Which part of a line is marked, and how, depends on the Python.
    assert re.sub(r"(?m)^ +[~^]+\n", "", said.stderr) == (
        "Traceback (most recent call last):\n"
        f'  File "{place.root}/script.py", line 3, in <module>\n'
        "    looking.run(5)\n"
        f'  File "{place.root}/flow.py", line 41, in looking\n'
        "    return load(look_up(n))\n"
        f'  File "{place.root}/flow.py", line 26, in look_up\n'
        "    return {1: 2}[n]\n"
        "KeyError: 5\n"
    )


def test_an_exception_that_has_nothing_to_do_with_us_is_shown_as_ever(place: Place) -> None:
    place.write(script="from flow import flow\n\nflow.run(1)\nraise LookupError('mine')\n")
    said = place.python("script.py")
    assert said.stderr == (
        "Traceback (most recent call last):\n"
        f'  File "{place.root}/script.py", line 4, in <module>\n'
        "    raise LookupError('mine')\n"
        "LookupError: mine\n"
    )


def test_a_hook_that_somebody_else_has_set_stays(place: Place) -> None:
    hook = "import sys\nsys.excepthook = lambda kind, *_: print(kind.__name__)\n"
    place.write(script=f"{hook}from flow import flow\n\nflow.run()\n")
    said = place.python("script.py")
    assert (said.stdout, said.stderr) == ("DefinitionError\n", "")


@pytest.mark.parametrize("signal", [SIGINT, SIGTERM])
def test_a_script_that_is_stopped_says_how_to_go_on(place: Place, signal: int) -> None:
    place.write(script="from flow import slow\n\nslow.run(1)\n")
    process = subprocess.Popen(
        [sys.executable, "script.py", "--fast run"],
        cwd=place.root,
        env=place.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    eventually((place.root / "waiting").exists, "the step waits", 30)
    process.send_signal(signal)
    _, err = process.communicate(timeout=30)
    # As Python itself ends on Ctrl-C: a shell makes 130 of it.
    assert process.returncode == -SIGINT
    assert err == (
        "\ncancelled; what is done is kept. Go on with:\n  python script.py '--fast run'\n"
    )


def test_a_sweep_on_a_terminal_leaves_a_line_for_each_run(place: Place) -> None:
    place.write(
        script="from penstock import each\nfrom flow import flow\n\nflow.sweep(each([1, 2, 4]))\n"
    )
    command = [sys.executable, "script.py"]
    with Terminal(command, place.root, {**place.environment(), "CI": ""}) as terminal:
        assert terminal.end() == 0
        lines = [line for line in terminal.text.split("\n") if line != "dividing"]
        assert lines == ["run RUN done in TIME: 2 done"] * 3


def test_of_runs_that_begin_at_once_one_has_the_terminal(place: Place) -> None:
    place.write(
        script="""
from threading import Barrier, Thread
from penstock import pipeline, step

ready, all_go = Barrier(3), Barrier(3)

@step
def hold(n: int) -> int:
    all_go.wait(60)
    return n

@pipeline
def flow(n: int) -> int:
    return hold(n)

def begin(n):
    ready.wait()
    flow.run(n)

threads = [Thread(target=begin, args=[n]) for n in (1, 2, 4)]
for one in threads:
    one.start()
for one in threads:
    one.join()
"""
    )
    command = [sys.executable, "script.py"]
    with Terminal(command, place.root, {**place.environment(), "CI": ""}) as terminal:
        assert terminal.end() == 0
        lines = [line for line in terminal.text.split("\n") if line.startswith("run RUN ")]
        assert lines == ["run RUN  flow  on local", "run RUN done in TIME: 1 done"]
