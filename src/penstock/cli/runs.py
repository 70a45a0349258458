"""`penstock runs`: the runs of this project, filtered, sorted, with columns of what they measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from penstock.cli import completing
from penstock.cli.flags import as_json, client, on_stack
from penstock.cli.terminal import lasted, terminal, when
from penstock.config import near
from penstock.core.ports import RunFilter
from penstock.core.tame import worded
from penstock.core.where.fields import STATUSES
from penstock.experiments.listing import BEST, Listing, about, in_words, listing

RECENT = 200
"""Runs that are looked at for the names of pipelines."""


@click.command()
@click.argument("pipeline", default="", metavar="[PIPELINE]", shell_complete=completing.pipeline)
@click.option(
    "--filter",
    "-f",
    "where",
    multiple=True,
    metavar="EXPRESSION",
    help="Only those for which this holds: 'depth>6 and evaluate.auc>0.7 and tag=try'.",
)
@click.option(
    "--sort",
    "-s",
    multiple=True,
    metavar="NAME",
    help="By this, the lowest first; -NAME is the highest first.",
    shell_complete=completing.column,
)
@click.option(
    "--columns",
    "-c",
    multiple=True,
    metavar="NAMES",
    help="With columns of these parameters, metrics or fields: depth,evaluate.auc",
    shell_complete=completing.column,
)
@click.option("--status", multiple=True, type=click.Choice(STATUSES), help="Only these.")
@click.option("--tag", help="Only those with this tag.")
@click.option(
    "--limit", "-n", type=click.IntRange(1), default=20, show_default=True, help="How many."
)
@click.option("--all", "every", is_flag=True, help="Those of other projects in this store too.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, for a spreadsheet.")
@on_stack
@as_json
def command(
    pipeline: str,
    where: tuple[str, ...],
    sort: tuple[str, ...],
    columns: tuple[str, ...],
    status: tuple[Any, ...],
    tag: str | None,
    limit: int,
    every: bool,
    as_csv: bool,
    stack: str,
    as_json: bool,
) -> None:
    reader = client(stack)
    asked = RunFilter(
        project="" if every else None,
        pipeline=pipeline or None,
        statuses=status,
        tag=tag,
        limit=limit,
    )
    asked = reader.chosen(asked, _joined(where), sort)
    found = listing(reader, asked, [name for one in columns for name in one.split(",") if name])
    if as_json:
        terminal.json([_as_json(found, at) for at in range(len(found.runs))])
    elif as_csv:
        _tell_csv(found)
    elif not found.runs:
        wanted = any((pipeline, status, tag is not None, where))
        terminal.note("no such runs" if wanted else "no runs")
        known = (
            {one.pipeline for one in reader.runs(RunFilter(limit=RECENT))} if pipeline else set()
        )
        if known and pipeline not in known:
            terminal.note(f"  {near(pipeline, sorted(known))}")
        if not every and not wanted and (others := reader.runs(RunFilter(project="", limit=1))):
            # A folder with another name is another project, where no file says its name.
            named = f"'{others[0].project}', not '{reader.stack.project.name}'"
            terminal.note(f"  There are runs of {named}: penstock runs --all")
    else:
        _tell(found, named=not pipeline)
        if found.more:
            terminal.note(f"\nThere are more: -n {limit * 5}")


def _joined(filters: Sequence[str]) -> str:
    """Several filters all hold."""
    return filters[0] if len(filters) == 1 else " and ".join(f"({one})" for one in filters)


def _as_json(found: Listing, at: int) -> Any:
    run = found.runs[at]
    if not found.columns:
        return run
    from msgspec import to_builtins

    columns = dict(zip(found.columns, found.values[at], strict=True))
    return to_builtins(run) | {"columns": worded(columns)}


def _tell_csv(found: Listing) -> None:
    import csv
    import io

    text = io.StringIO()
    known = ("id", "name", "pipeline", "status", "created", "took", "tags")
    head = [*dict.fromkeys((*known, *found.columns))]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([row.get(name) for name in head] for row in found.records)
    terminal.out(text.getvalue().removesuffix("\n"))


def _tell(found: Listing, *, named: bool) -> None:
    """A line a run; `named` with its pipeline."""
    head = ["run", "status", *(["pipeline"] if named else []), "began", "took"]
    first = len(head)
    plain = [*head, *found.columns] if found.columns else [*head, "steps"]
    judged = found.primary.metric if found.primary and found.best is not None else ""
    rows, styles = [], {}
    for at, run in enumerate(found.runs):
        cells = [in_words(value) for value in found.values[at]]
        if at == found.best and judged in found.columns:
            column = found.columns.index(judged)
            cells[column] += BEST
            styles[at, first + column] = ("green", "bold")
        row = [
            run.id,
            run.status,
            *([run.pipeline] if named else []),
            when(run.created),
            lasted(run),
        ]
        rows.append([*row, *(cells if found.columns else [steps_in_words(run.counts)]), about(run)])
    terminal.table((*plain, ""), rows, styles=styles)


def steps_in_words(counts: Any) -> str:
    """ "3 done, 4 reused, 1 failed"."""
    names = ("done", "reused", "failed", "skipped", "cancelled")
    return ", ".join(f"{n} {name}" for name in names if (n := getattr(counts, name)))
