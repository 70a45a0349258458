"""Faults on demand: the n-th write of a process fails, tears, or is the last thing that it does.

    with faults(Fault("fail", at=3)) as trace:      # in a test
        ...
    install(parse(sys.argv[1]))                     # in a script that a test starts: "die:17"

All writes pass through `penstock.core.io`, files and databases alike; `trace` lists those that were
announced, so that a first run without a fault says how many places there are to try.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal as OneOf

from penstock.core import io
from penstock.errors import UsageError


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at the `at`-th operation, counted from 1."""

    act: OneOf["fail", "tear", "die"]
    """fail: an OSError; tear: half of a write is done, then the process is killed; die: killed."""
    at: int
    error: int = errno.ENOSPC
    lasting: bool = False
    """A failure that stays: the disk remains full for all later operations too."""


class Watch:
    """Counts operations and strikes when it is time."""

    def __init__(self, fault: Fault | None) -> None:
        self.fault = fault
        self.trace: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, name: str, half: Callable[[], object] | None) -> None:
        with self._lock:
            self.trace.append(name)
            at = len(self.trace)
        if (fault := self.fault) is None:
            return
        if at == fault.at or (fault.lasting and at > fault.at):
            if fault.act == "fail":
                raise OSError(fault.error, os.strerror(fault.error))
            if fault.act == "tear" and half is not None:
                half()
            os.kill(os.getpid(), signal.SIGKILL)


def install(fault: Fault | None) -> Watch:
    """Watch this process from now on."""
    watch = Watch(fault)
    io.watch(watch)
    return watch


@contextmanager
def faults(fault: Fault | None = None) -> Iterator[list[str]]:
    """Watch this process for a while; what was announced."""
    watch = install(fault)
    try:
        yield watch.trace
    finally:
        io.watch(None)


def parse(text: str) -> Fault | None:
    """A fault as a script's argument: "die:17", "tear:4", "fail:3", "fail:3:EIO", "fail:3:ENOSPC:lasting"."""
    if text in ("", "none"):
        return None
    try:
        act, at, *rest = text.split(":")
        error = getattr(errno, rest[0]) if rest else errno.ENOSPC
        number = int(at)
    except (ValueError, AttributeError):
        act, number, error, rest = "", 0, 0, []
    if act not in ("fail", "tear", "die") or number < 1:
        raise UsageError(f"'{text}' is no fault", hint='Write "die:17", "tear:4" or "fail:3:EIO".')
    return Fault(act, number, error, "lasting" in rest[1:])  # type: ignore[arg-type]  # checked above
