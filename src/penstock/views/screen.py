"""A run as it goes on, on a terminal: a tree, drawn in place.

A frame is one write: the cursor is hidden in it and shown again at its end, so that whatever ends
this process leaves a terminal that works. Nothing is wider than the terminal, so that nothing wraps.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import IO, Any

from penstock.core.events import Event, Note
from penstock.core.records import RunRecord, now
from penstock.views.beside import Paper, Streams
from penstock.views.board import Board
from penstock.views.colors import STATUS, colors
from penstock.views.descriptors import Descriptors
from penstock.views.drawing import Pen
from penstock.views.tree import rows, totals
from penstock.views.words import cells, duration, fit, going_on, one_line

PERIOD = 0.125
"""Seconds between frames; one that shows nothing new is not written."""
PROMPT = 0.04
"""Seconds within which what is printed comes with the next frame, where much is printed."""
STOPPED = 0.6
"""Seconds without a frame in which nothing here ran at all."""
LAST = 40
"""Lines that the tree may have when the run has ended, if the terminal has not more."""
BEGIN, END = "\x1b[?2026h\x1b[?25l", "\x1b[?25h\x1b[?2026l"
"""One frame at once, for terminals that know that; without the cursor, for the others."""


class Screen:
    """Shows a run's events. Events only change the board; a thread draws it."""

    def __init__(self, stream: IO[str], *, summary: bool = False, brief: bool = False) -> None:
        self._pen = Pen(colored=colors(stream), unicode=_is_unicode(stream))
        self._summary = summary
        self._brief = brief
        self._board = Board()
        self._lock = threading.RLock()
        self._paper, self._native = Paper(), Paper()
        """Of Python's own streams; of native code and child processes."""
        self._above = ""
        """Printed, and not yet written."""
        self._lines: list[str] = []
        """As they stand on the terminal."""
        self._columns = 0
        self._wrote = 0.0
        self._began = time.monotonic()
        self._closed = False
        self._stop = threading.Event()
        self._streams = Streams(self._tell, self._ask)
        self._streams.place()
        self._descriptors = Descriptors()
        self._given = stream
        self._stream = self._descriptors.place(stream)
        self._thread = threading.Thread(target=self._draw_on, name="penstock-screen", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._board.take(event)
            if isinstance(event, Note):
                node = f"{event.node}: " if event.node else ""
                text = self._pen.paint(f"  {one_line(node + event.message)}", "yellow")
                self._print(text + "\n")

    def close(self) -> None:
        """The last frame. What is printed from now on goes its own way."""
        if self._stop.is_set():
            return
        self._stop.set()
        try:
            self._thread.join(2.0)
            with self._lock:
                self._end()
        finally:
            # Also where a second Ctrl-C comes in between.
            self._closed = True
            self._descriptors.remove()
            self._descriptors.close()
            self._streams.remove()
            if self._stream is not self._given:
                self._stream.close()

    def _end(self) -> None:
        self._descriptors.remove()
        while text := self._descriptors.read():
            self._above += self._native.take(text)
        self._above += self._native.end() + self._paper.end()
        self._frame(last=True)

    # ---- what others print and ask

    def _tell(self, text: str) -> bool:
        with self._lock:
            if self._closed:
                return False
            self._hear()
            self._print(self._paper.take(text))
        return True

    def _hear(self) -> None:
        self._above += self._native.take(self._descriptors.read())

    def _print(self, text: str) -> None:
        self._above += text
        if self._above and time.monotonic() - self._wrote > PROMPT:
            self._frame()

    def _ask(self, read: Callable[..., str], size: tuple[Any, ...]) -> str:
        with self._lock:
            if self._closed:
                return read(*size)
            # Nothing is drawn while we hold the lock: the person has the terminal. What was written
            # past `sys` comes first: a debugger of an outer frame answers there.
            self._hear()
            asked = self._native.partial + self._paper.partial
            self._write(self._erased(0) + self._above + asked)
            self._lines, self._above = [], ""
            self._native.partial = self._paper.partial = ""
            return read(*size)

    # ---- frames

    def _draw_on(self) -> None:
        clock = time.monotonic(), time.process_time()
        while not self._stop.wait(PERIOD) and not self._closed:
            passed, worked = time.monotonic() - clock[0], time.process_time() - clock[1]
            with self._lock:
                # From here: while a person is asked, the lock is waited for.
                clock = time.monotonic(), time.process_time()
                if passed > STOPPED and worked < passed / 20:
                    # We were stopped, by Ctrl-Z or a closed lid: what stands there now is not ours.
                    self._lines = []
                self._hear()
                self._frame()

    def _frame(self, *, last: bool = False) -> None:
        columns, height = self._size()
        lines = self._composed(columns - 1, height, last=last)
        for partial in (self._paper.partial, self._native.partial):
            if partial and not last:
                lines.insert(0, fit(one_line(partial), columns - 1))
        if lines == self._lines and columns == self._columns and not self._above:
            return
        same = bool(self._lines) and columns == self._columns and not self._above
        text = self._erased(columns) + self._above if not same else _up(len(self._lines))
        for n, line in enumerate(lines):
            kept = same and n < len(self._lines) and self._lines[n] == line
            text += "\n" if kept else f"{line}\x1b[K\n"
        self._lines, self._columns, self._above = lines, columns, ""
        self._write(f"{BEGIN}{text}\x1b[J{END}")

    def _write(self, text: str) -> None:
        self._wrote = time.monotonic()
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # The terminal is gone: the run goes on without being watched.
            self._closed = True

    def _erased(self, columns: int) -> str:
        """Back to where the frame began, though the terminal may have become narrower since."""
        count = len(self._lines)
        if 0 < columns < self._columns:
            count = sum(max(-(-cells(_plain(line)) // columns), 1) for line in self._lines)
        return f"{_up(count)}\x1b[J" if count else ""

    def _size(self) -> tuple[int, int]:
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            return 80, 24
        asked = os.environ.get("COLUMNS", "")
        columns = int(asked) if asked.isdigit() else size.columns
        return columns or 80, size.lines or 24

    def _composed(self, width: int, height: int, *, last: bool) -> list[str]:
        run = self._board.run
        if run is None:
            return []
        if last and self._brief and self._board.over and not self._board.failed:
            return [self._ending(run, width)]
        room = max(height - 2, LAST) if last else max(height - 4, 3)
        moment = now()
        lines = [
            self._head(run, width),
            *self._pen.lines(rows(self._board, room, moment), width),
        ]
        if self._summary and last:
            lines.append(self._ending(run, width))
        elif not last:
            passed = going_on(time.monotonic() - self._began)
            lines.append(self._pen.spans([(f"  {passed}  {totals(self._board)}", ("dim",))], width))
        return lines

    def _head(self, run: RunRecord, width: int) -> str:
        return self._pen.spans(
            [
                (f"run {run.id}" + (f" '{run.name}'" if run.name else ""), ("bold",)),
                (f"  {run.pipeline}", ()),
                (f"  {where(run)}", ("dim",)),
            ],
            width,
        )

    def _ending(self, run: RunRecord, width: int) -> str:
        ended = self._board.ended
        if ended is None:
            return ""
        passed = duration((ended.at - run.started) / 1e6)
        return self._pen.spans(
            [
                (f"run {run.id} ", ()),
                (ended.status, (STATUS.get(ended.status, "dim"),)),
                (f" in {passed}: {totals(self._board) or 'nothing to do'}", ()),
            ],
            width,
        )


def where(run: RunRecord) -> str:
    """ "on local, 2 workers"."""
    workers = run.options.get("workers")
    words = f", {workers} worker{'s' if workers != 1 else ''}" if workers else ""
    return f"on {run.stack}{words}"


def _up(lines: int) -> str:
    return f"\r\x1b[{lines}A" if lines else "\r"


def _plain(line: str) -> str:
    while "\x1b[" in line:
        before, _, rest = line.partition("\x1b[")
        line = before + rest.partition("m")[2]
    return line


def _is_unicode(stream: IO[str]) -> bool:
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "") in ("utf8", "utf16")
