"""Records in this process's memory: for tests, and the reference of what a store does."""

from __future__ import annotations

from collections.abc import Callable

from penstock.core import liveness
from penstock.core.ports import Liveness, MetadataStore
from penstock.metadata_stores import rules
from penstock.metadata_stores.memory.calls import MemoryCalls
from penstock.metadata_stores.memory.catalog import MemoryCatalog
from penstock.metadata_stores.memory.journal import MemoryJournal
from penstock.metadata_stores.memory.runs import MemoryRuns
from penstock.metadata_stores.memory.state import State
from penstock.metadata_stores.memory.sweep import MemorySweep


class MemoryStore:
    """Nothing outlives the process, and no other process sees it. Safe for several threads."""

    def __init__(
        self, *, alive: Liveness = liveness.alive, clock: Callable[[], int] = rules.clock
    ) -> None:
        state = State(alive, clock)
        self.journal = MemoryJournal(state)
        self.calls = MemoryCalls(state)
        self.runs = MemoryRuns(state)
        self.catalog = MemoryCatalog(state)
        self.sweep = MemorySweep(state)

    def address(self) -> str:
        return ""

    def close(self) -> None:
        pass


def _conforms(store: MemoryStore) -> MetadataStore:
    return store
