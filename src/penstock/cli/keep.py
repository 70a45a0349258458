"""`penstock keep`: keep runs from being removed."""

from __future__ import annotations

import click

from penstock.cli import completing
from penstock.cli.flags import as_json, client, on_stack
from penstock.cli.terminal import terminal


@click.command()
@click.argument("run_ids", metavar="RUN…", nargs=-1, required=True, shell_complete=completing.run)
@click.option("--undo", is_flag=True, help="Let them be removed again.")
@on_stack
@as_json
def command(run_ids: tuple[str, ...], undo: bool, stack: str, as_json: bool) -> None:
    reader = client(stack)
    found = [reader.run(name) for name in run_ids]
    kept = [reader.stack.metadata.runs.edit(run.id, kept=not undo) for run in found]
    if as_json:
        terminal.json(kept)
        return
    for run in kept:
        terminal.out(f"run {run.id} is {'kept' if run.kept else 'not kept any more'}")
