"""Retention: which runs may go, by age, by count and by tag; and what would go with them.

A run goes only if every rule lets it: it has ended, nobody keeps it, it has no tag that keeps, it is
older than `keep`, and `last` newer runs of its pipeline stay. The newest run of a pipeline that was
done always stays: it is what the next one reuses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from penstock.core.ports import MetadataStore, RunFilter
from penstock.core.records import FINAL, Manifest, RunRecord

EVERY = 1_000_000_000
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Retention:
    """Without an age and a number nothing goes."""

    keep: float | None = None
    """Seconds since its end for which a run stays."""
    last: int | None = None
    """Of each pipeline so many of the newest stay."""
    tags: frozenset[str] = frozenset()
    """Runs with one of these stay."""


def expired(
    metadata: MetadataStore, retention: Retention, project: str, moment: int
) -> Sequence[RunRecord]:
    """The runs of a project that may go at this moment (in microseconds), newest first."""
    if retention.keep is None and retention.last is None:
        return ()
    before = defaultdict[str, list[RunRecord]](list)
    found: list[RunRecord] = []
    for run in metadata.runs.list(RunFilter(project=project, limit=EVERY)):
        newer = before[run.pipeline]
        done = run.status == "done" and all(one.status != "done" for one in newer)
        newer.append(run)
        if not done and removable(run) and _may_go(run, len(newer), retention, moment):
            found.append(run)
    return found


def removable(run: RunRecord) -> bool:
    """It has ended, and nobody keeps it."""
    return run.status in FINAL and not run.kept


def _may_go(run: RunRecord, position: int, retention: Retention, moment: int) -> bool:
    if not retention.tags.isdisjoint(run.tags):
        return False
    if retention.last is not None and position <= retention.last:
        return False
    age = (moment - (run.ended or run.created)) / _SECOND
    return retention.keep is None or age > retention.keep


def left_by(
    metadata: MetadataStore, runs: Iterable[RunRecord], listed: Callable[[Manifest], Iterable[str]]
) -> Sequence[Manifest]:
    """Artifacts that only these runs made or took: what nothing would reach without them.

    `listed` gives the artifacts in a collection.
    """
    going = {run.id for run in runs}
    if not going:
        return ()
    ahead: list[Manifest] = []
    left: dict[str, Manifest] = {}
    for manifest in metadata.sweep.artifacts():
        catalog = metadata.catalog
        users = {run for run, *_ in catalog.producers(manifest.id)}
        users.update(run for run, *_ in catalog.consumers(manifest.content))
        if users - going and manifest.items is not None:
            ahead.append(manifest)
        elif users and users <= going:
            left[manifest.id] = manifest
    while ahead:
        # What a collection lists stays with it.
        inside = (left.pop(id, None) for id in listed(ahead.pop()))
        ahead += [one for one in inside if one is not None and one.items is not None]
    return tuple(left.values())
