"""`penstock compare`: what differs between two runs."""

from __future__ import annotations

import click

from penstock.cli import completing
from penstock.cli.flags import as_json, client, on_stack
from penstock.cli.terminal import duration, number, terminal
from penstock.client import Client
from penstock.core.parts import words
from penstock.core.ports import RunFilter
from penstock.errors import NotFound
from penstock.experiments.compare import Comparison, compare


@click.command()
@click.argument("first", metavar="RUN", shell_complete=completing.run)
@click.argument("second", metavar="[RUN]", default="", shell_complete=completing.run)
@on_stack
@as_json
def command(first: str, second: str, stack: str, as_json: bool) -> None:
    reader = client(stack)
    if not second:
        first, second = _pair(reader, first)
    found = compare(reader, first, second)
    if as_json:
        terminal.json(found)
        return
    _tell(found)


def _pair(reader: Client, name: str) -> tuple[str, str]:
    """This run and the newest of its pipeline; the newest, and the one before it."""
    run = reader.run(name)
    newest = reader.runs(RunFilter(pipeline=run.pipeline, limit=2))
    others = [one.id for one in newest if one.id != run.id]
    if not others:
        raise NotFound(
            f"'{run.pipeline}' has no other run to compare with '{run.id}'",
            hint="Run it again, or name another run.",
        )
    return (others[0], run.id) if newest[0].id == run.id else (run.id, others[0])


def _tell(found: Comparison) -> None:
    steps = {
        name: (_step(found, name, 0), _step(found, name, 1))
        for name, (one, other) in found.statuses.items()
        if one or other
    }
    tables = (
        ("", found.facts),
        ("parameter", found.parameters),
        ("metric", found.metrics),
        ("step", steps),
    )
    for title, table in tables:
        if table:
            rows = [(name, _shown(name, a), _shown(name, b)) for name, (a, b) in table.items()]
            terminal.table((title, found.first, found.second), rows)
            terminal.out()
    for step, changes in found.changes.items():
        for change in changes:
            terminal.out(f"  {step}: {words(change)}")
    if not found.parameters and not found.changes:
        terminal.out("the same code, parameters and inputs")


def _step(found: Comparison, name: str, side: int) -> str:
    """ "done 1.2 s"."""
    status, seconds = found.statuses[name][side], found.seconds[name][side]
    took = f" {duration(seconds)}" if seconds is not None and status != "reused" else ""
    return f"{status or '-'}{took}"


def _shown(name: str, value: object) -> str:
    if isinstance(value, float):
        return duration(value) if name == "took" else number(value)
    return "" if value is None else str(value)
