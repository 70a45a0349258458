"""`penstock doctor`: check every stored byte, and repair what can be."""

from __future__ import annotations

import click

from penstock.cli.flags import as_json, client, on_stack
from penstock.cli.terminal import terminal
from penstock.core import liveness
from penstock.run import recovery

HARMLESS = frozenset(("unknown", "unsure", "unfinished"))
"""Kinds that lose nobody's work."""


@click.command()
@click.option("--repair", is_flag=True, help="Set damaged files aside; what is lost is made anew.")
@on_stack
@as_json
def command(repair: bool, stack: str, as_json: bool) -> int:
    opened = client(stack).stack
    found = recovery.doctor(
        opened.metadata, opened.artifacts.store, repair=repair, boot=liveness.boot()
    )
    bad = [one for one in found if not one.repaired and one.kind not in HARMLESS]
    if as_json:
        terminal.json(found)
        return 1 if bad else 0
    for one in found:
        mark = terminal.style("repaired", "green") if one.repaired else ""
        terminal.out(f"{terminal.style(one.kind, 'yellow')}  {one.message}  {mark}".rstrip())
    if not found:
        terminal.out("all is well")
    elif bad:
        terminal.note("Repair it: penstock doctor --repair")
    return 1 if bad else 0
