"""The pool: calls that executors have in hand, in this process or in others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct, field

from penstock.core import interrupts
from penstock.core.calls import Advanced, Call, Finished, Outcome, Saved, Signal, Work
from penstock.core.ports import Executor
from penstock.run.tasks import Running, Task

POLL = 0.05
"""Seconds between looks where more than one thing is waited for."""
GRACE = 10.0
"""Seconds that stopped calls have to end."""

Ended = tuple[Running, Outcome]


class Pool(Struct):
    """All executors of a run. "" is the run's own kind; others start when a step asks for them."""

    make: Callable[[str], Executor]
    notify: Callable[[Running, Advanced | Saved], None] = lambda running, signal: None
    """Told at once what a running call says."""
    running: dict[int, Running] = field(default_factory=dict)
    executors: dict[str, Executor] = field(default_factory=dict)
    serial: int = 0

    def free(self) -> bool:
        """Whether one more call may begin."""
        return not self.running or len(self.running) < self._executor("").slots

    def submit(self, task: Task, call: Call, kind: str) -> list[Ended]:
        """Begin a call; what has ended by then, which is this very call where it ran here."""
        executor = self._executor(kind)
        self.serial += 1
        self.running[self.serial] = Running(task, call, kind)
        function = task.template.function
        executor.submit(Work(self.serial, call, function.call, function.target))
        return list(self._ended(executor.poll(0.0)))

    def wait(self, timeout: float | None) -> Iterator[Ended]:
        """What ends within so many seconds."""
        kinds = {running.executor for running in self.running.values()}
        for kind in kinds:
            patience = timeout if len(kinds) == 1 else POLL
            yield from self._ended(self.executors[kind].poll(patience))

    def stop(self) -> Iterator[Ended]:
        """Stop all calls; each as it ends. Those that do not end in time stay in `running`.

        Who is impatient does not wait for them.
        """
        for number, running in list(self.running.items()):
            self.executors[running.executor].cancel(number)
        deadline = time.monotonic() + GRACE
        while self.running and time.monotonic() < deadline and not interrupts.hurried():
            yield from self.wait(POLL)

    def close(self) -> None:
        for executor in self.executors.values():
            executor.close()

    def _executor(self, kind: str) -> Executor:
        if kind not in self.executors:
            executor = self.make(kind)
            executor.start(self._told)
            self.executors[kind] = executor
        return self.executors[kind]

    def _told(self, signal: Signal) -> None:
        if isinstance(signal, Advanced | Saved) and signal.id in self.running:
            self.notify(self.running[signal.id], signal)

    def _ended(self, signals: Iterable[Signal]) -> Iterator[Ended]:
        for signal in signals:
            if isinstance(signal, Finished) and signal.id in self.running:
                yield self.running.pop(signal.id), signal.outcome
