"""What the memory store holds: plain objects behind one lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from penstock.core import liveness
from penstock.core.ports import Liveness
from penstock.core.records import (
    CallRecord,
    Made,
    Manifest,
    RunRecord,
    StepRecord,
    now,
)
from penstock.metadata_stores import rules


@dataclass(eq=False)
class Entry:
    """A performed call; a cache entry as long as `withdrawn` is 0."""

    number: int
    record: CallRecord
    ref: str
    run: int
    extras: tuple[str, ...]
    withdrawn: int = 0

    @property
    def parts(self) -> bool:
        return self.record.parts != rules.NO_PARTS

    def made(self) -> Iterator[tuple[str, Made]]:
        yield from self.record.outputs.items()
        yield from self.record.logged.artifacts.items()


@dataclass(eq=False)
class Step:
    position: int
    record: StepRecord
    entry: Entry | None


@dataclass(eq=False)
class Run:
    number: int
    record: RunRecord
    token: str
    boot: str
    expires: int
    seen: int
    steps: dict[tuple[str, str], Step] = field(default_factory=dict)


@dataclass(eq=False)
class Artifact:
    manifest: Manifest
    run: int
    boot: str
    durable: bool
    created: int


@dataclass(eq=False)
class State:
    alive: Liveness
    clock: Callable[[], int]
    lock: threading.RLock = field(default_factory=threading.RLock)
    runs: dict[str, Run] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    claims: dict[str, int] = field(default_factory=dict)
    checkpoints: dict[str, tuple[int, str]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    memos: dict[str, str] = field(default_factory=dict)
    numbers: int = 0

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    def dead(self, run: Run) -> bool:
        if run.record.status != "running" or run.record.owner is None:
            return False
        return rules.dead(run.record.owner, run.boot, run.expires, self.clock(), self.alive)

    def owned(self, token: str) -> Run:
        for run in self.runs.values():
            if run.token == token and run.record.status == "running":
                return run
        raise rules.lost(token)

    def renewed(self, run: Run) -> None:
        run.seen, run.boot = now(), liveness.boot()
        run.expires = self.clock() + rules.LEASE

    def ordered(self) -> list[Run]:
        """Newest first."""
        return sorted(self.runs.values(), key=lambda r: (-r.record.created, -r.number))

    def run(self, wanted: str, project: str | None = None) -> Run:
        if wanted in self.runs:
            return self.runs[wanted]
        known = [
            (run.record.id, run.record.name)
            for run in self.ordered()
            if project in (None, run.record.project)
        ]
        return self.runs[rules.pick(wanted, known)]

    def shown(self, run: Run) -> RunRecord:
        return rules.crashed(run.record, run.seen) if self.dead(run) else run.record

    def find(self, key: str, seed: int) -> Entry | None:
        for entry in reversed(self.entries):
            if entry.record.key == key and not entry.withdrawn and entry.record.seed in (-1, seed):
                return entry
        return None

    def referring(self, entry: Entry) -> Iterator[tuple[Run, Step]]:
        for run in self.runs.values():
            for step in run.steps.values():
                if step.entry is entry:
                    yield run, step
