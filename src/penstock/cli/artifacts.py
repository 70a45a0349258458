"""`penstock artifacts`: what a run made; or one artifact, where it comes from and who used it."""

from __future__ import annotations

from pathlib import Path

import click

from penstock.cli import completing
from penstock.cli.flags import as_json, client, on_stack, step_argument
from penstock.cli.terminal import terminal
from penstock.client import Client, describe
from penstock.core.records import Made, StepRecord
from penstock.errors import NotFound


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
        if step or not _is_digest(name):
            raise
        _one(reader, name, as_json=as_json)
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


def _is_digest(name: str) -> bool:
    return len(name) >= 4 and all(c in "0123456789abcdef" for c in name)


def _one(reader: Client, id: str, *, as_json: bool) -> None:
    manifest = reader.manifest(id)
    catalog = reader.stack.metadata.catalog
    made = catalog.producers(manifest.id)
    used = catalog.consumers(manifest.content)
    paths = _paths(reader, manifest.files) if manifest.inline is None else []
    if as_json:
        facts = {
            name: getattr(manifest, name)
            for name in ("id", "content", "type", "serializer", "files", "meta", "items", "unsafe")
        }
        origin = [dict(zip(("run", "step", "index", "output"), row, strict=True)) for row in made]
        users = [dict(zip(("run", "step", "index", "parameter"), row, strict=True)) for row in used]
        terminal.json({**facts, "made_by": origin, "used_by": users, "paths": paths})
        return
    terminal.out(terminal.style(f"artifact {manifest.id[:12]}", "bold") + f"  {describe(manifest)}")
    facts = {
        "type": manifest.type,
        "format": manifest.serializer + (" (a pickle)" if manifest.unsafe else ""),
        "content": manifest.content,
        "files": ", ".join(paths) or "in the record",
    }
    for name, value in facts.items():
        terminal.out(f"  {terminal.style(f'{name:<8}', 'dim')} {value}")
    for title, rows in (("made by", made), ("used by", used)):
        for run, node, index, port in rows[-10:]:
            where = f"{node}[{index}]" if index else node
            terminal.out(f"  {terminal.style(f'{title:<8}', 'dim')} {run}/{where}.{port}")


def _paths(reader: Client, files: object) -> list[str]:
    from penstock.errors import StoreError

    paths: list[Path] = []
    for file in files:  # type: ignore[attr-defined]  # the manifest's files
        try:
            paths.append(reader.stack.artifacts.store.path(file, verify=False))
        except StoreError:
            continue
    return [str(path) for path in paths]
