"""A worker as its parent sees it: a process that leads its own group, and the calls it is given."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from typing import Literal as OneOf

from penstock.core.calls import Work
from penstock.core.graph import Target
from penstock.core.records import now
from penstock.core.standing import stand
from penstock.executors import wire
from penstock.executors.wire import Frames

GRACE = 1.0
"""Seconds between asking a step to stop (KeyboardInterrupt) and ending its process."""
STARTUP = 120.0
"""Seconds that the imports of a step's module may take on top of the step's timeout."""
MAIN = "import sys; sys.path[:] = {path!r}; sys.argv[:] = {argv!r}; from penstock.worker import main; main({socket}, {lifeline}, {stack!r})"
UNIT = 1 if sys.platform == "darwin" else 1024

Why = OneOf["", "timeout", "cancelled"]


class Worker:
    """One process. Its socket is read by the engine's thread; timers only ever kill."""

    def __init__(self, stack: str, environment: Mapping[str, str]) -> None:
        stand()
        ours, theirs = socket.socketpair()
        ends, self._lifeline = os.pipe()
        code = MAIN.format(
            path=[os.fspath(folder) for folder in sys.path],
            argv=sys.argv,
            socket=theirs.fileno(),
            lifeline=ends,
            stack=stack,
        )
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, *_flags(), "-c", code],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), ends),
                env=environment,
                start_new_session=True,
            )
        os.close(ends)
        self.pid = self.process.pid
        self.socket = ours
        self.ended = _watched(self.pid)
        """Readable when the process has ended, even if children of it hold its socket."""
        self.work: Work | None = None
        self.begun = False
        self.unread = False
        """It ended without having read all that was sent."""
        self.heard = False
        """It has said something since it was given its call."""
        self.sent = 0
        self.why: Why = ""
        self.peak = 0
        self._frames = Frames()
        self._known: set[int] = set()
        self._reaped = False
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None

    # ---- talk

    def give(self, work: Work, number: int, target: Callable[[], Target]) -> None:
        """Send a call; what goes wrong is noticed when the process is found to have ended.

        A function that it knows begins at once; another one it must find first, and then says so.
        """
        first = number not in self._known
        self.work, self.begun, self.why, self.sent = work, False, "", now()
        self.unread = self.heard = False
        data = wire.task(wire.Task(work.call, number, target() if first else None))
        self._known.add(number)
        self.send(data)
        if not first:
            self.began()
        elif work.call.timeout is not None:
            self._after(work.call.timeout + STARTUP, lambda: self.stop("timeout"))

    def began(self) -> None:
        self.begun = True
        if self.work is not None and self.work.call.timeout is not None:
            self._after(self.work.call.timeout, lambda: self.stop("timeout"))

    def freed(self) -> None:
        """Its call has ended."""
        with self._lock:
            self._cancel_timer()
            self.work = None

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError:
            # It has ended, and will be found so.
            self.unread = True

    def read(self) -> tuple[list[bytes], bool]:
        """Frames that have come, and whether there may be more."""
        try:
            data = self.socket.recv(wire.CHUNK)
        except ConnectionResetError:
            # How a socket ends that held what nobody has read.
            self.unread = True
            data = b""
        return list(self._frames.feed(data)), bool(data)

    def drain(self) -> list[bytes]:
        """What it said before it ended."""
        self.socket.setblocking(False)
        frames: list[bytes] = []
        while True:
            try:
                more, open = self.read()
            except BlockingIOError:
                return frames
            frames += more
            if not open:
                return frames

    # ---- the end

    def stop(self, why: Why) -> None:
        """Ask the step to stop, then stop it. From any thread; nothing when its call has ended."""
        with self._lock:
            if self.work is None or self.why or self._reaped:
                return
            self.why = why
            self._cancel_timer()
            if not self.begun:
                self.kill()
                return
            self._timer = _timer(GRACE, self.kill)
            _signal(self.pid, signal.SIGINT)

    def hung_up(self) -> None:
        """It closed our socket: it is about to end, or the step has closed it and goes on."""
        self._after(GRACE, self.kill)

    def kill(self) -> None:
        """The process and all that it started, at once."""
        with self._lock:
            if self._reaped:
                return
            family = _family(self.pid) if self.alive() else []
            _signal_group(self.pid, signal.SIGKILL)
            for pid in family:
                _signal(pid, signal.SIGKILL)

    def close(self) -> None:
        """Let an idle process end by itself."""
        with self._lock:
            self._cancel_timer()
        self.socket.close()

    def reap(self) -> str:
        """Wait until it has ended, end what is left of its group, and say how it ended."""
        told = "ended"
        try:
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            with self._lock:
                # While it is not reaped, its number names no other process and no other group.
                _signal_group(self.pid, signal.SIGKILL)
                _, status, used = os.wait4(self.pid, 0)
                self._reaped = True
            self.peak = used.ru_maxrss * UNIT
            told = _told(os.waitstatus_to_exitcode(status))
        except ChildProcessError:
            # Someone has waited for all children of this process, ours among them.
            self._reaped = True
        # Popen would wait for it when it is collected.
        self.process.returncode = 0
        with self._lock:
            self._cancel_timer()
        self.socket.close()
        os.close(self._lifeline)
        if self.ended >= 0:
            os.close(self.ended)
        return told

    def alive(self) -> bool:
        try:
            found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        except ChildProcessError:
            return False
        return found is None

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        with self._lock:
            self._cancel_timer()
            self._timer = _timer(seconds, act)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _watched(pid: int) -> int:
    if sys.platform == "linux":
        try:
            return os.pidfd_open(pid)
        except OSError:  # an old kernel, or a sandbox
            return -1
    return -1


def _timer(seconds: float, act: Callable[[], None]) -> threading.Timer:
    # A thread of its own, because the engine's may be busy with an inline step.
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer


def _told(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _signal_group(group: int, number: int) -> None:
    # macOS answers PermissionError where a group has only ended processes.
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def _family(pid: int) -> list[int]:
    """Processes that descend from it, also those that left its group; Linux only."""
    below: dict[int, list[int]] = {}
    try:
        entries = [entry for entry in os.listdir("/proc") if entry.isdigit()]
    except OSError:
        return []
    for entry in entries:
        try:
            stat = Path("/proc", entry, "stat").read_bytes()
        except OSError:
            continue
        # The name in brackets may hold anything; the parent is the second word after it.
        parent = int(stat.rpartition(b")")[2].split()[1])
        below.setdefault(parent, []).append(int(entry))
    found: list[int] = []
    wanted = [pid]
    while wanted:
        children = below.get(wanted.pop(), [])
        found += children
        wanted += children
    return found


def _flags() -> list[str]:
    """This interpreter's own options: warnings, -O, -X …"""
    asked: Any = subprocess
    return list(asked._args_from_interpreter_flags())
