"""Which runs may go, and what would go with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penstock.core.events import RunEnded
from penstock.core.ports import MetadataStore
from penstock.core.records import Manifest, Status
from penstock.metadata_stores.memory import MemoryStore as MemoryMetadata
from penstock.metadata_stores.sql.store import SqlStore
from penstock.run.retention import Retention, expired, left_by
from penstock.testing.metadata.records import (
    a_manifest,
    a_run,
    again,
    finish,
    parts_of,
    performed,
)

DAY = 86_400
NOW = 1_000 * DAY * 1_000_000


@pytest.fixture(params=["memory", "sql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MetadataStore:
    return MemoryMetadata() if request.param == "memory" else SqlStore(str(tmp_path / "records"))


def past(store: MetadataStore, id: str, days: float, status: Status = "done", **about: Any) -> None:
    """A run that ended so many days ago."""
    at = NOW - int(days * DAY * 1e6)
    token = store.journal.begin(a_run(id, created=at, **about))
    store.journal.append(token, [RunEnded(id, status, at)])


def going(store: MetadataStore, **rules: Any) -> list[str]:
    return [run.id for run in expired(store, Retention(**rules), "shop", NOW)]


def test_without_an_age_and_a_number_nothing_goes(store: MetadataStore) -> None:
    past(store, "r1", 900)
    past(store, "r2", 1)
    assert going(store) == going(store, tags=frozenset({"prod"})) == []


def test_runs_go_by_age(store: MetadataStore) -> None:
    for id, days in (("r1", 40), ("r2", 31), ("r3", 29), ("r4", 0)):
        past(store, id, days)
    assert going(store, keep=30.0 * DAY) == ["r2", "r1"]


def test_runs_go_by_number_of_each_pipeline(store: MetadataStore) -> None:
    for id in ("r1", "r2", "r3"):
        past(store, id, 5)
    past(store, "s1", 5, pipeline="serve")
    past(store, "x1", 5, project="another")
    assert going(store, last=2) == ["r1"]


def test_a_run_stays_if_any_rule_keeps_it(store: MetadataStore) -> None:
    for id, days in (("r1", 90), ("r2", 60), ("r3", 20), ("r4", 1)):
        past(store, id, days)
    assert going(store, keep=30.0 * DAY, last=1) == ["r2", "r1"]
    assert going(store, keep=30.0 * DAY, last=3) == ["r1"]
    assert going(store, keep=10.0 * DAY, last=2) == ["r2", "r1"]


def test_what_is_tagged_kept_or_running_stays(store: MetadataStore) -> None:
    past(store, "r1", 90, tags=("prod", "x"))
    past(store, "r2", 90)
    store.runs.edit("r2", kept=True)
    store.journal.begin(a_run("r3", created=NOW - 90 * DAY * 1_000_000))
    past(store, "r4", 90, tags=("try",))
    past(store, "r5", 90)
    assert going(store, keep=1.0, tags=frozenset({"prod"})) == ["r4"]


def test_the_newest_run_that_was_done_stays_behind_failures(store: MetadataStore) -> None:
    past(store, "r1", 90)
    past(store, "r2", 80)
    past(store, "r3", 70, "failed")
    past(store, "r4", 60, "cancelled")
    assert going(store, keep=1.0, last=1) == ["r3", "r1"]


def test_what_only_these_runs_made_or_took_would_go(store: MetadataStore) -> None:
    rows, shared, taken, items = (
        a_manifest("rows"), a_manifest("shared"), a_manifest("taken"), a_manifest("items"),
    )  # fmt: skip
    step = performed("r1", "load", rows)
    both = performed("r1", "clean", shared)
    finish(store, a_run("r1"), step, both, performed("r1", "map", taken, items))
    assert both.call is not None
    finish(
        store,
        a_run("r2"),
        again("r2", both.call),
        performed("r2", "use", parts=parts_of("use", rows="taken")),
    )

    def listed(manifest: Manifest) -> list[str]:
        return []

    def left(*runs: str) -> set[str]:
        found = left_by(store, [store.runs.get(run) for run in runs], listed)
        return {manifest.meta["preview"] for manifest in found}

    assert left("r1") == {"rows", "items"}
    assert left("r2") == left() == set()
    assert left("r1", "r2") == {"rows", "items", "shared", "taken"}


def test_what_a_collection_lists_stays_with_it(store: MetadataStore) -> None:
    from msgspec.structs import replace

    item, inner = a_manifest("item"), replace(a_manifest("inner"), items=1)
    outer = replace(a_manifest("outer"), items=1)
    finish(store, a_run("r1"), performed("r1", "map", item, inner))
    finish(store, a_run("r2"), performed("r2", "use", outer))
    lists = {outer.id: [inner.id], inner.id: [item.id]}
    left = left_by(store, [store.runs.get("r1")], lambda one: lists[one.id])
    assert left == ()
