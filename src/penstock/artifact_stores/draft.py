"""A file being written to the local store: hashed as it grows, named when it is whole."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from contextlib import suppress

from blake3 import blake3

from penstock.artifact_stores.seal import seal
from penstock.artifact_stores.shelf import SMALL, Shelf
from penstock.core import io
from penstock.core.records import FileRef
from penstock.errors import StoreError

LARGE = 2 << 20
"""Bytes from which a piece is hashed by a thread beside the write: the two share the time."""
PIECE = 8 << 20
"""Bytes given to the system at once, so that Ctrl-C is heard in between."""
_FICLONE = 0x40049409

Done = Callable[[str, os.stat_result, int], None]
"""Told the digest of what was committed, the file it is, and its descriptor or -1."""


class Draft:
    """A Writer. Few bytes are held back until they are all there; more go to a file in `writing/`."""

    __slots__ = ("_done", "_fd", "_hasher", "_held", "_open", "_shelf", "_size", "_temporary")

    def __init__(self, shelf: Shelf, done: Done) -> None:
        self._shelf = shelf
        self._done = done
        self._held = bytearray()
        self._hasher = blake3()
        self._fd = -1
        self._temporary = ""
        self._size = 0
        self._open = True

    def write(self, data: io.Buffer, /) -> int:
        if not self._open:
            raise StoreError("this file is finished: it takes no more bytes")
        size = data.nbytes if isinstance(data, memoryview) else len(data)
        if size == 0:
            return 0
        if isinstance(data, memoryview) and (data.ndim != 1 or data.itemsize != 1):
            data = data.cast("B")
        if self._fd < 0 and self._size + size <= SMALL:
            self._held += data
        else:
            self._pour(data, size)
        self._size += size
        return size

    def clone(self, source: int) -> bool:
        """Begin as a reflink of a whole file: it shares the source's blocks until one is written."""
        if self._size or os.fstat(source).st_size <= SMALL:
            return False
        try:
            with io.explained("write an artifact"):
                self._spill()
                io.step("clone")
                try:
                    fcntl.ioctl(self._fd, _FICLONE, source)
                except OSError:
                    return False  # Not on this file system, or from another one.
                # The clone is read, not the source: nobody can change it now.
                piece = memoryview(bytearray(LARGE))
                while size := os.preadv(self._fd, [piece], self._size):
                    self._hasher.update(piece[:size])
                    self._size += size
        except BaseException:
            self.abort()
            raise
        return True

    def commit(self, name: str) -> FileRef:
        if not self._open:
            raise StoreError("this file is finished: it cannot be committed again")
        try:
            with io.explained("store an artifact"):
                return FileRef(name, self._finish(), self._size)
        finally:
            self.abort()

    def abort(self) -> None:
        self._open = False
        fd, self._fd = self._fd, -1
        temporary, self._temporary = self._temporary, ""
        self._held.clear()
        if fd >= 0:
            os.close(fd)
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)

    def _pour(self, data: io.Buffer, size: int) -> None:
        try:
            with io.explained("write an artifact"):
                if self._fd < 0:
                    self._spill()
                self._put(data, size)
        except BaseException:
            # How much was hashed and how much written is not known any more.
            self.abort()
            raise

    def _spill(self) -> None:
        self._temporary, self._fd = self._shelf.create()
        # Says that its writer lives, for as long as it does: `clean` leaves such files alone.
        fcntl.flock(self._fd, fcntl.LOCK_SH)
        if self._held:
            self._put(self._held, len(self._held))
            self._held = bytearray()

    def _put(self, data: io.Buffer, size: int) -> None:
        if size < LARGE:
            self._hasher.update(data)
            io.write(self._fd, data)
            return
        # The hash is several times as fast as the write and both let go of the interpreter's lock:
        # a thread is started for each large piece, so that none is left to stop or to survive a fork.
        view = memoryview(data)
        thread = threading.Thread(target=self._hasher.update, args=(view,), daemon=True)
        thread.start()
        try:
            for start in range(0, size, PIECE):
                io.write(self._fd, view[start : start + PIECE])
        finally:
            thread.join()

    def _finish(self) -> str:
        if self._fd < 0:
            self._hasher.update(self._held)
            digest = self._hasher.hexdigest()
            if (state := self._shelf.renew(digest)) is not None:
                self._done(digest, state, -1)
                return digest
            self._temporary, self._fd = self._shelf.create()
            io.write(self._fd, self._held)
        else:
            digest = self._hasher.hexdigest()
        io.stamp(self._fd, seal(os.fstat(self._fd), digest))
        state = self._shelf.admit(self._temporary, digest)
        self._temporary = ""
        self._done(digest, state, self._fd)
        return digest
