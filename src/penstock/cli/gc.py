"""`penstock gc`: remove runs that are past their time, and delete artifacts that no run needs."""

from __future__ import annotations

from collections.abc import Sequence

import click

from penstock.cli.flags import as_json, client, on_stack
from penstock.cli.removal import as_rows, removed
from penstock.cli.terminal import terminal
from penstock.client import Client, describe, in_bytes
from penstock.config.retention import lifetime, retained
from penstock.core.records import Manifest, RunRecord, now
from penstock.run.recovery import Garbage, collect
from penstock.run.retention import Retention, expired, left_by


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would go, and delete nothing.")
@click.option(
    "--keep",
    metavar="TIME",
    help="Remove runs that ended longer ago: 12h, 30d.",
)
@click.option(
    "--keep-last",
    type=click.IntRange(1),
    metavar="N",
    help="Remove runs that so many newer ones of their pipeline follow.",
)
@click.option(
    "--keep-tag", multiple=True, metavar="TAG", help="Never remove runs with this tag; repeatable."
)
@click.option(
    "--older",
    default="0s",
    show_default=True,
    metavar="TIME",
    help="Delete only artifacts that were last stored longer ago: 90s, 2h, 30d.",
)
@on_stack
@as_json
def command(
    dry_run: bool,
    keep: str | None,
    keep_last: int | None,
    keep_tag: tuple[str, ...],
    older: str,
    stack: str,
    as_json: bool,
) -> None:
    reader = client(stack)
    spared = lifetime(older)
    runs = _expired(reader, keep, keep_last, keep_tag)
    if dry_run:
        garbage = _outlook(reader, runs, spared)
    else:
        runs = removed(reader, runs)
        garbage = collect(reader.stack.metadata, reader.stack.artifacts.store, older=spared)
    if as_json:
        terminal.json(
            {
                "runs": [run.id for run in runs],
                "artifacts": [manifest.id for manifest in garbage.artifacts],
                "files": garbage.files,
                "bytes": garbage.size,
                "unfinished": garbage.unfinished,
                "dry_run": dry_run,
            }
        )
        return
    _tell(runs, garbage, dry_run=dry_run)


def _expired(
    reader: Client, keep: str | None, last: int | None, tags: tuple[str, ...]
) -> Sequence[RunRecord]:
    """By the options; what they leave open, by the project's file."""
    config = reader.stack.config
    rules = retained(config.retention, lambda name: config.place("retention", name))
    rules = Retention(
        rules.keep if keep is None else lifetime(keep),
        rules.last if last is None else last,
        rules.tags | frozenset(tags),
    )
    return expired(reader.stack.metadata, rules, reader.stack.project.name, now())


def _outlook(reader: Client, runs: Sequence[RunRecord], older: float) -> Garbage:
    stack = reader.stack

    def listed(manifest: Manifest) -> list[str]:
        return [item.artifact for item in stack.artifacts.items(manifest)]

    left = left_by(stack.metadata, runs, listed)
    return collect(stack.metadata, stack.artifacts.store, older=older, dry_run=True, leaving=left)


def _tell(runs: Sequence[RunRecord], garbage: Garbage, *, dry_run: bool) -> None:
    if dry_run and runs:
        terminal.table(("run", "status", "pipeline", "began", ""), as_rows(runs))
        terminal.out()
    if dry_run and garbage.artifacts:
        rows = [(manifest.id[:12], describe(manifest)) for manifest in garbage.artifacts]
        terminal.table(("artifact", ""), rows)
        terminal.out()
    if runs:
        verb = "would remove" if dry_run else "removed"
        terminal.out(f"{verb} {_many(len(runs), 'run')}")
    verb = "would delete" if dry_run else "deleted"
    files = _many(garbage.files, "file")
    terminal.out(
        f"{verb} {_many(len(garbage.artifacts), 'artifact')} in {files}, {in_bytes(garbage.size)}"
    )
    if not garbage.files and any(one.inline is None for one in garbage.artifacts):
        terminal.note("Files of the last minute stay; the next gc takes them.")


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
