"""What a metadata store must do for the owner of a run: leases, deaths, steps, claims."""

from __future__ import annotations

import threading

import pytest
from msgspec.structs import replace

from penstock.core.events import (
    Note,
    Progress,
    RunEnded,
    RunStarted,
    StepChanged,
    StepsPlanned,
)
from penstock.core.ports import MetadataStore, RunFilter
from penstock.core.records import (
    Counts,
    ErrorRecord,
    Logged,
    Metric,
    StepRecord,
    made,
)
from penstock.errors import LeaseLost, NotFound, StoreError
from penstock.testing.metadata.records import (
    DEAD,
    a_manifest,
    a_run,
    finish,
    performed,
    running,
    statuses,
)


class OwningSuite:
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
