"""The inline executor keeps the contract, but cannot stop a call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from penstock.executors.inline import InlineExecutor
from penstock.stack import Stack
from penstock.testing.executor import Bench, ExecutorSuite, add


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
        assert bench.executor.poll(0.0) == []
        assert bench.value(bench.run(add, arguments={"a": 1})) == 2
