"""The pulse: one quiet thread that, while calls run, looks at memory and lets printed text out.

It starts with the first call of a process, and stops when none has come for a while: a thread for
each call would cost more than most calls.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

BEAT = 0.05
IDLE = 40
"""Beats without a call after which the thread ends."""

Beat = Callable[[], None]

_calls: list[tuple[float, Beat]] = []
_lock = threading.Lock()
_thread: threading.Thread | None = None


def begin(beat: Beat) -> None:
    """Call `beat` from another thread about twenty times a second, once the call is not short."""
    global _thread
    _calls.append((time.monotonic(), beat))
    if _thread is None or not _thread.is_alive():
        with _lock:
            _thread = threading.Thread(target=_run, name="penstock-pulse", daemon=True)
            _thread.start()


def end() -> None:
    _calls.pop()


def _run() -> None:
    global _thread
    idle = 0
    while idle < IDLE:
        time.sleep(BEAT)
        try:
            started, beat = _calls[-1]
        except IndexError:
            idle += 1
            continue
        idle = 0
        if time.monotonic() - started >= BEAT:
            beat()
    with _lock:
        if _thread is threading.current_thread():
            _thread = None
