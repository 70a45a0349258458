"""What a name in a filter means: a field of every run, a parameter, or a metric of a step."""

from __future__ import annotations

import re

from penstock.core.conditions import Field, Measure, Names, Order, Parameter, Subject
from penstock.core.place import nearest
from penstock.core.where.fields import ALIASES, ALWAYS, FIELDS
from penstock.core.where.words import WORD, Word, wrong

UNCHECKED = Names()
_MEASURE = re.compile(r"(?P<step>[^.\[]+)(?:\[(?P<item>[\d.]+)\])?\.(?P<metric>.+)", re.DOTALL)
_PARAMETERS = ("param.", "params.", "parameter.", "parameters.")
_METRICS = ("metric.", "metrics.")


def order(text: str, names: Names = UNCHECKED) -> Order:
    """ "-evaluate.auc" is the highest first."""
    name = text.strip()
    descending = name.startswith("-")
    at = len(text) - len(text.lstrip()) + descending
    name = name.removeprefix("-")
    found = named(text, Word("name", _bare(name), at, len(name)), names)
    if found == Field("tag"):
        raise wrong(text, Word("name", name, at, len(name)), "a run has several tags", "")
    if found == Field("age"):
        return Order(Field("created"), not descending)
    return Order(found, descending)


def subject(text: str, names: Names = UNCHECKED) -> Subject:
    """What one name means: a field, a parameter, or a metric of a step."""
    name = text.strip()
    return named(text, Word("name", _bare(name), text.find(name), len(name)), names)


def _bare(name: str) -> str:
    """Without the quotes that a filter needs around a name of several words."""
    quoted = len(name) > 2 and name[0] == name[-1] == "`"
    return name[1:-1] if quoted else name


def _written(name: str) -> str:
    """As it can be written in a filter."""
    return name if WORD.fullmatch(name) or "`" in name else f"`{name}`"


def shown(subject: Subject) -> str:
    """As people write it; a parameter that is called as a field says what it is."""
    match subject:
        case Parameter(path=name):
            return f"param.{name}" if name in FIELDS or name in ALIASES else name
        case Field(name=name):
            return name
        case Measure(step=step, metric=metric, item=item):
            return f"{step}[{item}].{metric}" if item else f"{step}.{metric}"


def named(text: str, word: Word, names: Names) -> Subject:
    """What a word of a text means. Raises UsageError, with near names as its hint."""
    name, checked = word.text, bool(names.parameters or names.steps)
    prefix = next((one for one in (*_PARAMETERS, *_METRICS) if name.startswith(one)), "")
    rest = name.removeprefix(prefix)
    if prefix in _PARAMETERS:
        if name in names.parameters:  # inside of a dict that is called so: params.lr
            return Parameter(name)
        if not checked or rest in names.parameters:
            return Parameter(rest)
    elif prefix and (said := measure(rest)) and (not checked or _is_known(said, names)):
        return said
    if name in ALIASES and name in names.parameters:
        return Parameter(name)
    plain = name.removeprefix("run.")
    if (field := ALIASES.get(plain, plain)) in FIELDS:
        if plain == name in names.parameters and field not in ALWAYS:
            what = f"'{name}' is a parameter, and something that every run has"
            raise wrong(text, word, what, f"Write param.{name} or run.{name}.")
        return Field(field)
    metric = measure(name)
    if not checked:
        return metric or Parameter(name)
    if metric is not None and _is_known(metric, names):
        if name in names.parameters:
            hint = f"Write metric.{name} or param.{name}."
            raise wrong(text, word, f"'{name}' is a metric and a parameter", hint)
        return metric
    if name in names.parameters:
        return Parameter(name)
    raise wrong(text, word, *_unknown(prefix, rest, names))


def measure(name: str) -> Measure | None:
    """A metric as people write it: "evaluate.auc", "evaluate[3].auc"."""
    match = _MEASURE.fullmatch(name)
    return Measure(match["step"], match["metric"], match["item"] or "") if match else None


def _is_known(metric: Measure, names: Names) -> bool:
    return metric.step in names.steps and metric.metric in names.metrics


def _unknown(prefix: str, rest: str, names: Names) -> tuple[str, str]:
    """What is said of a name that no run has, and the next move."""
    if prefix in _PARAMETERS:
        meant = nearest(rest, names.parameters)
        hint = f"Did you mean '{_written(prefix + meant)}'?" if meant else _listed(names)
        return f"no run has a parameter '{rest}'", hint
    metric = measure(rest)
    what = "metric" if prefix else "metric or parameter" if metric else "field or parameter"
    return f"no run has a {what} '{rest}'", _meant(rest, metric, names)


def _meant(name: str, metric: Measure | None, names: Names) -> str:
    if name in names.metrics:
        return f"A metric has its step before it: {_written(f'STEP.{name}')}"
    if metric is not None and (step := nearest(metric.step, names.steps)):
        if known := nearest(metric.metric, names.metrics):
            return f"Did you mean '{_written(f'{step}.{known}')}'?"
        return f"Metrics: {', '.join(names.metrics)}." if names.metrics else ""
    if found := nearest(name, (*FIELDS, *ALIASES, *names.parameters)):
        return f"Did you mean '{_written(found)}'?"
    return _listed(names)


def _listed(names: Names) -> str:
    listed = ", ".join(map(_written, names.parameters[:20]))
    return f"Parameters: {listed}." if listed else ""
