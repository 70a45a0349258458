"""Two runs side by side: what went in, what came out, and whose code differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from penstock.client import Client
from penstock.core.parts import Change, explain, words
from penstock.core.records import RunRecord, StepRecord

Pair = tuple[Any, Any]
"""What the first run has, and the second; None where one has none."""


class Comparison(Struct, frozen=True, kw_only=True):
    """The differences between two runs. Durations are of all steps, in seconds."""

    first: str
    second: str
    facts: dict[str, Pair] = {}
    """Of the runs as wholes: pipeline, status, took (seconds), seed, commit, python."""
    parameters: dict[str, Pair] = {}
    metrics: dict[str, Pair] = {}
    statuses: dict[str, Pair] = {}
    code: tuple[str, ...] = ()
    """Steps of both runs whose code differs."""
    seconds: dict[str, Pair] = {}
    changes: dict[str, tuple[Change, ...]] = {}
    """By step: each part of its key that differs. Of a map, the first item that does."""

    def __repr__(self) -> str:
        lines = [f"{self.first} | {self.second}"]
        for title in ("facts", "parameters", "metrics", "statuses", "seconds"):
            table: Mapping[str, Pair] = getattr(self, title)
            lines += [title] if table else []
            width = max(map(len, table), default=0)
            lines += [f"  {k:{width}}  {_cell(a)} | {_cell(b)}" for k, (a, b) in table.items()]
        lines += ["changes"] if self.changes else []
        for name, changes in self.changes.items():
            lines += [f"  {name}: {words(change)}" for change in changes]
        return "\n".join(lines)


def compare(client: Client, first: str, second: str) -> Comparison:
    """The first run beside the second. Raises NotFound."""
    one, other = client.run(first), client.run(second)
    every, more = client.steps(one.id), client.steps(other.id)
    steps, others = _whole(every), _whole(more)
    return Comparison(
        first=one.id,
        second=other.id,
        facts=_differing(_facts(one), _facts(other)),
        parameters=_differing(one.parameters, other.parameters),
        metrics=_differing(_metrics(client, one), _metrics(client, other)),
        statuses=_differing(_each(steps, "status"), _each(others, "status")),
        code=tuple(name for name in steps if _other_code(steps[name], others.get(name))),
        seconds={
            name: (_seconds(steps.get(name)), _seconds(others.get(name)))
            for name in dict.fromkeys((*steps, *others))
        },
        changes=_changes(client, every, more),
    )


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Pair]:
    names = dict.fromkeys((*one, *other))
    pairs = {name: (one.get(name), other.get(name)) for name in names}
    # NaN differs from itself, but not to people.
    return {k: (a, b) for k, (a, b) in pairs.items() if a != b and not (a != a and b != b)}


def _facts(run: RunRecord) -> dict[str, Any]:
    origin = run.provenance
    return {
        "pipeline": run.pipeline,
        "status": run.status,
        "took": round((run.ended - run.started) / 1e6, 3) if run.ended else None,
        "seed": run.seed,
        "commit": (origin.commit[:8] + (" with changes" if origin.dirty else "")) or None,
        "python": origin.python or None,
    }


def _whole(steps: Iterable[StepRecord]) -> dict[str, StepRecord]:
    return {step.node: step for step in steps if not step.index}


def _changes(
    client: Client, steps: Iterable[StepRecord], others: Iterable[StepRecord]
) -> dict[str, tuple[Change, ...]]:
    before = {step.name: step.parts for step in steps if step.parts is not None}
    found: dict[str, tuple[Change, ...]] = {}
    told: set[str] = set()
    for step in others:
        old = before.get(step.name)
        if old is None or step.parts is None or step.node in told or old == step.parts:
            continue
        if changes := explain(old, step.parts, client.code_of, ref=step.ref):
            found[step.name] = changes
            told.add(step.node)
    return found


def _metrics(client: Client, run: RunRecord) -> dict[str, float]:
    return {f"{node}.{metric.name}": metric.value for node, metric in client.metrics(run.id)}


def _each(steps: Mapping[str, StepRecord], field: str) -> dict[str, Any]:
    return {name: getattr(step, field) for name, step in steps.items()}


def _other_code(step: StepRecord, other: StepRecord | None) -> bool:
    # What was skipped has no code to compare.
    if other is None or step.parts is None or other.parts is None:
        return False
    return step.parts.code != other.parts.code


def _seconds(step: StepRecord | None) -> float | None:
    if step is None or not step.started or not step.ended:
        return None
    return round((step.ended - step.started) / 1e6, 3)


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
