"""What a metadata store must tell of runs, metrics, artifacts and texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from penstock.core.events import (
    RunEnded,
    TextsFound,
)
from penstock.core.ports import MetadataStore, RunFilter
from penstock.core.records import (
    Logged,
    Metric,
)
from penstock.errors import NotFound, UsageError
from penstock.testing.metadata.records import (
    DEAD,
    LATER,
    a_manifest,
    a_run,
    again,
    finish,
    parts_of,
    performed,
)


class ReadingSuite:
    # reading runs

    def test_runs_are_found_by_id_prefix_and_name(self, store: MetadataStore) -> None:
        for at, id in enumerate(("ab1", "ab2", "cd1")):
            store.journal.begin(a_run(id, created=at + 1, name="best" if at != 1 else ""))
        for wanted, id in {
            "ab1": "ab1",
            "c": "cd1",
            "best": "cd1",
            "latest": "cd1",
            "latest~0": "cd1",
            "latest~2": "ab1",
        }.items():
            assert store.runs.get(wanted).id == id
        with pytest.raises(NotFound, match="ab1") as several:
            store.runs.get("ab")
        assert "ab2" in str(several.value)
        with pytest.raises(NotFound, match="'best'"):
            store.runs.get("bset")
        for nothing in ("latest~3", "", "zz"):
            with pytest.raises(NotFound):
                store.runs.get(nothing)

    def test_names_and_prefixes_are_looked_up_in_one_project(self, store: MetadataStore) -> None:
        store.journal.begin(a_run("ab1", project="shop", created=1))
        store.journal.begin(a_run("ab2", project="bank", created=2))
        assert store.runs.get("ab", "shop").id == "ab1"
        assert store.runs.get("latest", "shop").id == "ab1"
        with pytest.raises(NotFound):
            store.runs.get("latest", "farm")

    def test_nothing_is_found_in_an_empty_store(self, store: MetadataStore) -> None:
        with pytest.raises(NotFound, match="'latest'"):
            store.runs.get("latest")
        assert store.runs.list(RunFilter()) == ()
        assert store.journal.settle() == 0
        assert store.sweep.doomed(LATER) == ()

    def test_runs_are_listed_newest_first_and_filtered(self, store: MetadataStore) -> None:
        finish(store, a_run("r1", created=10, tags=("try", "a")))
        finish(store, a_run("r2", created=30, parent="r1"), status="failed")
        finish(store, a_run("r3", created=20, project="bank", pipeline="predict"))

        def ids(**wanted: Any) -> Sequence[str]:
            return [run.id for run in store.runs.list(RunFilter(**wanted))]

        assert ids() == ["r2", "r3", "r1"]
        assert ids(limit=2) == ["r2", "r3"]
        assert ids(before=30) == ["r3", "r1"]
        assert ids(project="bank") == ids(pipeline="predict") == ["r3"]
        assert ids(statuses=("done",)) == ["r3", "r1"]
        assert ids(statuses=("done",), limit=1) == ["r3"]
        assert ids(tag="try") == ["r1"]
        assert ids(tag="tr") == []
        assert ids(parent="r1") == ["r2"]
        assert ids(parent="") == ["r3", "r1"]

    def test_runs_of_one_moment_are_all_listed(self, store: MetadataStore) -> None:
        for at in range(7):
            finish(store, a_run(f"r{at}", created=10), status="failed" if at % 2 else "done")
        assert [run.id for run in store.runs.list(RunFilter())] == [f"r{at}" for at in range(7)][
            ::-1
        ]

    def test_people_edit_runs(self, store: MetadataStore) -> None:
        finish(store, a_run("r1", tags=("old",)))
        edited = store.runs.edit("r1", name="best", tags=["a", "b", "a"], note="!", kept=True)
        assert (edited.name, edited.tags, edited.note, edited.kept) == (
            "best",
            ("a", "b"),
            "!",
            True,
        )
        assert store.runs.get("best") == edited
        assert store.runs.edit("r1", note="") == replace(edited, note="")
        assert [r.id for r in store.runs.list(RunFilter(tag="b"))] == ["r1"]
        assert store.runs.list(RunFilter(tag="old")) == ()
        with pytest.raises(NotFound):
            store.runs.edit("r2", name="x")

    def test_a_run_is_removed_with_its_steps(self, store: MetadataStore) -> None:
        token = store.journal.begin(a_run("r1"))
        store.journal.append(token, [performed("r1", "fit", key="k1")])
        with pytest.raises(UsageError, match="running"):
            store.runs.remove("r1")
        store.journal.append(token, [RunEnded("r1", "done", 1)])
        store.runs.edit("r1", kept=True)
        with pytest.raises(UsageError, match="kept"):
            store.runs.remove("r1")
        store.runs.edit("r1", kept=False)
        store.runs.remove("r1")
        with pytest.raises(NotFound):
            store.runs.get("r1")
        assert store.calls.find("k1", 7) is None
        assert store.calls.previous(a_run("r2"), "fit", "", "steps:fit") is None

    def test_a_crashed_run_may_be_removed(self, store: MetadataStore) -> None:
        store.journal.begin(a_run("r1", owner=DEAD))
        store.runs.remove("r1")
        assert store.runs.list(RunFilter()) == ()

    def test_an_entry_that_another_run_reused_outlives_its_run(self, store: MetadataStore) -> None:
        first = performed("r1", "fit", a_manifest("m"), key="k1")
        assert first.call is not None
        finish(store, a_run("r1"), first)
        finish(store, a_run("r2"), again("r2", first.call))
        store.runs.remove("r1")
        assert store.calls.find("k1", 7) == first.call
        assert store.runs.steps("r2")[0].outputs == first.call.outputs
        store.runs.remove("r2")
        assert store.calls.find("k1", 7) is None

    # metrics

    def test_the_last_value_of_each_metric_or_all(self, store: MetadataStore) -> None:
        series = tuple(Metric("loss", 1 / (at + 1), at, at) for at in (0, 2, 1))
        rest = (Metric("auc", 0.5, None, 1), Metric("auc", 0.7, None, 2))
        finish(
            store,
            a_run("r1"),
            performed("r1", "fit", logged=Logged(series + rest)),
            performed("r1", "test", index="1", logged=Logged(rest), status="failed"),
        )
        assert store.runs.metrics("r1") == (
            ("fit", series[1]),
            ("fit", rest[1]),
            ("test[1]", rest[1]),
        )
        assert [metric for _, metric in store.runs.metrics("r1", last=False)] == [
            *series,
            *rest,
            *rest,
        ]

    def test_numbers_that_are_no_numbers_are_kept(self, store: MetadataStore) -> None:
        values = [math.nan, math.inf, -math.inf, 1e-300, -0.0]
        logged = Logged(tuple(Metric("x", value, at, at) for at, value in enumerate(values)))
        finish(store, a_run("r1"), performed("r1", "fit", key="k1", logged=logged))
        call = store.calls.find("k1", 7)
        assert call is not None
        for metrics in (
            [metric for _, metric in store.runs.metrics("r1", last=False)],
            call.logged.metrics,
            store.runs.steps("r1")[0].logged.metrics,
        ):
            assert [repr(metric.value) for metric in metrics] == [repr(value) for value in values]

    # artifacts and texts

    def test_manifests_are_found_by_id_and_prefix(self, store: MetadataStore) -> None:
        inline, stored = a_manifest("1"), a_manifest("2", stored=True)
        finish(store, a_run("r1"), performed("r1", "fit", inline, stored))
        assert store.catalog.manifest(inline.id) == inline
        assert store.catalog.manifest(stored.id[:12]) == stored
        assert {m.id for m in store.sweep.artifacts()} == {inline.id, stored.id}
        for unknown in ("", "0" * 64):
            with pytest.raises(NotFound):
                store.catalog.manifest(unknown)

    def test_who_made_and_who_took_an_artifact(self, store: MetadataStore) -> None:
        value = a_manifest("rows")
        load = performed("r1", "load", value, key="k1")
        fit = performed("r1", "fit", parts=parts_of("fit", rows="rows"), status="failed")
        assert load.call is not None
        finish(store, a_run("r1"), load, fit)
        finish(store, a_run("r2"), again("r2", load.call))
        assert store.catalog.producers(value.id) == (
            ("r1", "load", "", "0"),
            ("r2", "load", "", "0"),
        )
        assert store.catalog.consumers(value.content) == (("r1", "fit", "", "rows"),)
        assert store.catalog.producers("0" * 64) == store.catalog.consumers("") == ()

    def test_texts_are_kept_once_by_digest(self, store: MetadataStore) -> None:
        texts = {"d1": "short", "d2": "long " * 10_000, "d3": "", "d4": "half \ud800"}
        token = store.journal.begin(a_run("r1"))
        store.journal.append(token, [TextsFound(texts), TextsFound({"d1": "short"})])
        assert store.catalog.texts([*texts, "unknown"]) == texts

    def test_a_memo_is_read_and_written(self, store: MetadataStore) -> None:
        assert store.catalog.memo("a.csv") is None
        store.catalog.memo("a.csv", "1")
        store.catalog.memo("a.csv", "2")
        store.catalog.memo("b.csv", "")
        assert (store.catalog.memo("a.csv"), store.catalog.memo("b.csv")) == ("2", "")
