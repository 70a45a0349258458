"""The live tree, as it stands on the screen of a terminal."""

from __future__ import annotations

import re
import sys
import time

import pytest
from tests.cli.project import Project
from tests.views.conftest import Opens

from penstock.views.screen import END

ENDED = {
    60: """\
loading 4 rows
run RUN  training  on local
  ✓ load      done      TIME  first run
  ✓ prepare   done      TIME  2 done
    ✓ clean   done      TIME  first run
    ✓ encode  done      TIME  first run
  ✓ fit       done      TIME  3 items: 3 done
  ✓ best      done      TIME  first run
  · deploy    skipped          its condition was false
run RUN done in TIME: 7 done, 1 skipped""",
    100: """""",
}


def settled(text: str) -> str:
    """The width of times is not the same each time."""
    return re.sub(r" +(TIME|its condition|first run)", r" \1", text)


@pytest.mark.parametrize("columns", [60, 100, 160])
def test_a_run_leaves_its_tree_on_the_terminal(
    project: Project, opens: Opens, columns: int
) -> None:
    for name in ("encode", "fit"):
        project.write(name, "")
    terminal = opens(*project.command("run", "flow.py:training"), columns=columns)
    assert terminal.end() == 0
    assert settled(terminal.text) == settled(ENDED[60])
    assert not terminal.screen.cursor.hidden


def test_while_it_goes_on_the_tree_shows_what_runs_how_far_and_what_is_to_come(
    project: Project, opens: Opens
) -> None:
    command = project.command("run", "flow.py:training", "--workers", "2")
    terminal = opens(*command, columns=70)
    terminal.sees("3/4 columns")
    assert settled(terminal.text) == settled(
        """\
run RUN  training  on local, 2 workers
  ✓ load      done      TIME  first run
  ▸ prepare   running   TIME  1 done
    ✓ clean   done      TIME  first run
    ▸ encode  running   TIME  ━━━━━━━━━━━━──── 3/4 columns
  · fit
  · best
  · deploy
 TIME  2 done, 1 running, 2 to do"""
    )
    project.write("encode", "")
    terminal.sees("1/3 1 done, 2 running")
    assert settled(terminal.text) == settled(
        """\
run RUN  training  on local, 2 workers
  ✓ load      done      TIME  first run
  ✓ prepare   done      TIME  2 done
    ✓ clean   done      TIME  first run
    ✓ encode  done      TIME  first run
  ▸ fit       running   TIME  ━━━━━─────────── 1/3 1 done, 2 running
  · best
  · deploy
 TIME  4 done, 2 running, 2 to do"""
    )
    project.write("fit", "")
    assert terminal.end() == 0


def test_in_a_narrower_terminal_the_tree_is_drawn_anew_and_only_once(
    project: Project, opens: Opens
) -> None:
    terminal = opens(*project.command("run", "flow.py:training"), columns=100)
    terminal.sees("3/4 columns")
    terminal.resize(60, 20)
    project.write("encode", "")
    terminal.sees("1/3 1 done")
    assert all(len(line) < 60 for line in terminal.shown)
    assert terminal.text.count("▸ fit") == 1
    project.write("fit", "")
    assert terminal.end() == 0
    assert terminal.text.endswith("run RUN done in TIME: 7 done, 1 skipped")


def test_what_was_tried_again_and_what_failed_is_told(project: Project, opens: Opens) -> None:
    terminal = opens(*project.command("run", "flow.py:failing"), columns=90, lines=40)
    terminal.sees("waits for retry 1/2")
    terminal.until(lambda: " retry 2/2" in terminal.text and "waits" not in terminal.text)
    project.write("flaky", "")
    assert terminal.end() == 1
    # What the message would do to a terminal, it does not do here.
    told = "  flaky: attempt 1 failed: OSError: the network is way  [2Joff; the next in TIME"
    assert terminal.text.split("\n")[0] == told
    assert "✗ broken  failed" in terminal.text
    assert "ValueError: no such thing" in terminal.text
    assert "resume: penstock run flow.py:failing" in terminal.text


def test_what_steps_print_stands_above_the_tree(project: Project, opens: Opens) -> None:
    terminal = opens(*project.command("run", "flow.py:talking"), columns=70)
    terminal.sees("▸ chatty")
    terminal.sees("half a line")
    project.write("half", "")
    terminal.sees("up and red")
    terminal.sees("▸ chatty")
    assert settled(terminal.text).split("\n")[:4] == [
        "100%",
        "up and red",
        "run RUN  talking  on local",
        "  ▸ chatty  running TIME first run",
    ]
    assert b"\x1b[31mred\x1b[0m" in terminal.raw
    assert b"\x1b[3A" not in terminal.raw.replace(b"\r\x1b[3A", b"")
    project.write("chatty", "")
    assert terminal.end() == 0
    log = project.penstock("logs", "last", "chatty").out
    assert "half a line\n 50%\n100%\n" in log  # its returns read as ends of lines here


def test_what_child_processes_and_native_code_print_stands_above_the_tree_too(
    project: Project, opens: Opens
) -> None:
    terminal = opens(*project.command("run", "flow.py:called"), columns=70)
    terminal.sees("from below")
    terminal.sees("▸ calling")
    project.write("calling", "")
    assert terminal.end() == 0
    lines = settled(terminal.text).split("\n")
    assert lines[0] == "first"
    assert "anew" in lines
    assert lines[-4:] == [
        "from below",
        "run RUN  called  on local",
        "  ✓ calling  done TIME first run",
        "run RUN done in TIME: 1 done",
    ]


def test_the_last_words_of_a_process_that_crashes_reach_the_terminal(
    project: Project, opens: Opens
) -> None:
    _, *command = project.command("run", "flow.py:crash")
    terminal = opens(sys.executable, "-X", "faulthandler", *command, columns=300, lines=60)
    assert terminal.end() == -11
    assert "Fatal Python error: Segmentation fault" in terminal.text
    assert "in crashing" in terminal.text


def test_after_a_stop_the_tree_is_drawn_below_what_has_come_meanwhile(
    project: Project, opens: Opens
) -> None:
    terminal = opens(*project.command("run", "flow.py:training"), lines=40)
    terminal.sees("3/4 columns")
    terminal.stop(0.9, "stopped\r\n$ echo hi\r\nhi\r\n$ fg\r\n")
    project.write("encode", "")
    terminal.sees("1/3 1 done")
    lines = terminal.text.split("\n")
    assert lines[lines.index("stopped") :][:4] == ["stopped", "$ echo hi", "hi", "$ fg"]
    assert terminal.text.count("▸ fit") == 1


def test_a_step_that_asks_gets_its_answer(project: Project, opens: Opens) -> None:
    terminal = opens(*project.command("run", "flow.py:interview"))
    # The prompt stands above the tree until it is asked, and then alone.
    terminal.until(lambda: terminal.shown[-1:] == ["name?"])
    time.sleep(0.9)
    terminal.type("Ada\n")
    terminal.sees("▸ asking")
    frames = terminal.raw.count(END.encode())
    terminal.until(lambda: terminal.raw.count(END.encode()) > frames + 1)
    assert settled(terminal.text).split("\n") == [
        "name? Ada",
        "run RUN  interview  on local",
        "  ▸ asking  running TIME first run",
        " TIME  1 running",
    ]
    project.write("asking", "")
    assert terminal.end() == 0
    assert terminal.text.count("asking") == 1
    assert project.penstock("show", "--json").json["run"]["status"] == "done"


def test_of_many_steps_there_are_as_many_lines_as_there_is_room(
    project: Project, opens: Opens
) -> None:
    terminal = opens(*project.command("run", "flow.py:many"), lines=12)
    terminal.sees("▸ tiny-400")
    assert len(terminal.shown) <= 12
    assert terminal.shown[0].startswith("run ")
    assert re.search(r"… and 3\d\d done, 100 to do", terminal.text)
    assert terminal.text.endswith("399 done, 1 running, 100 to do")
    project.write("tiny", "")
    assert terminal.end() == 0
    assert len(list(terminal.screen.history.top)) < 40


@pytest.mark.parametrize("how", ["interrupt", "terminate", "kill"])
def test_however_it_ends_the_terminal_has_its_cursor(
    project: Project, opens: Opens, how: str
) -> None:
    terminal = opens(*project.command("run", "flow.py:training"), columns=70)
    terminal.sees("3/4 columns")
    if how == "interrupt":
        terminal.interrupt()
    else:
        getattr(terminal.process, how)()
    code = terminal.end()
    assert code == (-9 if how == "kill" else 130)
    assert not terminal.screen.cursor.hidden
    assert terminal.screen.cursor.x == 0
    if how != "kill":
        assert "◌ encode  cancelled" in terminal.text
        assert terminal.text.endswith("Go on with:\n  penstock run flow.py:training")


@pytest.mark.parametrize(
    ("variables", "colored", "drawn"),
    [
        ({}, True, True),
        ({"NO_COLOR": "1"}, False, True),
        ({"TERM": "dumb"}, False, False),
        ({"CI": "true"}, True, False),
        ({"PENSTOCK_PROGRESS": "lines"}, True, False),
        ({"PENSTOCK_PROGRESS": "off"}, True, None),
    ],
)
def test_the_surroundings_say_whether_it_is_drawn_and_in_colour(
    project: Project,
    opens: Opens,
    variables: dict[str, str],
    colored: bool,
    drawn: bool | None,
) -> None:
    for name in ("encode", "fit"):
        project.write(name, "")
    terminal = opens(*project.command("run", "flow.py:training"), **variables)
    assert terminal.end() == 0
    assert (b"\x1b[32m" in terminal.raw) is colored
    assert (b"\x1b[J" in terminal.raw) is bool(drawn)
    assert ("fit" in terminal.text) is (drawn is not None)


def test_where_nothing_can_be_drawn_a_tree_that_is_asked_for_is_lines(project: Project) -> None:
    for name in ("encode", "fit"):
        project.write(name, "")
    said = project.penstock("run", "flow.py:training", PENSTOCK_PROGRESS="tree")
    assert "\x1b" not in said.err
    names = [line[:18] for line in said.err.split("\n") if line.startswith("  ")]
    assert names == [
        *("  load            ", "  prepare/clean   ", "  prepare/encode  "),
        *("  fit             ", "  best            ", "  deploy          "),
    ]


def test_a_wrong_word_for_the_progress_is_told(project: Project) -> None:
    said = project.penstock("run", "flow.py:many", PENSTOCK_PROGRESS="loud")
    assert (said.code, said.err) == (
        2,
        "error: PENSTOCK_PROGRESS is 'loud'\n  It may be auto, tree, lines or off.\n",
    )


def test_a_script_on_a_terminal_shows_the_tree_and_its_sum_and_in_a_pipe_nothing(
    project: Project, opens: Opens
) -> None:
    for name in ("encode", "fit"):
        project.write(name, "")
    terminal = opens(sys.executable, "flow.py", columns=100)
    assert terminal.end() == 0
    assert settled(terminal.text) == settled(ENDED[60])
