"""Runs in memory, read and edited."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from penstock.core.conditions import Measure, Names, flat, measured
from penstock.core.ports import RunFilter
from penstock.core.records import (
    Metric,
    RunRecord,
    StepRecord,
    now,
)
from penstock.metadata_stores import rules
from penstock.metadata_stores.chosen import Chosen, in_order, looking, passes, ranks
from penstock.metadata_stores.memory.state import State


class MemoryRuns:
    def __init__(self, state: State) -> None:
        self._state = state

    def get(self, prefix: str, project: str | None = None) -> RunRecord:
        with self._state.lock:
            return self._state.shown(self._state.run(prefix, project))

    def list(self, filter: RunFilter) -> Sequence[RunRecord]:
        with self._state.lock:
            found = []
            for held in self._state.runs.values():
                run = self._state.shown(held)
                look = looking(run, partial(self.metrics, run.id))
                if passes(run, filter, look):
                    found.append(Chosen(ranks(filter.order, look), run.created, held.number, run))
            return tuple(one.run for one in in_order(found, filter.order))[: filter.limit]

    def names(self, project: str | None = None) -> Names:
        with self._state.lock:
            runs = [*self._state.runs.values()]
            steps = [step for run in runs for step in run.steps.values()]
            here = (run for run in runs if project in (None, run.record.project))
            return Names(
                parameters=_sorted(path for run in runs for path in flat(run.record.parameters)),
                steps=_sorted(node for run in here for node, _ in run.steps),
                metrics=_sorted(m.name for step in steps for m in step.record.logged.metrics),
            )

    def measured(self, runs: Sequence[str], metric: Measure) -> Sequence[float | None]:
        with self._state.lock:
            known = (self._state.runs.get(run) for run in runs)
            found = [measured(self.metrics(run.record.id), metric) if run else () for run in known]
            return [values[0].number if values else None for values in found]

    def steps(self, run: str, node: str | None = None) -> Sequence[StepRecord]:
        with self._state.lock:
            held = self._state.run(run)
            gone = self._state.dead(held)
            return tuple(
                rules.in_order(
                    (s.position, rules.crashed_step(s.record, held.seen) if gone else s.record)
                    for s in held.steps.values()
                    if node in (None, s.record.node)
                )
            )

    def metrics(self, run: str, *, last: bool = True) -> Sequence[tuple[str, Metric]]:
        return tuple(
            (step.name, step.logged.metrics[at])
            for step in self.steps(run)
            for at in (
                rules.last_of_each(step.logged.metrics) if last else range(len(step.logged.metrics))
            )
        )

    def edit(
        self,
        run: str,
        *,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        note: str | None = None,
        kept: bool | None = None,
    ) -> RunRecord:
        changes: dict[str, Any] = {"name": name, "note": note, "kept": kept}
        changes["tags"] = None if tags is None else tuple(dict.fromkeys(tags))
        with self._state.lock:
            held = self._state.run(run)
            given = {field: value for field, value in changes.items() if value is not None}
            held.record = replace(held.record, **given)
            return self._state.shown(held)

    def remove(self, run: str) -> None:
        state = self._state
        with state.lock:
            held = state.run(run)
            rules.check_removable(state.shown(held))
            for step in held.steps.values():
                entry = step.entry
                if entry and not entry.withdrawn:
                    others = (other for other, _ in state.referring(entry) if other is not held)
                    if next(others, None) is None:
                        entry.withdrawn = now()
            del state.runs[held.record.id]
            state.checkpoints = {
                key: saved for key, saved in state.checkpoints.items() if saved[0] != held.number
            }
            state.claims = {k: n for k, n in state.claims.items() if n != held.number}


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
