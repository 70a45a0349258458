"""Metrics as rows of a table: those of a long map as one, the mean of its items."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.core.conditions import mean
from penstock.core.records import Metric
from penstock.views.words import number

FEW = 10
"""Items of a map that are told one by one."""


def measures(
    metrics: Sequence[tuple[str, Metric]], *, every: bool = False
) -> list[tuple[str, str]]:
    """Name and value of each; with `every`, of each item, however many there are."""
    items: dict[tuple[str, str], list[float]] = {}
    for step, metric in metrics:
        items.setdefault((step.partition("[")[0], metric.name), []).append(metric.value)
    found: dict[str, str] = {}
    for step, metric in metrics:
        node = step.partition("[")[0]
        values = items[node, metric.name]
        if every or len(values) <= FEW:
            found[f"{step}.{metric.name}"] = number(metric.value)
        else:
            found[f"{node}.{metric.name}"] = f"{number(mean(values))}, the mean of {len(values):,}"
    return [*found.items()]
