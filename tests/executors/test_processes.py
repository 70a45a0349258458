"""The process executor keeps the contract; and what only processes can do."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from penstock.core.calls import Broke, Finished, Reveal, Succeeded
from penstock.core.graph import Target
from penstock.define.target import target
from penstock.executors.processes import ProcessExecutor
from penstock.stack import Stack
from penstock.testing.bench import Bench, add, sleep_for, who
from penstock.testing.executor import ExecutorSuite

HERE = Path(__file__)


# ---- steps, found by workers in this very file


def die(number: int) -> int:
    os.kill(os.getpid(), number)
    return 1


def exit_at_once() -> int:
    os._exit(5)


def ignore_interrupts(marker: str) -> int:
    Path(marker).write_text(f"{os.getpid()} {os.getpid()}")
    while True:
        try:
            time.sleep(1000)
        except KeyboardInterrupt:
            continue


def flee(marker: str) -> int:
    child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    Path(marker).write_text(f"{os.getpid()} {child.pid}")
    time.sleep(1000)
    return 1


def clean_up(marker: str, cleaned: str) -> int:
    try:
        Path(marker).write_text(f"{os.getpid()} {os.getpid()}")
        time.sleep(1000)
    finally:
        Path(cleaned).write_text("yes")
    return 1


def speak_everywhere() -> int:
    sys.stdout.write("python\n")
    libc = ctypes.CDLL(None)
    libc.printf(b"native\n")
    os.write(2, b"\xff\xfe raw\n")
    subprocess.run(["echo", "child"], check=True)
    sys.stdout.write("bar 1\rbar 2\n" + "x" * 300_000 + "\n")
    sys.stdout.buffer.write(b"\xfa bytes\n")
    return 1


def leave_a_child() -> int:
    subprocess.Popen(["sleep", "1000"])
    return 1


def take(megabytes: int) -> int:
    return len(bytearray(megabytes * 2**20))


def draw_from_numpy() -> list[float]:
    return [float(x) for x in np.random.normal(size=3)]


def environment(name: str) -> str | None:
    return os.environ.get(name)


def warn() -> int:
    warnings.warn("beware", UserWarning, stacklevel=1)
    return 1


def close_everything() -> int:
    os.closerange(3, 256)
    time.sleep(1000)
    return 1


class Own(Exception):
    pass


def fail_by_own() -> int:
    raise Own("mine")


def show_secret(token: str) -> int:
    sys.stdout.write(f"token is {token}")
    sys.stdout.flush()
    os.write(1, f" and {token[:3]}".encode())
    os.write(1, f"{token[3:]}\n".encode())
    raise ValueError(f"bad {token}")


class TestProcesses(ExecutorSuite):
    @pytest.fixture
    def executor(self, stack: Stack) -> Iterator[ProcessExecutor]:
        executor = ProcessExecutor(2, stack.reference())
        yield executor
        executor.close()

    @pytest.fixture
    def here(self, bench: Bench) -> Callable[..., Any]:
        """Run a function of this file, found by its path: `tests` is no package."""

        def run(function: Callable[..., Any], **changes: Any) -> Any:
            found = Target(__name__, function.__qualname__, str(HERE))
            return bench.run(function, target=found, **changes)

        return run

    # ---- death

    def test_a_killed_worker_is_told_of_and_replaced(self, bench: Bench, here: Any) -> None:
        outcome = here(die, arguments={"number": int(signal.SIGKILL)})
        assert isinstance(outcome, Broke)
        assert (outcome.kind, outcome.retryable) == ("died", True)
        assert "the process of 'die' was killed by SIGKILL" in outcome.error.message
        assert "memory" in outcome.error.message
        assert bench.value(bench.run(add, arguments={"a": 1})) == 2

    def test_a_crash_and_an_exit_are_told_apart(self, here: Any) -> None:
        crashed = here(die, arguments={"number": int(signal.SIGSEGV)})
        left = here(exit_at_once)
        assert "was killed by SIGSEGV" in crashed.error.message
        assert "ended with exit code 5" in left.error.message

    def test_a_worker_that_dies_while_idle_costs_nothing(self, bench: Bench) -> None:
        pid = bench.value(bench.run(who, arguments={"ignored": 0}))
        os.kill(pid, signal.SIGKILL)
        again = bench.value(bench.run(who, arguments={"ignored": 1}))
        assert again != pid

    def test_workers_stay_warm(self, bench: Bench) -> None:
        pids = {bench.value(bench.run(who, arguments={"ignored": n})) for n in range(5)}
        assert len(pids) == 1

    def test_a_step_that_closes_our_socket_is_ended(self, here: Any) -> None:
        outcome = here(close_everything)
        assert outcome.kind == "died"

    def test_what_a_step_leaves_behind_ends_with_the_executor(
        self, bench: Bench, here: Any
    ) -> None:
        here(leave_a_child)
        pid = bench.value(bench.run(who, arguments={"ignored": 0}))
        group = _members(pid)
        assert len(group) == 2
        bench.executor.close()
        self.are_gone(group)

    # ---- stopping

    def test_a_step_that_ignores_the_request_is_ended(self, here: Any, tmp_path: Path) -> None:
        marker = tmp_path / "marker"
        outcome = here(ignore_interrupts, arguments={"marker": str(marker)}, timeout=1.5)
        assert outcome.kind == "timeout"
        self.are_gone([int(word) for word in marker.read_text().split()])

    def test_a_child_that_left_the_group_is_ended_too(
        self, bench: Bench, here: Any, tmp_path: Path
    ) -> None:
        marker = tmp_path / "marker"
        found = Target(__name__, "flee", str(HERE))
        work = bench.work(flee, target=found, arguments={"marker": str(marker)})
        bench.executor.submit(work)
        pids = self.started(bench, marker)
        bench.executor.close()
        self.are_gone(pids)

    def test_a_stopped_step_cleans_up(self, bench: Bench, tmp_path: Path) -> None:
        marker, cleaned = tmp_path / "marker", tmp_path / "cleaned"
        found = Target(__name__, "clean_up", str(HERE))
        arguments = {"marker": str(marker), "cleaned": str(cleaned)}
        work = bench.work(clean_up, target=found, arguments=arguments)
        bench.executor.submit(work)
        self.started(bench, marker)
        bench.executor.cancel(work.id)
        assert bench.outcome(work.id).kind == "cancelled"  # type: ignore[union-attr]  # or it fails
        assert cleaned.read_text() == "yes"

    def test_a_timeout_is_kept_while_the_engine_is_busy(self, bench: Bench, tmp_path: Path) -> None:
        marker = tmp_path / "marker"
        arguments = {"seconds": 1000.0, "marker": str(marker)}
        bench.executor.submit(bench.work(sleep_for, arguments=arguments, timeout=1.5))
        pids = self.started(bench, marker)
        # Nobody polls from here on.
        self.are_gone(pids)

    def test_nobody_survives_a_parent_that_is_killed(self, tmp_path: Path) -> None:
        marker = tmp_path / "marker"
        script = tmp_path / "parent.py"
        script.write_text(
            textwrap.dedent(
                f"""
                from pathlib import Path
                from penstock.core.project import Project
                from penstock.executors.processes import ProcessExecutor
                from penstock.stack import open_stack
                from penstock.testing.bench import Bench, sleep_for

                home = Path({str(tmp_path)!r})
                stack = open_stack(Project(home, "parent", home / ".penstock"))
                executor = ProcessExecutor(1, stack.reference())
                executor.start(print)
                bench = Bench(executor, stack)
                bench.run(sleep_for, arguments={{"seconds": 1000.0, "marker": {str(marker)!r}}})
                """
            )
        )
        parent = subprocess.Popen([sys.executable, str(script)])
        pids = _await(marker)
        parent.kill()
        parent.wait()
        self.are_gone(pids)

    # ---- functions

    def test_local_functions_travel_by_value(self, bench: Bench, stack: Stack) -> None:
        offset = 40

        def shift(a: int) -> int:
            return a + offset

        found = target(shift, "shift", stack.project.root)
        assert found.pickled
        assert bench.value(bench.run(shift, target=found, arguments={"a": 2})) == 42

    def test_code_that_changed_since_the_plan_is_refused(self, bench: Bench) -> None:
        work = bench.work(add, arguments={"a": 1})
        bench.executor.submit(
            type(work)(work.id, replace(work.call, code="another"), add, work.target)
        )
        outcome = bench.outcome(work.id)
        assert isinstance(outcome, Broke)
        assert outcome.kind == "refused"
        assert "changed since the run was planned" in outcome.error.message

    def test_a_module_that_fails_to_import_is_told_of(self, bench: Bench, tmp_path: Path) -> None:
        broken = tmp_path / "broken_steps.py"
        broken.write_text("raise OSError('no such table')\n")
        found = Target("broken_steps", "add", str(broken))
        outcome = bench.run(add, target=found, arguments={"a": 1})
        assert isinstance(outcome, Broke)
        assert (outcome.kind, outcome.error.type) == ("refused", "OSError")
        assert "broken_steps.py" in outcome.error.traceback

    def test_a_users_own_exception_is_the_same_class_here(self, here: Any) -> None:
        outcome = here(fail_by_own)
        assert outcome.error.message == "mine"
        assert type(outcome.exception) is Own

    # ---- what is around it

    def test_prints_of_native_code_and_children_are_in_the_log(
        self, bench: Bench, here: Any, stack: Stack
    ) -> None:
        here(speak_everywhere)
        log = (stack.project.home / "logs" / "r1" / "speak_everywhere.log").read_bytes()
        for words in (b"python\n", b"native\n", b"\xff\xfe raw\n", b"child\n", b"\xfa bytes\n"):
            assert words in log
        assert b"bar 1\rbar 2\n" in log
        assert b"x" * 300_000 in log

    def test_memory_is_measured_for_each_call_alone(self, here: Any) -> None:
        large = here(take, arguments={"megabytes": 200})
        small = here(take, arguments={"megabytes": 1})
        assert large.usage.memory > 200 * 2**20 > small.usage.memory > 0
        if sys.platform == "linux":
            assert large.usage.exact
            assert small.usage.exact

    @pytest.mark.skipif(sys.platform != "linux", reason="the system has no such limit")
    def test_a_memory_limit_is_kept(self, here: Any) -> None:
        outcome = here(take, arguments={"megabytes": 4000}, memory=2**30)
        assert isinstance(outcome, Broke)
        assert outcome.error.type == "MemoryError"
        assert isinstance(here(take, arguments={"megabytes": 1}, memory=2**30), Succeeded)

    def test_numpy_draws_as_it_does_here(self, bench: Bench, here: Any) -> None:
        outcome = here(draw_from_numpy, seed=11)
        expected = [float(x) for x in np.random.RandomState(11).normal(size=3)]
        assert bench.value(outcome) == expected
        assert outcome.drew

    def test_workers_share_the_processors(
        self, bench: Bench, here: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        monkeypatch.setenv("MKL_NUM_THREADS", "7")
        processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
        share = str(max(1, (processors or 1) // 2))
        found = [
            bench.value(here(environment, arguments={"name": name}))
            for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
        ]
        assert found == [share, "7"]

    def test_a_warning_is_in_the_log(self, bench: Bench, here: Any) -> None:
        here(warn)
        assert "UserWarning: beware" in bench.log("warn")

    def test_a_secret_is_nowhere(
        self, bench: Bench, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SUITE_TOKEN", "hush-hush-7")
        work = bench.work(show_secret, target=Target(__name__, "show_secret", str(HERE)))
        call = replace(work.call, arguments={"token": Reveal("env", "SUITE_TOKEN")})
        bench.executor.submit(type(work)(work.id, call, show_secret, work.target))
        outcome = bench.outcome(work.id)
        assert isinstance(outcome, Broke)
        assert outcome.error.message == "bad ***"
        assert "hush" not in outcome.error.traceback
        assert bench.log("show_secret") == "token is *** and ***\n"
        assert outcome.exception is None

    def test_a_worker_that_cannot_start_is_told_of(self, stack: Stack) -> None:
        executor = ProcessExecutor(1, "no reference")
        bench = Bench(executor, stack)
        executor.start(bench.told.append)
        outcome = bench.run(add, arguments={"a": 1})
        executor.close()
        assert isinstance(outcome, Broke)
        assert outcome.kind == "died"
        assert "ended with exit code 1" in outcome.error.message

    def test_children_that_someone_else_waited_for_are_no_trouble(self, bench: Bench) -> None:
        pid = bench.value(bench.run(who, arguments={"ignored": 0}))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert bench.value(bench.run(add, arguments={"a": 1})) == 2

    def test_two_workers_work_at_once(self, bench: Bench, tmp_path: Path) -> None:
        markers = [tmp_path / "one", tmp_path / "two"]
        works = [
            bench.work(sleep_for, arguments={"seconds": 1000.0, "marker": str(marker)})
            for marker in markers
        ]
        for work in works:
            bench.executor.submit(work)
        first, second = (self.started(bench, marker) for marker in markers)
        assert first[0] != second[0]
        assert not any(isinstance(signal, Finished) for signal in bench.signals)


def _await(marker: Path) -> list[int]:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if marker.exists() and len(words := marker.read_text().split()) == 2:
            return [int(word) for word in words]
        time.sleep(0.01)
    raise AssertionError("the step did not start")


def _members(group: int) -> list[int]:
    """The processes of a group."""
    told = subprocess.run(["ps", "-eo", "pid=,pgid="], capture_output=True, text=True, check=True)
    pairs = [line.split() for line in told.stdout.splitlines()]
    return [int(pid) for pid, found in pairs if int(found) == group]
