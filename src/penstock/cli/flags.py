"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from penstock.cli import completing
from penstock.cli.completing import client as client
from penstock.client import Client
from penstock.core.records import RunRecord
from penstock.errors import NotFound

Decorated = Callable[..., Any]

as_json = click.option("--json", "as_json", is_flag=True, help="As one JSON document.")
on_stack = click.option(
    "--stack",
    default="",
    metavar="NAME",
    help="The stack to use, instead of the default one.",
    shell_complete=completing.stack,
)


def run_argument(*, required: bool = False) -> Callable[[Decorated], Decorated]:
    """A run by id, prefix or name; without one, the last."""
    if required:
        # Without a default: None is one for click, and what is missing would not be missed.
        return click.argument("run_id", metavar="RUN", shell_complete=completing.run)
    return click.argument("run_id", metavar="[RUN]", default="last", shell_complete=completing.run)


def step_argument() -> Callable[[Decorated], Decorated]:
    return click.argument("step", metavar="[STEP]", default="", shell_complete=completing.step)


def located(reader: Client, run: str, step: str) -> tuple[RunRecord, str]:
    """The run and the step, named by two words, or by one as references are: RUN/STEP."""
    if step or "/" not in run:
        return reader.run(run), step
    try:
        return reader.run(run), ""
    except NotFound:
        name, _, step = run.removeprefix("run:").partition("/")
        return reader.run(name), step
