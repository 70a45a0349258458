"""What a metadata store must do for reuse: the cache, what was before, checkpoints."""

from __future__ import annotations

from msgspec.structs import replace

from penstock.core.events import (
    Checkpointed,
    StepChanged,
)
from penstock.core.ports import MetadataStore
from penstock.core.records import (
    Counts,
    Logged,
    Metric,
)
from penstock.testing.metadata.records import (
    LATER,
    a_manifest,
    a_run,
    again,
    finish,
    parts_of,
    performed,
)


class ReusingSuite:
    # the cache

    def test_a_committed_call_is_found_by_its_key(self, store: MetadataStore) -> None:
        logged = Logged((Metric("auc", 0.7, 1, 5),), {"lr": 0.1})
        change = performed("r1", "fit", a_manifest("m"), key="k1", logged=logged)
        finish(store, a_run("r1"), change)
        assert store.calls.find("k1", 7) == change.call
        assert store.calls.find("k2", 7) is None

    def test_a_call_that_drew_is_found_by_its_seed_alone(self, store: MetadataStore) -> None:
        change = performed("r1", "fit", key="k1", seed=2**63 + 5)
        finish(store, a_run("r1"), change)
        assert store.calls.find("k1", 2**63 + 5) == change.call
        assert store.calls.find("k1", 7) is None

    def test_an_entry_is_withdrawn_when_the_same_call_draws(self, store: MetadataStore) -> None:
        finish(store, a_run("r1"), performed("r1", "fit", key="k1"))
        finish(store, a_run("r2"), performed("r2", "fit", key="k1", seed=3))
        assert store.calls.find("k1", 4) is None
        found = store.calls.find("k1", 3)
        assert found is not None
        assert found.run == "r2"

    def test_an_uncached_execution_that_draws_withdraws_too(self, store: MetadataStore) -> None:
        finish(store, a_run("r1"), performed("r1", "fit", key="k1"))
        finish(store, a_run("r2"), performed("r2", "fit", key="k1", cached=False, drew=True))
        assert store.calls.find("k1", 4) is None

    def test_the_newest_entry_wins_and_the_old_step_keeps_its_own(
        self, store: MetadataStore
    ) -> None:
        old = performed("r1", "fit", a_manifest("old"), key="k1")
        new = performed("r2", "fit", a_manifest("new"), key="k1")
        finish(store, a_run("r1"), old)
        finish(store, a_run("r2"), new)
        assert store.calls.find("k1", 7) == new.call
        assert store.runs.steps("r1") == (old.step,)
        assert store.runs.steps("r2") == (new.step,)

    def test_a_forgotten_entry_is_not_found(self, store: MetadataStore) -> None:
        change = performed("r1", "fit", a_manifest("m"), key="k1")
        finish(store, a_run("r1"), change, performed("r1", "load", key="k2"))
        store.calls.forget(["k1", "unknown"])
        assert store.calls.find("k1", 7) is None
        assert store.calls.find("k2", 7) is not None
        assert store.runs.steps("r1", "fit") == (change.step,)

    def test_only_successes_that_are_cached_enter_it(self, store: MetadataStore) -> None:
        finish(
            store,
            a_run("r1"),
            performed("r1", "fit", key="k1", cached=False),
            performed("r1", "load", key="k2", status="failed"),
        )
        assert (store.calls.find("k1", 7), store.calls.find("k2", 7)) == (None, None)

    def test_a_reused_step_has_all_that_the_call_has(self, store: MetadataStore) -> None:
        logged = Logged((Metric("auc", 0.7, None, 5),), {"lr": 0.1})
        first = performed("r1", "fit", a_manifest("m"), key="k1", logged=logged)
        assert first.call is not None
        first = replace(first, call=replace(first.call, reads=("a.csv",)))
        first = replace(first, step=replace(first.step, reads=("a.csv",)))
        finish(store, a_run("r1"), first)
        found = store.calls.find("k1", 7)
        assert found is not None
        reuse = again("r2", found)
        finish(store, a_run("r2"), reuse)
        assert store.runs.steps("r2") == (replace(reuse.step, parts=found.parts, reads=("a.csv",)),)
        assert store.runs.metrics("r2") == (("fit", logged.metrics[0]),)
        assert store.runs.get("r2").counts == Counts(reused=1)

    def test_a_reused_step_keeps_what_it_had_when_its_entry_is_replaced(
        self, store: MetadataStore
    ) -> None:
        first = performed("r1", "fit", a_manifest("old"), key="k1")
        assert first.call is not None
        finish(store, a_run("r1"), first)
        token = store.journal.begin(a_run("r2"))
        finish(store, a_run("r3"), performed("r3", "fit", a_manifest("new"), key="k1"))
        store.journal.append(token, [again("r2", first.call)])
        assert store.runs.steps("r2")[0].outputs == first.call.outputs

    def test_many_reused_steps_in_one_append(self, store: MetadataStore) -> None:
        calls = [performed("r1", "fit", a_manifest(str(i)), index=str(i)) for i in range(50)]
        finish(store, a_run("r1"), *calls)
        finish(store, a_run("r2"), *[again("r2", c.call) for c in calls if c.call is not None])
        assert [s.outputs for s in store.runs.steps("r2")] == [
            s.outputs for s in store.runs.steps("r1")
        ]

    # what was before

    def test_the_previous_step_is_of_the_last_run_before(self, store: MetadataStore) -> None:
        one, two = (performed(r, "fit", parts=parts_of(r), key=r) for r in ("r1", "r2"))
        finish(store, a_run("r1"), one)
        finish(store, a_run("r2"), two)
        finish(store, a_run("r3"), performed("r3", "load"))
        third, planned = store.runs.get("r3"), a_run("r9")
        assert store.calls.previous(third, "fit", "", "steps:fit") == two.step
        assert store.calls.previous(planned, "fit", "", "steps:fit") == two.step
        assert store.calls.previous(store.runs.get("r2"), "fit", "", "") == one.step
        assert store.calls.previous(store.runs.get("r1"), "fit", "", "steps:fit") is None

    def test_a_reused_step_counts_as_previous(self, store: MetadataStore) -> None:
        one = performed("r1", "fit", parts=parts_of("a"), key="a")
        finish(store, a_run("r1"), one)
        finish(store, a_run("r2"), performed("r2", "fit", parts=parts_of("b"), key="b"))
        assert one.call is not None
        finish(store, a_run("r3"), again("r3", one.call))
        found = store.calls.previous(a_run("r4"), "fit", "", "")
        assert found is not None
        assert (found.run, found.parts) == ("r3", parts_of("a"))

    def test_else_the_previous_step_is_any_of_the_same_function(self, store: MetadataStore) -> None:
        change = performed("r1", "fit", index="3")
        finish(store, a_run("r1", pipeline="other"), change)
        run = a_run("r2")
        assert store.calls.previous(run, "fit-2", "", "steps:fit") == change.step
        assert store.calls.previous(run, "fit-2", "", "steps:other") is None
        assert store.calls.previous(run, "fit-2", "", "") is None

    def test_a_step_without_parts_is_nobodys_previous(self, store: MetadataStore) -> None:
        one = performed("r1", "fit")
        bare = StepChanged(replace(one.step, run="r2", parts=None))
        finish(store, a_run("r1"), one)
        finish(store, a_run("r2"), bare)
        assert store.calls.previous(a_run("r3"), "fit", "", "") == one.step

    # checkpoints

    def test_a_checkpoint_is_kept_until_its_call_succeeds(self, store: MetadataStore) -> None:
        first, second = a_manifest("epoch 1"), a_manifest("epoch 2", stored=True)
        token = store.journal.begin(a_run("r1"))
        assert store.calls.checkpoint("k1") is None
        store.journal.append(token, [Checkpointed("r1", "k1", first)])
        store.journal.append(token, [Checkpointed("r1", "k1", second)])
        store.journal.append(token, [performed("r1", "fit", key="k1", status="failed")])
        assert store.calls.checkpoint("k1") == second
        assert second not in store.sweep.doomed(LATER)
        assert first in store.sweep.doomed(LATER)
        store.journal.append(token, [performed("r1", "fit-2", key="k1")])
        assert store.calls.checkpoint("k1") is None
        assert second in store.sweep.doomed(LATER)
