"""`penstock rm`: remove runs, by name or by filter; their artifacts are gc's business."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from penstock.cli import completing
from penstock.cli.flags import as_json, client, on_stack
from penstock.cli.removal import as_rows, removed
from penstock.cli.terminal import terminal
from penstock.client import Client
from penstock.core.ports import RunFilter
from penstock.core.records import RunRecord
from penstock.errors import UsageError
from penstock.metadata_stores.rules import check_removable
from penstock.run.retention import EVERY, removable


@click.command()
@click.argument("run_ids", metavar="[RUN]…", nargs=-1, shell_complete=completing.run)
@click.option(
    "--filter",
    "-f",
    "where",
    multiple=True,
    metavar="EXPRESSION",
    help="Every run for which this holds: 'status=failed and age>30d'.",
)
@click.option("--dry-run", is_flag=True, help="Say which would go, and remove none.")
@click.option("--yes", "-y", is_flag=True, help="Without asking.")
@on_stack
@as_json
def command(
    run_ids: tuple[str, ...],
    where: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    stack: str,
    as_json: bool,
) -> int:
    if bool(run_ids) == bool(where):
        raise UsageError(
            "name the runs, or give a filter",
            hint="For example: penstock rm RUN, or penstock rm -f 'status=failed and age>30d'",
        )
    reader = client(stack)
    found = _filtered(reader, where) if where else _named(reader, run_ids)
    if where and found and not (dry_run or yes) and not _agreed(found):
        terminal.note("nothing was removed")
        return 1
    gone = found if dry_run else removed(reader, found)
    if as_json:
        terminal.json([run.id for run in gone])
        return 0
    for run in gone:
        verb = "would remove" if dry_run else "removed"
        terminal.out(f"{verb} run {run.id} of '{run.pipeline}'")
    if not gone:
        terminal.note("no such runs")
    elif not dry_run:
        terminal.note("Free the space of what only they needed: penstock gc")
    return 0


def _named(reader: Client, names: Sequence[str]) -> Sequence[RunRecord]:
    """All of them, or an error: every name is looked at before the first run goes."""
    runs = {run.id: run for run in map(reader.run, names)}
    for run in runs.values():
        check_removable(run)
    return [*runs.values()]


def _filtered(reader: Client, where: Sequence[str]) -> Sequence[RunRecord]:
    """Those that have ended and that nobody keeps."""
    every = " and ".join(f"({one})" for one in where)
    found = reader.runs(reader.chosen(RunFilter(limit=EVERY), every, ()))
    return [run for run in found if removable(run)]


def _agreed(runs: Sequence[RunRecord]) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(
            f"{len(runs)} run{'s' * (len(runs) != 1)} would be removed, and there is nobody to ask",
            hint="Look at them with --dry-run; remove them with --yes.",
        )
    terminal.table(("run", "status", "pipeline", "began", ""), as_rows(runs))
    return click.confirm(f"Remove these {len(runs)} runs?", err=True)
