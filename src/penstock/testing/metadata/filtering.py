"""What a metadata store must tell of filters, orders and names: `depth>6 and evaluate.auc>0.7`."""

from __future__ import annotations

import math
from typing import Any

import pytest
from msgspec.structs import replace

from penstock.core.conditions import All, Measure, Not, Some
from penstock.core.events import StepChanged
from penstock.core.ports import MetadataStore, RunFilter
from penstock.core.records import Logged, Metric, Provenance
from penstock.core.where import order, where
from penstock.testing.metadata.records import DEAD, a_run, again, finish, performed

SECOND = 1_000_000


def measured(run: str, node: str, index: str = "", /, **metrics: float) -> StepChanged:
    logged = Logged(tuple(Metric(name, value, None, 1) for name, value in metrics.items()))
    return performed(run, node, index=index, key=f"{run} {node} {index}", logged=logged)


def ids(store: MetadataStore, text: str, *sort: str, **more: Any) -> list[str]:
    """The runs of a filter, in the order of their ids if no other is asked for."""
    given: Any = {"where": where(text) if text else None, "order": tuple(map(order, sort)), **more}
    found = [run.id for run in store.runs.list(RunFilter(**given))]
    return found if sort else sorted(found)


class FilteringSuite:
    @pytest.fixture
    def filled(self, store: MetadataStore) -> MetadataStore:
        """Four runs that have ended, and one that goes on."""
        origin = Provenance(user="ann", host="box", commit="ab12cd", branch="main", python="3.11.7")
        one = a_run(
            "r1",
            created=10 * SECOND,
            started=10 * SECOND,
            parameters={"depth": 4, "model": "Forest", "hyper": {"lr": 0.1}, "rows": [1, 2]},
            tags=("try", "a b"),
            note="the good one",
            seed=7,
            provenance=origin,
        )
        finish(store, one, measured("r1", "evaluate", auc=0.5, loss=math.nan))
        two = replace(one, id="r2", created=20 * SECOND, started=20 * SECOND, tags=(), note="")
        given = {"depth": 8, "flag": True, "most": "inf", "least": {"of": "-inf"}}
        two = replace(two, parameters=given, provenance=Provenance())
        finish(store, two, measured("r2", "evaluate", auc=0.75, loss=math.inf), status="failed")
        three = replace(two, id="r3", created=30 * SECOND, parameters={"depth": "deep"}, started=0)
        maps = [measured("r3", "fit", str(at), auc=at / 4) for at in range(4)]
        finish(store, three, *maps, measured("r3", "fit", "4", auc=math.nan))
        four = replace(three, id="r4", created=40 * SECOND, project="bank", name="best", kept=True)
        finish(store, replace(four, parameters={}))
        going = replace(one, id="r5", created=50 * SECOND, started=50 * SECOND, tags=("b",))
        token = store.journal.begin(replace(going, parameters={"depth": 6}))
        store.journal.append(token, [measured("r5", "evaluate", auc=1.0)])
        return store

    @pytest.mark.parametrize(
        ("text", "expected"),
        {
            "depth>6": "r2",
            "depth>=6": "r2 r5",
            "depth<8": "r1 r5",
            "depth=8": "r2",
            "depth='8'": "r2",
            "depth!=8": "r1 r3 r4 r5",
            "depth=deep": "r3",
            "depth<'e'": "r3",
            "depth in (4, deep)": "r1 r3",
            "depth not in (4, deep)": "r2 r4 r5",
            "depth=none": "r4",
            "4<depth<=8": "r2 r5",
            "param.hyper.lr<0.2": "r1",
            "model~FOR": "r1",
            "param.hyper~lr": "r1",
            "rows='[1,2]'": "r1",
            "most>5": "r2",
            "most=inf": "r2",
            "param.least.of<0": "r2",
            "flag=true": "r2",
            "not flag=true": "r1 r3 r4 r5",
            "evaluate.auc>0.5": "r2 r5",
            "evaluate.auc=0.5": "r1",
            "evaluate.loss=nan": "r1",
            "evaluate.loss!=nan": "r2 r3 r4 r5",
            "evaluate.loss>0": "r2",
            "evaluate.loss=none": "r3 r4 r5",
            "fit.auc=0.375": "r3",
            "fit[3].auc>0.5": "r3",
            "fit[4].auc=nan": "r3",
            "fit[5].auc=none": "r1 r2 r3 r4 r5",
            "tag=try": "r1",
            "tag='a b'": "r1",
            "tag~B": "r1 r5",
            "tag in (try, b)": "r1 r5",
            "tag=none": "r2 r3 r4",
            "status=done": "r1 r3 r4",
            "status in (failed, running)": "r2 r5",
            "pipeline=train": "r1 r2 r3 r4 r5",
            "project!=shop": "r4",
            "name=best": "r4",
            "note~GOOD": "r1 r5",
            "note=none": "r2 r3 r4",
            "seed=7": "r1 r2 r3 r4 r5",
            "user=ann": "r1 r5",
            "user=none": "r2 r3 r4",
            "commit=ab1": "r1 r5",
            "commit=b1": "",
            "branch=main and host=box": "r1 r5",
            "id=r": "r1 r2 r3 r4 r5",
            "kept": "r4",
            "not kept": "r1 r2 r3 r5",
            "dirty=yes": "",
            "took=none": "r3 r4",
            "took>1h": "r1 r2 r5",
            "created<1970-01-02T12:00": "r1 r2 r3 r4 r5",
            "age<1h": "",
            "ended=none": "r5",
            "done>0": "r1 r2 r3 r5",
            "done=5": "r3",
            "depth>6 or tag=try": "r1 r2",
            "not (depth>6 or tag=try)": "r3 r4 r5",
            "depth>3 and not status=failed and evaluate.auc<=1": "r1 r5",
        }.items(),
    )
    def test_a_filter_chooses(self, filled: MetadataStore, text: str, expected: str) -> None:
        assert ids(filled, text) == expected.split()

    def test_a_filter_joins_what_else_is_asked(self, filled: MetadataStore) -> None:
        assert ids(filled, "depth>0", project="bank") == []
        assert ids(filled, "", statuses=("done", "failed")) == ["r1", "r2", "r3", "r4"]
        assert ids(filled, "evaluate.auc>0", tag="b") == ["r5"]
        assert ids(filled, "evaluate.auc>0", before=20 * SECOND) == ["r1"]
        assert ids(filled, "id=r", "created", limit=2) == ["r1", "r2"]

    @pytest.mark.parametrize(
        ("sort", "expected"),
        {
            "created": "r1 r2 r3 r4 r5",
            "-created": "r5 r4 r3 r2 r1",
            "depth": "r1 r5 r2 r3 r4",
            "-depth": "r2 r5 r1 r3 r4",
            "evaluate.auc": "r1 r2 r5 r4 r3",
            "-evaluate.auc": "r5 r2 r1 r4 r3",
            "evaluate.loss": "r2 r5 r4 r3 r1",
            "name": "r4 r5 r3 r2 r1",
            "status -depth": "r1 r3 r4 r2 r5",
            "-done": "r3 r5 r2 r1 r4",
            "ended": "r1 r2 r3 r4 r5",
        }.items(),
    )
    def test_runs_are_sorted(self, filled: MetadataStore, sort: str, expected: str) -> None:
        assert ids(filled, "", *sort.split()) == expected.split()

    def test_no_condition_at_all_and_a_great_many(self, filled: MetadataStore) -> None:
        every = ["r1", "r2", "r3", "r4", "r5"]
        one = where("depth=8")

        def chosen(condition: Any) -> list[str]:
            return sorted(run.id for run in filled.runs.list(RunFilter(where=condition)))

        assert (chosen(All(())), chosen(Some(())), chosen(Not(Some(())))) == (every, [], every)
        assert chosen(Some((one,) * 2000)) == chosen(All((one,) * 2000)) == ["r2"]

    def test_values_are_never_read_as_sql(self, store: MetadataStore) -> None:
        odd = ["'; DROP TABLE run; --", '"', "%", "_", "\\", "é", ":run", "{at}"]
        for at, text in enumerate(odd):
            run = a_run(f"r{at}", parameters={"x": text, text: 1}, tags=(text,), name=text)
            finish(store, run, measured(run.id, text, **{text: 1.0}))
        for at, text in enumerate(odd):
            quoted = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
            for filter in (f"x={quoted}", f"x~{quoted}", f"tag={quoted}", f"name={quoted}"):
                assert ids(store, filter) == [f"r{at}"]
            assert ids(store, f"`param.{text}`=1") == [f"r{at}"]
            assert [*store.runs.measured([f"r{at}"], Measure(text, text))] == [1.0]

    def test_a_crashed_run_is_chosen_as_one(self, store: MetadataStore) -> None:
        store.journal.begin(a_run("r1", owner=DEAD, parameters={"depth": 3}))
        assert ids(store, "status=crashed and depth=3") == ["r1"]
        assert ids(store, "status=running") == []
        store.journal.settle()
        assert ids(store, "status=crashed and depth=3") == ["r1"]

    def test_what_was_edited_and_removed_is_known(self, filled: MetadataStore) -> None:
        filled.runs.edit("r2", name="new", tags=["x"], note="seen", kept=True)
        assert ids(filled, "name=new and tag=x and note=seen and kept") == ["r2"]
        filled.runs.edit("r2", kept=False)
        filled.runs.remove("r2")
        assert ids(filled, "depth=8 or evaluate.auc=0.75") == []

    def test_a_reused_step_has_its_metrics(self, store: MetadataStore) -> None:
        first = measured("r1", "evaluate", auc=0.5)
        finish(store, a_run("r1"), first)
        assert first.call is not None
        finish(store, a_run("r2"), again("r2", first.call))
        assert ids(store, "evaluate.auc=0.5") == ["r1", "r2"]

    def test_metrics_are_read_for_many_runs_at_once(self, filled: MetadataStore) -> None:
        runs = ["r2", "r1", "gone", "r3", "r5"]
        assert [*filled.runs.measured(runs, Measure("evaluate", "auc"))] == [
            0.75,
            0.5,
            None,
            None,
            1.0,
        ]
        assert repr([*filled.runs.measured(runs, Measure("evaluate", "loss"))]) == (
            "[inf, nan, None, None, None]"
        )
        assert [*filled.runs.measured(["r3"], Measure("fit", "auc"))] == [0.375]
        assert [*filled.runs.measured(["r3"], Measure("fit", "auc", "3"))] == [0.75]

    def test_the_names_that_can_be_asked_about(self, filled: MetadataStore) -> None:
        names = filled.runs.names("shop")
        assert names.parameters == (
            *("depth", "flag", "hyper", "hyper.lr"),
            *("least", "least.of", "model", "most", "rows"),
        )
        assert names.steps == ("evaluate", "fit")
        assert names.metrics == ("auc", "loss")
        assert filled.runs.names("bank").steps == ()

    def test_an_empty_store_knows_no_names(self, store: MetadataStore) -> None:
        names = store.runs.names()
        assert (names.parameters, names.steps, names.metrics) == ((), (), ())
        assert [*store.runs.measured(["r1"], Measure("fit", "auc"))] == [None]
