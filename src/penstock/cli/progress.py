"""A run as it goes on, line by line: what a pipe, a log file and a CI job show."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from penstock.cli.terminal import Terminal, cut, duration
from penstock.core.events import (
    Event,
    Note,
    Progress,
    RunStarted,
    StepChanged,
    StepsPlanned,
)
from penstock.core.records import FINAL, RunRecord, StepRecord


class View(Protocol):
    """Shows events; `close` when no more come."""

    def __call__(self, event: Event) -> None: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class Board:
    """What is known of a run's steps, kept from its events. Items of maps are only counted."""

    run: RunRecord | None = None
    steps: dict[str, StepRecord] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    items: dict[str, Counter[str]] = field(default_factory=dict)
    active: dict[str, set[str]] = field(default_factory=dict)
    progress: dict[str, Progress] = field(default_factory=dict)
    failures: int = 0

    def take(self, event: Event) -> None:
        match event:
            case RunStarted(run=run):
                self.run = run
            case StepsPlanned(node=node, total=total) if node:
                self.totals[node] = total
            case StepChanged(step=step) if step.index:
                self._item(step)
            case StepChanged(step=step):
                self.steps[step.node] = step
                if step.total is not None:
                    self.totals[step.node] = step.total
                self.failures += step.status == "failed"
                if step.status in FINAL:
                    self.progress.pop(step.node, None)
            case Progress(node=node):
                self.progress[node] = event

    def _item(self, step: StepRecord) -> None:
        active = self.active.setdefault(step.node, set())
        if step.status in FINAL:
            active.discard(step.index)
            self.items.setdefault(step.node, Counter())[step.status] += 1
            self.failures += step.status == "failed"
        elif step.status == "running":
            active.add(step.index)

    def ended(self, node: str) -> int:
        return sum(self.items.get(node, Counter()).values())


def seconds(step: StepRecord) -> str:
    """How long it took, if it was this run that did it."""
    if step.status == "reused" or not step.started or not step.ended:
        return ""
    return duration((step.ended - step.started) / 1e6)


def counted(items: Counter[str]) -> str:
    return ", ".join(f"{count} {status}" for status, count in items.items())


class Lines:
    """A line for each step that has ended; of maps only failures and the sum."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._board = Board()
        self._widest = 8

    def __call__(self, event: Event) -> None:
        self._board.take(event)
        match event:
            case RunStarted(run=run):
                name = f" '{run.name}'" if run.name else ""
                self._terminal.note(f"run {run.id}{name}: {run.pipeline} on {run.stack}")
            case StepChanged(step=step) if step.status in FINAL:
                if not step.index or step.status == "failed":
                    self._terminal.note(self._line(step))
            case Note(message=message, node=node):
                self._terminal.note(f"  {node + ': ' if node else ''}{message}")
            case _:
                return

    def _line(self, step: StepRecord) -> str:
        self._widest = max(self._widest, len(step.name))
        words = [step.reason, *step.notes]
        if not step.index and (items := self._board.items.get(step.node)):
            words = [f"{sum(items.values())} items: {counted(items)}", *step.notes]
        if step.status == "failed" and step.error:
            first = step.error.message.strip().partition("\n")[0]
            words = [f"{step.error.type}: {cut(first, 200)}"]
        status = self._terminal.status(step.status, err=True, width=9)
        text = "; ".join(filter(None, words))
        return f"  {step.name:<{self._widest}}  {status} {seconds(step):>8}  {text}".rstrip()

    def close(self) -> None:
        return
