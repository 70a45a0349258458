"""Artifacts, texts and memos in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from penstock.core.records import (
    Manifest,
    RunRecord,
)
from penstock.metadata_stores import rules
from penstock.metadata_stores.memory.state import Entry, State, Step


class MemoryCatalog:
    def __init__(self, state: State) -> None:
        self._state = state

    def manifest(self, id: str) -> Manifest:
        with self._state.lock:
            known = self._state.artifacts
            found = (
                [id] if id in known else [other for other in known if id and other.startswith(id)]
            )
            if len(found) != 1:
                raise rules.no_artifact(id, len(found))
            return known[found[0]].manifest

    def _uses(self) -> Iterator[tuple[RunRecord, Step, Entry]]:
        for run in sorted(self._state.runs.values(), key=lambda r: r.number):
            for step in sorted(run.steps.values(), key=lambda s: s.position):
                if step.entry is not None:
                    yield run.record, step, step.entry

    def producers(self, id: str) -> Sequence[tuple[str, str, str, str]]:
        with self._state.lock:
            if id not in self._state.artifacts:
                return ()
            return tuple(
                (run.id, step.record.node, step.record.index, name)
                for run, step, entry in self._uses()
                for name in sorted(
                    [name for name, made in entry.made() if made.artifact == id]
                    + [""] * (id in entry.extras)
                )
            )

    def consumers(self, content: str) -> Sequence[tuple[str, str, str, str]]:
        with self._state.lock:
            return tuple(
                (run.id, step.record.node, step.record.index, name)
                for run, step, entry in self._uses()
                for name, digest in sorted(entry.record.parts.inputs.items())
                if digest == content
            )

    def texts(self, digests: Sequence[str]) -> Mapping[str, str]:
        with self._state.lock:
            return {
                digest: self._state.texts[digest]
                for digest in digests
                if digest in self._state.texts
            }

    def memo(self, name: str, value: str | None = None) -> str | None:
        with self._state.lock:
            if value is not None:
                self._state.memos[name] = value
            return self._state.memos.get(name)
