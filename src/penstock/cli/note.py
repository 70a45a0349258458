"""`penstock note`: name a run, tag it, write a note."""

from __future__ import annotations

import click

from penstock.cli.flags import as_json, client, on_stack, run_argument
from penstock.cli.terminal import one_line, terminal
from penstock.errors import UsageError


@click.command()
@run_argument(required=True)
@click.argument("text", required=False, metavar="[TEXT]")
@click.option("--name", help="A name by which the run is found.")
@click.option("--tag", multiple=True, help="Add this tag.")
@click.option("--untag", multiple=True, help="Take this tag away.")
@on_stack
@as_json
def command(
    run_id: str,
    text: str | None,
    name: str | None,
    tag: tuple[str, ...],
    untag: tuple[str, ...],
    stack: str,
    as_json: bool,
) -> None:
    if text is None and name is None and not tag and not untag:
        raise UsageError("nothing to change", hint="Give a TEXT, --name, --tag or --untag.")
    reader = client(stack)
    run = reader.run(run_id)
    tags = [t for t in dict.fromkeys([*run.tags, *tag]) if t not in untag]
    changed = reader.edit(run.id, name=name, tags=tags, note=text)
    if as_json:
        terminal.json(changed)
        return
    words = [f"'{changed.name}'" if changed.name else "", *(f"#{t}" for t in changed.tags)]
    terminal.out(one_line(" ".join(filter(None, [f"run {changed.id}", *words, changed.note]))))
