"""What the shell may complete: read from records and from source text; nobody's code is executed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from penstock.client import Client
from penstock.config import read_config
from penstock.core.ports import RunFilter
from penstock.core.project import find_project
from penstock.core.records import RunRecord
from penstock.core.where.fields import FIELDS
from penstock.errors import PenstockError
from penstock.stack import open_stack

Complete = Callable[[click.Context, click.Parameter, str], list[str]]
RECENT = 200
"""Runs that are looked at for names."""


def client(stack: str = "") -> Client:
    """The reader of the stack in this folder's project."""
    return Client(open_stack(find_project(Path.cwd()), name=stack, reading=True))


def _words(found: Callable[[click.Context], Iterable[str]]) -> Complete:
    """Of these words those that begin so; where there is no store yet, none."""

    @wraps(found)
    def complete(context: click.Context, parameter: click.Parameter, start: str) -> list[str]:
        try:
            words = list(dict.fromkeys(found(context)))
        except PenstockError:
            return []
        return [word for word in words if word.startswith(start)]

    return complete


def _recent(context: click.Context, pipeline: str | None = None) -> Iterable[RunRecord]:
    reader = client(context.params.get("stack") or "")
    return reader.runs(RunFilter(pipeline=pipeline, limit=RECENT))


@_words
def _runs(context: click.Context) -> Iterable[str]:
    return (word for one in _recent(context) for word in (one.id, one.name) if word)


def run(context: click.Context, parameter: click.Parameter, start: str) -> list[str]:
    """A run; after its slash a step of it."""
    name, slash, _ = start.partition("/")

    @_words
    def steps(context: click.Context) -> Iterable[str]:
        reader = client(context.params.get("stack") or "")
        return (f"{name}/{one.node}" for one in reader.steps(reader.run(name).id))

    return (steps if slash else _runs)(context, parameter, start)


@_words
def pipeline(context: click.Context) -> Iterable[str]:
    return (one.pipeline for one in _recent(context))


@_words
def step(context: click.Context) -> Iterable[str]:
    """Of the run that stands before."""
    reader = client(context.params.get("stack") or "")
    record = reader.run(context.params.get("run_id") or "last")
    return (one.node for one in reader.steps(record.id))


@_words
def column(context: click.Context) -> Iterable[str]:
    """What runs can be sorted by and shown with: fields, parameters, metrics of the last runs."""
    reader = client(context.params.get("stack") or "")
    recent = [*_recent(context, context.params.get("pipeline") or None)][:5]
    logged = {
        f"{step.partition('[')[0]}.{metric.name}"
        for run in recent
        for step, metric in reader.metrics(run.id)
    }
    return (*reader.names().parameters, *sorted(logged), *FIELDS)


@_words
def stack(context: click.Context) -> Iterable[str]:
    return ("local", *read_config(find_project(Path.cwd())).stacks)


@_words
def step_of_target(context: click.Context) -> Iterable[str]:
    """Steps of the pipeline that stands before, as its newest run had them."""
    reader = client(context.params.get("stack") or "")
    for one in _recent(context, _pipeline(context)):
        return (record.node for record in reader.steps(one.id))
    return ()


@_words
def parameter_of_target(context: click.Context) -> Iterable[str]:
    for one in _recent(context, _pipeline(context)):
        return (f"{name}=" for name in one.parameters)
    return ()


def target(context: click.Context, parameter: click.Parameter, start: str) -> list[Any]:
    """A file; after its colon a pipeline in it."""
    # These two are for the shell alone: no command pays for them.
    from click.shell_completion import CompletionItem

    file, colon, name = start.rpartition(":")
    if not colon:
        return [CompletionItem(start, type="file")]
    return [
        CompletionItem(f"{file}:{found}")
        for found in _pipelines(Path(file))
        if found.startswith(name)
    ]


def _pipeline(context: click.Context) -> str | None:
    file, _, name = str(context.params.get("target") or "").rpartition(":")
    known = [] if file else _pipelines(Path(name))
    return name if file else known[0] if len(known) == 1 else None


def _pipelines(file: Path) -> list[str]:
    # Only who completes the name of a pipeline pays for reading source.
    from penstock.cli.finding import Found, find

    found = (one for one in find([file]) if isinstance(one, Found))
    return [one.name for one in found if one.kind == "pipeline"]
