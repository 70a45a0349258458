"""`penstock runs` and `penstock compare`, as people type them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from tests.cli.project import FEATURES, FLOW, Project
from tests.cli.seat import seated

JUDGED = FLOW.replace("@pipeline\n", '@pipeline(primary="fit.auc")\n')


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three runs: the second is deeper, and before the third a helper was edited."""
    project = Project(tmp_path_factory.mktemp("runs"))
    project.write("penstock.toml", "")
    project.write("flow.py", JUDGED)
    project.write("features.py", FEATURES)
    project.penstock("run", "flow.py", "--name", "first")
    project.penstock("run", "flow.py", "-p", "depth=8", "--name", "deep", "--tag", "try")
    project.write("features.py", FEATURES.replace("x + 1", "x + 2"))
    project.penstock("run", "flow.py", "-p", "depth=4", "--name", "low")
    return project


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_runs_are_filtered_sorted_and_shown_with_columns(ran: Project) -> None:
    said = ran.penstock("runs", "-f", "depth>4 and fit.auc>0.5", "--sort", "-fit.auc")
    head, *rows = lines(said.out)
    assert head == ["run", "status", "pipeline", "began", "took", "depth", "fit.auc"]
    assert [row[-2:] for row in rows] == [["deep", "#try"], ["0.56", "first"]]
    assert "8      0.58 ★" in said.out
    columns = ran.penstock("runs", "training", "-c", "n,user", "-c", "fit.auc", "-n", "1")
    assert lines(columns.out)[0] == ["run", "status", "began", "took", "n", "user", "fit.auc"]
    assert columns.err == "\nThere are more: -n 5\n"


def test_filters_may_be_given_several_times(ran: Project) -> None:
    said = ran.penstock("runs", "-f", "depth>4 or depth<2", "-f", "tag=try", "--json")
    assert [run["name"] for run in said.json] == ["deep"]
    assert said.json[0]["columns"] == {"depth": 8, "fit.auc": 0.58}
    assert ran.penstock("runs", "-f", "depth>40").err == "no such runs\n"


def test_runs_as_csv(ran: Project) -> None:
    said = ran.penstock("runs", "--csv", "-c", "depth,fit.auc", "-s", "depth")
    rows = [*csv.DictReader(io.StringIO(said.out))]
    assert [(row["name"], row["depth"], row["fit.auc"]) for row in rows] == [
        ("low", "4", "0.54"),
        ("first", "6", "0.56"),
        ("deep", "8", "0.58"),
    ]
    assert float(rows[0]["took"]) > 0


def test_what_is_called_as_a_field_has_a_column_of_its_own(tmp_path: Path) -> None:
    project = Project(tmp_path / "named")
    project.write("penstock.toml", "")
    project.write("flow.py", NAMED)
    project.penstock("run", "flow.py", "--name", "first", "--seed", "7")
    table = project.penstock(
        "runs", "-f", "param.name=foo", "-c", "run.name,param.name", "--csv"
    ).out
    head, row = csv.reader(io.StringIO(table))
    assert len(head) == len(set(head))
    told = dict(zip(head, row, strict=True))
    assert (told["name"], told["param.name"]) == ("first", "foo")
    both = project.penstock("runs", "-c", "param.seed", "-c", "run.seed", "--json").json
    assert both[0]["columns"] == {"param.seed": 3, "seed": "7"}


NAMED = """
from penstock import pipeline, step


@step
def fit(name: str, seed: int) -> str:
    return name


@pipeline
def training(name: str = "foo", seed: int = 3) -> str:
    return fit(name, seed)
"""


def test_a_wrong_filter_is_shown_with_its_place(ran: Project) -> None:
    said = ran.penstock("runs", "-f", "depth>4 and fit.acu>0.5")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "error: no run has a metric or parameter 'fit.acu'\n"
        "  depth>4 and fit.acu>0.5\n"
        "              ^^^^^^^\n"
        "  Did you mean 'fit.auc'?\n"
    )
    assert "Did you mean 'depth'?" in ran.penstock("runs", "--sort", "dept").err
    assert "Did you mean 'depth'?" in ran.penstock("runs", "-c", "dept").err


def test_completion_knows_what_runs_can_be_sorted_by(ran: Project) -> None:
    words = "penstock runs --sort fit"
    said = ran.penstock(_PENSTOCK_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD="3")
    assert said.out == "plain,fit.auc\n"


def test_any_number_of_runs_are_compared_with_the_first(ran: Project) -> None:
    out = ran.penstock("compare", "first", "deep", "low").out
    assert (
        "parameter  first baseline  deep ★  low\n"
        "depth      6               8       4\n"
        "\n"
        "metric   first baseline  deep ★          low\n"
        "fit.auc  0.56            0.58 (+0.02) ▲  0.54 (-0.02) ▼\n"
    ) in out
    assert out.endswith(
        "  deep · fit: parameter 'depth' 6 → 8\n"
        "  low · fit: helper 'features.encode' (features.py)\n"
        "    @@ -1,2 +1,2 @@\n"
        "     def encode(x):\n"
        "    -    return x + 1\n"
        "    +    return x + 2\n"
        "  low · fit: parameter 'depth' 6 → 4\n"
    )


def test_the_baseline_and_the_judge_may_be_named(ran: Project) -> None:
    out = ran.penstock("compare", "first", "deep", "--baseline", "low", "--primary=-fit.auc").out
    assert "metric   low baseline ★  first           deep\n" in out
    assert "fit.auc  0.54            0.56 (+0.02) ▼  0.58 (+0.04) ▼\n" in out
    assert "@@" not in ran.penstock("compare", "first", "low", "--no-diff").out
    every = ran.penstock("compare", "first", "low", "--all").out
    assert ["n", "5", "5"] in lines(every)


def test_runs_to_compare_may_be_found_by_a_filter(ran: Project) -> None:
    found = ran.penstock("compare", "-f", "depth>4", "--json").json
    assert found["names"] == ["first", "deep"]
    beside = ran.penstock("compare", "low", "-f", "depth>=4", "--json").json
    assert beside["names"] == ["low", "first", "deep"]
    assert ran.penstock("compare", "-f", "depth>40").err.startswith("error: no runs to compare\n")


def test_without_a_run_the_last_is_compared_with_the_one_before(ran: Project) -> None:
    assert ran.penstock("compare").out == ran.penstock("compare", "deep", "low").out
    same = ran.penstock("compare", "low", "latest")
    assert (same.code, same.err.splitlines()[0]) == (
        2,
        "error: 'low' and 'latest' are the same run",
    )
    assert ran.penstock("compare", "low", "-b", "low").code == 2
    assert ran.penstock("compare", "nobody", "low").code == 2
    assert "names no metric of a step" in ran.penstock("compare", "--primary", "auc").err


@pytest.mark.parametrize(
    ("form", "begins"),
    [("markdown", "| "), ("html", "<!doctype html>"), ("json", "{")],
)
def test_a_comparison_takes_each_form(ran: Project, form: str, begins: str) -> None:
    said = ran.penstock("compare", "first", "deep", "--format", form)
    assert said.out.startswith(begins)
    if form == "markdown":
        assert "| depth | 6 | 8 |\n" in said.out
    if form == "json":
        assert said.json["metrics"] == {"fit.auc": [0.56, 0.58]}
        assert said.json == ran.penstock("compare", "first", "deep", "--json").json
        assert json.dumps(said.json, allow_nan=False)


def test_on_a_narrow_terminal_the_others_come_below(ran: Project) -> None:
    command = ran.command("compare", "first", "deep", "low", "--no-diff")
    with seated(ran, "env", "COLUMNS=44", *command) as seat:
        code, shown = seat.end()
    assert code == 0
    tables = [line for line in shown.splitlines() if not line.startswith("  ")]
    assert max(map(len, tables)) <= 44
    assert "metric   first baseline  deep ★\nfit.auc  0.56            0.58 (+0.02) ▲\n" in shown
    assert "metric   first baseline  low\nfit.auc  0.56            0.54 (-0.02) ▼\n" in shown


def test_nothing_is_written_by_comparing(tmp_path: Path) -> None:
    project = Project(tmp_path / "empty")
    project.write("penstock.toml", "")
    assert project.penstock("compare").err.startswith("error: no run yet\n")
    assert project.penstock("runs", "-f", "depth>3").err == "no such runs\n"
    assert not (project.root / ".penstock").exists()
