"""Two runs side by side: what went in, what came out, and whose code differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from penstock.client import Client
from penstock.core.records import RunRecord, StepRecord

Pair = tuple[Any, Any]
"""What the first run has, and the second; None where one has none."""


class Comparison(Struct, frozen=True, kw_only=True):
    """The differences between two runs. Durations are of all steps, in seconds."""

    first: str
    second: str
    parameters: dict[str, Pair] = {}
    metrics: dict[str, Pair] = {}
    statuses: dict[str, Pair] = {}
    code: tuple[str, ...] = ()
    """Steps of both runs whose code differs."""
    seconds: dict[str, Pair] = {}

    def __repr__(self) -> str:
        lines = [f"{self.first} | {self.second}"]
        for title in ("parameters", "metrics", "statuses", "seconds"):
            table: Mapping[str, Pair] = getattr(self, title)
            lines += [title] if table else []
            width = max(map(len, table), default=0)
            lines += [f"  {k:{width}}  {_cell(a)} | {_cell(b)}" for k, (a, b) in table.items()]
        if self.code:
            lines += ["code", f"  {', '.join(self.code)}"]
        return "\n".join(lines)


def compare(client: Client, first: str, second: str) -> Comparison:
    """The first run beside the second. Raises NotFound."""
    one, other = client.run(first), client.run(second)
    steps, others = _steps(client, one), _steps(client, other)
    return Comparison(
        first=one.id,
        second=other.id,
        parameters=_differing(one.parameters, other.parameters),
        metrics=_differing(_metrics(client, one), _metrics(client, other)),
        statuses=_differing(_each(steps, "status"), _each(others, "status")),
        code=tuple(name for name in steps if _other_code(steps[name], others.get(name))),
        seconds={
            name: (_seconds(steps.get(name)), _seconds(others.get(name)))
            for name in dict.fromkeys((*steps, *others))
        },
    )


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Pair]:
    names = dict.fromkeys((*one, *other))
    pairs = {name: (one.get(name), other.get(name)) for name in names}
    # NaN differs from itself, but not to people.
    return {k: (a, b) for k, (a, b) in pairs.items() if a != b and not (a != a and b != b)}


def _steps(client: Client, run: RunRecord) -> dict[str, StepRecord]:
    return {step.node: step for step in client.steps(run.id) if not step.index}


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
