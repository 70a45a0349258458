"""Conditions on runs, as values: what a filter asks, whether a run satisfies it, and how runs are sorted."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from typing import Literal as OneOf

from msgspec import Struct

from penstock.core.records import Metric, RunRecord
from penstock.core.tame import as_json, tame

LONGEST = 1000
"""Characters of a parameter that filters look at."""
MOST = 1000
"""Values of one run's parameters that filters know, nested ones counted."""

# ---- what is asked about


class Field(Struct, frozen=True, tag="field"):
    """Something that every run has: "status", "took"."""

    name: str


class Parameter(Struct, frozen=True, tag="parameter"):
    """A parameter of the pipeline, or what is inside of one: "depth", "hyper.lr"."""

    path: str


class Measure(Struct, frozen=True, tag="metric"):
    """The last value of a metric; of a map, the mean of its items, those that are no numbers left out."""

    step: str
    metric: str
    item: str = ""
    """One item of a map: "3"."""


Subject = Field | Parameter | Measure
Operator = OneOf["=", "<", "<=", ">", ">=", "contains", "begins", "none", "nan"]

# ---- what is asked


class Term(Struct, frozen=True, tag="term"):
    """A comparison of a subject with a value; what a run does not have fails each but "none"."""

    subject: Subject
    op: Operator
    text: str = ""
    number: float | None = None
    """The value, where it can be read as a number."""


class Not(Struct, frozen=True, tag="not"):
    of: Condition


class All(Struct, frozen=True, tag="all"):
    of: tuple[Condition, ...]


class Some(Struct, frozen=True, tag="some"):
    of: tuple[Condition, ...]


Condition = Term | Not | All | Some


class Order(Struct, frozen=True):
    """By what runs are sorted; those that do not have it come last either way, NaN with them."""

    subject: Subject
    descending: bool = False


class Names(Struct, frozen=True):
    """What can be asked about in a store, besides the fields that every run has."""

    parameters: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    """Without their steps: "auc"."""


# ---- values


class Value(Struct, frozen=True):
    """A number, a text, or a number with the text that it was written as."""

    text: str | None = None
    number: float | None = None


Look = Callable[[Subject], Sequence[Value]]
"""What a run has of a subject: no value, one, or several tags."""


def terms(condition: Condition) -> Iterator[Term]:
    """Every comparison in it."""
    match condition:
        case Term():
            yield condition
        case Not(of=inner):
            yield from terms(inner)
        case All(of=several) | Some(of=several):
            for one in several:
                yield from terms(one)


def holds(condition: Condition, look: Look) -> bool:
    match condition:
        case Not(of=inner):
            return not holds(inner, look)
        case All(of=several):
            return all(holds(one, look) for one in several)
        case Some(of=several):
            return any(holds(one, look) for one in several)
        case Term(subject=subject, op="none"):
            return not look(subject)
        case Term(subject=subject):
            return any(_passes(value, condition) for value in look(subject))


_ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def _passes(value: Value, test: Term) -> bool:
    match test.op:
        case "nan":
            return value.number is not None and math.isnan(value.number)
        case "=":
            same = test.number is not None and value.number == test.number
            return same or (value.text is not None and value.text == test.text)
        case "contains":
            # As SQL's lower() has it, which knows ASCII only.
            text, part = (value.text or "").translate(_LOWER), test.text.translate(_LOWER)
            return bool(part) and part in text
        case "begins":
            return value.text is not None and value.text.startswith(test.text)
        case "none":
            return False
        case ordered if test.number is not None:
            return value.number is not None and _ORDERED[ordered](value.number, test.number)
        case ordered:
            if value.number is not None or value.text is None:
                return False
            return _ORDERED[ordered](value.text, test.text)


Rank = tuple[int, float, str]
"""How a value sorts: numbers before texts, and what is not there last; then the number, or the text."""
NOWHERE: Rank = (2, 0.0, "")


def rank(values: Sequence[Value]) -> Rank:
    for value in values:
        if value.number is not None:
            return NOWHERE if math.isnan(value.number) else (0, value.number, "")
        if value.text is not None:
            return 1, 0.0, value.text
    return NOWHERE


# ---- what a run has


def flat(parameters: Mapping[str, Any]) -> dict[str, Value]:
    """Parameters by path, nested ones too; None is as if it were not there."""
    found: dict[str, Value] = {}
    for path, value in _walk(parameters, ""):
        if len(found) == MOST:
            break
        found.setdefault(tame(path), value)
    return found


def _walk(parameters: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Value]]:
    for name, value in parameters.items():
        path = f"{prefix}{name}"
        match value:
            case None:
                continue
            case float() if math.isnan(value):
                yield path, Value("nan")
            case float() if math.isinf(value):
                yield path, Value(str(value), value)
            case "inf" | "-inf":  # as records have them: JSON has no such numbers
                yield path, Value(value, float(value))
            case bool():
                yield path, Value("true" if value else "false")
            case int() | float():
                yield path, _number(value)
            case str():
                yield path, Value(tame(value[:LONGEST]))
            case dict():
                yield path, Value(as_json(value)[:LONGEST])
                yield from _walk(value, f"{path}.")
            case _:
                yield path, Value(as_json(value)[:LONGEST])


def _number(value: float) -> Value:
    text = as_json(value)
    try:
        return Value(text, float(value))
    except OverflowError:
        return Value(text)


def mean(numbers: Iterable[float]) -> float:
    """Of what are numbers; NaN if none is."""
    known = [number for number in numbers if not math.isnan(number)]
    return sum(known) / len(known) if known else math.nan


def measured(metrics: Iterable[tuple[str, Metric]], subject: Measure) -> Sequence[Value]:
    """A metric among (step's name, last value) pairs."""
    step = f"{subject.step}[{subject.item}]" if subject.item else subject.step
    found = [
        metric.value
        for name, metric in metrics
        if metric.name == subject.metric
        and (name == step or (not subject.item and name.partition("[")[0] == step))
    ]
    return (Value(number=mean(found)),) if found else ()


def field(run: RunRecord, name: str, now: int) -> Sequence[Value]:
    """A field of a run; times and durations in microseconds, of a run that goes on until `now`."""
    origin, counts = run.provenance, run.counts
    match name:
        case "tag":
            return [Value(tag) for tag in run.tags]
        case "took":
            end = run.ended or (now if run.status == "running" else 0)
            return (Value(number=end - run.started),) if run.started and end else ()
        case "created" | "started" | "ended":
            moment = getattr(run, name)
            return (Value(number=moment),) if moment else ()
        case "steps":
            return (Value(number=counts.total),)
        case "done" | "reused" | "failed" | "skipped" | "cancelled":
            return (Value(number=getattr(counts, name)),)
        case "kept" | "dirty":
            return (Value("true" if getattr(run if name == "kept" else origin, name) else "false"),)
        case "commit" | "branch" | "user" | "host" | "python":
            text = getattr(origin, name)
        case "date":
            text = run.logical_date
        case "seed":
            text = str(run.seed)
        case _:
            text = getattr(run, name)
    return (Value(text),) if text else ()
