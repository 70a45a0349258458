"""`penstock code`: the code of a run or of one step, as it was when it ran."""

from __future__ import annotations

import click

from penstock.cli.flags import as_json, client, located, on_stack, run_argument, step_argument
from penstock.cli.terminal import terminal


@click.command()
@run_argument()
@step_argument()
@on_stack
@as_json
def command(run_id: str, step: str, stack: str, as_json: bool) -> None:
    reader = client(stack)
    run, step = located(reader, run_id, step)
    names = [step] if step else [one.name for one in reader.steps(run.id) if not one.index]
    sources = {file: text for name in names for file, text in reader.code(run.id, name).items()}
    if as_json:
        terminal.json(sources)
        return
    if not sources:
        terminal.note("no code was kept")
    for n, (name, text) in enumerate(sources.items()):
        if n:
            terminal.out()
        terminal.out(terminal.style(f"# {name}", "dim"))
        terminal.out(text.rstrip())
