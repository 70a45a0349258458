"""Down to the disk: large files begin at once, in the background; the rest at the barrier."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable
from queue import SimpleQueue

from penstock.core import io

MANY = 256
"""Files above which the whole file system is asked at once."""


class Flusher:
    """One thread that brings large files to the disk while the next steps run.

    Measured with 512 MiB arrays: the barrier then has little left to wait for, writers are not
    slowed, and are throttled less. `sync_file_range` while writing costs the writer 70 %.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[int | threading.Event] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._error: OSError | None = None

    def begin(self, fd: int) -> None:
        """Bring this file down some time soon; the caller keeps its descriptor."""
        if self._pid != os.getpid():
            # Threads do not survive a fork; what the parent queued is the parent's to flush.
            self._queue, self._pid = SimpleQueue(), os.getpid()
            self._thread = threading.Thread(target=self._work, name="penstock-flush", daemon=True)
            self._thread.start()
        self._queue.put(os.dup(fd))

    def wait(self) -> None:
        """Return when all that was begun is done; raises the first error there was."""
        if self._pid == os.getpid():
            done = threading.Event()
            self._queue.put(done)
            done.wait()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        queue = self._queue
        while True:
            match queue.get():
                case int(fd):
                    try:
                        io.sync(fd)
                    except OSError as error:
                        self._error = self._error or error
                    finally:
                        os.close(fd)
                case event:
                    event.set()


def sync_files(paths: Iterable[str]) -> None:
    for path in paths:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            io.sync(fd)
        finally:
            os.close(fd)


def sync_file_system(path: str) -> bool:
    """Bring down all of the file system that holds `path`; False if this system cannot."""
    if (syncfs := _syncfs()) is None:
        return False
    io.step("fsync")
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        code = syncfs(fd)
    finally:
        os.close(fd)
    if code == errno.ENOSYS:
        return False
    if code:
        raise OSError(code, os.strerror(code), path)
    return True


def _syncfs() -> Callable[[int], int] | None:
    """`syncfs` of the C library, or None (macOS); gives an error number, or 0."""
    # Loading ctypes takes 8 ms, and few runs have so many files.
    import ctypes

    call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if call is None:
        return None

    def syncfs(fd: int) -> int:
        return ctypes.get_errno() if call(fd) else 0

    return syncfs
