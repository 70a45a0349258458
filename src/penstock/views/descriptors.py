"""What native code and child processes print while a tree is drawn: kept for a moment, then shown above it.

They write to the file descriptors 1 and 2, past `sys`. These lead to a file here, as in pytest: a
pipe would block whoever writes more than it holds while he keeps our reading thread from running.
"""

from __future__ import annotations

import codecs
import faulthandler
import fcntl
import os
import sys
from typing import IO

OUT, ERR = 1, 2
PIECE = 1 << 20
"""Bytes that are read at once."""
LONGEST = 1 << 26
"""Bytes after which the file, once it is read, begins anew."""


class Descriptors:
    """Leads the descriptors that are a terminal to a file of their own, and reads what comes there."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._saved: dict[int, int] = {}
        self._read = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._fault = False

    def place(self, stream: IO[str]) -> IO[str]:
        """The stream to draw on: it leads where the given one has led, which must be a terminal."""
        try:
            terminal = os.dup(stream.fileno())
        except (OSError, ValueError):
            return stream
        from tempfile import TemporaryFile

        try:
            self._file = TemporaryFile("ab", buffering=0)  # noqa: SIM115  # closed by `close`
        except OSError:  # There is no room for one.
            os.close(terminal)
            return stream
        # Everybody writes at its end, also who opens /dev/stdout anew.
        fcntl.fcntl(self._file.fileno(), fcntl.F_SETFL, os.O_APPEND)
        for fd in (OUT, ERR):
            if os.isatty(fd):
                self._saved[fd] = os.dup(fd)
                os.dup2(self._file.fileno(), fd)
        if faulthandler.is_enabled():
            # The last words of a process that crashes must not stay in the file.
            self._fault = True
            faulthandler.enable(terminal)
        encoding = getattr(stream, "encoding", None) or "utf-8"
        return open(terminal, "w", encoding=encoding, errors="backslashreplace", newline="\n")

    def read(self) -> str:
        """What has come since."""
        if self._file is None:
            return ""
        fd = self._file.fileno()
        size = os.fstat(fd).st_size
        if size < self._read:
            self._read = 0  # Somebody has begun it anew, as `> /dev/stdout` does.
        if size == self._read:
            return ""
        data = os.pread(fd, PIECE, self._read)
        self._read += len(data)
        if self._read == size > LONGEST:
            os.ftruncate(fd, 0)
            self._read = 0
        return self._decoder.decode(data) if data else ""

    def remove(self) -> None:
        """Lead them back; what comes from now on is not read here any more."""
        for fd, saved in self._saved.items():
            os.dup2(saved, fd)
            os.close(saved)
        if self._fault:
            faulthandler.enable(sys.__stderr__ if sys.__stderr__ is not None else ERR)
        self._saved.clear()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
