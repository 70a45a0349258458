"""A run as it goes on, on a terminal: one line a step, redrawn in place."""

from __future__ import annotations

import sys
import time
from collections import Counter

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from penstock.cli.progress import Board, counted
from penstock.cli.terminal import STATUS, Terminal, colors, duration
from penstock.core.events import Event, Note, RunEnded
from penstock.core.records import FINAL, StepRecord, now

MARKS = {
    "done": "✓",
    "reused": "↺",
    "failed": "✗",
    "crashed": "✗",
    "rejected": "⊘",
    "cancelled": "◌",
    "skipped": "·",
    "running": "▸",
    "pending": " ",
}
PER_SECOND = 8


class Screen:
    """Redraws at most so many times a second, from a thread of its own; events only change the board."""

    def __init__(self, terminal: Terminal) -> None:
        stream = terminal.errors
        self._console = Console(file=stream, no_color=not colors(stream), highlight=False)
        self._board = Board()
        self._began = time.monotonic()
        self._over = False
        self._out = sys.stdout
        # What steps print must come above the lines that are redrawn, and not into our results.
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=PER_SECOND,
            redirect_stdout=True,
            redirect_stderr=True,
        )
        self._live.start()

    def __call__(self, event: Event) -> None:
        self._board.take(event)
        match event:
            case Note(message=message, node=node):
                self._console.print(Text(f"  {node + ': ' if node else ''}{message}", "yellow"))
            case RunEnded():
                self._over = True
            case _:
                return

    def close(self) -> None:
        self._over = True
        self._live.stop()

    # ---- drawing

    def _draw(self) -> Group:
        run = self._board.run
        if run is None:
            return Group()
        title = Text.assemble(
            ("run " + run.id, "bold"), f"  {run.pipeline}", (f"  on {run.stack}", "dim")
        )
        return Group(title, self._steps(), *self._footer())

    def _steps(self) -> Table:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=1)
        grid.add_column(no_wrap=True, overflow="ellipsis", max_width=40)
        grid.add_column(no_wrap=True)
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        # A long pipeline shows what runs and what ended last; all of it when it is over.
        steps = [*self._board.steps.values()]
        room = max(self._console.height - 6, 5)
        if not self._over and len(steps) > room:
            going = [step for step in steps if step.status not in FINAL]
            ended = [step for step in steps if step.status in FINAL]
            steps = [*ended[-max(room - len(going), 2) :], *going[:room]]
        for step in steps:
            style = STATUS.get(step.status, "dim")
            grid.add_row(
                Text(MARKS.get(step.status, " "), style),
                step.name,
                Text(step.status, style),
                self._took(step),
                self._about(step),
            )
        return grid

    def _took(self, step: StepRecord) -> str:
        if step.status == "reused" or not step.started:
            return ""
        return duration(((step.ended or now()) - step.started) / 1e6)

    def _about(self, step: StepRecord) -> Text | Table:
        items = self._board.items.get(step.node, Counter())
        total = self._board.totals.get(step.node)
        if total is not None and step.status not in FINAL:
            return _bar(sum(items.values()), total, counted(items))
        progress = self._board.progress.get(step.node)
        if progress is not None and step.status == "running":
            if progress.total:
                return _bar(progress.done, progress.total, progress.message)
            # Without a total, what lies between none and all of it is a share.
            share = 0 < progress.done < 1
            done = f"{progress.done:.0%}" if share else f"{progress.done:g}"
            return Text(f"{done} {progress.message}", "dim")
        words = [f"{total} items: {counted(items)}" if total is not None and items else step.reason]
        if step.status == "failed" and step.error:
            words = [f"{step.error.type}: {' '.join(step.error.message.split())}"]
        return Text("; ".join(filter(None, [*words, *step.notes])), "dim", no_wrap=True)

    def _footer(self) -> list[Text]:
        if self._over:
            return []
        counts = Counter[str](step.status for step in self._board.steps.values())
        passed = duration(time.monotonic() - self._began)
        return [Text(f"{passed}  {counted(counts)}", "dim")]


def _bar(done: float, total: float, message: str) -> Table:
    row = Table.grid(padding=(0, 1))
    row.add_column(width=20)
    row.add_column(no_wrap=True, overflow="ellipsis")
    row.add_row(
        ProgressBar(total=total, completed=min(done, total), width=20),
        Text(f"{done:g}/{total:g} {message}", "dim"),
    )
    return row
