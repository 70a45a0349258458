"""The inline executor keeps the contract, but cannot stop a call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from penstock.core.calls import Began, Broke, Finished
from penstock.executors.inline import InlineExecutor
from penstock.stack import Stack
from penstock.testing.bench import Bench, add
from penstock.testing.executor import ExecutorSuite


def interrupt() -> int:
    raise KeyboardInterrupt


class TestInline(ExecutorSuite):
    stops = False

    @pytest.fixture
    def executor(self, stack: Stack) -> Iterator[InlineExecutor]:
        executor = InlineExecutor(stack.tools())
        yield executor
        executor.close()

    def test_ctrl_c_passes_through_and_the_next_call_runs(self, bench: Bench) -> None:
        with pytest.raises(KeyboardInterrupt):
            bench.executor.submit(bench.work(interrupt))
        began, ended = bench.executor.poll(0.0)
        assert isinstance(began, Began)
        assert isinstance(ended, Finished)
        assert isinstance(ended.outcome, Broke)
        assert ended.outcome.kind == "cancelled"
        assert bench.value(bench.run(add, arguments={"a": 1})) == 2
