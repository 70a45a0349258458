"""Ctrl-C and SIGTERM, wherever they come: the run is cancelled, and no step is left as if it ran."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import penstock
from penstock import context, each, pipeline, step
from penstock.metadata_stores.rules import counts
from penstock.perform.context import current
from penstock.session import session

OURS = os.path.dirname(penstock.__file__) + os.sep
STRIDE = 211
"""Every so many lines of ours an interrupt comes: at other ones of the engine each time."""


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Where the tests run in the background of a shell, Ctrl-C is ignored from the start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@step
def load(size: int) -> bytes:
    sys.stdout.write("loading")
    return b"x" * size


@step
def parts(size: int) -> Iterator[int]:
    yield from range(size)


@step
def length(number: int, data: bytes) -> int:
    context().checkpoint.save(number)
    return number * len(data)


@step
def total(lengths: list[int], numbers: Iterator[int]) -> int:
    return sum(lengths) + sum(numbers)


@pipeline
def flow() -> int:
    return total(length.map(each([1, 2]), load(5000)), parts(10))


class Striker:
    """Interrupts at the n-th line of ours; counts them."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.lines = 0

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self.line if frame.f_code.co_filename.startswith(OURS) else None

    def line(self, frame: FrameType, event: str, arg: Any) -> Any:
        self.lines += event == "line"
        if self.lines >= self.at:
            self.at = sys.maxsize
            signal.raise_signal(signal.SIGINT)
        return self.line

    @contextmanager
    def traced(self) -> Iterator[None]:
        before = sys.gettrace()
        sys.settrace(self)
        try:
            yield
        finally:
            sys.settrace(before)


def struck(striker: Striker) -> list[str]:
    """What is wrong after a run of `flow` that is interrupted so."""
    at = striker.at
    with striker.traced():
        try:
            flow.options(cache=False).run()
        except KeyboardInterrupt:
            pass
    store = session().stack.metadata
    wrong = [] if current() is None else ["a context is left"]
    for run in penstock.runs(limit=1):
        record, steps = store.runs.get(run.id), store.runs.steps(run.id)
        wrong += [f"{one.node} {one.status}" for one in steps if one.status == "running"]
        counted = counts(steps)
        if counted != {name: getattr(record.counts, name) for name in counted}:
            wrong.append(f"counted {record.counts}, but there are {counted}")
        if record.status not in ("cancelled", "done"):
            wrong.append(f"the run is {record.status}")
    return [f"at {at}: {one}" for one in wrong]


# Python itself hides what is raised while an object is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_between_any_two_lines_loses_no_step(penstock_project: Path) -> None:
    out = sys.stdout
    flow.run()
    whole = Striker(sys.maxsize)
    wrong = struck(whole)
    before = len(penstock.runs())
    for at in range(1, whole.lines, STRIDE):
        wrong += struck(Striker(at))
    assert wrong == []
    ended = [run.status for run in penstock.runs()][:-before]
    assert ended.count("cancelled") > len(ended) / 2
    assert sys.stdout is out
    assert flow.run().result() == 5000 * 3 + 45


@step
def tidies(kind: str) -> int:
    """Says when it waits, and takes its time when it is stopped."""
    Path("waits").touch()
    try:
        time.sleep(60)
    finally:
        Path("tidies").touch()
        if kind == "long":
            time.sleep(60)
    return 1


@pipeline
def slow(kind: str) -> int:
    return tidies(kind)


def interrupt_when(*files: str) -> threading.Thread:
    """A Ctrl-C for each of these files, as it comes."""

    def work() -> None:
        for file in files:
            while not Path(file).exists():
                time.sleep(0.005)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_second_ctrl_c_hurries_a_run_whose_process_goes_on_to_live(
    penstock_project: Path,
) -> None:
    # A notebook's kernel lives on: it would own a run that is "running" until it is shut down.
    thread = interrupt_when("waits", "tidies")
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        slow.run("long")
    thread.join()
    assert time.monotonic() - began < 50  # the step would tidy for a minute
    (run,) = penstock.runs()
    assert (run.status, [one.status for one in run.steps]) == ("cancelled", ["cancelled"])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def nap() -> None:
    time.sleep(60)


@step(cache=False)
def ends_a_child() -> int:
    child = multiprocessing.get_context("fork").Process(target=nap)
    child.start()
    child.terminate()
    child.join()
    assert child.exitcode is not None
    return child.exitcode


@pipeline
def forking() -> int:
    return ends_a_child()


def test_a_child_that_a_step_has_forked_is_ended_by_sigterm_as_ever(penstock_project: Path) -> None:
    assert forking.run().result() == -signal.SIGTERM


def test_a_ctrl_c_that_comes_when_the_run_has_just_ended_is_heard_by_its_caller(
    penstock_project: Path,
) -> None:
    def interrupts_at_the_end(frame: FrameType, event: str, arg: Any) -> None:
        if frame.f_code.co_name == "_tidy" and frame.f_code.co_filename.startswith(OURS):
            signal.raise_signal(signal.SIGINT)

    before = sys.gettrace()
    sys.settrace(interrupts_at_the_end)
    try:
        with pytest.raises(KeyboardInterrupt):
            flow.run()
    finally:
        sys.settrace(before)
    assert [run.status for run in penstock.runs()] == ["done"]
