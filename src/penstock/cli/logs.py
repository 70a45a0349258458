"""`penstock logs`: what a step printed and logged."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from penstock.cli.flags import as_json, client, located, on_stack, run_argument, step_argument
from penstock.cli.terminal import terminal
from penstock.client import Client
from penstock.core.records import FINAL, RunRecord, StepRecord

LOOK = 0.2
"""Seconds between looks at a log that grows."""


@click.command()
@run_argument()
@step_argument()
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended.")
@on_stack
@as_json
def command(run_id: str, step: str, follow: bool, stack: str, as_json: bool) -> None:
    reader = client(stack)
    run, step = located(reader, run_id, step)
    asked = _asked(reader, run, step)
    if as_json:
        terminal.json({one.name: reader.logged(one) for one in asked})
        return
    if follow:
        for line in _follow(reader, run, step):
            terminal.out(line)
        return
    printed = False
    for one in asked:
        text = reader.logged(one).rstrip("\n")
        printed = printed or bool(text)
        if text and one.name != step:
            terminal.out(terminal.style(f"── {one.name}", "dim"))
        if text:
            terminal.out(text)
    if step and not printed:
        terminal.note(f"'{step}' printed nothing")


def _asked(reader: Client, run: RunRecord, step: str) -> Sequence[StepRecord]:
    """All steps, or this one; of a map all items."""
    if not step:
        return reader.steps(run.id)
    found = reader.step(run.id, step)
    return [found] if found.total is None or found.index else reader.steps(run.id, found.node)


def _follow(reader: Client, run: RunRecord, step: str) -> Iterator[str]:
    """Whole lines as they come, of one step or of all."""
    read: dict[Path, int] = {}
    while True:
        # Looked at before reading: what was written until the end is then still read.
        over = reader.run(run.id).status in FINAL
        for record in reader.steps(run.id):
            if step and step not in (record.name, record.node):
                continue
            path = reader.log_path(record)
            lines, read[path] = _since(path, read.get(path, 0), whole=not over)
            for line in lines:
                yield line if step == record.name else f"{record.name} │ {line}"
        if over:
            return
        time.sleep(LOOK)


def _since(path: Path, position: int, *, whole: bool) -> tuple[list[str], int]:
    try:
        with open(path, "rb") as file:
            file.seek(position)
            data = file.read()
    except FileNotFoundError:
        return [], position
    if whole:
        data = data[: data.rfind(b"\n") + 1]
    return data.decode(errors="replace").splitlines(), position + len(data)
