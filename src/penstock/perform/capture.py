"""Capture: stdout, stderr and `logging` of a call go to its log.

Beside other code the streams of `sys` are replaced while a step runs, and the terminal still shows
what is printed. In a process of the step's own its file descriptors are turned, which also catches
native code and child processes, at the speed of a plain file.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
import threading
from collections.abc import Callable
from select import select
from typing import Any, Protocol, TextIO

from penstock.perform.logs import Log

BUFFER = 1 << 16


class Capture(Protocol):
    """A call's output on its way to its log."""

    def begin(self) -> None: ...

    def flush(self) -> None:
        """Let out what is buffered: called from the pulse, too."""
        ...

    def line(self, text: str, shown: str) -> None:
        """Write to the log after all that was printed; the terminal has `shown` instead."""
        ...

    def end(self) -> None: ...


# ---- in a process of its own: file descriptors


class Descriptors:
    """File descriptors 1 and 2 lead to the log; back to where they led when the call has ended."""

    def __init__(self, log: Log, *, redacted: bool, fflush: Callable[[], None]) -> None:
        self._log = log
        self._redacted = redacted
        self._fflush = fflush
        self._before: tuple[int, int] = (-1, -1)
        self._reader: threading.Thread | None = None
        self._done = threading.Event()
        self._empty_at = 0

    def begin(self) -> None:
        self.flush()
        self._before = os.dup(1), os.dup(2)
        if self._redacted:
            source, sink = os.pipe()
            self._reader = threading.Thread(target=self._read, args=(source,), daemon=True)
            self._reader.start()
            self._lead(sink)
            os.close(sink)
        else:
            target = self._log.open()
            self._empty_at = os.fstat(target).st_size
            if self._log.attempt > 1 and self._empty_at:
                os.write(target, b"--- attempt %d ---\n" % self._log.attempt)
            self._lead(target)

    def flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            # The step may have closed it, or put something in its place.
            try:
                stream.flush()
            except (AttributeError, ValueError, OSError):
                continue

    def line(self, text: str, shown: str) -> None:
        self.flush()
        os.write(2, text.encode(errors="backslashreplace"))

    def end(self) -> None:
        self.flush()
        self._fflush()
        out, err = self._before
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.close(out)
        os.close(err)
        if self._reader is not None:
            self._done.set()
            self._reader.join()
            self._log.close()
            return
        unused = os.fstat(self._log.open()).st_size == 0
        self._log.close()
        if unused:
            self._log.remove()

    def _lead(self, target: int) -> None:
        os.dup2(target, 1)
        os.dup2(target, 2)

    def _read(self, source: int) -> None:
        # A child that outlives the step holds the other end: then the end of the call is the end.
        with open(source, "rb", buffering=0) as pipe:
            while True:
                ready, _, _ = select((source,), (), (), 0.05)
                if ready:
                    data = pipe.read(BUFFER)
                    if not data:
                        return
                    self._log.write(data)
                elif self._done.is_set():
                    return


# ---- beside other code: the streams of `sys`


class Streams:
    """`sys.stdout` and `sys.stderr` write to the log and to the terminal, line by line or as it comes."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._before: tuple[Any, Any] = (None, None)
        self._outer: Log | None = None

    def begin(self) -> None:
        self._before = sys.stdout, sys.stderr
        self._outer = _router.log
        if not _router.installed():
            _router.install(sys.stdout, sys.stderr)
        else:
            _router.flush()
        _router.log = self._log

    def flush(self) -> None:
        _router.flush()

    def line(self, text: str, shown: str) -> None:
        _router.flush()
        self._log.write(text.encode(errors="backslashreplace"))
        _router.complain(shown)

    def end(self) -> None:
        _router.flush()
        held = self._log.close()
        _router.show(held)
        _router.log = self._outer
        if self._outer is None:
            # What the step has put in their place stays, as it would without us.
            if sys.stdout is _router.out:
                sys.stdout = self._before[0]
            if sys.stderr is _router.err:
                sys.stderr = self._before[1]


class _Router:
    """One pair of streams for this process, led to the log of the call that runs.

    They outlive a call, for those who keep them: a logging handler, a progress bar.
    """

    def __init__(self) -> None:
        self.log: Log | None = None
        self.out: TextIO | None = None
        self.err: TextIO | None = None
        self._taps: tuple[_Tap, ...] = ()

    def installed(self) -> bool:
        return self.out is not None and sys.stdout is self.out and sys.stderr is self.err

    def install(self, out: Any, err: Any) -> None:
        if self.out is None or self.err is None or self.out.closed or self.err.closed:
            first = _Tap(self, None)
            self.out = _stream(first)
            # Errors come after what was printed before them.
            second = _Tap(self, self.out)
            self.err = _stream(second)
            self._taps = first, second
        first, second = self._taps
        # Never lead a stream to itself.
        if out is not self.out:
            first.lead(out)
        if err is not self.err:
            second.lead(err)
        _line_buffered(self.out, first.isatty())
        _line_buffered(self.err, True)
        sys.stdout, sys.stderr = self.out, self.err

    def flush(self) -> None:
        for stream in (self.out, self.err):
            if stream is not None and not stream.closed:
                stream.flush()

    def show(self, data: bytes) -> None:
        if data:
            self._taps[0].show(data)

    def complain(self, text: str) -> None:
        if text:
            self._taps[1].show(text.encode(errors="backslashreplace"))


class _Tap(io.RawIOBase):
    """The end of a stream: bytes go to the log, and as text to the terminal."""

    def __init__(self, router: _Router, after: TextIO | None) -> None:
        self._router = router
        self._after = after
        self._terminal: Any = None
        self._is_terminal: bool | None = None
        self._raw: Any = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def lead(self, terminal: Any) -> None:
        if terminal is not self._terminal:
            self._terminal, self._is_terminal = terminal, None
        # Bytes go on as they are where that is the same.
        same = type(terminal) is io.TextIOWrapper and terminal.encoding.lower() == "utf-8"
        self._raw = terminal.buffer if same else None

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        # Asked at each step: the same stream need not be asked again.
        if self._is_terminal is None:
            asked = getattr(self._terminal, "isatty", None)
            self._is_terminal = asked is not None and bool(asked())
        return self._is_terminal

    def fileno(self) -> int:
        if self._terminal is None:
            raise io.UnsupportedOperation("fileno")
        return int(self._terminal.fileno())

    def write(self, data: Any, /) -> int:
        raw = bytes(data)
        if self._after is not None and not self._after.closed:
            self._after.flush()
        log = self._router.log
        self.show(log.write(raw) if log is not None else raw)
        return len(raw)

    def show(self, data: bytes) -> None:
        terminal = self._terminal
        if terminal is None or not data:
            return
        try:
            if self._raw is not None:
                terminal.flush()
                self._raw.write(data)
                self._raw.flush()
                return
            text = self._decoder.decode(data)
            terminal.write(text)
        except UnicodeEncodeError:
            encoding = getattr(terminal, "encoding", None) or "ascii"
            terminal.write(text.encode(encoding, "backslashreplace").decode(encoding))
        except (ValueError, OSError):
            # It was closed: the log has it all the same.
            return
        terminal.flush()


def _stream(tap: _Tap) -> TextIO:
    buffer = io.BufferedWriter(tap, BUFFER)
    return io.TextIOWrapper(buffer, encoding="utf-8", errors="surrogateescape", newline="\n")


def _line_buffered(stream: Any, by_line: bool) -> None:
    if stream.line_buffering != by_line:
        stream.reconfigure(line_buffering=by_line)


_router = _Router()


def is_captured(stream: object) -> bool:
    """Whether what is written to this stream comes into the log by itself."""
    if _router.log is not None:
        return stream is _router.out or stream is _router.err
    try:
        return stream.fileno() in (1, 2)  # type: ignore[attr-defined]  # asked, and answered by an error
    except (AttributeError, ValueError, OSError):
        return False
