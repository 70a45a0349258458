"""What every metadata store must do: subclass `MetadataStoreSuite` and give it a fixture `store`.

class TestMine(MetadataStoreSuite):
    @pytest.fixture
    def store(self, tmp_path):
        return MyStore(tmp_path)
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from penstock.core.digest import digest_struct
from penstock.core.events import (
    Barrier,
    Checkpointed,
    Event,
    Note,
    Progress,
    RunEnded,
    RunStarted,
    StepChanged,
    StepsPlanned,
    TextsFound,
)
from penstock.core.liveness import boot, me
from penstock.core.ports import MetadataStore, RunFilter
from penstock.core.records import (
    CallRecord,
    Counts,
    ErrorRecord,
    FileRef,
    Logged,
    Manifest,
    Metric,
    Parts,
    RunRecord,
    Status,
    StepRecord,
    made,
    now,
)
from penstock.errors import LeaseLost, NotFound, StoreError, UsageError

# ---- records to try with

NOTHING = Logged()


def a_run(id: str, **changes: Any) -> RunRecord:
    run = RunRecord(id=id, project="shop", pipeline="train", owner=me(), created=now())
    return replace(run, **changes)


def a_manifest(value: str, *, stored: bool = False) -> Manifest:
    """An artifact whose bytes are inline, or in one stored file."""
    file = FileRef("value.json", digest_struct("file", value), len(value))
    return Manifest(
        id=digest_struct("artifact", value, stored),
        content=digest_struct("content", value),
        serializer="json",
        type="builtins:str",
        files=(file,),
        inline=None if stored else value.encode(),
        meta={"preview": value},
    )


def parts_of(code: str, **inputs: str) -> Parts:
    return Parts(
        code=code,
        inputs={name: digest_struct("content", value) for name, value in inputs.items()},
        shown=inputs,
    )


def performed(
    run: str,
    node: str,
    *manifests: Manifest,
    index: str = "",
    key: str = "",
    seed: int = -1,
    status: Status = "done",
    parts: Parts | None = None,
    logged: Logged = NOTHING,
    cached: bool = True,
    **changes: Any,
) -> StepChanged:
    """A step that was performed; its outputs are "0", "1", … in the order of the manifests."""
    key = key or digest_struct("key", node, index)
    parts = parts or parts_of(f"code of {node}")
    outputs = {str(at): made(manifest) for at, manifest in enumerate(manifests)}
    step = StepRecord(
        run=run,
        node=node,
        index=index,
        ref=f"steps:{node}",
        status=status,
        key=key,
        reason="first time",
        attempt=1,
        seed=7,
        drew=seed != -1,
        queued=now(),
        ended=now(),
        parts=parts,
        outputs=outputs,
        logged=logged,
    )
    call = CallRecord(
        key=key,
        seed=seed,
        run=run,
        node=node,
        index=index,
        parts=parts,
        outputs=outputs,
        logged=logged,
        created=now(),
        seconds=0.5,
        python="3.11",
    )
    kept = call if cached and status == "done" else None
    return StepChanged(replace(step, **changes), kept, manifests)


def again(run: str, call: CallRecord) -> StepChanged:
    """A step that reuses this call."""
    step = StepRecord(
        run=run,
        node=call.node,
        index=call.index,
        ref=f"steps:{call.node}",
        status="reused",
        key=call.key,
        seed=None if call.seed == -1 else call.seed,
        source=call.run,
        reason=f"from run {call.run}",
        queued=now(),
        ended=now(),
        outputs=call.outputs,
        logged=call.logged,
    )
    return StepChanged(step)


def running(run: str, node: str, index: str = "", **changes: Any) -> StepChanged:
    step = StepRecord(run=run, node=node, index=index, status="running", queued=now())
    return StepChanged(replace(step, **changes))


def finish(store: MetadataStore, run: RunRecord, *events: Event, status: Status = "done") -> None:
    """A whole run: begun, these events, ended."""
    token = store.journal.begin(run)
    store.journal.append(token, [*events, Barrier(run.id), RunEnded(run.id, status, now())])


def statuses(store: MetadataStore, run: str) -> dict[str, str]:
    return {step.name: step.status for step in store.runs.steps(run)}


DEAD = replace(me(), born="0")
"""An owner with our pid, that is somebody else's by now."""
LATER = now() + 86_400_000_000

# ---- the suite


class MetadataStoreSuite:
    @pytest.fixture
    def store(self) -> MetadataStore:
        raise NotImplementedError("give a fixture `store`: an empty metadata store")

    # a run's life

    def test_a_run_is_running_until_its_end_is_appended(self, store: MetadataStore) -> None:
        run = a_run("r1", parameters={"depth": 6}, tags=("try",), note="first", seed=3)
        token = store.journal.begin(run)
        assert store.runs.get("r1") == replace(run, status="running")
        store.journal.append(token, [StepsPlanned("", 2), performed("r1", "load")])
        store.journal.append(token, [RunEnded("r1", "done", 99)], durable=True)
        assert store.runs.get("r1") == replace(
            run, status="done", ended=99, counts=Counts(total=2, done=1)
        )

    def test_an_id_is_given_once(self, store: MetadataStore) -> None:
        store.journal.begin(a_run("r1"))
        with pytest.raises(StoreError, match="'r1'"):
            store.journal.begin(a_run("r1"))

    def test_a_failed_run_keeps_its_error(self, store: MetadataStore) -> None:
        error = ErrorRecord("builtins:ValueError", "half a \ud800 character", "line 1")
        token = store.journal.begin(a_run("r1"))
        store.journal.append(token, [RunEnded("r1", "failed", 5, error)])
        kept = store.runs.get("r1")
        assert kept.status == "failed"
        assert kept.error is not None
        assert kept.error.type == "builtins:ValueError"

    def test_nobody_writes_to_a_run_that_ended(self, store: MetadataStore) -> None:
        token = store.journal.begin(a_run("r1"))
        store.journal.append(token, [RunEnded("r1", "done", 1)])
        with pytest.raises(LeaseLost):
            store.journal.append(token, [performed("r1", "load")])
        with pytest.raises(LeaseLost):
            store.journal.append(token, [RunEnded("r1", "failed", 2)])
        assert store.runs.get("r1").status == "done"
        assert store.journal.renew(token) is False

    def test_nobody_writes_without_the_token(self, store: MetadataStore) -> None:
        store.journal.begin(a_run("r1"))
        with pytest.raises(LeaseLost):
            store.journal.append("another", [performed("r1", "load")])
        assert store.runs.steps("r1") == ()
        assert store.journal.renew("another") is False

    def test_a_later_description_changes_no_decision(self, store: MetadataStore) -> None:
        run = a_run("r1", name="mine")
        token = store.journal.begin(run)
        store.runs.edit("r1", note="kept")
        late = replace(run, graph="g1", name="other", note="lost", parameters={"a": 1})
        store.journal.append(token, [RunStarted(late)])
        found = store.runs.get("r1")
        assert (found.graph, found.parameters) == ("g1", {"a": 1})
        assert (found.name, found.note, found.status) == ("mine", "kept", "running")

    # death

    def test_the_run_of_a_dead_owner_is_shown_as_crashed(self, store: MetadataStore) -> None:
        token = store.journal.begin(a_run("r1", owner=DEAD))
        store.journal.append(token, [performed("r1", "load"), running("r1", "fit")])
        assert store.runs.get("r1").status == "crashed"
        assert statuses(store, "r1") == {"load": "done", "fit": "crashed"}
        assert [run.id for run in store.runs.list(RunFilter(statuses=("crashed",)))] == ["r1"]
        assert store.runs.list(RunFilter(statuses=("running",))) == ()

    def test_what_is_shown_as_crashed_is_what_is_settled(self, store: MetadataStore) -> None:
        token = store.journal.begin(a_run("r1", owner=DEAD))
        store.journal.append(token, [performed("r1", "load"), running("r1", "fit")])
        shown = store.runs.get("r1"), store.runs.steps("r1")
        assert store.journal.settle() == 1
        assert (store.runs.get("r1"), store.runs.steps("r1")) == shown
        assert store.journal.settle() == 0

    def test_who_was_settled_is_locked_out(self, store: MetadataStore) -> None:
        token = store.journal.begin(a_run("r1", owner=DEAD))
        store.journal.settle()
        with pytest.raises(LeaseLost):
            store.journal.append(token, [RunEnded("r1", "done", 1)])
        assert store.runs.get("r1").status == "crashed"

    def test_the_living_are_not_settled(self, store: MetadataStore) -> None:
        token = store.journal.begin(a_run("r1"))
        assert store.journal.settle() == 0
        assert store.journal.renew(token) is True
        assert store.runs.get("r1").status == "running"

    # steps

    def test_steps_are_as_they_were_said(self, store: MetadataStore) -> None:
        value = a_manifest("42")
        logged = Logged((Metric("auc", 0.7, None, 1),), {"lr": 0.1}, {"plot": made(value)})
        change = performed("r1", "load", value, logged=logged, reads=("a.csv",), notes=("note",))
        change = replace(change, call=None)
        failed = performed(
            "r1", "fit", status="failed", error=ErrorRecord("builtins:KeyError", "'x'", "trace")
        )
        skipped = StepChanged(StepRecord(run="r1", node="deploy", status="skipped", reason="no"))
        finish(store, a_run("r1"), change, failed, skipped)
        assert store.runs.steps("r1") == (change.step, failed.step, skipped.step)

    def test_a_step_goes_through_its_statuses(self, store: MetadataStore) -> None:
        token = store.journal.begin(a_run("r1"))
        waiting = StepRecord(run="r1", node="fit", status="pending")
        store.journal.append(token, [StepChanged(waiting), running("r1", "fit", attempt=1)])
        assert statuses(store, "r1") == {"fit": "running"}
        store.journal.append(token, [performed("r1", "fit")])
        assert statuses(store, "r1") == {"fit": "done"}
        assert store.runs.get("r1").counts == Counts(done=1)

    def test_a_step_that_ended_never_changes(self, store: MetadataStore) -> None:
        token = store.journal.begin(a_run("r1"))
        store.journal.append(token, [performed("r1", "fit", status="failed")])
        late = [performed("r1", "fit"), performed("r1", "load"), running("r1", "load")]
        store.journal.append(token, late)
        assert statuses(store, "r1") == {"fit": "failed", "load": "done"}
        assert store.runs.get("r1").counts == Counts(failed=1, done=1)

    def test_items_follow_their_map_and_are_counted_alone(self, store: MetadataStore) -> None:
        token = store.journal.begin(a_run("r1"))
        store.journal.append(token, [performed("r1", "load", queued=1)])
        own = StepRecord(run="r1", node="fit", status="running", total=11, queued=2)
        store.journal.append(token, [StepChanged(own), StepsPlanned("fit", 11)])
        store.journal.append(token, [performed("r1", "join", queued=3)])
        items = [performed("r1", "fit", index=str(at), queued=20 - at) for at in (10, 2, 0)]
        store.journal.append(token, [*items, StepChanged(replace(own, status="done", ended=9))])
        assert [step.name for step in store.runs.steps("r1")] == [
            "load",
            "fit",
            "fit[0]",
            "fit[2]",
            "fit[10]",
            "join",
        ]
        assert [step.index for step in store.runs.steps("r1", "fit")] == ["", "0", "2", "10"]
        assert store.runs.get("r1").counts == Counts(total=11, done=5)

    def test_progress_and_notes_are_not_kept(self, store: MetadataStore) -> None:
        token = store.journal.begin(a_run("r1"))
        store.journal.append(token, [Progress("fit", "", 1, 2), Note("look")])
        assert store.runs.steps("r1") == ()

    def test_the_steps_of_an_unknown_run_are_not_found(self, store: MetadataStore) -> None:
        with pytest.raises(NotFound, match="'nowhere'"):
            store.runs.steps("nowhere")

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

    # claims

    def test_a_call_is_claimed_by_one_run_at_a_time(self, store: MetadataStore) -> None:
        one, two = store.journal.begin(a_run("r1")), store.journal.begin(a_run("r2"))
        assert store.journal.claim(one, "k1") == "r1"
        assert store.journal.claim(two, "k1") == "r1"
        assert store.journal.claim(one, "k1") == "r1"
        assert store.journal.claim(two, "k2") == "r2"
        store.journal.append(one, [running("r1", "fit", key="k1")])
        assert store.journal.claim(two, "k1") == "r1"
        store.journal.append(one, [performed("r1", "fit", key="k1", status="failed")])
        assert store.journal.claim(two, "k1") == "r2"

    def test_a_claim_ends_with_its_run(self, store: MetadataStore) -> None:
        one, two = store.journal.begin(a_run("r1")), store.journal.begin(a_run("r2"))
        store.journal.claim(one, "k1")
        store.journal.append(one, [RunEnded("r1", "cancelled", 1)])
        assert store.journal.claim(two, "k1") == "r2"
        with pytest.raises(LeaseLost):
            store.journal.claim(one, "k2")

    def test_a_dead_claimant_is_taken_over(self, store: MetadataStore) -> None:
        dead = store.journal.begin(a_run("r1", owner=DEAD))
        assert store.journal.claim(dead, "k1") == "r1"
        assert store.journal.claim(store.journal.begin(a_run("r2")), "k1") == "r2"

    def test_what_came_before_a_claim_and_the_beginning_are_one_with_it(
        self, store: MetadataStore
    ) -> None:
        one, two = store.journal.begin(a_run("r1")), store.journal.begin(a_run("r2"))
        load, fit = performed("r1", "load"), running("r1", "fit", key="k1")
        assert store.journal.claim(one, "k1", seed=7, before=[load], then=[fit]) == "r1"
        assert statuses(store, "r1") == {"load": "done", "fit": "running"}
        load, fit = performed("r2", "load"), running("r2", "fit", key="k1")
        assert store.journal.claim(two, "k1", seed=7, before=[load], then=[fit]) == "r1"
        assert statuses(store, "r2") == {"load": "done"}
        store.journal.append(one, [performed("r1", "fit", key="k1")])
        assert store.journal.claim(two, "k1", seed=7, before=[], then=[fit]) == ""
        assert statuses(store, "r2") == {"load": "done"}
        assert store.journal.claim(two, "k1", then=[fit]) == "r2"
        assert statuses(store, "r2") == {"load": "done", "fit": "running"}
        store.journal.append(one, [RunEnded("r1", "done", 1)])
        with pytest.raises(LeaseLost):
            store.journal.claim(one, "k2", before=[performed("r1", "late")])
        assert "late" not in statuses(store, "r1")

    def test_only_the_claimant_releases(self, store: MetadataStore) -> None:
        one, two = store.journal.begin(a_run("r1")), store.journal.begin(a_run("r2"))
        store.journal.claim(one, "k1")
        store.journal.append(two, [performed("r2", "fit", key="k1")])
        assert store.journal.claim(two, "k1") == "r1"

    def test_leases_and_claims_are_safe_from_other_threads(self, store: MetadataStore) -> None:
        token = store.journal.begin(a_run("r1"))
        answers: list[object] = []

        def other() -> None:
            answers.extend(
                (store.journal.renew(token), store.journal.claim(token, str(at)))
                for at in range(20)
            )

        thread = threading.Thread(target=other)
        thread.start()
        for at in range(20):
            store.journal.append(token, [performed("r1", "fit", index=str(at))])
        thread.join()
        assert answers == [(True, "r1")] * 20
        assert store.runs.get("r1").counts.done == 20

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
