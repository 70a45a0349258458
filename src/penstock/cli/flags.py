"""Options that several commands share, and the client that they open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from penstock.client import Client
from penstock.core.ports import RunFilter
from penstock.core.project import find_project
from penstock.errors import PenstockError
from penstock.stack import open_stack

Decorated = Callable[..., Any]

as_json = click.option("--json", "as_json", is_flag=True, help="As one JSON document.")
on_stack = click.option(
    "--stack", default="", metavar="NAME", help="The stack to use, instead of the default one."
)


def client(stack: str = "") -> Client:
    """The reader of the stack in this folder's project."""
    return Client(open_stack(find_project(Path.cwd()), name=stack, reading=True))


def complete_run(context: click.Context, parameter: click.Parameter, start: str) -> list[str]:
    """Ids and names of runs, for the shell."""
    try:
        runs = client(context.params.get("stack") or "").runs(RunFilter(limit=200))
    except PenstockError:
        return []
    words = [word for run in runs for word in (run.id, run.name) if word]
    return [word for word in words if word.startswith(start)]


def complete_pipeline(context: click.Context, parameter: click.Parameter, start: str) -> list[str]:
    try:
        runs = client(context.params.get("stack") or "").runs(RunFilter(limit=200))
    except PenstockError:
        return []
    return [name for name in dict.fromkeys(run.pipeline for run in runs) if name.startswith(start)]


def complete_step(context: click.Context, parameter: click.Parameter, start: str) -> list[str]:
    """Names of the steps of the run that stands before."""
    run = context.params.get("run_id") or "last"
    try:
        reader = client(context.params.get("stack") or "")
        steps = reader.steps(reader.run(run).id)
    except PenstockError:
        return []
    return [name for name in dict.fromkeys(step.node for step in steps) if name.startswith(start)]


def run_argument(*, required: bool = False) -> Callable[[Decorated], Decorated]:
    """A run by id, prefix or name; without one, the last."""
    return click.argument(
        "run_id",
        metavar="RUN" if required else "[RUN]",
        required=required,
        default=None if required else "last",
        shell_complete=complete_run,
    )


def step_argument(*, required: bool = False) -> Callable[[Decorated], Decorated]:
    return click.argument(
        "step",
        metavar="STEP" if required else "[STEP]",
        required=required,
        default=None if required else "",
        shell_complete=complete_step,
    )
