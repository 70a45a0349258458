"""Pipelines that are run, and what their runs say."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import penstock
from penstock import (
    Failure,
    Run,
    RunFailed,
    context,
    each,
    either,
    find_run,
    logical_date,
    pipeline,
    ref,
    runs,
    step,
)
from penstock.errors import DefinitionError, NotFound, UsageError


class Split(NamedTuple):
    train: list[int]
    test: list[int]


@dataclass(frozen=True)
class Hyper:
    depth: int = 6
    rate: float = 0.1


@step
def load(count: int) -> list[int]:
    return list(range(count))


@step
def split(rows: list[int], ratio: float = 0.8) -> Split:
    middle = int(len(rows) * ratio)
    return Split(rows[:middle], rows[middle:])


@step
def fit(rows: list[int], depth: int = 6) -> float:
    if depth < 0:
        raise ValueError(f"depth is {depth}")
    context().log_metric("auc", sum(rows) * depth)
    return float(sum(rows) * depth)


@step
def announce(score: float) -> str:
    return f"score {score}"


@pipeline
def training(count: int, depth: int = 6) -> float:
    return fit(split(load(count)).train, depth=depth)


@pipeline
def guarded(count: int, least: float) -> str:
    score = training(count)
    return either(announce.when(score > least)(score), announce.unless(score > least)(0.0))


@pipeline
def tuned(hyper: Hyper = Hyper(), day: date = logical_date()) -> Any:  # noqa: B008
    return fit([1], depth=hyper.depth), str(day)


def statuses(run: Run[Any]) -> dict[str, str]:
    return {one.name: one.status for one in run.steps}


def test_running_equals_calling() -> None:
    run = training.run(10)
    assert run.status == "done"
    assert run.result() == training(10) == 168.0
    assert guarded.run(10, 100).result() == guarded(10, 100) == "score 168.0"
    assert guarded.run(10, 200).result() == guarded(10, 200) == "score 0.0"


def test_only_what_changed_runs_again_and_says_why() -> None:
    assert statuses(training.run(10)) == {"load": "done", "split": "done", "fit": "done"}
    again = training.run(10)
    assert statuses(again) == {"load": "reused", "split": "reused", "fit": "reused"}
    deeper = training.run(10, depth=3)
    assert statuses(deeper) == {"load": "reused", "split": "reused", "fit": "done"}
    assert deeper["fit"].reason == "changed: parameter 'depth' 6 → 3"
    assert again.metrics == {"fit.auc": 168.0}


def test_a_run_tells_everything_of_itself() -> None:
    run = training.named("first").options(seed=3, tags=["try"], note="so").run(10)
    assert (run.name, run.seed, run.tags, run.note, run.pipeline) == (
        "first", 3, ("try",), "so", "training",
    )  # fmt: skip
    assert run.parameters == {"count": 10, "depth": 6}
    assert run.started is not None
    assert run.ended is not None
    assert run.seconds >= 0
    assert repr(run) == f"<run {run.id} 'first' of training: done>"
    assert run.error is None


def test_any_output_can_be_loaded_later() -> None:
    training.run(10)
    run = runs()[0]
    assert run["load"].output.load() == list(range(10))
    assert run["split"].outputs["train"].load() == list(range(8))
    assert [one.name for one in run.steps] == ["load", "split", "fit"]
    assert run["fit"].metrics == {"auc": 168.0}
    assert "def fit" in "".join(run["fit"].code.values())
    with pytest.raises(NotFound, match="'split' has several outputs"):
        _ = run["split"].output
    with pytest.raises(NotFound, match="has no step 'fitt'"):
        run["fitt"]


def test_what_a_step_prints_is_its_log() -> None:
    @step
    def chatty() -> int:
        print("hello")  # noqa: T201  # what a user's step does
        return 1

    @pipeline
    def flow() -> int:
        return chatty()

    assert "hello" in flow.run()["chatty"].logs


def test_runs_are_found_newest_first_and_by_a_prefix() -> None:
    first, second = training.run(3), training.options(tags=["b"]).run(4)
    guarded.run(3, 1)
    assert [run.id for run in training.runs()] == [second.id, first.id]
    assert [run.pipeline for run in runs()] == ["guarded", "training", "training"]
    assert [run.id for run in runs(tag="b")] == [second.id]
    assert find_run(first.id).result() == first.result()
    assert find_run().pipeline == "guarded"
    with pytest.raises(NotFound):
        find_run("nothing")


def test_names_tags_and_notes_can_be_edited_later() -> None:
    run = training.run(3)
    run.edit(name="best", tags=["a", "b"], note="kept", keep=True)
    found = find_run("best")
    assert (found.id, found.tags, found.note, found.kept) == (run.id, ("a", "b"), "kept", True)


def test_what_is_edited_is_what_a_run_may_be_called() -> None:
    run = training.run(3)
    with pytest.raises(UsageError, match="cannot be named 'last'"):
        run.edit(name="last")
    assert run.edit(tags=["", "a"]).tags == ("a",)


def test_two_runs_are_compared() -> None:
    first, second = training.run(10), training.run(10, depth=3)
    found = first.compare(second)
    assert found.parameters == {"depth": (6, 3)}
    assert found.metrics == {"fit.auc": (168.0, 84.0)}
    assert found.statuses == {"load": ("done", "reused"), "split": ("done", "reused")}
    assert found.code == ()
    assert list(found.seconds) == ["load", "split", "fit"]
    assert "  depth  6 | 3" in repr(found)
    assert first.compare(second.id) == found


def test_a_failed_run_raises_from_the_users_exception_and_carries_the_run() -> None:
    with pytest.raises(RunFailed, match="depth is -1") as caught:
        training.run(10, depth=-1)
    assert isinstance(caught.value.__cause__, ValueError)
    run = caught.value.run
    assert isinstance(run, Run)
    assert statuses(run) == {"load": "done", "split": "done", "fit": "failed"}
    assert run["fit"].error is not None
    assert run["fit"].error.message == "depth is -1"
    with pytest.raises(NotFound, match="returned nothing: it is failed"):
        run.result()


@step
def told_at_length(rows: list[int]) -> int:
    raise ValueError(f"{len(rows)} rows do not fit\nthe first is {rows[0]}")


@pipeline
def at_length() -> int:
    return told_at_length([7])


def test_the_kind_of_an_error_stands_in_its_first_line() -> None:
    with pytest.raises(RunFailed) as caught:
        at_length.run()
    first, second, *_ = caught.value.message.splitlines()
    assert first.endswith("failed: 'told_at_length': 1 rows do not fit (ValueError)")
    assert second == "the first is 7"


def test_a_failed_run_may_be_returned_instead() -> None:
    run = training.options(on_error="return").run(10, depth=-1)
    assert run.status == "failed"
    assert run.error is not None


def test_an_old_result_goes_wherever_a_value_goes() -> None:
    run = training.run(10)

    @pipeline
    def later(rows: list[int]) -> float:
        return fit(rows, depth=1)

    parts = run["split"].outputs["test"]
    assert later.run(parts).result() == later(parts) == 17.0
    address = ref(f"run:{run.id}/split.test")
    assert later.run(address).result() == later(address) == 17.0
    assert statuses(later.run(address)) == {"fit": "reused"}

    @pipeline
    def inside() -> float:
        return fit(ref(f"run:{run.id}/load"), depth=2)

    assert inside.run().result() == inside() == 90.0


def test_a_whole_run_is_no_value() -> None:
    run = training.run(10)
    with pytest.raises(DefinitionError, match="cannot be passed for 'count' of 'training'"):
        training.run(run)  # type: ignore[arg-type]


def test_a_pipeline_that_a_step_of_a_worker_runs() -> None:
    @step
    def outer(count: int) -> float:
        return training.run(count).result()

    @pipeline
    def flow() -> float:
        return outer(10)

    assert flow.options(workers=1).run().result() == 168.0
    assert {run.pipeline for run in runs()} == {"flow", "training"}


def test_a_map_is_one_step_with_items() -> None:
    @pipeline
    def flow() -> list[float]:
        return fit.map(load(4), depth=each([1, 2, 3]))

    run = flow.run()
    assert run.result() == flow() == [6.0, 12.0, 18.0]
    assert statuses(run) == {"load": "done", "fit": "done"}
    assert [item.name for item in run["fit"].items] == ["fit[0]", "fit[1]", "fit[2]"]
    assert run["fit"].output.load() == [6.0, 12.0, 18.0]
    assert run["fit[1]"].output.load() == 12.0


def test_a_map_that_collects_lets_the_others_finish() -> None:
    @pipeline
    def flow() -> list[float | Failure]:
        return fit.map_collect(load(4), depth=each([1, -1]))

    ran, called = flow.run().result(), flow()
    assert ran[0] == called[0] == 6.0
    for failure in (ran[1], called[1]):
        assert isinstance(failure, Failure)
        assert (failure.type.rpartition(".")[2], failure.message) == ("ValueError", "depth is -1")


def test_a_plan_tells_what_would_happen_and_does_nothing() -> None:
    assert [(one.step, one.action) for one in training.plan(10)] == [
        ("load", "execute"), ("split", "await"), ("fit", "await"),
    ]  # fmt: skip
    assert runs() == []
    training.run(10)
    assert [(one.step, one.action) for one in training.plan(10, depth=2)] == [
        ("load", "reuse"), ("split", "reuse"), ("fit", "execute"),
    ]  # fmt: skip
    assert len(runs()) == 1


def test_a_sweep_is_a_run_for_each_element() -> None:
    swept = training.options(tags=["sweep"]).sweep(10, depth=each([1, 2]))
    assert [run.parameters["depth"] for run in swept] == [1, 2]
    assert [run.result() for run in swept] == [28.0, 56.0]
    assert statuses(swept[1]) == {"load": "reused", "split": "reused", "fit": "done"}


def test_a_sweep_shows_itself_as_a_table_of_what_differs() -> None:
    swept = training.sweep(10, depth=each([1, 2]))
    head, *rows = repr(swept).splitlines()
    assert head.split() == ["run", "status", "pipeline", "created", "took", "depth"]
    assert [row.split()[-1] for row in rows] == ["1", "2"]
    assert "depth" in swept._repr_html_()


def test_of_a_dict_that_differs_its_parts_are_told() -> None:
    swept = tuned.sweep(each([Hyper(6, 0.1), Hyper(6, 0.2)]))
    assert repr(swept).splitlines()[0].split()[5:] == ["hyper.rate"]


def test_a_bound_pipeline_is_called_run_planned_and_drawn() -> None:
    bound = training.bind(10, depth=2)
    assert bound() == 56.0
    assert bound.run().result() == 56.0
    assert {one.action for one in bound.plan()} == {"reuse"}
    assert [node.id for node in bound.graph().nodes] == ["load", "split", "fit"]


def test_a_part_of_a_pipeline_keeps_its_keys() -> None:
    run = training.options(until="split").run(10)
    assert statuses(run) == {"load": "done", "split": "done"}
    assert statuses(training.run(10)) == {"load": "reused", "split": "reused", "fit": "done"}


def test_parameters_from_outside_fill_what_code_leaves_open() -> None:
    assert training.options(parameters={"depth": "2"}).run(10).result() == 56.0
    run = tuned.options(parameters={"hyper": {"depth": "2"}}, logical_date="2026-03-01").run()
    assert run.result() == (2.0, "2026-03-01")
    with pytest.raises(UsageError, match="'count' of 'training' is bound in code"):
        training.options(parameters={"count": 3}).run(10)
    with pytest.raises(UsageError, match="'training' has no parameter 'dept'"):
        training.options(parameters={"dept": 3}).run(10)


def test_an_unknown_option_of_a_run_is_refused() -> None:
    with pytest.raises(UsageError, match="'sed' is not an option of a run") as caught:
        training.options(sed=3)  # type: ignore[call-arg]
    assert "Did you mean 'seed'?" in str(caught.value)


def test_a_pipeline_is_not_run_by_a_module_that_a_worker_imports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("penstock.api.pipeline.loading_in_worker", lambda: True)
    with pytest.raises(DefinitionError, match="'training' is run by a module") as caught:
        training.run(10)
    assert 'Put the call under `if __name__ == "__main__":`.' in str(caught.value)


def test_a_pipeline_inside_a_step_is_a_run_of_its_own() -> None:
    @step
    def outer() -> float:
        return training.run(10).result()

    @pipeline
    def flow() -> float:
        return outer()

    assert flow.run().result() == 168.0
    assert {run.pipeline for run in runs()} == {"flow", "training"}


def test_a_step_called_inside_a_step_is_the_plain_function() -> None:
    @step
    def outer(count: int) -> float:
        return fit(load(count), depth=1)

    @pipeline
    def flow() -> float:
        return outer(4)

    run = flow.run()
    assert run.result() == 6.0
    assert statuses(run) == {"outer": "done"}


def test_state_lives_beside_the_project(project: Path) -> None:
    training.run(3)
    assert (project / ".penstock").is_dir()


def test_every_public_name_is_there_and_said_once() -> None:
    assert penstock.__all__ == sorted(set(penstock.__all__))
    for name in penstock.__all__:
        assert getattr(penstock, name) is not None
    assert set(penstock.__all__) <= set(dir(penstock))
    homes = [name for names in vars(penstock)["_HOMES"].values() for name in names]
    assert sorted(homes) == penstock.__all__
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = penstock.nothing  # type: ignore[attr-defined]


def test_records_removed_between_two_runs_of_a_process_begin_anew(project: Path) -> None:
    training.run(10)
    shutil.rmtree(project / ".penstock")
    anew = training.run(10)
    assert statuses(anew) == {"load": "done", "split": "done", "fit": "done"}
    assert (project / ".penstock" / "penstock.db").exists()
    assert anew.result() == 168.0


@pipeline
def halves(count: int) -> Split:
    parts = split(load(count))
    return Split(parts.test, parts.train)


def test_a_pipeline_that_returns_a_named_tuple_gives_it_back() -> None:
    result = halves.run(10).result()
    assert type(result) is Split
    assert result == halves(10)
