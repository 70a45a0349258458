"""Runs beside each other: what is told, and how it looks in each form."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from penstock import Run, context, each, find_run, pipeline, step
from penstock.api import seam
from penstock.core.events import RunEnded
from penstock.core.records import Logged, Metric, now
from penstock.errors import NotFound, UsageError
from penstock.testing import in_memory
from penstock.testing.metadata import DEAD, a_manifest, a_run, finish, parts_of, performed


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, in which the test stands."""
    (tmp_path / "penstock.toml").touch()
    monkeypatch.chdir(tmp_path)
    for name in ("PENSTOCK_HOME", "PENSTOCK_STACK", "PENSTOCK_SEED"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@step
def load(file: Path) -> list[int]:
    return [int(word) for word in file.read_text().split()]


@step
def fit(rows: list[int], depth: int = 6) -> int:
    here = context()
    here.log_param("rows", len(rows))
    for at, value in enumerate((3.0, 2.0, 1.0 / depth)):
        here.log_metric("loss", value, step=at)
    if depth < 0:
        raise ValueError("too deep")
    return sum(rows) * depth


@step
def probe(model: int, k: int) -> int:
    context().log_metric("score", k)
    return model * k


@step
def evaluate(model: int) -> int:
    context().log_metric("auc", model / 100)
    context().log_metric("gap", math.nan)
    return model


@pipeline(primary="evaluate.auc")
def training(
    file: Path, depth: int = 6, items: int = 2, hyper: dict[str, float] | None = None
) -> int:
    model = fit(load(file), depth=depth)
    probe.map(model, each([*range(items)]))
    return evaluate(model)


@pipeline
def other(count: int = 1) -> int:
    return evaluate(count)


@pytest.fixture
def runs(project: Path) -> list[Run[int]]:
    """Three: the second is deeper, the third has other data and more items."""
    file = project / "a.txt"
    file.write_text("1 2 3")
    first = training.run(file, hyper={"lr": 0.1})
    second = training.options(name="deep").run(file, depth=8, hyper={"lr": 0.1})
    file.write_text("1 2 3 4")
    return [first, second, training.run(file, depth=4, items=30, hyper={"lr": 0.5})]


def test_only_what_differs_is_told(runs: list[Run[int]]) -> None:
    found = runs[0].compare(*runs[1:])
    assert found.runs == tuple(run.id for run in runs)
    assert found.parameters == {
        "depth": (6, 8, 4),
        "items": (2, 2, 30),
        "hyper.lr": (0.1, 0.1, 0.5),
        "fit.rows": (3, 3, 4),
    }
    assert found.metrics == {
        "fit.loss": (1 / 6, 1 / 8, 1 / 4),
        "probe.score": (0.5, 0.5, 14.5),
        "evaluate.auc": (0.36, 0.48, 0.4),
    }
    assert found.statuses == {
        "load": ("done", "reused", "done"),
        "probe": ("2 done", "2 done", "30 done"),
    }
    assert found.packages == {}
    assert [(change.run, change.steps, change.words) for change in found.changes] == [
        (runs[1].id, ("fit",), "parameter 'depth' 6 → 8"),
        (runs[2].id, ("fit",), "parameter 'depth' 6 → 4"),
    ]


def test_the_same_data_is_known_by_its_content(runs: list[Run[int]], project: Path) -> None:
    data = runs[0].compare(runs[2]).data
    assert list(data) == ["load(file)", "load", "fit", "evaluate", "probe"]
    given, loaded = data["load(file)"], data["load"]
    assert [one.what for one in given] == [str(project / "a.txt")] * 2
    assert [one.size for one in given] == [5, 7]
    assert [one.what for one in loaded] == ["list [1,2,3]", "list [1,2,3,4]"]
    assert [one.what for one in data["probe"]] == ["2 items", "30 items"]
    assert len({one.digest for row in data.values() for one in row}) == 8  # evaluate gives fit's


def test_a_file_that_a_map_was_given_is_data_too(project: Path) -> None:
    config, parts = project / "it's.json", [project / "a.txt", project / "b.txt"]
    for file in (config, *parts):
        file.write_text("1")
    first = cleaning.run(parts, config)
    config.write_text("2")
    second = cleaning.run(parts, config)
    parts[1].write_text("2")
    third = cleaning.run(parts, config)
    found = first.compare(second)
    assert list(found.data) == ["clean(config)"]
    assert [one.what for one in found.data["clean(config)"]] == [str(config)] * 2
    assert found.changes == ()
    assert "the same code, parameters and data" not in repr(found)
    found = second.compare(third)
    assert list(found.data) == ["clean(part)"]
    assert [one.what for one in found.data["clean(part)"]] == ["2 items"] * 2
    assert found.changes == ()


@step
def clean(part: Path, config: Path) -> int:
    return 1


@pipeline
def cleaning(parts: list[Path], config: Path) -> None:
    clean.map(each(parts), config=config)


def test_a_file_is_known_as_such_however_long_its_path(project: Path) -> None:
    file = project.joinpath(*["a long name"] * 12, "a.txt")
    file.parent.mkdir(parents=True)
    file.write_text("1")
    first = training.run(file)
    file.write_text("1 2")
    found = first.compare(training.run(file))
    assert "load(file)" in found.data
    assert found.changes == ()


def test_what_the_items_of_a_map_made_is_told_in_the_order_of_the_outputs() -> None:
    with in_memory() as session:
        store, name = session.stack.metadata, session.stack.project.name
        for run in ("r1", "r2"):
            made = [a_manifest(f"{run} {at}") for at in range(9)]
            finish(store, a_run(run, project=name), performed(run, "fit", *made, index="0"))
        found = find_run("r1").compare("r2")
        assert list(found.data) == [f"fit.{at}" for at in range(9)]


def test_everything_has_also_what_is_the_same(runs: list[Run[int]]) -> None:
    every = runs[0].compare(runs[1], everything=True)
    assert every.parameters["items"] == (2, 2)
    assert every.statuses["evaluate"] == ("done", "done")
    assert every.data["load"][0] == every.data["load"][1]
    assert len(every.packages) > 3
    assert {"python", "host", "stack", "penstock"} < every.facts.keys()


def test_two_equal_runs_differ_in_nothing_but_their_time(runs: list[Run[int]]) -> None:
    again = training.run(Path.cwd() / "a.txt", depth=4, items=30, hyper={"lr": 0.5})
    found = runs[2].compare(again)
    assert found.facts.keys() <= {"took"}
    assert (found.parameters, found.data, found.changes, found.code) == ({}, {}, (), ())
    assert found.metrics == {"evaluate.auc": (0.4, 0.4)}
    assert repr(found).endswith("\nthe same code, parameters and data")


def test_of_what_runs_did_not_come_to_nothing_is_claimed(project: Path) -> None:
    (project / "a.txt").write_text("1 2 3")
    ended = training.options(on_error="return")
    found = ended.run(project / "a.txt", depth=-1).compare(ended.run(project / "a.txt", depth=-1))
    assert repr(found).endswith("as far as they came, the same code, parameters and data")


def test_values_that_are_equal_and_of_another_type_differ(project: Path) -> None:
    @pipeline
    def shown(level: object) -> int:
        return evaluate(1)

    some = [shown.run(level) for level in (1, 1.0, True, "1", [1, {"a": 1}], [1, {"a": True}])]
    found = some[0].compare(*some[1:])
    assert [*map(repr, found.parameters["level"])] == [
        "1", "1.0", "True", "'1'", "[1, {'a': 1}]", "[1, {'a': True}]",
    ]  # fmt: skip
    assert "level  1 | 1.0" in repr(some[0].compare(some[1]))
    assert some[4].compare(some[5]).parameters.keys() == {"level"}


def test_a_parameter_that_json_has_no_number_for_is_told_and_found(project: Path) -> None:
    @pipeline
    def shown(level: float) -> int:
        return evaluate(1)

    some = [shown.run(level) for level in (math.inf, -math.inf, math.nan)]
    assert some[0].compare(*some[1:]).parameters["level"] == ("inf", "-inf", "nan")
    assert [shown.runs(f"level={word}")[0].id for word in ("inf", "-inf", "nan")] == [
        run.id for run in some
    ]
    assert [run.id for run in shown.runs("level>5 or level<-5")] == [some[1].id, some[0].id]
    assert [run.id for run in shown.runs(sort="level")] == [some[n].id for n in (1, 0, 2)]
    assert shown.runs("level=none") == []


def test_nan_is_like_nan_and_worse_than_a_number(runs: list[Run[int]]) -> None:
    found = runs[0].compare(runs[1], primary="evaluate.gap")
    assert repr(found.metrics["evaluate.gap"]) == "(nan, nan)"
    assert (found.best, found.better("evaluate.gap", 1)) == (None, None)
    beside = other.run(3).compare(runs[0], primary="evaluate.auc")
    assert beside.better("evaluate.auc", 1) is True


def test_the_primary_metric_says_which_is_better(runs: list[Run[int]]) -> None:
    found = runs[0].compare(*runs[1:])
    assert found.primary is not None
    assert (found.primary.metric, found.primary.lower) == ("evaluate.auc", False)
    assert found.best == 1
    assert [found.better("evaluate.auc", at) for at in range(3)] == [None, True, True]
    assert found.better("fit.loss", 1) is None
    lower = runs[0].compare(*runs[1:], primary="-fit.loss")
    assert (lower.best, [lower.better("fit.loss", at) for at in (1, 2)]) == (1, [True, False])


def test_a_primary_metric_that_nobody_logged_is_said(runs: list[Run[int]]) -> None:
    found = runs[0].compare(runs[1], primary="evaluate.acu")
    assert found.best is None
    assert "the primary metric 'evaluate.acu' was not logged by any of these runs" in repr(found)


def test_runs_of_different_pipelines_have_each_their_own(runs: list[Run[int]]) -> None:
    found = runs[0].compare(other.run(50))
    # One of them has declared by what it is judged.
    assert found.better("evaluate.auc", 1) is True
    assert found.facts["pipeline"] == ("training", "other")
    assert found.parameters["depth"] == (6, None)
    assert found.parameters["count"] == (None, 50)
    assert found.statuses["fit"] == ("done", None)
    assert found.metrics["evaluate.auc"] == (0.36, 0.5)


def test_a_failed_run_has_what_it_came_to(runs: list[Run[int]]) -> None:
    failed = training.options(on_error="return").run(Path("a.txt"), depth=-1)
    found = runs[2].compare(failed)
    assert found.facts["status"] == ("done", "failed")
    assert found.facts["error"] == (None, "ValueError: 'fit': too deep")
    assert found.statuses["evaluate"] == ("done", None)
    assert found.metrics["evaluate.auc"] == (0.4, None)


def test_a_function_that_changed_is_told_once_with_its_diff(project: Path) -> None:
    for rate in ("2", "31"):
        (project / "flow.py").write_text(FLOW.replace("RATE", rate))
        subprocess.run([sys.executable, "-c", "import flow; flow.flow.run()"], check=True)
    found = find_run("latest~1").compare("latest")
    assert [(change.steps, change.words) for change in found.changes] == [
        (("one", "two"), "helper 'flow.scaled' (flow.py)")
    ]
    assert found.code == ("one", "two")
    assert found.changes[0].diff == (
        "@@ -1,2 +1,2 @@\n def scaled(x: int) -> int:\n-    return x * 2\n+    return x * 31"
    )


FLOW = """
from penstock import pipeline, step


def scaled(x: int) -> int:
    return x * RATE


@step
def one(x: int) -> int:
    return scaled(x)


@step
def two(x: int) -> int:
    return scaled(x) + 1


@pipeline
def flow() -> int:
    return two(one(1))
"""


def test_a_run_that_goes_on_and_a_crashed_one_are_compared_as_far_as_they_came() -> None:
    with in_memory() as session:
        store = session.stack.metadata
        metrics = Logged((Metric("auc", 0.5, None, 1),))
        done = performed("r1", "fit", logged=metrics, parts=parts_of("one"))
        finish(store, a_run("r1", project=session.stack.project.name, started=1), done)
        begun = now() - 5_000_000
        token = store.journal.begin(
            a_run("r2", project=session.stack.project.name, started=begun, parameters={"depth": 3})
        )
        found = find_run("r1").compare("r2")
        assert found.facts["status"] == ("done", "running")
        assert found.facts["took"][1] >= 5
        assert found.metrics == {"fit.auc": (0.5, None)}
        assert found.statuses == {"fit": ("done", None)}
        store.journal.append(token, [RunEnded("r2", "cancelled", begun + 1_000_000)])
        assert find_run("r1").compare("r2").facts["took"][1] == 1.0
        dead = a_run("r3", project=session.stack.project.name, started=begun, owner=DEAD)
        store.journal.begin(dead)
        found = find_run("r1").compare("r3")
        assert found.facts["status"] == ("done", "crashed")
        took = next(line for line in found.shown().sections[0].lines if line.name == "took")
        assert [cell.startswith("over ") for cell in took.cells] == [False, True]
        assert found.metrics == {"fit.auc": (0.5, None)}
        assert found.statuses == {"fit": ("done", None)}


def test_a_step_that_takes_notably_longer_is_told() -> None:
    with in_memory() as session:
        store, name = session.stack.metadata, session.stack.project.name
        for run, fit in (("r1", 1_000_000), ("r2", 2_000_000)):
            steps = [
                performed(run, node, started=1_000_000, ended=1_000_000 + lasted)
                for node, lasted in (("load", 1_000_000), ("fit", fit))
            ]
            finish(store, a_run(run, project=name), *steps)
        found = find_run("r1").compare("r2")
        assert found.statuses == {"fit": ("done", "done")}
        assert "  fit  done 1.0 s | done 2.0 s" in repr(found)


def test_a_run_alone_is_not_compared(runs: list[Run[int]]) -> None:
    with pytest.raises(UsageError, match="needs two runs"):
        runs[0].compare()


def test_a_removed_run_is_named_in_the_error(runs: list[Run[int]]) -> None:
    session = seam.session()
    session.stack.metadata.runs.remove(runs[1].id)
    with pytest.raises(NotFound, match=runs[1].id):
        runs[0].compare(runs[1])
    # What was reused from it stays.
    assert runs[0].compare(runs[2]).parameters["depth"] == (6, 4)


def test_markdown_is_a_table_for_each_section(runs: list[Run[int]]) -> None:
    text = runs[0].compare(runs[1]).to_markdown()
    assert (
        f"| metric | {runs[0].id} baseline | deep ({runs[1].id}) ★ |\n"
        "| --- | --- | --- |\n"
        "| fit.loss | 0.166667 | 0.125 (-0.0417) |\n"
        "| evaluate.auc | 0.36 | 0.48 (+0.12) ▲ |"
    ) in text
    assert text.endswith("fit: parameter 'depth' 6 → 8")


def test_markdown_and_html_take_any_text_as_text(project: Path) -> None:
    odd = "<b>`|*_[x](y) \n# &amp; ```"
    with in_memory() as session:
        store, name = session.stack.metadata, session.stack.project.name
        for id, value in (("r1", odd), ("r2", "x")):
            finish(store, a_run(id, project=name, name=odd, parameters={odd: value}))
        found = find_run("r1").compare("r2")
        page = found.to_html(page=True)
        assert "<b>" not in page
        assert "&lt;b&gt;" in page
        rows = [line for line in found.to_markdown().splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}


def test_html_is_a_fragment_of_its_own_or_a_page(runs: list[Run[int]]) -> None:
    found = runs[0].compare(runs[1])
    fragment, page = found.to_html(), found.to_html(page=True)
    assert fragment.startswith('<div class="penstock">')
    assert found._repr_html_() == fragment
    assert page.startswith("<!doctype html>")
    for text in ("0.48 (+0.12) ▲", "★ best", "baseline", "evaluate.auc", "deep"):
        assert text in fragment
    assert "http" not in page.replace("http-equiv", "")


def test_pandas_has_a_row_for_each_thing_and_a_column_for_each_run(runs: list[Run[int]]) -> None:
    frame = runs[0].compare(*runs[1:]).to_pandas()
    assert list(frame.columns) == [run.id for run in runs]
    assert list(frame.loc["metric", "evaluate.auc"]) == [0.36, 0.48, 0.4]
    assert frame.loc[("parameter", "depth"), runs[1].id] == 8
    assert runs[2].compare(runs[2].id).to_pandas().loc["metric", "evaluate.auc"].shape == (2,)


def test_json_has_words_for_what_is_no_number(runs: list[Run[int]]) -> None:
    told = json.loads(
        json.dumps(runs[0].compare(runs[1], everything=True).to_dict(), allow_nan=False)
    )
    assert told["metrics"]["evaluate.gap"] == ["nan", "nan"]
    assert told["metrics"]["evaluate.auc"] == [0.36, 0.48]
    assert told["primary"] == {"metric": "evaluate.auc", "lower": False}
    assert told["data"]["load"][0].keys() == {"digest", "what", "size"}


def test_maps_of_thousands_of_items_are_one_line() -> None:
    with in_memory() as session:
        store, name = session.stack.metadata, session.stack.project.name
        for run, count in (("r1", 3000), ("r2", 2999)):
            items = [
                performed(run, "fit", index=str(at), logged=Logged((Metric("auc", at, None, 1),)))
                for at in range(count)
            ]
            finish(store, a_run(run, project=name), *items)
        found = find_run("r1").compare("r2")
        assert found.metrics == {"fit.auc": (1499.5, 1499.0)}
        assert found.statuses == {"fit": ("3,000 done", "2,999 done")}
        assert len(repr(found).splitlines()) < 12


def test_a_primary_metric_is_written_as_step_and_metric() -> None:
    for wrong in ("auc", "evaluate.", ".auc", "-"):
        with pytest.raises(UsageError, match="names no metric of a step"):
            pipeline(primary=wrong)(lambda: None)
    with pytest.raises(UsageError, match="names no metric of a step"):
        other.options(primary="auc")


def test_the_primary_metric_of_a_project_is_that_of_its_runs(project: Path) -> None:
    (project / "penstock.toml").write_text('[options]\nprimary = "-evaluate.auc"\n')
    low, high = other.run(1), other.run(2)
    assert low.record.options["primary"] == "-evaluate.auc"
    assert low.compare(high).better("evaluate.auc", 1) is False
