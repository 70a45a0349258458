"""Runs side by side: what went in, what came out, and whose code differs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, to_builtins

from penstock.client import Client, versions
from penstock.core.records import RunRecord, StepRecord
from penstock.core.tame import worded
from penstock.errors import UsageError
from penstock.experiments import frames
from penstock.experiments.compare import forms
from penstock.experiments.compare.code import Changed, changes
from penstock.experiments.compare.data import Data, data
from penstock.experiments.compare.forms import Column, Section, Shown, in_words, section
from penstock.experiments.compare.html import html
from penstock.experiments.listing import last_metrics, leaves, took
from penstock.experiments.primary import Primary, primary, read
from penstock.views.words import as_lasted, duration

Row = tuple[Any, ...]
"""What each run has, in their order; None where one has none."""


class Comparison(Struct, frozen=True, kw_only=True):
    """Runs beside each other; the first is the baseline. Only what differs, unless all was asked for.

    Tables are by name; each row has a value for every run. Durations are in seconds.
    """

    runs: tuple[str, ...]
    names: tuple[str, ...] = ()
    """As people call them: the run's name, or its id."""
    ended: tuple[str, ...] = ()
    """How each of them did: done, failed, crashed …"""
    primary: Primary | None = None
    facts: dict[str, Row] = {}
    """Of the runs as wholes: pipeline, status, took, seed, commit, python …"""
    parameters: dict[str, Row] = {}
    """Nested ones by path; what steps logged by "step.name"."""
    metrics: dict[str, Row] = {}
    """The last value of each; of a map, the mean of its items."""
    statuses: dict[str, Row] = {}
    """Of steps; of a map, those of its items, counted. Also where one took notably longer."""
    seconds: dict[str, Row] = {}
    data: dict[str, Row] = {}
    """What steps were given from outside ("load(file)"), and what they made ("split.train")."""
    packages: dict[str, Row] = {}
    """Versions of installed packages."""
    changes: tuple[Changed, ...] = ()
    """What of the keys differs from the baseline: functions with their diff, parameters, options."""
    complete: bool = False
    """Everything is told, and not only what differs."""

    @property
    def baseline(self) -> str:
        return self.runs[0]

    @property
    def code(self) -> tuple[str, ...]:
        """Steps whose code differs from the baseline's."""
        changed = (change.steps for change in self.changes if change.is_code)
        return tuple(dict.fromkeys(step for steps in changed for step in steps))

    @property
    def best(self) -> int | None:
        """Which run is the best by the primary metric."""
        if self.primary is None or self.primary.metric not in self.metrics:
            return None
        return self.primary.best(self.metrics[self.primary.metric])

    def better(self, metric: str, at: int) -> bool | None:
        """Whether a run's primary metric is better than the baseline's; None of any other metric."""
        if self.primary is None or metric != self.primary.metric or not at:
            return None
        values = self.metrics[metric]
        return self.primary.better(values[at], values[0])

    def shown(self) -> Shown:
        """As texts, in sections: what every form below is made of."""
        return Shown(
            columns=tuple(
                Column(id, name, baseline=at == 0, best=at == self.best)
                for at, (id, name) in enumerate(zip(self.runs, self.names, strict=True))
            ),
            sections=tuple(self._sections()),
            changes=self.changes,
            notes=tuple(self._notes()),
        )

    def _sections(self) -> Iterator[Section]:
        steps = {
            name: tuple(map(_step, row, self.seconds.get(name, (None,) * len(row))))
            for name, row in self.statuses.items()
        }
        yield section("run", self.facts, self._fact)
        yield section("parameter", self.parameters, self._parameter)
        yield section("metric", self.metrics, self._metric, verdict=self.better)
        yield section("step", steps, in_words)
        yield section("data", self.data, _data)
        yield section("package", self.packages, in_words)

    def _fact(self, name: str, at: int, value: Any) -> str:
        if name != "took" or value is None:
            return in_words(name, at, value)
        return as_lasted(value, self.ended[at])

    def _parameter(self, name: str, at: int, value: Any) -> str:
        row = self.parameters[name]
        words = {in_words(name, at, one) for one in row}
        # What reads alike and differs, as Python writes it: 7 and '7', 1 and 1.0.
        return in_words(name, at, repr(value) if len(words) == 1 and differ(row) else value)

    def _metric(self, name: str, at: int, value: Any) -> str:
        base = self.metrics[name][0]
        text = in_words(name, at, value)
        if (
            at
            and isinstance(value, float)
            and isinstance(base, float)
            and math.isfinite(value - base)
        ):
            return f"{text} ({value - base:+.3g})" if value != base else text
        return text

    def _notes(self) -> Iterator[str]:
        judge = self.primary
        if judge is not None and judge.metric not in self.metrics:
            yield f"the primary metric '{judge.metric}' was not logged by any of these runs"
        tables = (self.parameters, self.changes, self.data, self.packages)
        if not any(tables) and not self.complete:
            # Of what a run did not come to, nothing is known.
            came = "" if {*self.ended} <= {"done"} else "as far as they came, "
            yield f"{came}the same code, parameters and data"

    def to_markdown(self) -> str:
        """Tables as GitHub shows them, for a pull request."""
        return forms.markdown(self.shown())

    def to_html(self, *, page: bool = False) -> str:
        """A fragment with its own style, light and dark; with `page`, a whole document."""
        return html(self.shown(), page=page)

    def to_pandas(self) -> Any:
        """A DataFrame: a row for each (section, name), a column for each run. Raises MissingExtra."""
        tables = {
            "run": self.facts,
            "parameter": self.parameters,
            "metric": self.metrics,
            "status": self.statuses,
            "seconds": self.seconds,
            "data": {name: tuple(map(_digest, row)) for name, row in self.data.items()},
            "package": self.packages,
        }
        return frames.beside(
            {(title, name): row for title, table in tables.items() for name, row in table.items()},
            self.runs,
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; NaN and infinities as "nan", "inf", "-inf"."""
        found: dict[str, Any] = worded(to_builtins(self, enc_hook=repr))
        return found

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        return forms.text(self.shown())


def compare(
    client: Client,
    *runs: str,
    everything: bool = False,
    judged: str = "",
) -> Comparison:
    """These runs; the first is the baseline. Raises NotFound.

    `everything` also what is the same; `judged` is a primary metric instead of the declared one.
    """
    records = [client.run(run) for run in runs]
    if len(records) < 2:
        raise UsageError(
            "a comparison needs two runs", hint="Name another one: `penstock runs` lists them."
        )
    judge = read(judged) if judged else primary(records)
    steps = [client.steps(run.id) for run in records]

    seconds = _rows([*map(_seconds, steps)], everything=True)
    statuses = _rows([*map(_statuses, steps)], everything=True)

    def table(found: Iterable[Mapping[str, Any]]) -> dict[str, Row]:
        return _rows([*found], everything=everything)

    return Comparison(
        runs=tuple(run.id for run in records),
        names=tuple(in_words("", 0, run.name) or run.id for run in records),
        ended=tuple(run.status for run in records),
        primary=judge,
        facts=table(map(_facts, records)),
        parameters=table(map(_parameters, records, steps)),
        metrics=_rows(
            [last_metrics(client, run.id) for run in records],
            everything=everything,
            always=judge.metric if judge else "",
        ),
        statuses={
            name: row
            for name, row in statuses.items()
            if everything or differ(row) or _takes_longer(seconds.get(name, ()))
        },
        seconds=seconds,
        data=table(data(client, steps, everything=everything)),
        packages=table(_packages(client, run) for run in records),
        changes=changes(client, [(run.id, of) for run, of in zip(records, steps, strict=True)]),
        complete=everything,
    )


def _rows(
    found: Sequence[Mapping[str, Any]], *, everything: bool, always: str = ""
) -> dict[str, Row]:
    names = dict.fromkeys(name for one in found for name in one)
    rows = {name: tuple(one.get(name) for one in found) for name in names}
    return {name: row for name, row in rows.items() if everything or name == always or differ(row)}


def differ(row: Row) -> bool:
    """Whether not all of these are the same."""
    return not all(same(one, row[0]) for one in row[1:])


def same(one: Any, other: Any) -> bool:
    """As people and keys see it: NaN is NaN, and True, 1 and 1.0 are three values."""
    if type(one) is not type(other):
        return False
    match one:
        case list():
            return len(one) == len(other) and all(map(same, one, other))
        case dict():
            return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
        case _:
            return bool(one == other or (one != one and other != other))


def _takes_longer(seconds: Row) -> bool:
    """Whether one run's step took so much longer than another's that people want to know."""
    known = [one for one in seconds if one is not None]
    return len(known) > 1 and max(known) > 1.2 * min(known) and max(known) - min(known) > 0.5


# ---- a value in words


def _step(status: str | None, seconds: float | None) -> str | None:
    """ "done 1.2 s"."""
    if status is None or seconds is None or status == "reused":
        return status
    return f"{status} {duration(seconds)}"


def _data(name: str, at: int, value: Data | None) -> str:
    return f"{value.digest[:8]} {value.what}".rstrip() if value else ""


def _digest(value: Data | None) -> str | None:
    return value.digest if value else None


# ---- what there is of one run


def _facts(run: RunRecord) -> dict[str, Any]:
    origin, seconds = run.provenance, took(run)
    facts = {
        "pipeline": run.pipeline,
        "status": run.status,
        "error": f"{run.error.type}: {run.error.message}" if run.error else "",
        "took": None if seconds is None else round(seconds, 3),
        "seed": run.seed,
        "date": run.logical_date,
        "stack": run.stack,
        "commit": origin.commit[:8] + (" with changes" if origin.dirty else ""),
        "branch": origin.branch,
        "user": origin.user,
        "host": origin.host,
        "python": origin.python,
        "platform": origin.platform,
        "penstock": origin.penstock,
    }
    return {name: value for name, value in facts.items() if value not in ("", None)}


def _parameters(run: RunRecord, steps: Sequence[StepRecord]) -> dict[str, Any]:
    """Those of the pipeline, and what its steps logged as such; items of maps have too many."""
    logged = {
        f"{step.node}.{name}": value
        for step in steps
        if not step.index
        for name, value in step.logged.params.items()
    }
    return dict(leaves(run.parameters)) | logged


def _statuses(steps: Sequence[StepRecord]) -> dict[str, str]:
    items: dict[str, Counter[str]] = {}
    for step in steps:
        if step.index:
            items.setdefault(step.node, Counter())[step.status] += 1
    found = {step.node: step.status for step in steps if not step.index}
    return {**found, **{node: _counted(statuses) for node, statuses in items.items()}}


def _counted(statuses: Counter[str]) -> str:
    return ", ".join(f"{count:,} {status}" for status, count in statuses.items())


def _seconds(steps: Sequence[StepRecord]) -> dict[str, float]:
    """What was executed, from its first start to its last end."""
    spans: dict[str, tuple[int, int]] = {}
    for step in steps:
        if step.started and step.ended and step.status != "reused":
            first, last = spans.get(step.node, (step.started, step.ended))
            spans[step.node] = min(first, step.started), max(last, step.ended)
    return {node: round((last - first) / 1e6, 3) for node, (first, last) in spans.items()}


def _packages(client: Client, run: RunRecord) -> dict[str, str]:
    digest = run.provenance.packages
    return dict(versions(client.texts(digest).get(digest, "")))
