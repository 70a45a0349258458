"""`penstock gc`: delete artifacts that no run needs."""

from __future__ import annotations

import click

from penstock.cli.flags import as_json, client, on_stack
from penstock.cli.terminal import terminal
from penstock.client import describe, in_bytes
from penstock.config.coerce import seconds
from penstock.run.recovery import collect


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would go, and delete nothing.")
@click.option(
    "--older",
    default="1h",
    show_default=True,
    metavar="TIME",
    help="Only what was last stored longer ago: 90s, 2h, 30d.",
)
@on_stack
@as_json
def command(dry_run: bool, older: str, stack: str, as_json: bool) -> None:
    opened = client(stack).stack
    garbage = collect(
        opened.metadata, opened.artifacts.store, older=seconds(older), dry_run=dry_run
    )
    if as_json:
        terminal.json(
            {
                "artifacts": [manifest.id for manifest in garbage.artifacts],
                "files": garbage.files,
                "bytes": garbage.size,
                "unfinished": garbage.unfinished,
                "dry_run": dry_run,
            }
        )
        return
    if dry_run and garbage.artifacts:
        rows = [(manifest.id[:12], describe(manifest)) for manifest in garbage.artifacts]
        terminal.table(("artifact", ""), rows)
    verb = "would delete" if dry_run else "deleted"
    count = len(garbage.artifacts)
    terminal.out(
        f"{verb} {count} artifact{'s' * (count != 1)} in {garbage.files} files, {in_bytes(garbage.size)}"
    )
