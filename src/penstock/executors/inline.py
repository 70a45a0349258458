"""The inline executor: calls run here, on the engine's own thread, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from msgspec.structs import replace

from penstock.core.calls import (
    Advanced,
    Began,
    Broke,
    Call,
    Finished,
    Outcome,
    Saved,
    Signal,
    Work,
)
from penstock.core.ports import Executor
from penstock.core.records import ErrorRecord


class Performer(Protocol):
    """What performs a call: `penstock.perform.call.Tools`."""

    def perform(
        self, call: Call, function: Callable[..., Any], notify: Callable[[Advanced | Saved], None]
    ) -> Outcome: ...


class InlineExecutor:
    """Runs each call within `submit`. KeyboardInterrupt passes through to the engine.

    A timeout is not kept here: such a step needs a process of its own.
    """

    def __init__(self, tools: Performer) -> None:
        self.slots = 1
        self._tools = tools
        self._notify: Callable[[Signal], None] = _nobody
        self._signals: list[Signal] = []

    def start(self, notify: Callable[[Signal], None]) -> None:
        self._notify = notify

    def submit(self, work: Work) -> None:
        def told(signal: Advanced | Saved) -> None:
            self._notify(replace(signal, id=work.id))

        self._signals.append(Began(work.id))
        try:
            outcome = self._tools.perform(work.call, work.function, told)
        except BaseException as error:
            # The call is over, whatever becomes of the run: nobody shall wait for it.
            stopped = ErrorRecord(type(error).__name__, "the call was interrupted")
            self._signals.append(Finished(work.id, Broke(kind="cancelled", error=stopped)))
            raise
        self._signals.append(Finished(work.id, outcome))

    def poll(self, timeout: float | None) -> Sequence[Signal]:
        signals, self._signals = self._signals, []
        return signals

    def cancel(self, id: int) -> None:
        """Nothing to do: a call has ended when `submit` returns."""

    def close(self) -> None:
        self._signals = []


def _nobody(signal: Signal) -> None:
    return None


_: type[Executor] = InlineExecutor
