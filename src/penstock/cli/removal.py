"""Removing runs, as `rm` and `gc` do it: what is said of them, and what happened to them meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.cli.terminal import when
from penstock.client import Client
from penstock.core.records import RunRecord
from penstock.errors import UsageError


def as_rows(runs: Sequence[RunRecord]) -> list[tuple[str, ...]]:
    """Of a table with the columns run, status, pipeline, began, and what people said of it."""
    return [
        (
            run.id,
            run.status,
            run.pipeline,
            when(run.created),
            " ".join(filter(None, [run.name, *(f"#{tag}" for tag in run.tags), run.note])),
        )
        for run in runs
    ]


def removed(reader: Client, runs: Sequence[RunRecord]) -> Sequence[RunRecord]:
    """Those that went: another one may have been kept, or removed, since we looked."""
    gone = []
    for run in runs:
        try:
            reader.stack.metadata.runs.remove(run.id)
        except UsageError:
            continue
        gone.append(run)
    return gone
