"""`penstock rm`: remove runs; their artifacts are gc's business."""

from __future__ import annotations

import click

from penstock.cli import completing
from penstock.cli.flags import as_json, client, on_stack
from penstock.cli.terminal import terminal


@click.command()
@click.argument("run_ids", metavar="RUN…", nargs=-1, required=True, shell_complete=completing.run)
@on_stack
@as_json
def command(run_ids: tuple[str, ...], stack: str, as_json: bool) -> None:
    reader = client(stack)
    # All names are looked up before the first run goes.
    found = [reader.run(name) for name in run_ids]
    for run in found:
        reader.stack.metadata.runs.remove(run.id)
    if as_json:
        terminal.json([run.id for run in found])
        return
    for run in found:
        terminal.out(f"removed run {run.id} of '{run.pipeline}'")
    terminal.note("Free the space of what only they needed: penstock gc")
