"""Lines for pipes and logs: what ended, and signs of life of what takes long."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import threading

from tests.cli.project import Project
from tests.views.played import began, nested, node, over, planned, says, step
from tests.views.terminal import untimed

from penstock.core.events import Event
from penstock.core.records import ErrorRecord
from penstock.views.lines import Lines


class Heard(io.StringIO):
    """Remembers what was written, and says when there are so many lines."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self.enough = threading.Event()
        self._wanted = lines

    def write(self, text: str) -> int:
        done = super().write(text)
        if self.getvalue().count("\n") >= self._wanted:
            self.enough.set()
        return done


def told(*events: Event, summary: bool = False) -> str:
    stream = io.StringIO()
    lines = Lines(stream, summary=summary)
    for event in events:
        lines(event)
    lines.close()
    return stream.getvalue()


def test_each_step_that_has_ended_has_a_line_and_a_mapped_pipeline_its_sums() -> None:
    error = ErrorRecord("ValueError", "no\nsuch thing")
    graph = began(node("load"), nested("one", node("fit"), mapped=True), node("best"))
    text = told(
        *graph,
        step("load", "done", reason="first run", seconds=2),
        planned("one", 2),
        step("one/fit[0]", "done"),
        step("one/fit[1]", "failed", error=error, seconds=3),
        step("best", "cancelled", reason="'one' failed"),
        over("failed", began=graph[0].run.started),  # type: ignore[union-attr]  # the first says that it began
        summary=True,
    )
    assert text == (
        "run 6abc: training on local\n"
        "  load      done         2.0 s  first run\n"
        "  one/fit[1]  failed       3.0 s  ValueError: no\n"
        "  best        cancelled    1.0 s  'one' failed\n"
        "  one/fit     failed              2 items: 1 done, 1 failed; ValueError: no\n"
        "run 6abc failed in 2.0 s: 2 done, 1 failed, 1 cancelled\n"
    )


def test_items_that_never_began_are_counted_and_names_line_up() -> None:
    error = ErrorRecord("ValueError", "no")
    text = told(
        *began(node("測る", mapped=True), node("best")),
        planned("測る", 3),
        step("測る[0]", "done"),
        step("測る[1]", "failed", error=error),
        step("測る", "failed", total=3),
        step("best", "skipped"),
    )
    assert [line for line in text.splitlines() if "[1]" not in line][1:] == [
        "  測る      failed       1.0 s  2 of 3 items: 1 done, 1 failed",
        "  best      skipped      1.0 s",
    ]


def test_a_step_that_takes_long_is_told_now_and_then() -> None:
    stream = Heard(5)
    lines = Lines(stream, pulse=(0.02, 0.05))
    for event in (
        *began(node("fit"), node("many", mapped=True)),
        step("fit", "running"),
        says("fit", 3, 10, "epoch"),
        planned("many", 4),
        step("many", "running", total=4),
        step("many[0]", "done"),
        step("many[1]", "running"),
    ):
        lines(event)
    assert stream.enough.wait(20)
    lines.close()
    reminders = {re.sub(r" +\d+ (ms|s)", " TIME", line) for line in stream.getvalue().split("\n")}
    assert "  fit       running TIME  3/10 epoch" in reminders
    assert "  many      running TIME  1/4 1 done" in reminders


def test_what_is_quick_is_not_told_before_it_has_ended() -> None:
    stream = Heard(2)
    lines = Lines(stream, pulse=(4, 60))
    graph = began(node("load"), node("fit"))
    for event in (*graph, step("load", "running", ago=10), step("fit", "running")):
        lines(event)
    # A look at all that goes on tells the slow one only.
    assert stream.enough.wait(20)
    lines(step("fit", "done"))
    lines.close()
    found = [line.split()[:2] for line in stream.getvalue().splitlines()[1:]]
    assert found == [["load", "running"], ["fit", "done"]]


def test_who_does_not_look_on_does_not_pay_for_what_is_seen(project: Project) -> None:
    for name in ("encode", "fit"):
        project.write(name, "")
    code = "import sys; from flow import training; training.run(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "penstock.session" in loaded
    assert sorted(name for name in loaded if name.startswith("penstock.views")) == []
    assert "IPython" not in loaded


def test_a_script_in_a_pipe_says_nothing_unless_it_is_asked(project: Project) -> None:
    for name in ("encode", "fit"):
        project.write(name, "")

    def script(**variables: str) -> str:
        return subprocess.run(
            [sys.executable, "flow.py"],
            cwd=project.root,
            env=project.environment(**variables),
            capture_output=True,
            text=True,
            check=True,
        ).stderr

    assert script() == ""
    assert untimed(script(PENSTOCK_PROGRESS="lines")).split("\n")[-2] == (
        "run RUN done in TIME: 7 reused, 1 skipped"
    )
