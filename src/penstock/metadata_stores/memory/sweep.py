"""What nothing in memory reaches any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penstock.core.records import (
    Manifest,
)
from penstock.metadata_stores.memory.state import State


class MemorySweep:
    def __init__(self, state: State) -> None:
        self._state = state

    def doomed(self, older: int) -> Sequence[Manifest]:
        with self._state.lock:
            reached = self._reached(older)
            return tuple(a.manifest for id, a in self._state.artifacts.items() if id not in reached)

    def _reached(self, older: int) -> set[str]:
        state = self._state
        found = {id for id, artifact in state.artifacts.items() if artifact.created >= older}
        found.update(id for _, id in state.checkpoints.values())
        taken: set[str] = set()
        for entry in state.entries:
            fresh = not entry.withdrawn or entry.withdrawn >= older
            if fresh or next(state.referring(entry), None) is not None:
                found.update(made.artifact for _, made in entry.made())
                found.update(entry.extras)
                taken.update(entry.record.parts.inputs.values())
        found.update(id for id, a in state.artifacts.items() if a.manifest.content in taken)
        ahead = list(found)
        while ahead:
            new = state.members.get(ahead.pop(), set()) - found
            found |= new
            ahead.extend(new)
        return found

    def bury(self, artifacts: Sequence[str]) -> Sequence[str]:
        state = self._state
        with state.lock:
            reached = self._reached(older=2**62)
            gone = [
                state.artifacts.pop(id).manifest
                for id in dict.fromkeys(artifacts)
                if id in state.artifacts and id not in reached
            ]
            for manifest in gone:
                state.members.pop(manifest.id, None)
            state.entries = [
                entry
                for entry in state.entries
                if not entry.withdrawn or next(state.referring(entry), None) is not None
            ]
            files = dict.fromkeys(file.digest for m in gone if m.inline is None for file in m.files)
            return self.unnamed(tuple(files))

    def suspects(self, boot: str) -> Sequence[Manifest]:
        with self._state.lock:
            return tuple(
                a.manifest
                for a in self._state.artifacts.values()
                if not a.durable and a.boot != boot
            )

    def vouch(self, artifacts: Sequence[str]) -> None:
        with self._state.lock:
            for id in artifacts:
                if id in self._state.artifacts:
                    self._state.artifacts[id].durable = True

    def artifacts(self) -> Iterator[Manifest]:
        with self._state.lock:
            return iter([artifact.manifest for artifact in self._state.artifacts.values()])

    def unnamed(self, digests: Sequence[str]) -> Sequence[str]:
        with self._state.lock:
            named = {
                file.digest
                for artifact in self._state.artifacts.values()
                if artifact.manifest.inline is None
                for file in artifact.manifest.files
            }
            return tuple(digest for digest in digests if digest not in named)
