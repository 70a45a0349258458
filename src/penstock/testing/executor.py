"""What every executor must do: subclass `ExecutorSuite` and give it a fixture `executor`.

class TestMine(ExecutorSuite):
    stops = True            # whether it can stop a call that runs

    @pytest.fixture
    def executor(self, stack):
        executor = MyExecutor(workers=2, stack=stack.reference())
        yield executor
        executor.close()
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from penstock.core.calls import Advanced, Began, Broke, Finished, Load, Saved, Succeeded
from penstock.core.graph import Output
from penstock.core.ports import Executor
from penstock.core.project import Project
from penstock.core.records import Manifest
from penstock.perform.logs import log_path
from penstock.stack import Stack, open_stack
from penstock.testing.bench import (
    Bench,
    add,
    by_position,
    count_on,
    draw,
    draw_seed,
    fail,
    fail_strangely,
    gather,
    is_running,
    leave,
    nothing,
    pids_in,
    read_beside,
    report,
    sleep_for,
    speak,
    split,
    spoil,
    start_a_child,
    use_scratch,
)


class ExecutorSuite:
    """The contract of `penstock.core.ports.Executor`."""

    stops = True

    @pytest.fixture
    def stack(self, tmp_path: Path) -> Iterator[Stack]:
        project = Project(tmp_path.resolve(), "suite", tmp_path.resolve() / ".penstock")
        stack = open_stack(project)
        yield stack
        stack.close()

    @pytest.fixture
    def bench(self, executor: Executor, stack: Stack) -> Bench:
        bench = Bench(executor, stack)
        executor.start(bench.told.append)
        return bench

    # ---- calls

    def test_a_call_is_performed_and_its_output_stored(self, bench: Bench) -> None:
        outcome = bench.run(add, arguments={"a": 2, "b": 3})
        assert bench.value(outcome) == 5

    def test_it_begins_then_ends_and_says_nothing_more(self, bench: Bench) -> None:
        bench.run(add, arguments={"a": 1})
        assert [type(signal) for signal in bench.signals] == [Began, Finished]
        assert bench.executor.poll(0.0) == []

    def test_rest_and_positional_arguments_arrive_where_they_belong(self, bench: Bench) -> None:
        rest = bench.run(gather, arguments={"*numbers": (1, 2), "scale": 10, "extra": 5})
        positional = bench.run(by_position, arguments={"a": 5, "b": 2})
        assert (bench.value(rest), bench.value(positional)) == (35, 3)

    def test_fields_of_a_named_tuple_are_outputs_of_their_own(self, bench: Bench) -> None:
        outputs = (Output("left"), Output("right"))
        outcome = bench.run(split, arguments={"a": 5}, outputs=outputs, several=True)
        assert (bench.value(outcome, "left"), bench.value(outcome, "right")) == (2, 3)

    def test_what_is_no_named_tuple_is_refused_where_one_is_promised(self, bench: Bench) -> None:
        outputs = (Output("left"), Output("right"))
        outcome = bench.run(add, arguments={"a": 5}, outputs=outputs, several=True)
        assert isinstance(outcome, Broke)
        assert "'add' returned a 'int'" in outcome.error.message
        assert not outcome.retryable

    def test_none_is_a_value(self, bench: Bench) -> None:
        assert bench.value(bench.run(nothing)) is None

    def test_no_step_changes_what_another_sees(self, bench: Bench) -> None:
        rows = [1, 2]
        stored, _ = bench.stack.artifacts.encode([1, 2])
        assert bench.value(bench.run(spoil, arguments={"rows": rows})) == [1, 2, 0]
        for _ in range(2):
            assert bench.value(bench.run(spoil, arguments={"rows": Load(stored)})) == [1, 2, 0]
        assert rows == [1, 2]

    def test_every_call_of_many_ends_once(self, bench: Bench) -> None:
        waiting = [bench.work(add, arguments={"a": n}, index=str(n)) for n in range(30)]
        expected = {work.id: n + 1 for n, work in enumerate(waiting)}
        open: set[int] = set()
        while waiting or open:
            while waiting and len(open) < bench.executor.slots:
                work = waiting.pop()
                bench.executor.submit(work)
                open.add(work.id)
            signals = bench.executor.poll(5.0)
            bench.signals += signals
            open -= {signal.id for signal in signals if isinstance(signal, Finished)}
        ends = [signal for signal in bench.signals if isinstance(signal, Finished)]
        assert {s.id: bench.value(s.outcome) for s in ends} == expected
        assert len(ends) == 30

    # ---- failures

    def test_a_users_exception_comes_back_with_its_own_frames_alone(self, bench: Bench) -> None:
        outcome = bench.run(fail, arguments={"text": "no rows"})
        assert isinstance(outcome, Broke)
        assert (outcome.kind, outcome.error.type, outcome.error.message) == (
            "error",
            "ValueError",
            "no rows",
        )
        assert isinstance(outcome.exception, ValueError)
        assert outcome.retryable

    def test_an_exception_that_does_not_pickle_leaves_its_record(self, bench: Bench) -> None:
        outcome = bench.run(fail_strangely)
        assert isinstance(outcome, Broke)
        assert outcome.error.type.endswith("Strange")
        assert outcome.error.message == "strange"

    def test_leaving_the_interpreter_is_a_failure(self, bench: Bench) -> None:
        outcome = bench.run(leave)
        assert isinstance(outcome, Broke)
        assert (outcome.error.type, outcome.error.message) == ("SystemExit", "3")

    def test_a_lost_input_is_named(self, bench: Bench) -> None:
        manifest, _ = bench.stack.artifacts.encode(list(range(5000)))
        for file in manifest.files:
            bench.stack.artifacts.store.remove(file.digest)
        outcome = bench.run(spoil, arguments={"rows": Load(manifest)})
        assert isinstance(outcome, Broke)
        assert (outcome.kind, outcome.lost) == ("refused", (manifest.id,))

    # ---- what it knows of itself

    def test_draws_are_equal_everywhere_and_noticed(self, bench: Bench) -> None:
        first, again, other = (bench.run(draw, seed=seed) for seed in (7, 7, 8))
        expected = random.Random(7).random()
        assert bench.value(first) == bench.value(again) == expected
        assert bench.value(other) != expected
        drew = [
            outcome.drew
            for outcome in (
                first,
                bench.run(add, arguments={"a": 1}),
                bench.run(draw_seed),
                bench.run(start_a_child),
            )
            if isinstance(outcome, Succeeded)
        ]
        assert drew == [True, False, True, True]

    def test_what_it_logs_and_reports_comes_along(self, bench: Bench) -> None:
        outcome = bench.run(report)
        assert isinstance(outcome, Succeeded)
        assert [(m.name, m.value, m.step) for m in outcome.logged.metrics] == [("auc", 0.5, 3)]
        assert outcome.logged.params == {"depth": 4}
        table = outcome.logged.artifacts["table"].artifact
        assert table in {manifest.id for manifest in outcome.extra}
        told = [(s.done, s.total, s.message) for s in bench.told if isinstance(s, Advanced)]
        assert told == [(1.0, 2.0, "half"), (2.0, 2.0, "")]

    def test_a_checkpoint_is_recorded_and_gone_on_from(self, bench: Bench) -> None:
        first = bench.run(count_on)
        saved: list[Manifest] = [s.manifest for s in bench.told if isinstance(s, Saved)]
        second = bench.run(count_on, resume=saved[-1], attempt=2)
        assert (bench.value(first), bench.value(second)) == (0, 1)
        assert isinstance(second, Succeeded)
        assert second.notes == ("continued from a checkpoint",)

    def test_scratch_is_there_and_then_gone(self, bench: Bench) -> None:
        scratch = Path(bench.value(bench.run(use_scratch)))
        assert not scratch.exists()

    def test_what_it_prints_and_logs_is_in_its_log(self, bench: Bench) -> None:
        bench.run(speak)
        log = bench.log("speak")
        assert "to stdout" in log
        assert "to stderr" in log
        assert "to logging" in log

    def test_a_step_that_is_silent_has_no_log(self, bench: Bench) -> None:
        bench.run(add, arguments={"a": 1})
        assert not log_path(bench.stack.project.home / "logs", "r1", "add").exists()

    def test_a_read_that_the_key_does_not_know_is_told(self, bench: Bench) -> None:
        beside = bench.stack.project.root / "beside.txt"
        beside.write_text("x")
        outcome = bench.run(read_beside, arguments={"name": str(beside)})
        assert isinstance(outcome, Succeeded)
        assert outcome.reads == ("beside.txt",)
        strict = bench.run(read_beside, arguments={"name": str(beside)}, strict=True)
        assert isinstance(strict, Broke)
        assert strict.error.type == "UndeclaredRead"

    def test_usage_is_told(self, bench: Bench) -> None:
        outcome = bench.run(add, arguments={"a": 1})
        usage = outcome.usage
        assert 0 < usage.started <= usage.ended
        assert usage.memory > 2**20
        assert usage.pid > 0

    # ---- stopping

    def test_closing_twice_is_harmless(self, bench: Bench) -> None:
        bench.run(add, arguments={"a": 1})
        bench.executor.close()
        bench.executor.close()

    def test_a_cancelled_call_ends_with_what_it_started(self, bench: Bench, tmp_path: Path) -> None:
        if not self.stops:
            pytest.skip("this executor cannot stop a call")
        marker = tmp_path / "marker"
        work = bench.work(sleep_for, arguments={"seconds": 1000.0, "marker": str(marker)})
        bench.executor.submit(work)
        pids = self.started(bench, marker)
        bench.executor.cancel(work.id)
        outcome = bench.outcome(work.id)
        assert isinstance(outcome, Broke)
        assert outcome.kind == "cancelled"
        self.are_gone(pids)

    def test_a_timeout_ends_a_call_with_what_it_started(self, bench: Bench, tmp_path: Path) -> None:
        if not self.stops:
            pytest.skip("this executor cannot stop a call")
        marker = tmp_path / "marker"
        arguments = {"seconds": 1000.0, "marker": str(marker)}
        outcome = bench.run(sleep_for, arguments=arguments, timeout=1.0)
        assert isinstance(outcome, Broke)
        assert (outcome.kind, outcome.retryable) == ("timeout", True)
        assert "'sleep_for' took longer than its timeout of 1 s" in outcome.error.message
        self.are_gone(pids_in(marker))

    def started(self, bench: Bench, marker: Path) -> list[int]:
        """The processes that `sleep_for` has told of, once it has."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            bench.signals += bench.executor.poll(0.05)
            if marker.exists() and len(pids_in(marker)) == 2:
                return pids_in(marker)
        raise AssertionError("the step did not start")

    def are_gone(self, pids: Sequence[int]) -> None:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if not any(is_running(pid) for pid in pids):
                return
            time.sleep(0.01)
        raise AssertionError(f"still there: {[pid for pid in pids if is_running(pid)]}")
