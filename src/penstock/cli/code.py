"""`penstock code`: the code of a step, as it was when it ran."""

from __future__ import annotations

import click

from penstock.cli.flags import as_json, client, on_stack, run_argument, step_argument
from penstock.cli.terminal import terminal


@click.command()
@run_argument(required=True)
@step_argument(required=True)
@on_stack
@as_json
def command(run_id: str, step: str, stack: str, as_json: bool) -> None:
    sources = client(stack).code(run_id, step)
    if as_json:
        terminal.json(dict(sources))
        return
    if not sources:
        terminal.note("the code of this step was not kept")
    for n, (name, text) in enumerate(sources.items()):
        if n:
            terminal.out()
        terminal.out(terminal.style(f"# {name}", "dim"))
        terminal.out(text.rstrip())
