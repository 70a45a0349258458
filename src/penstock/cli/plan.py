"""`penstock plan`: what a run would do, without doing it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from penstock.cli.run import flags, prepare
from penstock.cli.terminal import cells, one_line, padded, terminal

STATUS = {
    "reuse": "reused",
    "execute": "running",
    "await": "pending",
    "skip": "skipped",
    "replace": "reused",
}
"""The colour of what would happen."""


@click.command()
@flags
def command(target: str, as_json: bool, **given: Any) -> None:
    prepared = prepare(target, given, reading=True)
    planned = prepared.session.plan(prepared.definition, prepared.settled.options)
    if as_json:
        terminal.json(planned)
        return
    width = max((cells(one.step) for one in planned), default=4)
    for one in planned:
        action = terminal.status(STATUS[one.action]).replace(STATUS[one.action], one.action)
        about = f"{one.reused} of {one.total} items reused; " if one.total and one.reused else ""
        gap = " " * (8 - len(one.action))
        terminal.out(
            f"  {padded(one.step, width)}  {action}{gap} {about}{one_line(one.reason)}".rstrip()
        )
    counts = Counter(one.action for one in planned)
    terminal.note(", ".join(f"{count} to {action}" for action, count in counts.items()))
