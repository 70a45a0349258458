"""What a metadata store must keep and may let go of: reach, durability."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from penstock.core.digest import digest_struct
from penstock.core.events import (
    Barrier,
)
from penstock.core.liveness import boot
from penstock.core.ports import MetadataStore
from penstock.core.records import (
    Logged,
    made,
    now,
)
from penstock.errors import NotFound
from penstock.testing.metadata.records import (
    LATER,
    a_manifest,
    a_run,
    finish,
    parts_of,
    performed,
    running,
)


class SweepingSuite:
    # garbage

    def test_what_a_run_or_the_cache_reaches_is_not_garbage(self, store: MetadataStore) -> None:
        value, plot = a_manifest("1"), a_manifest("2", stored=True)
        logged = Logged(artifacts={"plot": made(plot)})
        change = performed("r1", "fit", value, logged=logged, key="k1")
        finish(store, a_run("r1"), replace(change, manifests=(value, plot)))
        assert store.sweep.doomed(LATER) == ()
        store.calls.forget(["k1"])
        assert store.sweep.doomed(LATER) == ()
        store.runs.remove("r1")
        assert store.sweep.doomed(0) == ()
        assert {m.id for m in store.sweep.doomed(LATER)} == {value.id, plot.id}
        assert store.sweep.bury([value.id, plot.id, "unknown"]) == (plot.files[0].digest,)
        assert store.sweep.doomed(LATER) == ()
        with pytest.raises(NotFound):
            store.catalog.manifest(value.id)

    def test_the_inputs_of_a_run_are_not_garbage(self, store: MetadataStore) -> None:
        value = a_manifest("rows")
        finish(store, a_run("r1"), performed("r1", "load", value))
        finish(store, a_run("r2"), performed("r2", "fit", parts=parts_of("fit", rows="rows")))
        store.runs.remove("r1")
        assert store.sweep.doomed(LATER) == ()
        store.runs.remove("r2")
        assert store.sweep.doomed(LATER) == (value,)

    def test_what_a_collection_lists_is_kept_with_it(self, store: MetadataStore) -> None:
        items = tuple(a_manifest(str(at)) for at in range(5))
        inner, outer = a_manifest("inner"), a_manifest("outer")
        change = replace(
            performed("r1", "fit", outer),
            manifests=(*items, inner, outer),
            members={
                outer.id: (inner.id, items[0].id, items[0].id, "unknown"),
                inner.id: tuple(item.id for item in items[1:]),
            },
        )
        finish(store, a_run("r1"), change)
        finish(store, a_run("r2"), performed("r2", "use", parts=parts_of("use", all="outer")))
        store.runs.remove("r1")
        assert store.sweep.doomed(LATER) == ()
        store.runs.remove("r2")
        assert len(store.sweep.doomed(LATER)) == 7

    def test_what_else_a_step_made_is_kept_with_it(self, store: MetadataStore) -> None:
        value, extra = a_manifest("1"), a_manifest("2")
        change = replace(performed("r1", "fit", value), manifests=(value, extra))
        finish(store, a_run("r1"), change)
        assert store.sweep.doomed(LATER) == ()
        store.runs.remove("r1")
        assert {m.id for m in store.sweep.doomed(LATER)} == {value.id, extra.id}

    def test_a_file_is_orphaned_by_its_last_artifact(self, store: MetadataStore) -> None:
        one = a_manifest("1", stored=True)
        other = replace(one, id=digest_struct("artifact", "other"), type="other:Type")
        file = one.files[0].digest
        finish(store, a_run("r1"), performed("r1", "fit", one, key="k1"))
        finish(store, a_run("r2"), performed("r2", "fit", other, key="k2"))
        assert store.sweep.unnamed([file, "lost"]) == ("lost",)
        store.runs.remove("r1")
        assert store.sweep.bury([one.id]) == ()
        store.runs.remove("r2")
        assert store.sweep.bury([other.id]) == (file,)
        assert store.sweep.unnamed([file]) == (file,)

    def test_what_is_reached_again_is_not_buried(self, store: MetadataStore) -> None:
        value = a_manifest("1", stored=True)
        finish(store, a_run("r1"), performed("r1", "fit", value))
        store.runs.remove("r1")
        doomed = [manifest.id for manifest in store.sweep.doomed(LATER)]
        finish(store, a_run("r2"), performed("r2", "fit", value))
        assert store.sweep.bury(doomed) == ()
        assert store.catalog.manifest(value.id) == value

    def test_what_was_recorded_lately_is_not_garbage(self, store: MetadataStore) -> None:
        token = store.journal.begin(a_run("r1"))
        value = a_manifest("1")
        started = now()
        store.journal.append(token, [replace(running("r1", "fit"), manifests=(value,))])
        assert store.sweep.doomed(started) == ()
        assert store.sweep.doomed(LATER) == (value,)

    # durability

    def test_a_barrier_makes_a_runs_artifacts_durable(self, store: MetadataStore) -> None:
        one, two, three = (a_manifest(str(at), stored=True) for at in range(3))
        inline = a_manifest("inline")
        token = store.journal.begin(a_run("r1"))
        store.journal.append(token, [performed("r1", "a", one), performed("r1", "b", two, inline)])
        assert store.sweep.suspects(boot()) == ()
        assert [m.id for m in store.sweep.suspects("another")] == [one.id, two.id]
        store.journal.append(token, [Barrier("r1", (one.id,))], durable=True)
        assert [m.id for m in store.sweep.suspects("another")] == [two.id]
        assert store.runs.get("r1").durable is False
        store.journal.append(token, [Barrier("r1"), performed("r1", "c", three)], durable=True)
        assert store.sweep.suspects("another") == (three,)
        assert store.runs.get("r1").durable is True
        store.sweep.vouch([three.id, "unknown"])
        assert store.sweep.suspects("another") == ()

    def test_an_address_is_a_text(self, store: MetadataStore) -> None:
        assert isinstance(store.address(), str)
        store.close()
