"""Runs as a table: what is known of every run, and columns of what they were given and measured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from penstock.client import Client
from penstock.core.conditions import (
    Field,
    Measure,
    Parameter,
    Subject,
    field,
    flat,
    mean,
    terms,
)
from penstock.core.ports import RunFilter
from penstock.core.records import RunRecord, now
from penstock.core.where import shown, subject
from penstock.experiments import frames
from penstock.experiments.primary import Primary, primary
from penstock.views.forms import parts
from penstock.views.words import cut, lasted, number, one_line, when

Cell = float | str | None
BEST = " ★"
_INTEGER = re.compile(r"-?\d+")
LONGEST = 40
"""Characters of a value in a column of its own."""
TOLD = ("id", "status", "pipeline", "project", "name", "tag", "created", "started", "took", "age")
"""Fields that a list of runs shows anyway."""


class Listing(Struct, frozen=True, kw_only=True):
    """Some runs, with a column for each thing that was asked about."""

    runs: tuple[RunRecord, ...]
    columns: tuple[str, ...] = ()
    values: tuple[tuple[Cell, ...], ...] = ()
    """Of each run, its columns."""
    primary: Primary | None = None
    """What all of these runs are judged by."""
    best: int | None = None
    """Which of them is the best by it."""
    more: bool = False
    """There are others, beyond the limit."""

    @property
    def records(self) -> list[dict[str, Any]]:
        """A row for each run, as plain values: for pandas, CSV and JSON."""
        return [
            record(run) | dict(zip(self.columns, cells, strict=True))
            for run, cells in zip(self.runs, self.values, strict=True)
        ]

    def table(self) -> tuple[Sequence[str], list[list[str]]]:
        """Heads and texts; the best is marked."""
        head = ("run", "status", "pipeline", "created", "took", *self.columns, "")
        rows = []
        for at, (run, cells) in enumerate(zip(self.runs, self.values, strict=True)):
            texts = [in_words(cell) for cell in cells]
            if at == self.best and self.primary and self.primary.metric in self.columns:
                texts[self.columns.index(self.primary.metric)] += BEST
            known = [run.id, run.status, run.pipeline, when(run.created), lasted(run)]
            rows.append([*known, *texts, about(run)])
        return head, rows

    def to_text(self) -> str:
        """Columns, for a console."""
        if not self.runs:
            return "no runs"
        head, rows = self.table()
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in (head, *rows)
        )
        return "\n".join(lines)

    def to_html(self) -> str:
        """A table for a notebook."""
        head, rows = self.table()
        lines = [[row[0], parts.status(row[1]), *row[2:]] for row in rows]
        return parts.form(parts.table(head, lines, most=len(lines)) or parts.soft("no runs"))


def listing(client: Client, filter: RunFilter, columns: Sequence[str] = ()) -> Listing:
    """The runs of this filter, and whether there are more of them."""
    found = client.runs(replace(filter, limit=filter.limit + 1))
    listed = beside(client, found[: filter.limit], filter, columns)
    return replace(listed, more=len(found) > filter.limit)


def beside(
    client: Client,
    runs: Sequence[RunRecord],
    filter: RunFilter | None = None,
    columns: Sequence[str] = (),
) -> Listing:
    """These runs. Without columns: those that the filter asks about, without a filter the parameters
    in which they differ; and the primary metric."""
    judge = primary(runs) if len({run.pipeline for run in runs}) == 1 else None
    measure = judge.measure if judge else None
    if columns:
        names = client.names()
        asked = [subject(column, names) for column in columns]
    else:
        first = _differing(runs) if filter is None else _asked(filter)
        asked = [*first, *([measure] if measure else [])]
    subjects = [*dict.fromkeys(asked)]
    table = {one: values(client, runs, one) for one in subjects}
    judged = () if measure is None else table.get(measure) or values(client, runs, measure)
    return Listing(
        runs=tuple(runs),
        columns=tuple(map(shown, subjects)),
        values=tuple(zip(*table.values(), strict=True)) if table else ((),) * len(runs),
        primary=judge,
        best=judge.best(judged) if judge and len(runs) > 1 else None,
    )


def frame(client: Client, runs: Sequence[RunRecord]) -> Any:
    """A DataFrame of these runs by id, with every parameter and metric. Raises MissingExtra."""
    return frames.records([_everything(client, run) for run in runs], "id")


def _everything(client: Client, run: RunRecord) -> dict[str, Any]:
    row = record(run)
    given = dict(leaves(run.parameters))
    measured = last_metrics(client, run.id)
    # A parameter that is called as something else is says what it is.
    taken = row.keys() | measured.keys()
    named = {f"param.{name}" if name in taken else name: value for name, value in given.items()}
    return {**row, **named, **measured}


def values(client: Client, runs: Sequence[RunRecord], subject: Subject) -> Sequence[Cell]:
    """What each of these runs has of a subject; durations in seconds, moments as ISO dates."""
    match subject:
        case Measure():
            return client.measured([run.id for run in runs], subject)
        case Parameter(path=path):
            return [_parameter(run, path) for run in runs]
        case Field(name=name):
            return [_field(run, name) for run in runs]


def record(run: RunRecord) -> dict[str, Any]:
    """What every list says of a run."""
    return {
        "id": run.id,
        "name": run.name,
        "pipeline": run.pipeline,
        "status": run.status,
        "created": moment(run.created),
        "took": took(run),
        "tags": " ".join(run.tags),
    }


def took(run: RunRecord) -> float | None:
    """Seconds, of a run that goes on until now; None of one that has no end on record."""
    found = field(run, "took", now())
    return (found[0].number or 0) / 1e6 if found else None


def about(run: RunRecord) -> str:
    """What people call it."""
    return one_line(" ".join(filter(None, [run.name, *(f"#{tag}" for tag in run.tags), run.note])))


def in_words(value: Any, longest: int = LONGEST) -> str:
    """A value in a column of its own; "" where there is none."""
    if value is None:
        return ""
    return cut(number(value) if isinstance(value, float) else one_line(str(value)), longest)


def moment(at: float) -> str:
    return datetime.fromtimestamp(at / 1e6, UTC).isoformat(timespec="seconds") if at else ""


def _asked(filter: RunFilter) -> Iterable[Subject]:
    subjects = [term.subject for term in terms(filter.where)] if filter.where else []
    for one in (*subjects, *(order.subject for order in filter.order)):
        if not (isinstance(one, Field) and one.name in TOLD):
            yield one


def _differing(runs: Sequence[RunRecord]) -> Iterator[Subject]:
    given = [flat(run.parameters) for run in runs]
    names = dict.fromkeys(name for one in given for name in one)
    # A dict stands beside what is in it: its parts say more.
    whole = {name.rpartition(".")[0] for name in names}
    for name in names:
        if name not in whole and any(one.get(name) != given[0].get(name) for one in given):
            yield Parameter(name)


def _parameter(run: RunRecord, path: str) -> Cell:
    found = flat(run.parameters).get(path)
    if found is None:
        return None
    if found.number is None or found.text is None:
        return found.text
    # An integer by its digits: as a double a large one is another.
    return int(found.text) if _INTEGER.fullmatch(found.text) else found.number


def _field(run: RunRecord, name: str) -> Cell:
    if name == "age":
        return (now() - run.created) / 1e6
    if name == "took":
        return took(run)
    found = field(run, name, now())
    if name == "tag":
        return " ".join(value.text or "" for value in found)
    if not found:
        return None
    number = found[0].number
    if number is None:
        return found[0].text
    if name in ("created", "started", "ended"):
        return moment(number)
    return number


# ---- what there is of one run


def leaves(parameters: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Parameters by path, down to what is no dict."""
    for name, value in parameters.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def last_metrics(client: Client, run: str) -> dict[str, float]:
    """The last value of each metric; of a map, the mean of its items."""
    found: dict[str, list[float]] = {}
    for step, metric in client.metrics(run):
        found.setdefault(f"{step.partition('[')[0]}.{metric.name}", []).append(metric.value)
    return {name: values[0] if len(values) == 1 else mean(values) for name, values in found.items()}
