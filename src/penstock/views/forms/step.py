"""One step of a run for a notebook: how it went, and what it made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock.core.records import Metric, StepRecord
from penstock.views.forms.parts import (
    code,
    facts,
    fold,
    form,
    heading,
    pre,
    section,
    soft,
    status,
    table,
    tag,
)
from penstock.views.forms.run import Summed, error_part, metrics_table, summed
from penstock.views.words import about, took

TAIL = 200
"""Lines of a log."""


def step_run_form(
    step: StepRecord,
    items: Sequence[StepRecord],
    outputs: Mapping[str, str],
    artifacts: Mapping[str, str],
    log: str,
) -> str:
    """`outputs` and `artifacts` are descriptions by name; `items` those of a map."""
    line = summed((step, *items)).get(step.node, Summed(step.node))
    metrics: dict[str, Metric] = {one.name: one for one in step.logged.metrics}
    return form(
        heading(step.name, status(step.status), soft("of run"), code(step.run)),
        tag("p", line.about if items else about(step)) if step.status != "failed" else "",
        error_part("", step.error) if step.error else "",
        facts(
            {
                "took": line.took if items else took(step),
                "cpu": f"{step.cpu:.2f} s" if step.cpu else "",
                "memory": _memory(step),
                "attempt": str(step.attempt) if step.attempt > 1 else "",
                "seed": str(step.seed) if step.drew and step.seed is not None else "",
                "function": code(step.ref) if step.ref else "",
                "reads": ", ".join(step.reads),
            }
        ),
        section("metrics", metrics_table([(step.node, one) for one in metrics.values()])),
        section("outputs", table((), list(outputs.items()))),
        section("artifacts", table((), list(artifacts.items()))),
        section("items", _items(items)),
        fold("log", pre(_tail(log))),
    )


def _memory(step: StepRecord) -> str:
    if not step.memory or step.status == "reused":
        return ""
    return f"{'' if step.exact else '~'}{step.memory / 1e6:,.0f} MB"


def _items(items: Sequence[StepRecord]) -> str:
    rows = [(f"[{item.index}]", status(item.status), took(item), about(item)) for item in items]
    return table((), rows, right=(2,))


def _tail(log: str) -> str:
    lines = log.splitlines()
    if len(lines) <= TAIL:
        return log
    return "\n".join([f"… {len(lines) - TAIL:,} lines before", *lines[-TAIL:]])
