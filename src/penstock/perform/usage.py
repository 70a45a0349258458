"""What a call takes: time, processor time, peak memory."""

from __future__ import annotations

import math
import os
import resource
import sys
import time
from functools import cache

from penstock.core.calls import Usage
from penstock.core.records import now

UNIT = 1 if sys.platform == "darwin" else 1024
"""Of `ru_maxrss`: bytes on macOS, else KiB."""
PAGE = resource.getpagesize()
RECENT = 0.01


class Meter:
    """Runs from its making to `read`; `sample` is called by the pulse while the step runs.

    In a process of the step's own the peak is exact: Linux counts it, and can be told to begin
    anew. Beside others it is the highest of a few looks, or the process's own peak if it rose.
    """

    __slots__ = ("_children", "_cpu", "_exact", "_peak", "_rose", "_started")

    def __init__(self, *, own: bool) -> None:
        self._started = now()
        self._cpu = time.process_time()
        self._children = _children()
        self._peak = 0
        self._exact = own and _begin_anew()
        self._rose = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def sample(self) -> None:
        if not self._exact:
            self._peak = max(self._peak, resident())

    def read(self) -> Usage:
        cpu = time.process_time() - self._cpu + _children() - self._children
        return Usage(
            started=self._started,
            ended=now(),
            cpu=round(cpu, 6),
            memory=self._memory(),
            exact=self._exact,
            pid=os.getpid(),
        )

    def _memory(self) -> int:
        if self._exact and (peak := _high_water()):
            return peak
        highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if highest > self._rose:
            return highest * UNIT
        return max(self._peak, lately()) or highest * UNIT


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def resident() -> int:
    """Bytes of memory that this process has now; 0 where the system does not say."""
    try:
        return int(os.pread(_statm(os.getpid()), 64, 0).split()[1]) * PAGE
    except OSError:
        return 0


def lately() -> int:
    """As `resident`, but of a look at most 10 ms ago: steps that are quicker than that share one."""
    global _look
    moment = time.monotonic()
    if moment - _look[0] > RECENT:
        _look = moment, resident()
    return _look[1]


_look = -math.inf, 0


@cache
def _statm(pid: int) -> int:
    # Kept open: to open it costs five times what reading it does.
    return os.open(f"/proc/{pid}/statm", os.O_RDONLY | os.O_CLOEXEC)


def _begin_anew() -> bool:
    try:
        with open("/proc/self/clear_refs", "wb", buffering=0) as file:
            file.write(b"5")
    except OSError:
        return False
    return True


def _high_water() -> int:
    try:
        with open("/proc/self/status", "rb", buffering=0) as file:
            text = file.read(8192)
    except OSError:
        return 0
    _, found, rest = text.partition(b"VmHWM:")
    return int(rest.split(None, 1)[0]) * 1024 if found else 0
