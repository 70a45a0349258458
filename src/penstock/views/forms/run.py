"""A run for a notebook: how it went, what it logged, each step and why, and the graph in colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from penstock.core.graph import Graph
from penstock.core.records import ErrorRecord, Metric, RunRecord, Status, StepRecord
from penstock.views.diagram import Mark, diagram
from penstock.views.forms.parts import (
    ROWS,
    Html,
    beside,
    code,
    fold,
    form,
    heading,
    join,
    pre,
    section,
    short,
    soft,
    status,
    table,
    tag,
)
from penstock.views.measures import measures
from penstock.views.svg import svg
from penstock.views.words import about, counted, cut, duration, lasted, took, when

LOUD = ("failed", "crashed", "rejected", "running", "cancelled")


@dataclass(slots=True)
class Summed:
    """A step as one line: itself, or the sums over its items."""

    node: str
    whole: StepRecord | None = None
    items: Counter[str] = field(default_factory=Counter)
    failed: StepRecord | None = None
    started: int = 0
    ended: int = 0
    memory: int = 0
    exact: bool = False

    @property
    def status(self) -> Status:
        if self.whole is not None:
            return self.whole.status
        order: tuple[Status, ...] = (
            *("failed", "crashed", "running", "cancelled", "done"),
            "reused",
        )
        return next((word for word in order if self.items[word]), "skipped")

    @property
    def took(self) -> str:
        if self.status == "reused":
            return ""
        if self.whole is not None and self.whole.total is None:
            return took(self.whole)
        return duration((self.ended - self.started) / 1e6) if self.started and self.ended else ""

    @property
    def about(self) -> str:
        broke = self.failed or (self.whole if self.status == "failed" else None)
        words = [about(broke)] if broke is not None else []
        if self.items:
            words.insert(0, f"{sum(self.items.values()):,} items: {counted(self.items)}")
        elif self.whole is not None and broke is None:
            words.append(about(self.whole))
            if self.whole.attempt > 1:
                words.append(f"attempt {self.whole.attempt}")
        return "; ".join(filter(None, words))


def summed(steps: Iterable[StepRecord]) -> dict[str, Summed]:
    """By step, in the order in which they came."""
    found: dict[str, Summed] = {}
    for step in steps:
        one = found.setdefault(step.node, Summed(step.node))
        if not step.index:
            one.whole = step
        elif step.total is None:
            one.items[step.status] += 1
            if step.status == "failed" and one.failed is None:
                one.failed = step
        if step.started and step.status != "reused":
            one.started = min(one.started or step.started, step.started)
            one.ended = max(one.ended, step.ended)
        if step.memory > one.memory and step.status != "reused":
            one.memory, one.exact = step.memory, step.exact
    return found


def run_form(
    run: RunRecord,
    steps: Sequence[StepRecord],
    metrics: Sequence[tuple[str, Metric]],
    graph: Graph | None,
) -> str:
    lines = summed(steps)
    broken = [step for step in steps if step.status == "failed" and step.error]
    return form(
        heading(run.pipeline, status(run.status), code(run.id), *_name(run)),
        tag("p", soft(_facts(run))),
        tag("p", run.note) if run.note else Html(""),
        _errors(run, broken),
        beside(
            join(
                (
                    section("metrics", metrics_table(metrics)),
                    section("parameters", _parameters(run.parameters)),
                    section("steps", steps_table(lines.values())),
                )
            ),
            section("graph", _graph(graph, lines, run.pipeline)),
        ),
    )


def _name(run: RunRecord) -> list[object]:
    return [f"“{run.name}”"] if run.name else []


def _facts(run: RunRecord) -> str:
    passed = lasted(run)
    counts = run.counts
    sums = {
        name: getattr(counts, name) for name in ("done", "reused", "failed", "skipped", "cancelled")
    }
    origin = run.provenance
    commit = f"{origin.commit[:8]}{' with changes' if origin.dirty else ''}"
    return " · ".join(
        filter(
            None,
            (
                counted(sums),
                f"took {passed}" if passed else "",
                when(run.started),
                f"seed {run.seed}",
                f"on {run.stack}",
                commit if origin.commit else "",
                " ".join(f"#{name}" for name in run.tags),
                "kept" if run.kept else "",
            ),
        )
    )


def _errors(run: RunRecord, broken: Sequence[StepRecord]) -> Html:
    shown = [error_part(step.name, step.error) for step in broken[:3] if step.error]
    if run.error and not shown:
        shown.append(error_part("", run.error))
    return join(shown)


def error_part(name: str, error: ErrorRecord) -> Html:
    """A failure in a line, its traceback below."""
    title = f"{name}: " if name else ""
    words = join((status("failed"), " ", title, f"{error.type}: {cut(error.message, 200)}"))
    if not error.traceback:
        return tag("p", words)
    return fold(words, pre(error.traceback), open=True)


def metrics_table(metrics: Sequence[tuple[str, Metric]]) -> Html:
    return table((), measures(metrics), right=(1,))


def _parameters(parameters: Mapping[str, object]) -> Html:
    rows = [
        (name, code(cut(value if isinstance(value, str) else repr(value), 200)))
        for name, value in parameters.items()
    ]
    return table((), rows)


def steps_table(lines: Iterable[Summed]) -> Html:
    """The steps, and of very many the telling ones."""
    every = list(lines)
    chosen = every
    if len(every) > ROWS:
        loud = [line for line in every if line.status in LOUD][: ROWS // 2]
        ran = [line for line in every if line.status == "done"]
        rest = [line for line in every if line.status not in LOUD and line.status != "done"]
        kept = {id(line) for line in [*loud, *ran, *rest][:ROWS]}
        chosen = [line for line in every if id(line) in kept]
    body = table(
        ("step", "", "took", "memory", "why"),
        [
            (line.node, status(line.status), line.took, _memory(line), short(line.about))
            for line in chosen
        ],
        right=(2, 3),
    )
    if len(every) == len(chosen):
        return body
    left = Counter[str](line.status for line in every)
    left.subtract(line.status for line in chosen)
    return join((body, tag("p", soft(f"… and {len(every) - len(chosen):,} more: {counted(left)}"))))


def _memory(line: Summed) -> str:
    if not line.memory or line.status == "reused":
        return ""
    return f"{'' if line.exact else '~'}{line.memory / 1e6:,.0f} MB"


def _graph(graph: Graph | None, lines: Mapping[str, Summed], name: str) -> Html:
    if graph is None or not graph.nodes:
        return Html("")
    marks = {
        node: Mark(line.status, _note(line), cut(line.about, 300)) for node, line in lines.items()
    }
    return svg(diagram(graph, marks), f"the graph of {name}, as it ran")


def _note(line: Summed) -> str:
    if line.items:
        return " · ".join(filter(None, (f"{sum(line.items.values()):,} items", line.took)))
    return line.took or ("reused" if line.status == "reused" else "")
