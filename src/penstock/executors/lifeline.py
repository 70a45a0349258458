"""A pipe between a worker and its parent: when the parent dies, however, so does the worker.

And so does what the worker has started: the kernel kills the whole process group, even while native
code holds the interpreter. Where it cannot be asked to (macOS), a thread does it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading


def hold(pipe: int) -> None:
    """Called in the worker, the leader of its group, with the reading end; nothing is ever written."""
    os.set_inheritable(pipe, False)
    if sys.platform == "linux":
        # The end of a pipe is a signal to the owner of its descriptor.
        fcntl.fcntl(pipe, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
        # It may have ended before we asked.
        os.set_blocking(pipe, False)
        try:
            gone = os.read(pipe, 1) == b""
        except BlockingIOError:
            gone = False
        if gone:
            os.killpg(os.getpgrp(), signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(pipe,), daemon=True).start()


def _watch(pipe: int) -> None:
    os.read(pipe, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)
