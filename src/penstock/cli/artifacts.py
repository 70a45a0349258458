"""`penstock artifacts`: what a run made; or one artifact, where it comes from and who used it."""

from __future__ import annotations

import click

from penstock.cli import completing
from penstock.cli.artifact import show
from penstock.cli.flags import as_json, client, on_stack, step_argument
from penstock.cli.terminal import terminal
from penstock.client import Client, describe
from penstock.core.records import Made, StepRecord
from penstock.errors import NotFound
from penstock.experiments.artifact import is_artifact


@click.command()
@click.argument("name", metavar="[RUN|ARTIFACT]", default="last", shell_complete=completing.run)
@step_argument()
@on_stack
@as_json
def command(name: str, step: str, stack: str, as_json: bool) -> None:
    reader = client(stack)
    try:
        run = reader.run(name).id
    except NotFound:
        if step or not is_artifact(name):
            raise
        show(reader, name, tree=False, as_json=as_json)
        return
    steps = [s for s in reader.steps(run) if not step or step in (s.name, s.node)]
    if step and not steps:
        reader.step(run, step)
    found = [(s, output, made) for s in steps for output, made in _made(s)]
    if as_json:
        terminal.json([_described(reader, *one) for one in found])
        return
    rows = [
        (
            made.artifact[:12],
            f"{s.name}.{output}".removesuffix(".result"),
            describe(reader.manifest(made.artifact)),
        )
        for s, output, made in found
    ]
    if rows:
        terminal.table(("artifact", "of", ""), rows)
    else:
        terminal.note("no artifacts")


def _made(step: StepRecord) -> list[tuple[str, Made]]:
    given = [(f"{name} (given)", made) for name, made in step.copies.items()]
    return [*given, *step.outputs.items(), *step.logged.artifacts.items()]


def _described(reader: Client, step: StepRecord, output: str, made: Made) -> dict[str, object]:
    manifest = reader.manifest(made.artifact)
    return {
        "artifact": manifest.id,
        "step": step.name,
        "output": output,
        "type": manifest.type,
        "serializer": manifest.serializer,
        "content": manifest.content,
        "size": manifest.size,
        "meta": manifest.meta,
    }
