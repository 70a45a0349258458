"""`penstock runs`: the runs of this project, newest first."""

from __future__ import annotations

from typing import Any

import click

from penstock.cli import completing
from penstock.cli.flags import as_json, client, on_stack
from penstock.cli.terminal import duration, terminal, when

STATUSES = ("running", "done", "failed", "rejected", "cancelled", "crashed")


@click.command()
@click.argument("pipeline", default="", metavar="[PIPELINE]", shell_complete=completing.pipeline)
@click.option("--status", multiple=True, type=click.Choice(STATUSES), help="Only these.")
@click.option("--tag", help="Only those with this tag.")
@click.option(
    "--limit", "-n", type=click.IntRange(1), default=20, show_default=True, help="How many."
)
@click.option("--all", "every", is_flag=True, help="Those of other projects in this store too.")
@on_stack
@as_json
def command(
    pipeline: str,
    status: tuple[Any, ...],
    tag: str | None,
    limit: int,
    every: bool,
    stack: str,
    as_json: bool,
) -> None:
    from penstock.core.ports import RunFilter
    from penstock.core.records import now

    runs = client(stack).runs(
        RunFilter(
            project="" if every else None,
            pipeline=pipeline or None,
            statuses=status,
            tag=tag,
            limit=limit,
        )
    )
    if as_json:
        terminal.json(runs)
        return
    if not runs:
        wanted = any((pipeline, status, tag))
        terminal.note("no such runs" if wanted else "no runs")
        return
    rows = [
        (
            run.id,
            run.status,
            run.pipeline,
            when(run.created),
            duration(((run.ended or now()) - run.started) / 1e6) if run.started else "",
            steps_in_words(run.counts),
            " ".join(filter(None, [run.name, *(f"#{tag}" for tag in run.tags), run.note])),
        )
        for run in runs
    ]
    terminal.table(("run", "status", "pipeline", "began", "took", "steps", ""), rows)


def steps_in_words(counts: Any) -> str:
    """ "3 done, 4 reused, 1 failed"."""
    names = ("done", "reused", "failed", "skipped", "cancelled")
    return ", ".join(f"{n} {name}" for name in names if (n := getattr(counts, name)))
