"""The process of a worker: it takes calls from its parent, one after another, and performs them.

Started by the process executor; nobody starts it by hand.
"""

from __future__ import annotations

import io
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from penstock.core.calls import Advanced, Broke, Outcome, Saved
from penstock.core.failing import cut, describe
from penstock.core.graph import Target
from penstock.core.importing import distrust_young_bytecode, find
from penstock.core.standing import stand
from penstock.core.unsafe import unpack
from penstock.errors import UsageError
from penstock.executors import wire
from penstock.executors.lifeline import hold
from penstock.perform.call import Tools
from penstock.stack import tools_from


def main(connection: int, lifeline: int, stack: str) -> None:
    """Serve the parent at the other end of this socket until it hangs up."""
    hold(lifeline)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parent = socket.socket(fileno=connection)
    # What a step starts does not inherit it.
    parent.set_inheritable(False)
    stand()
    _streams()
    if not os.environ.get("PYTHONBREAKPOINT"):
        # What the user has set may listen elsewhere; pdb would read from nowhere.
        sys.breakpointhook = _no_terminal
    tools = replace(tools_from(stack), own=True, fflush=_fflush())
    try:
        _Worker(parent, tools).serve()
    except (KeyboardInterrupt, ConnectionError):
        # A step that was asked to stop, or a parent that is gone: its group ends with us.
        sys.exit(1)


def _no_terminal(*args: object, **kwargs: object) -> None:
    raise UsageError(
        "breakpoint() in a worker process, which has no terminal",
        hint="Run it with --pdb, or without workers: then steps run in front of you.",
    )


class _Worker:
    def __init__(self, parent: socket.socket, tools: Tools) -> None:
        self._parent = parent
        self._functions: dict[int, Callable[..., Any]] = {}
        self._tools = replace(tools, closure=_memoised(tools.closure))

    def serve(self) -> None:
        self._parent.sendall(wire.say(wire.Ready()))
        while (frame := wire.receive(self._parent)) is not None:
            task = wire.told(frame)
            if task is not None:
                outcome = self._outcome(task)
                self._parent.sendall(wire.ended(outcome))

    def _outcome(self, task: wire.Task) -> Outcome:
        try:
            function = self._function(task.function, task.target)
            sys.stdout.reconfigure(line_buffering=not task.call.capture)  # type: ignore[union-attr]  # ours
            if task.target is not None:
                self._parent.sendall(wire.say(wire.Begun()))
            outcome = self._tools.perform(task.call, function, self._notify)
            sys.stdout.flush()
        except (KeyboardInterrupt, ConnectionError):
            raise
        except BaseException as error:  # importing a module runs user code
            return Broke(
                kind="refused", error=describe(error), exception=cut(error), retryable=False
            )
        return outcome

    def _function(self, number: int, target: Target | None) -> Callable[..., Any]:
        if target is not None:
            self._functions[number] = _plain(find(target, unpack))
            distrust_young_bytecode()
        return self._functions[number]

    def _notify(self, signal: Advanced | Saved) -> None:
        match signal:
            case Advanced(done=done, total=total, message=message):
                self._parent.sendall(wire.say(wire.Moved(done, total, message)))
            case Saved(manifest=manifest, items=items):
                self._parent.sendall(wire.say(wire.Kept(manifest, items)))
                if wire.receive(self._parent) is None:
                    raise ConnectionError


def _plain(found: Any) -> Callable[..., Any]:
    """The function inside a step, below whatever else decorates it."""
    inner = found
    while inner is not None:
        callee = getattr(inner, "callee", None)
        if callee is not None:
            function: Callable[..., Any] = callee.function
            return function
        inner = getattr(inner, "__wrapped__", None)
    plain: Callable[..., Any] = found
    return plain


def _memoised(
    closure: Callable[[Callable[..., Any]], str] | None,
) -> Callable[[Callable[..., Any]], str] | None:
    """Modules are imported once here: what was read of a function stays true."""
    if closure is None:
        return None
    known: dict[int, tuple[Callable[..., Any], str]] = {}

    def digest(function: Callable[..., Any]) -> str:
        found = known.get(id(function))
        if found is None:
            found = known[id(function)] = function, closure(function)
        return found[1]

    return digest


# ---- standard streams, at the speed of plain files


class _Errors(io.RawIOBase):
    """Standard error, after what was printed before it."""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2

    def isatty(self) -> bool:
        return os.isatty(2)

    def write(self, data: Any, /) -> int:
        sys.stdout.flush()
        return os.write(2, data)


def _streams() -> None:
    # Made anew: under PYTHONUNBUFFERED each print would be a system call. The pulse lets text out.
    out = io.BufferedWriter(io.FileIO(1, "w", closefd=False), 1 << 16)
    errors = io.BufferedWriter(_Errors())
    sys.stdout = io.TextIOWrapper(out, encoding="utf-8", errors="surrogateescape")
    sys.stderr = io.TextIOWrapper(
        errors, encoding="utf-8", errors="surrogateescape", line_buffering=True
    )


def _fflush() -> Callable[[], None]:
    """What native code prints waits in the C library's buffer until it is told to let go."""
    import ctypes

    flush = ctypes.CDLL(None).fflush
    return lambda: flush(None)
