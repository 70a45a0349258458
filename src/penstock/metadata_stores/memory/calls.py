"""The cache in memory, and what a step was before."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.core.records import (
    CallRecord,
    Manifest,
    RunRecord,
    StepRecord,
    now,
)
from penstock.metadata_stores.memory.state import State


class MemoryCalls:
    def __init__(self, state: State) -> None:
        self._state = state

    def find(self, key: str, seed: int) -> CallRecord | None:
        with self._state.lock:
            entry = self._state.find(key, seed)
            return entry.record if entry else None

    def previous(self, run: RunRecord, node: str, index: str, ref: str) -> StepRecord | None:
        with self._state.lock:
            known = self._state.runs.get(run.id)
            limit = known.number if known else self._state.number()
            runs = [other for other in self._state.runs.values() if other.number < limit]
            for other in sorted(runs, key=lambda r: -r.number):
                step = other.steps.get((node, index))
                same = (other.record.project, other.record.pipeline) == (run.project, run.pipeline)
                if same and step and step.entry and step.entry.parts:
                    return step.record
            return self._elsewhere(ref, limit) if ref else None

    def _elsewhere(self, ref: str, limit: int) -> StepRecord | None:
        made = (e for e in self._state.entries if e.ref == ref and e.parts and e.run < limit)
        for entry in sorted(made, key=lambda e: (-e.run, -e.number)):
            uses = [(r.number, s) for r, s in self._state.referring(entry) if r.number < limit]
            if uses:
                return max(uses, key=lambda use: use[0])[1].record
        return None

    def checkpoint(self, key: str) -> Manifest | None:
        with self._state.lock:
            _, id = self._state.checkpoints.get(key, (0, ""))
            return self._state.artifacts[id].manifest if id in self._state.artifacts else None

    def forget(self, keys: Sequence[str]) -> None:
        with self._state.lock:
            for entry in self._state.entries:
                if entry.record.key in keys and not entry.withdrawn:
                    entry.withdrawn = now()
