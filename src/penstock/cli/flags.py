"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from penstock.cli import completing
from penstock.cli.completing import client as client

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
    return click.argument(
        "run_id",
        metavar="RUN" if required else "[RUN]",
        required=required,
        default=None if required else "last",
        shell_complete=completing.run,
    )


def step_argument(*, required: bool = False) -> Callable[[Decorated], Decorated]:
    return click.argument(
        "step",
        metavar="STEP" if required else "[STEP]",
        required=required,
        default=None if required else "",
        shell_complete=completing.step,
    )
