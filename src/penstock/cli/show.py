"""`penstock show`: one run: its steps, parameters, metrics and errors; or one artifact."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from penstock.cli import completing
from penstock.cli.flags import as_json, client, on_stack, step_argument
from penstock.cli.terminal import duration, lasted, one_line, terminal, when
from penstock.client import Client
from penstock.core.records import Metric, RunRecord, StepRecord, now
from penstock.errors import NotFound, UsageError
from penstock.views.measures import measures


@click.command()
@click.argument(
    "run_id",
    metavar="[RUN|ARTIFACT|RUN/STEP]",
    default="last",
    shell_complete=completing.run,
)
@step_argument()
@click.option("--items", is_flag=True, help="Every item of maps, not only their sums.")
@click.option("--yaml", "as_yaml", is_flag=True, help="Its pipeline, as `compile` writes it.")
@click.option(
    "--lineage",
    "tree",
    is_flag=True,
    help="Of an artifact: what it was made from, and what was made from it.",
)
@on_stack
@as_json
def command(
    run_id: str, step: str, items: bool, as_yaml: bool, tree: bool, stack: str, as_json: bool
) -> None:
    reader = client(stack)
    if step:
        run_id = f"{run_id}/{step}"
    run = _run(reader, run_id)
    if run is None or tree:
        # Runs are shown more often: they do not pay for what looks into artifacts.
        from penstock.cli.artifact import show

        if run is not None:
            raise UsageError(
                f"'{run_id}' is a run, and artifacts have a lineage",
                hint=f"Name an output of it: penstock show {run_id}/STEP --lineage",
            )
        show(reader, run_id, tree=tree, as_json=as_json)
        return
    if as_yaml:
        terminal.out(reader.yaml(run.id).removesuffix("\n"))
        return
    steps = reader.steps(run.id)
    metrics = reader.metrics(run.id)
    if as_json:
        series = [{"step": node, **_metric(metric)} for node, metric in metrics]
        terminal.json({"run": run, "steps": steps, "metrics": series})
        return
    _head(run)
    _section("parameters", ((name, _short(value)) for name, value in run.parameters.items()))
    if steps:
        terminal.out()
        show_steps(steps, items=items)
    _section("metrics", measures(metrics, every=items))
    show_errors(run, steps)


def _run(reader: Client, name: str) -> RunRecord | None:
    """None where it is the name of an artifact."""
    if name.startswith("artifact:"):
        return None
    try:
        return reader.run(name)
    except NotFound:
        if "/" in name or (len(name) >= 4 and set(name) <= set("0123456789abcdef")):
            return None
        raise


def _head(run: RunRecord) -> None:
    took = lasted(run)
    title = one_line(f"run {run.id}" + (f" '{run.name}'" if run.name else ""))
    terminal.out(f"{terminal.style(title, 'bold')}  {run.pipeline}  {terminal.status(run.status)}")
    origin = run.provenance
    code = f"{origin.branch} {origin.commit[:8]}".strip() + (
        " with changes" if origin.dirty else ""
    )
    facts = {
        "began": f"{when(run.created)}, took {took}" if took else when(run.created),
        "stack": run.stack,
        "seed": str(run.seed),
        "date": run.logical_date,
        "tags": " ".join(run.tags),
        "note": run.note,
        "kept": "yes" if run.kept else "",
        "code": code,
        "command": _command(origin.command),
        "by": f"{origin.user}@{origin.host}".strip("@"),
        "python": origin.python,
        "parent": run.parent,
    }
    for name, value in facts.items():
        if value:
            terminal.out(f"  {terminal.style(f'{name:<8}', 'dim')} {one_line(value)}")


def _command(words: Sequence[str]) -> str:
    """As it was typed: without the paths of Python and of our own entry point."""
    words = [*words]
    if words and Path(words[0]).name.startswith("python"):
        words = ["python", *words[1:]]
        if len(words) > 1 and Path(words[1]).name == "penstock":
            words = ["penstock", *words[2:]]
    return shlex.join(words)


def _section(title: str, pairs: Iterable[tuple[str, str]]) -> None:
    rows = [("  " + name, value) for name, value in pairs]
    if rows:
        terminal.out()
        terminal.table((title, ""), rows)


def show_steps(steps: Sequence[StepRecord], *, items: bool = False) -> None:
    """One line a step; a map is its sum."""
    maps: dict[str, list[StepRecord]] = {}
    for step in steps:
        if step.index:
            maps.setdefault(step.node, []).append(step)
    rows = []
    for step in steps:
        if step.index and not items:
            continue
        inner = maps.get(step.node, []) if not step.index else []
        rows.append(
            ("  " + step.name, step.status, _took(step, inner), _memory(step), _about(step, inner))
        )
    terminal.table(("steps", "", "took", "memory", "why"), rows, right=(3,))


def _took(step: StepRecord, items: Sequence[StepRecord]) -> str:
    if step.status == "reused" or not step.started:
        started = [item.started for item in items if item.started and item.status != "reused"]
        ended = [item.ended for item in items if item.ended]
        return duration((max(ended) - min(started)) / 1e6) if started and ended else ""
    return duration(((step.ended or now()) - step.started) / 1e6)


def _memory(step: StepRecord) -> str:
    if not step.memory or step.status == "reused":
        return ""
    return f"{'' if step.exact else '~'}{step.memory / 1e6:,.0f} MB"


def _about(step: StepRecord, items: Sequence[StepRecord]) -> str:
    words = [step.reason]
    if items:
        # The engine's own words for a map are how many items it has.
        words = [] if step.reason == f"{step.total} items" else words
        counts = Counter(item.status for item in items)
        sums = ", ".join(f"{n} {status}" for status, n in counts.items())
        words.insert(0, f"{step.total if step.total is not None else len(items)} items: {sums}")
    if step.attempt > 1:
        words.append(f"attempt {step.attempt}")
    return "; ".join(dict.fromkeys(filter(None, [*words, *step.notes])))


def show_errors(run: RunRecord, steps: Sequence[StepRecord], *, limit: int = 3) -> None:
    """The user's tracebacks of the steps that failed."""
    failed = [step for step in steps if step.status == "failed" and step.error]
    for step in failed[:limit]:
        assert step.error is not None
        terminal.out()
        terminal.out(terminal.style(f"'{step.name}' failed", "red", "bold"))
        text = step.error.traceback or f"{step.error.type}: {step.error.message}"
        for line in text.rstrip().splitlines():
            terminal.out(f"  {line}")
    if len(failed) > limit:
        terminal.out(
            f"… and {len(failed) - limit} more failed steps: penstock show {run.id} --json"
        )
    if run.error and not failed:
        terminal.out()
        terminal.out(f"{terminal.style(run.error.type, 'red')}: {run.error.message}")


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 200 else text[:199] + "…"


def _metric(metric: Metric) -> dict[str, object]:
    return {"name": metric.name, "value": metric.value, "at_step": metric.step, "at": metric.at}
