"""The process executor keeps the contract; and what only processes can do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from penstock.executors.processes import ProcessExecutor
from penstock.stack import Stack
from penstock.testing.executor import ExecutorSuite


class TestProcesses(ExecutorSuite):
    @pytest.fixture
    def executor(self, stack: Stack) -> Iterator[ProcessExecutor]:
        executor = ProcessExecutor(2, stack.reference())
        yield executor
        executor.close()
