"""The process executor: calls run in warm workers of their own, which can be stopped for good."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from typing import Literal as OneOf

from penstock.core import interrupts
from penstock.core.calls import (
    Advanced,
    Began,
    Broke,
    Finished,
    Outcome,
    Saved,
    Signal,
    Usage,
    Work,
)
from penstock.core.graph import Target
from penstock.core.ports import Executor
from penstock.core.records import ErrorRecord, now
from penstock.errors import Cancelled, RunError, StepTimeout, WorkerDied
from penstock.executors import wire
from penstock.executors.worker import Worker

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""What numeric libraries read when they are imported: how many threads each process takes."""
TICK = 0.5
"""Seconds between looks at whether a worker lives, where the system cannot wake us."""
FAREWELL = 1.0
"""Seconds that idle workers have to end by themselves."""
STARTS = 3
"""How often a call is given to a fresh worker when one ends before the call began."""


class ProcessExecutor:
    """Up to `workers` processes, started when there is work and kept until `close`.

    Each leads a session of its own: Ctrl-C in a terminal does not reach it, and a timeout or a
    cancellation ends what the step has started, too. Values go through the artifact store; only
    small messages pass between the processes.
    """

    def __init__(self, workers: int, stack: str) -> None:
        self.slots = max(1, workers)
        self._stack = stack
        self._notify: Callable[[Signal], None] = _nobody
        self._workers: list[Worker] = []
        self._selector = selectors.DefaultSelector()
        self._signals: list[Signal] = []
        self._functions: dict[int, tuple[int, Callable[..., Any], Target]] = {}
        self._starts: dict[int, int] = {}
        self._taken: dict[int, Work] = {}
        self._begun: set[int] = set()

    # ---- the port

    def start(self, notify: Callable[[Signal], None]) -> None:
        self._notify = notify

    def submit(self, work: Work) -> None:
        function = id(work.function)
        if function not in self._functions:
            # The function is kept, so that its id stays its own.
            number = len(self._functions)
            self._functions[function] = number, work.function, work.target()
        number, _, target = self._functions[function]
        self._taken[work.id] = work
        worker = self._idle() or self._start()
        worker.give(work, number, lambda: target)
        if worker.begun:
            self._tell_begun(work)

    def poll(self, timeout: float | None) -> Sequence[Signal]:
        end = None if timeout is None else time.monotonic() + timeout
        while not self._signals:
            left = None if end is None else end - time.monotonic()
            if left is None and not any(worker.work for worker in self._workers):
                break
            self._listen(left)
            if left is not None and left <= 0:
                break
        signals, self._signals = self._signals, []
        for signal in signals:
            if isinstance(signal, Finished):
                self._taken.pop(signal.id, None)
                self._starts.pop(signal.id, None)
                self._begun.discard(signal.id)
        return signals

    def cancel(self, id: int) -> None:
        ended = any(isinstance(one, Finished) and one.id == id for one in self._signals)
        if id not in self._taken or ended:
            return
        for worker in self._workers:
            if worker.work is not None and worker.work.id == id:
                worker.stop("cancelled")
                return
        # Ctrl-C came just when it was handed over, or back.
        self._signals.append(Finished(id, _stopped("cancelled", self._taken[id], Usage())))

    def close(self) -> None:
        for worker in self._workers:
            if worker.work is None:
                worker.close()
            else:
                worker.kill()
        end = time.monotonic() + FAREWELL
        for worker in self._workers:
            while worker.alive() and time.monotonic() < end:
                time.sleep(0.002)
            worker.kill()
            worker.reap()
        self._workers = []
        self._selector.close()
        self._selector = selectors.DefaultSelector()

    # ---- workers

    def _idle(self) -> Worker | None:
        for worker in [worker for worker in self._workers if worker.work is None]:
            if worker.alive():
                return worker
            self._bury(worker)
        return None

    def _start(self) -> Worker:
        worker = Worker(self._stack, _environment(self.slots))
        self._workers.append(worker)
        self._selector.register(worker.socket, selectors.EVENT_READ, worker)
        if worker.ended >= 0:
            self._selector.register(worker.ended, selectors.EVENT_READ, worker)
        return worker

    def _bury(self, worker: Worker) -> str:
        self._workers.remove(worker)
        self._deaf(worker)
        if worker.ended >= 0:
            self._selector.unregister(worker.ended)
        return worker.reap()

    def _deaf(self, worker: Worker) -> None:
        if worker.socket in self._selector.get_map():
            self._selector.unregister(worker.socket)

    # ---- what they say

    def _listen(self, timeout: float | None) -> None:
        blind = any(worker.ended < 0 for worker in self._workers)
        if blind:
            timeout = TICK if timeout is None else min(timeout, TICK)
        heeded = interrupts.heed()
        ready = self._selector.select(timeout if timeout is None else max(timeout, 0.0))
        interrupts.hold(heeded)
        gone: dict[int, Worker] = {}
        for key, _ in ready:
            worker: Worker = key.data
            if key.fd == worker.ended:
                gone[worker.pid] = worker
                continue
            frames, open = worker.read()
            for frame in frames:
                self._heard(worker, frame)
            if not open:
                self._deaf(worker)
                worker.hung_up()
        if blind:
            gone |= {worker.pid: worker for worker in self._workers if not worker.alive()}
        for worker in gone.values():
            self._ended(worker)

    def _heard(self, worker: Worker, frame: bytes) -> None:
        work = worker.work
        worker.heard = True
        if work is None or worker.why:
            # What a step says after it was stopped does not count.
            return
        match wire.said(frame):
            case wire.Begun():
                worker.began()
                self._tell_begun(work)
            case wire.Moved(done, total, message):
                self._notify(Advanced(work.id, done, total, message))
            case wire.Kept(manifest, items):
                self._notify(Saved(work.id, manifest, items))
                worker.send(wire.recorded())
            case wire.Ended() as message:
                worker.freed()
                self._signals.append(Finished(work.id, wire.outcome(message)))
            case wire.Ready():
                return

    def _tell_begun(self, work: Work) -> None:
        if work.id not in self._begun:
            self._begun.add(work.id)
            self._signals.append(Began(work.id))

    def _ended(self, worker: Worker) -> None:
        """The process is gone: so is its call, unless it had not begun."""
        for frame in worker.drain():
            self._heard(worker, frame)
        work = worker.work
        how = self._bury(worker)
        if work is None:
            return
        waited = not worker.begun or (worker.unread and not worker.heard)
        starts = self._starts.get(work.id, 0)
        if waited and not worker.why and starts < STARTS and "exit" not in how:
            self._starts[work.id] = starts + 1
            self.submit(work)
            return
        self._signals.append(Finished(work.id, _lost(worker, work, how)))


def _lost(worker: Worker, work: Work, how: str) -> Outcome:
    """What became of a call whose process ended."""
    usage = Usage(worker.sent, now(), memory=worker.peak, pid=worker.pid)
    if worker.why:
        return _stopped(worker.why, work, usage)
    return _broke("died", work, _death(worker, work, how), usage)


def _stopped(why: OneOf["timeout", "cancelled"], work: Work, usage: Usage) -> Outcome:
    call = work.call
    if why == "cancelled":
        return _broke(why, work, Cancelled(f"'{call.node}' was cancelled"), usage)
    error = StepTimeout(
        f"'{call.node}' took longer than its timeout of {call.timeout:g} s",
        hint="Give it more with @step(timeout=…), or look where it hangs.",
    )
    return _broke(why, work, error, usage)


def _broke(
    kind: OneOf["timeout", "cancelled", "died"], work: Work, error: RunError, usage: Usage
) -> Broke:
    return Broke(
        kind=kind,
        error=ErrorRecord(type(error).__name__, str(error)),
        exception=error,
        retryable=kind != "cancelled" and _worth(error, work.call.retry.on),
        usage=usage,
    )


def _death(worker: Worker, work: Work, how: str) -> WorkerDied:
    took = f" (its memory had reached {worker.peak / 2**20:,.0f} MiB)" if worker.peak else ""
    if "SIGKILL" in how:
        hint = f"Most often the system had no memory left{took}. Fewer workers need less."
    elif "exit code" in how and not worker.begun:
        hint = "It could not start; what it wrote is above. Does `python -c 'import penstock.worker'` run?"
    elif "exit code" in how:
        hint = "Something in the step ends the process: os._exit, or native code."
    else:
        hint = f"Native code crashed{took}. PYTHONFAULTHANDLER=1 shows where."
    return WorkerDied(f"the process of '{work.call.node}' {how}", hint=hint)


def _worth(error: RunError, on: tuple[str, ...]) -> bool:
    """Whether the step's retries are for this, too."""
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    if isinstance(error, StepTimeout):
        names.add("builtins.TimeoutError")
    return not on or not names.isdisjoint(on)


def _environment(workers: int) -> Mapping[str, str]:
    """Ours; several workers share the processors, unless the user has said how."""
    if workers == 1:
        return os.environ
    threads = max(1, _processors() // workers)
    return {name: str(threads) for name in THREADS} | dict(os.environ)


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def _nobody(signal: Signal) -> None:
    return None


_: type[Executor] = ProcessExecutor
