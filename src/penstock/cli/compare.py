"""`penstock compare`: what differs between two runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from penstock.cli.flags import as_json, client, complete_run, on_stack
from penstock.cli.terminal import duration, number, terminal
from penstock.client import Client
from penstock.core.parts import Change, explain, words
from penstock.core.records import RunRecord, StepRecord


@click.command()
@click.argument("first", metavar="RUN", shell_complete=complete_run)
@click.argument("second", metavar="[RUN]", default="last", shell_complete=complete_run)
@on_stack
@as_json
def command(first: str, second: str, stack: str, as_json: bool) -> None:
    reader = client(stack)
    runs = reader.run(first), reader.run(second)
    parameters = _different(*(run.parameters for run in runs))
    metrics = _different(*(_metrics(reader, run) for run in runs))
    changes = _changes(reader, *runs)
    facts = _different(*(_facts(run) for run in runs))
    if as_json:
        terminal.json(
            {
                "runs": [run.id for run in runs],
                "facts": facts,
                "parameters": parameters,
                "metrics": metrics,
                "steps": changes,
            }
        )
        return
    head = (runs[0].id, runs[1].id)
    for title, table in (("", facts), ("parameter", parameters), ("metric", metrics)):
        if table:
            rows = [(name, _shown(a), _shown(b)) for name, (a, b) in table.items()]
            terminal.table((title, *head), rows)
            terminal.out()
    for step, found in changes.items():
        for change in found:
            terminal.out(f"  {step}: {words(change)}")
    if not parameters and not changes:
        terminal.out("the same code, parameters and inputs")


def _different(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, tuple[object, object]]:
    names = dict.fromkeys([*before, *after])
    return {
        name: (before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    }


def _metrics(reader: Client, run: RunRecord) -> dict[str, float]:
    return {f"{node}.{metric.name}": metric.value for node, metric in reader.metrics(run.id)}


def _facts(run: RunRecord) -> dict[str, object]:
    origin = run.provenance
    return {
        "pipeline": run.pipeline,
        "status": run.status,
        "took": duration((run.ended - run.started) / 1e6) if run.ended else "",
        "seed": run.seed,
        "commit": origin.commit[:8] + (" with changes" if origin.dirty else ""),
        "python": origin.python,
    }


def _changes(reader: Client, first: RunRecord, second: RunRecord) -> dict[str, tuple[Change, ...]]:
    before = _parts(reader.steps(first.id))
    found: dict[str, tuple[Change, ...]] = {}
    for name, step in _parts(reader.steps(second.id)).items():
        old = before.get(name)
        if old is None or old.parts is None or step.parts is None:
            continue
        if changes := explain(old.parts, step.parts, reader.code_of, ref=step.ref):
            found[name] = changes
    return found


def _parts(steps: Any) -> dict[str, StepRecord]:
    return {step.name: step for step in steps if step.parts is not None}


def _shown(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    return "" if value is None else str(value)
