"""A run as it goes on, in a notebook's cell: the tree as a table, redrawn a few times a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context

from penstock.core.events import Event, Note
from penstock.core.records import RunRecord, now
from penstock.views.board import Board
from penstock.views.forms.parts import (
    Html,
    bar,
    code,
    fold,
    form,
    heading,
    join,
    soft,
    status,
    table,
    tag,
)
from penstock.views.screen import where
from penstock.views.tree import Row, rows, totals
from penstock.views.words import duration, going_on

PERIOD = 0.25
ROOM = 25
"""Lines of the tree."""
NOTES = 5
"""Of what was said, the last ones."""

Show = Callable[[str, str], None]
"""Is given HTML and the same in a line of text; each call takes the place of the one before."""


class Cells:
    """Shows a run's events by `show`."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self._board = Board()
        self._notes: list[str] = []
        self._last = ""
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        # A kernel knows by the context to which cell a thread belongs.
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._draw_on,), name="penstock-cells", daemon=True
        )
        self._thread.start()

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._board.take(event)
            if isinstance(event, Note):
                node = f"{event.node}: " if event.node else ""
                self._notes.append(f"{node}{event.message}")

    def close(self) -> None:
        self._stop.set()
        self._thread.join(2.0)
        self._draw(last=True)

    def _draw_on(self) -> None:
        while not self._stop.wait(PERIOD):
            self._draw()

    def _draw(self, *, last: bool = False) -> None:
        with self._lock:
            run = self._board.run
            if run is None:
                return
            made = self._form(run, last=last)
            text = f"run {run.id} of {run.pipeline}: {self._state(run)}; {totals(self._board)}"
        if made != self._last:
            self._last = made
            self._show(made, text)

    def _state(self, run: RunRecord) -> str:
        return self._board.ended.status if self._board.ended else "running"

    def _form(self, run: RunRecord, *, last: bool) -> str:
        ended = self._board.ended
        if ended is not None:
            passed = duration((ended.at - run.started) / 1e6)
        else:
            passed = going_on(time.monotonic() - self._began)
        state = self._state(run) if ended or not last else "cancelled"
        title = (run.pipeline, status(state), code(run.id), soft(where(run)))
        sums = soft(f"· {passed} · {totals(self._board)}")
        body = join(
            (
                *(tag("p", soft(note)) for note in self._notes[-NOTES:]),
                table((), map(_cells, rows(self._board, ROOM, now())), right=(2,)),
            )
        )
        if last and state == "done":
            # What comes below the cell says the rest.
            return form(fold(join((*title, sums), " "), body))
        return form(heading(*title, sums), body)


def _cells(row: Row) -> tuple[object, ...]:
    if not row.status:
        return (soft(row.name), "", "", soft(row.about))
    name = tag("span", row.name, style=f"padding-left:{1.2 * row.depth:g}em")
    words: object = soft(row.about)
    if row.bar is not None:
        done, total = row.bar
        words = join((bar(done, total), soft(f"{done:g}/{total:g} {row.about}")))
    state = status(row.status) if row.status != "pending" else Html("")
    return (name if row.status != "pending" else soft(name), state, row.took, words)
