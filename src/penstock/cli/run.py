"""`penstock run`: run a pipeline from a file or a module."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import click
from msgspec.structs import replace

from penstock.cli import completing, watched
from penstock.cli.binding import assignments, bind
from penstock.cli.flags import as_json, on_stack
from penstock.cli.loading import Pipeline, Target, load, parse, project_of
from penstock.cli.runs import steps_in_words
from penstock.cli.terminal import duration, terminal
from penstock.client import Client
from penstock.config import read_config
from penstock.config.settings import configure
from penstock.config.sources import Settled, settle
from penstock.core.graph import Definition
from penstock.core.options import Options
from penstock.core.project import Project
from penstock.core.records import RunRecord, StepRecord
from penstock.define.pipeline import Composed
from penstock.define.trace import Environment, trace
from penstock.errors import UsageError
from penstock.session import Session, session
from penstock.views import choice
from penstock.views.choice import View
from penstock.views.colors import colors
from penstock.views.drawing import Pen
from penstock.views.failure import broken, cancelled, failed
from penstock.views.measures import measures

EXIT: Mapping[str, int] = {"done": 0, "failed": 1, "rejected": 3, "cancelled": 130}


def flags(function: Any) -> Any:
    """What `run` and `plan` share: which pipeline, with what, and which part of it."""
    for decorate in reversed(_FLAGS):
        function = decorate(function)
    return function


_FLAGS = (
    click.argument("target", metavar="FILE.py[:PIPELINE]", type=str,
                   shell_complete=completing.target),
    click.option("-p", "--param", multiple=True, metavar="NAME=VALUE", help="A parameter.",
                 shell_complete=completing.parameter_of_target),
    click.option("--set", "sets", multiple=True, metavar="STEP.NAME=VALUE",
                 help="A setting of a step (fit.retries=3), or an argument that code leaves open."),
    click.option("--config", "file", metavar="FILE.yaml", help="A run's file.",
                 type=click.Path(dir_okay=False)),
    click.option("--seed", type=int, help="The run's seed."),
    click.option("--until", multiple=True, metavar="STEP", help="Only this step and what it needs.",
                 shell_complete=completing.step_of_target),
    click.option("--from", "start", multiple=True, metavar="STEP",
                 help="Only this step and what follows; the rest from earlier runs.",
                 shell_complete=completing.step_of_target),
    click.option("--only", multiple=True, metavar="STEP", help="Only this step.",
                 shell_complete=completing.step_of_target),
    click.option("--with", "replace", multiple=True, metavar="STEP=REF",
                 help="Take this for a step's output: run:ID/STEP, artifact:ID."),
    click.option("--refresh", multiple=True, metavar="STEP", help="Execute it though it is known.",
                 shell_complete=completing.step_of_target),
    click.option("--no-cache", is_flag=True, help="Reuse nothing."),
    click.option("--date", "logical_date", metavar="DATE", help="The date that the run is for."),
    on_stack,
    as_json,
)  # fmt: skip


@click.command()
@flags
@click.option("--workers", type=int, metavar="N", help="Processes that run steps; 0: this one.")
@click.option("--tag", "tags", multiple=True, help="A tag of the run.")
@click.option("--name", help="A name of the run.")
@click.option("--note", help="A note on the run.")
@click.option("--keep-going", is_flag=True, help="After a failure, run what does not depend on it.")
@click.option("--strict", is_flag=True, help="An undeclared read fails its step.")
@click.option("--pdb", is_flag=True, help="Stop in the debugger where a step fails.")
@click.option("--watch", is_flag=True, help="Run again whenever a file that it uses is saved.")
def command(target: str, as_json: bool, watch: bool, **given: Any) -> int:
    if watch:
        # Who only runs does not pay for it.
        from penstock.cli import watching

        return watching.watch(sys.argv[1:], patient=given["pdb"])
    prepared = prepare(target, given)
    view = _view(prepared.settled.options, quiet=as_json)
    run: RunRecord | None = None
    try:
        with _streams(keep=prepared.settled.options.pdb and not as_json):
            ended = prepared.session.run(
                prepared.definition, prepared.settled.options, [view] if view else []
            )
        run = ended.run
    except KeyboardInterrupt:
        _close(view)
        if watched.superseded():
            return EXIT["cancelled"]
        for line in cancelled(again()):
            terminal.note(line)
        return EXIT["cancelled"]
    finally:
        _close(view)
    reader = Client(prepared.session.stack)
    steps = reader.steps(run.id)
    watched.noted(prepared.session.stack.project.root, steps)
    if as_json:
        metrics = {f"{node}.{metric.name}": metric.value for node, metric in reader.metrics(run.id)}
        terminal.json({"run": run, "steps": steps, "metrics": metrics})
    else:
        _tell(reader, run, steps)
    return EXIT.get(run.status, 1)


# ---- making ready


@dataclass(frozen=True, slots=True)
class Prepared:
    """A pipeline with its arguments bound, and where it is to run."""

    session: Session
    definition: Definition
    settled: Settled


def prepare(target: str, given: Mapping[str, Any], *, reading: bool = False) -> Prepared:
    """From what stands on the command line to a graph; when `reading`, no trace is left."""
    meant = parse(target)
    project = project_of(meant)
    # What a module prints when it is imported is no result of the command, either.
    with _streams(keep=False):
        loaded = _loaded(meant, project)
    settled = _dated(options_of(project, loaded, given))
    opened = session(project, settled.stack.name, reading=reading)
    with _streams(keep=False):
        definition = _definition(loaded, settled, watched.noting(opened.environment()))
    _check(opened, definition, settled)
    return Prepared(opened, definition, settled)


def _dated(settled: Settled) -> Settled:
    """One date for the whole run, though midnight may come while the graph is built."""
    date = settled.options.logical_date or datetime.now(UTC).date().isoformat()
    return replace(settled, options=replace(settled.options, logical_date=date))


class Spec(Protocol):
    """A pipeline that is written in YAML."""

    def arguments(
        self, given: Mapping[str, Any], where: Callable[[str], str]
    ) -> Mapping[str, Any]: ...

    def define(
        self, given: Mapping[str, Any], environment: Environment, logical_date: str
    ) -> Definition: ...


def _loaded(target: Target, project: Project) -> Pipeline | Spec:
    if not target.is_spec:
        return load(target, project)
    # Only who runs a YAML file pays for its reader.
    from penstock.cli.specs import load_spec

    return load_spec(target, project)


def _definition(loaded: Pipeline | Spec, settled: Settled, environment: Environment) -> Definition:
    """The graph with the parameters that were given."""
    given, date = settled.options.parameters, settled.options.logical_date

    def where(word: str) -> str:
        return settled.place(f"parameters.{word}")

    if isinstance(loaded, Composed):
        arguments = bind(loaded.callee, loaded.name, given, where)
        return trace(loaded, (), arguments, environment, logical_date=date)
    return loaded.define(loaded.arguments(given, where), environment, date)


def _check(opened: Session, definition: Definition, settled: Settled) -> None:
    """What a file sets of steps is tried one by one, so that an error names its line."""
    for name, value in settled.options.settings.items():
        if place := settled.place(f"settings.{name}"):
            try:
                configure(definition, {name: value}, opened.stack.artifacts.digest)
            except UsageError as error:
                raise UsageError(f"{place}{error.message}", hint=error.hint) from None


def options_of(
    project: Project, pipeline: Pipeline | Spec | None, given: Mapping[str, Any]
) -> Settled:
    """All sources of options, the command line first."""
    file = given.get("file")
    run_file = None
    if file:
        # Only who gives a YAML file pays for its reader.
        from penstock.config.runfile import read_run_file

        run_file = read_run_file(Path(file))
    code = getattr(pipeline, "_options", None)
    return settle(
        read_config(project),
        code if isinstance(code, Options) else Options(),
        os.environ,
        run_file,
        _from_flags(given),
    )


def _from_flags(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, and nothing that was not: that is for the other sources to say."""
    command: dict[str, Any] = {
        "parameters": assignments(given.get("param", ()), "-p"),
        "settings": assignments(given.get("sets", ()), "--set"),
        "replace": assignments(given.get("replace", ()), "--with"),
    }
    if given.get("no_cache"):
        command["cache"] = False
    for name in _PLAIN:
        value = given.get(name)
        if value not in (None, "", (), False) or (value == 0 and value is not False):
            command[name] = list(value) if isinstance(value, tuple) else value
    return command


_PLAIN = (
    *("seed", "until", "start", "only", "refresh", "logical_date", "stack"),
    *("workers", "tags", "name", "note", "keep_going", "strict", "pdb"),
)


# ---- showing


def _view(options: Options, *, quiet: bool) -> View | None:
    if quiet:
        return None
    kind = choice.shown(terminal.errors, in_pipe="lines")
    # A debugger needs the terminal for itself.
    kind = "lines" if kind == "tree" and options.pdb else kind
    return choice.view(terminal.errors, kind, summary=False)


def _close(view: View | None) -> None:
    if view is not None:
        view.close()


@contextmanager
def _streams(*, keep: bool) -> Iterator[None]:
    """What steps print is no result of the command: it goes to stderr."""
    if keep:
        yield
        return
    before = sys.stdout
    if before is sys.__stdout__:
        sys.stdout = sys.stderr
    try:
        yield
    finally:
        sys.stdout = before


def again() -> str:
    """The command that was given, to give it again."""
    return shlex.join(["penstock", *sys.argv[1:]])


def _tell(reader: Client, run: RunRecord, steps: Sequence[StepRecord]) -> None:
    metrics = reader.metrics(run.id)
    if metrics:
        terminal.table(("metric", ""), measures(metrics))
    took = duration((run.ended - run.started) / 1e6)
    words = steps_in_words(run.counts) or "nothing to do"
    terminal.out(f"run {run.id} {terminal.status(run.status)} in {took}: {words}")
    if run.status != "failed":
        return
    pen = Pen(colored=colors(terminal.errors))
    logged = any(reader.log_path(step).exists() for step in broken(steps)[:1])
    for line in failed(run, steps, again(), pen, logged=logged):
        terminal.note(line)
