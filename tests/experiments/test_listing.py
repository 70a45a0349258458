"""Lists of runs in Python: filtered, sorted, shown, given to pandas."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import penstock
from penstock import Run, Runs, context, each, pipeline, step
from penstock.errors import NotFound, UsageError
from penstock.experiments.listing import Listing
from penstock.testing.metadata import a_run


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, in which the test stands."""
    (tmp_path / "penstock.toml").touch()
    monkeypatch.chdir(tmp_path)
    for name in ("PENSTOCK_HOME", "PENSTOCK_STACK", "PENSTOCK_SEED"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@step
def fit(depth: int) -> int:
    context().log_metric("loss", math.nan if depth == 8 else 10 - depth)
    return depth


@step
def probe(depth: int, k: int) -> int:
    context().log_metric("score", depth + k)
    return k


@pipeline(primary="-fit.loss")
def training(depth: int = 6, seed: int = 1, hyper: dict[str, float] | None = None) -> int:
    probe.map(depth, each([1, 2]))
    return fit(depth)


@pipeline
def other(depth: int = 1) -> int:
    return fit(depth)


@pytest.fixture
def runs() -> list[Run[int]]:
    return [
        training.options(name="low", tags=["try"]).run(4, hyper={"lr": 0.1}),
        training.run(6),
        training.options(tags=["try", "b"]).run(8, seed=3),
        other.run(2),
    ]


def names(found: Runs[int], among: list[Run[int]]) -> list[int]:
    return [[run.id for run in among].index(run.id) for run in found]


def test_runs_are_filtered_and_sorted_by_what_they_were_given_and_measured(
    runs: list[Run[int]],
) -> None:
    def found(where: str = "", *sort: str) -> list[int]:
        return names(penstock.runs(where=where, sort=sort), runs)

    assert found() == [3, 2, 1, 0]
    assert found("depth>4 and tag=try") == [2]
    assert found("fit.loss<=4 or name=low", "depth") == [0, 1]
    assert found("", "-fit.loss") == [3, 0, 1, 2]
    assert found("param.seed=3") == [2]
    assert found("hyper.lr=0.1") == [0]
    assert found("probe.score=7.5") == [1]
    assert found("fit.loss=nan") == [2]
    assert names(training.runs("depth<8", sort="depth", limit=1), runs) == [0]
    assert names(penstock.runs("training", tag="try"), runs) == [2, 0]


def test_an_unknown_name_is_an_error_with_its_place(runs: list[Run[int]]) -> None:
    with pytest.raises(UsageError) as refused:
        training.runs("depth>4 and fit.lss>1")
    assert str(refused.value) == (
        "no run has a metric or parameter 'fit.lss'\n"
        "  depth>4 and fit.lss>1\n"
        "              ^^^^^^^\n"
        "  Did you mean 'fit.loss'?"
    )
    with pytest.raises(UsageError, match="Did you mean 'depth'"):
        training.runs(sort="-deph")


def test_where_nothing_has_run_any_name_is_accepted() -> None:
    assert training.runs("whatever>3", sort="-fit.loss") == []


def test_a_large_integer_has_all_its_digits(runs: list[Run[int]]) -> None:
    large = 10**18 + 1
    training.run(large)
    assert f"  {large}  " in repr(training.runs(f"depth={large}"))


def test_a_list_shows_itself_as_a_table_with_the_best_marked(runs: list[Run[int]]) -> None:
    found = training.runs("depth>3", sort="depth")
    head, *rows = repr(found).splitlines()
    assert head.split() == ["run", "status", "pipeline", "created", "took", "depth", "fit.loss"]
    assert [" ★" in row for row in rows] == [False, True, False]
    assert rows[0].endswith("4      6         low #try")
    assert "nan" in rows[2]
    page = found._repr_html_()
    assert page.startswith('<div class="penstock">')
    assert "4 ★" in page
    assert repr(training.runs("depth>100")) == "no runs"


def test_the_best_is_by_the_primary_metric(runs: list[Run[int]]) -> None:
    assert training.runs().best.id == runs[1].id
    assert training.runs(tag="b").best.id == runs[2].id
    with pytest.raises(NotFound, match="no primary metric in common"):
        penstock.runs().best  # noqa: B018
    with pytest.raises(NotFound, match="no primary metric"):
        training.runs("depth>100").best  # noqa: B018


def test_a_list_is_compared_as_a_whole_and_cut_like_any_list(runs: list[Run[int]]) -> None:
    found = training.runs(sort="depth")
    assert found.compare().parameters["depth"] == (4, 6, 8)
    assert isinstance(found[1:], Runs)
    assert found[1:].compare().baseline == runs[1].id
    assert [run.id for run in found[:1]] == [runs[0].id] == [found[0].id]
    with pytest.raises(NotFound, match="no run to compare"):
        training.runs("depth>100").compare()


def test_pandas_has_every_parameter_and_metric(runs: list[Run[int]]) -> None:
    frame = training.runs(sort="depth").to_pandas()
    assert list(frame.index) == [run.id for run in runs[:3]]
    assert list(frame["depth"]) == [4, 6, 8]
    assert list(frame["fit.loss"][:2]) == [6.0, 4.0]
    assert math.isnan(frame["fit.loss"].iloc[2])
    assert list(frame["probe.score"]) == [5.5, 7.5, 9.5]
    assert frame["hyper.lr"].iloc[0] == 0.1
    assert frame["tags"].iloc[2] == "try b"
    assert len(training.runs("depth>100").to_pandas()) == 0


def test_a_parameter_that_is_called_as_a_field_says_what_it_is() -> None:
    @pipeline
    def named(name: str = "x") -> int:
        return fit(1)

    named.options(name="run").run()
    frame = named.runs().to_pandas()
    assert (frame["name"].iloc[0], frame["param.name"].iloc[0]) == ("run", "x")
    head, row = repr(named.runs("param.name=x")).splitlines()
    assert head.split()[-1] == "param.name"
    assert row.split()[-2:] == ["x", "run"]


def test_a_dict_that_is_called_params_is_filtered_by_its_name() -> None:
    @pipeline
    def tuned(params: dict[str, float]) -> int:
        return fit(1)

    low, high = tuned.run({"lr": 0.1}), tuned.run({"lr": 0.5})
    assert names(tuned.runs("params.lr>0.2"), [low, high]) == [1]
    assert names(tuned.runs(sort="-params.lr"), [low, high]) == [1, 0]


def test_a_run_that_crashed_took_longer_than_its_last_sign_of_life() -> None:
    crashed = a_run("r1", status="crashed", started=1_000_000, ended=6_000_000)
    done = a_run("r2", status="done", started=1_000_000, ended=6_000_000)
    _, rows = Listing(runs=(crashed, done), values=((), ())).table()
    assert [row[4] for row in rows] == ["over 5.0 s", "5.0 s"]
