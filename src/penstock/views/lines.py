"""A run as it goes on, line by line: what a pipe, a log file and a CI job show."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import IO

from penstock.core.events import Event, Note, RunEnded, RunStarted, StepChanged, TextsFound
from penstock.core.records import FINAL, StepRecord, now
from penstock.views.board import Board, Leaf
from penstock.views.colors import STATUS, colors
from penstock.views.drawing import Pen
from penstock.views.screen import where
from penstock.views.tree import steps_line
from penstock.views.words import about, cells, counted, duration, one_line, padded, took

PULSE = (30.0, 60.0, 120.0, 300.0)
"""Seconds after which a step that still runs is told, and then as often as the last says."""
WIDEST = 32
"""Columns of names, but for longer ones."""


class Lines:
    """A line for each step that has ended; of maps only failures and the sum.

    A step that takes long has a line now and then, so that nobody takes a silent job for a dead one.
    """

    def __init__(
        self, stream: IO[str], *, summary: bool = False, pulse: Sequence[float] = PULSE
    ) -> None:
        self._stream = stream
        self._summary = summary
        self._pulse = pulse
        self._pen = Pen(colored=colors(stream))
        self._board = Board()
        self._widest = 8
        self._told: dict[str, float] = {}
        """How long each running step had run when it was told last."""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="penstock-lines", daemon=True)

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._board.take(event)
            match event:
                case RunStarted(run=run):
                    name = f" '{run.name}'" if run.name else ""
                    self._say(one_line(f"run {run.id}{name}: {run.pipeline} {where(run)}"))
                    self._thread.start()
                case TextsFound():
                    # The names that are to come: so that all lines have the same columns.
                    names = (wide for id in self._board.leaves if (wide := cells(id)) <= WIDEST)
                    self._widest = max([self._widest, *names])
                case StepChanged(step=step) if step.status in FINAL:
                    if not step.index or step.status == "failed":
                        self._say(self._line(step))
                case Note(message=message, node=node):
                    self._say(f"  {one_line(f'{node}: ' if node else '')}{one_line(message)}")
                case RunEnded():
                    self._end(event)

    def close(self) -> None:
        self._stop.set()

    def _say(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()

    def _line(self, step: StepRecord) -> str:
        words = about(step)
        leaf = self._board.leaves[step.node]
        if not step.index and leaf.counts:
            ended = sum(leaf.counts.values())
            of = f" of {leaf.total:,}" if leaf.total not in (None, ended) else ""
            words = "; ".join([f"{ended:,}{of} items: {counted(leaf.counts)}", *step.notes])
        return self._columns(step.name, step.status, took(step), words)

    def _columns(self, name: str, status: str, passed: str, words: str) -> str:
        self._widest = max(self._widest, cells(name))
        colored = self._pen.paint(f"{status:<9}", STATUS.get(status, "dim"))
        line = f"  {padded(one_line(name), self._widest)}  {colored} {passed:>8}  {one_line(words)}"
        return line.rstrip()

    def _end(self, ended: RunEnded) -> None:
        # A step in a mapped pipeline has no end of its own: its items are told together, now.
        for leaf in self._board.leaves.values():
            if leaf.record is None and leaf.counts:
                row = steps_line(leaf)
                self._say(self._columns(leaf.id, row.status, row.took, row.about))
        run = self._board.run
        if self._summary and run is not None:
            passed = duration((ended.at - run.started) / 1e6)
            counts = counted(self._board.counts) or "nothing to do"
            self._say(f"run {run.id} {ended.status} in {passed}: {counts}")

    # ---- what takes long

    def _beat(self) -> None:
        while not self._stop.wait(self._pulse[0] / 4):
            with self._lock:
                moment = now()
                for leaf in list(self._board.going.values()):
                    self._remind(leaf, moment)

    def _remind(self, leaf: Leaf, moment: int) -> None:
        began = [record.started for record in leaf.active.values() if record.started]
        if leaf.record is not None and leaf.record.started:
            began.append(leaf.record.started)
        passed = (moment - min(began)) / 1e6 if began else 0.0
        last = self._told.get(leaf.id, 0.0)
        if passed < last:
            last = 0.0  # Another attempt, or another item.
        due = next((one for one in self._pulse if one > last), last + self._pulse[-1])
        if passed < due:
            return
        self._told[leaf.id] = passed
        row = steps_line(leaf, moment)
        words = row.about
        if row.bar is not None:
            words = f"{row.bar[0]:g}/{row.bar[1]:g} {words}".rstrip()
        self._say(self._columns(leaf.id, "running", duration(round(passed)), words))
