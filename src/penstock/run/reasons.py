"""Why a call is executed, in a line: its key beside the one that the step had before."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct, field

from penstock.core.graph import Closure, StepNode
from penstock.core.parts import explain, reason
from penstock.core.ports import Calls, Catalog
from penstock.core.records import NONE, RunRecord, StepRecord
from penstock.errors import NotFound
from penstock.run.decide import Keyed


class Reasons(Struct):
    """Looks up what came before; remembers closures."""

    calls: Calls
    catalog: Catalog
    run: RunRecord
    current: Mapping[str, Callable[[], Closure]]
    """Closures of this run's steps, by code digest."""
    first: bool = False
    """The pipeline has never run before: there is nothing to compare with."""
    known: dict[str, Closure | None] = field(default_factory=dict)

    def of(self, node: StepNode, id: str, index: str, keyed: Keyed) -> str:
        if self.first:
            return "first run"
        before = self.calls.previous(self.run, id, index, node.ref)
        if before is None or before.parts is None:
            return "first run"
        if words := reason(explain(before.parts, keyed.parts, self.closure, ref=node.ref)):
            return words
        if before.status == "failed":
            return f"it failed in run {before.run}"
        if before.status in ("cancelled", "crashed", "running"):
            return f"it did not end in run {before.run}"
        if not keyed.cacheable:
            return "it is not cached"
        if before.drew and before.seed != keyed.seed:
            return f"its seed {before.seed} → {keyed.seed}"
        if any(note.startswith("not cached") for note in before.notes):
            return f"its result in run {before.run} was not cached"
        if node.cache.enabled is None and self._nothing(before):
            return "what returns None is not cached, unless by cache=True"
        return "its result is not known any more"

    def _nothing(self, step: StepRecord) -> bool:
        """Whether it returned None."""
        try:
            return all(
                self.catalog.manifest(one.artifact).type == NONE for one in step.outputs.values()
            )
        except NotFound:
            return False

    def closure(self, code: str) -> Closure | None:
        """What a code digest stands for."""
        if code not in self.known:
            if code in self.current:
                self.known[code] = self.current[code]()
            else:
                text = self.catalog.texts([code]).get(code)
                self.known[code] = msgspec.json.decode(text, type=Closure) if text else None
        return self.known[code]
