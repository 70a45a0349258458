"""A notebook in a real kernel: what its cells show of pipelines, runs and errors."""

from __future__ import annotations

import os
from textwrap import dedent
from typing import Any

import nbclient
import nbformat
import pytest
from tests.views.terminal import untimed

CELLS = {
    "load": "%load_ext penstock",
    "define": """
        from penstock import context, each, find_run, pipeline, step

        class Held:
            "Kept as a pickle."
            def __setstate__(self, state):
                print("unpickled")

        @step
        def load(path: str) -> list[int]:
            print("loading")
            return [1, 2, 3]

        @step
        def fit(rows: list[int], depth: int) -> float:
            context().log_metric("loss", 1 / depth)
            return depth / 10

        @step
        def best(scores: list[float]) -> float:
            if max(scores) > 1:
                raise ValueError("too good")
            return max(scores)

        @step
        def hold(score: float) -> Held:
            held = Held()
            held.score = score
            return held

        @pipeline
        def training(path: str, depth: int = 3) -> float:
            "Scores of a few depths."
            score = best(fit.map(load(path), depth=each([1, 2, depth])))
            hold(score)
            return score
        """,
    "pipeline": "training",
    "bound": "training.bind('b.csv', depth=5)",
    "step": "fit",
    "run": "run = training.run('a.csv'); run",
    "again": "training.run('a.csv')",
    "sweep": "runs = training.sweep(each(['c.csv', 'd.csv']))",
    "step of a run": "run['fit']",
    "artifact": "run['load'].output",
    "unsafe": "run['hold'].output",
    "fails": "training.run('a.csv', depth=30)",
    "our error": "training.run()",
    "user's error": "[].pop()",
    "magic": "%penstock runs -n 1",
    "open quote": "%penstock note last 'Tuesday",
    "gone": "import shutil; find_run('last').edit(note='x'); shutil.rmtree('.penstock'); run",
    "unload": "%unload_ext penstock",
    "quiet": "x = training.run('a.csv')",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What stands below each cell when all have run."""
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "penstock.toml").touch()
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(dedent(code).strip()) for code in CELLS.values()]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PENSTOCK_")}
    client = nbclient.NotebookClient(
        book, timeout=60, allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=kept)
    return {name: cell.outputs for name, cell in zip(CELLS, book.cells, strict=True)}


def html(outputs: list[Any]) -> str:
    """Of the last output that has any."""
    return [one.data["text/html"] for one in outputs if "text/html" in one.get("data", {})][-1]


def printed(outputs: list[Any]) -> str:
    return "".join(one.text for one in outputs if one.output_type == "stream")


def test_the_extension_loads_without_a_word(outputs: dict[str, list[Any]]) -> None:
    assert outputs["load"] == []


def test_a_pipeline_is_its_graph_though_an_argument_is_missing(
    outputs: dict[str, list[Any]],
) -> None:
    shown = html(outputs["pipeline"])
    assert "<svg" in shown
    assert "Scores of a few depths." in shown
    assert "required" in shown
    assert "for each depth" in shown
    assert "&#x27;b.csv&#x27;" in html(outputs["bound"])
    assert outputs["pipeline"][0].data["text/plain"] == "<pipeline training>"


def test_a_step_shows_its_signature_and_its_source(outputs: dict[str, list[Any]]) -> None:
    shown = html(outputs["step"])
    assert "fit(rows: list[int], depth: int) -&gt; float" in shown
    assert "log_metric" in shown


def test_a_run_shows_its_progress_in_one_display_and_then_itself(
    outputs: dict[str, list[Any]],
) -> None:
    kinds = [one.output_type for one in outputs["run"]]
    assert sorted(kinds) == ["display_data", "execute_result", "stream"]
    (progress,) = [one for one in outputs["run"] if one.output_type == "display_data"]
    assert untimed(progress.data["text/plain"]) == "run RUN of training: done; 6 done"
    assert "<details>" in progress.data["text/html"]
    shown = html(outputs["run"])
    assert "fit[0].loss" in shown
    assert "3 items: 3 done" in shown
    assert "<svg" in shown
    assert "↺ reused" in html(outputs["again"])


def test_each_run_of_a_sweep_has_a_display_of_its_own(outputs: dict[str, list[Any]]) -> None:
    assert [one.output_type for one in outputs["sweep"]].count("display_data") == 2


def test_a_step_of_a_run_and_what_it_made_are_shown(outputs: dict[str, list[Any]]) -> None:
    assert "3 items: 3 done" in html(outputs["step of a run"])
    assert "[1, 2, 3]" in html(outputs["artifact"])


def test_what_runs_code_when_it_is_read_is_not_read_to_be_shown(
    outputs: dict[str, list[Any]],
) -> None:
    assert "reading it runs code" in html(outputs["unsafe"])
    assert printed(outputs["unsafe"]) == ""


def test_a_failure_shows_the_users_own_traceback(outputs: dict[str, list[Any]]) -> None:
    (error,) = [one for one in outputs["fails"] if one.output_type == "error"]
    assert error.ename == "RunFailed"
    text = "\n".join(error.traceback)
    assert 'raise ValueError("too good")' in text
    assert "penstock/" not in text
    assert text.endswith("Mend it and run it again: what is done is reused.")
    assert "✗ failed" in html(outputs["fails"])


def test_an_error_of_ours_is_told_in_words(outputs: dict[str, list[Any]]) -> None:
    (error,) = outputs["our error"]
    assert error.traceback == [
        "DefinitionError: 'training' is called without 'path'",
        "  Its parameters: path, depth=….",
    ]
    assert "IndexError" in "\n".join(outputs["user's error"][0].traceback)


def test_the_magic_is_the_command_line(outputs: dict[str, list[Any]]) -> None:
    assert "failed" in printed(outputs["magic"])
    assert "training" in printed(outputs["magic"])
    (error,) = outputs["open quote"]
    assert error.traceback == [
        "UsageError: a quote or a '\\' in 'note last 'Tuesday' has no end",
    ]


def test_where_the_store_has_it_no_more_the_repr_is_shown(outputs: dict[str, list[Any]]) -> None:
    (result,) = [one for one in outputs["gone"] if one.output_type == "execute_result"]
    assert untimed(result.data["text/plain"]) == "<run RUN of training: done>"
    assert "text/html" not in result.data


def test_without_the_extension_a_run_is_quiet(outputs: dict[str, list[Any]]) -> None:
    assert outputs["unload"] == []
    assert [one.output_type for one in outputs["quiet"]] == ["stream"]
