"""What a notebook is given by the objects themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from penstock import Pipeline, Run, context, each, pipeline, step


class Held:
    """Kept as a pickle, and noisy where it is read."""

    def __setstate__(self, state: object) -> None:
        Path("unpickled").touch()


@step
def image() -> object:
    from PIL import Image

    return Image.new("RGB", (2, 2), (255, 0, 0))


@step
def table() -> pd.DataFrame:
    return pd.DataFrame({"<b>bold</b>": range(1000)})


@step
def held() -> Held:
    made = Held()
    made.__dict__["x"] = 1
    return made


@step
def square(x: int) -> np.ndarray:
    context().log_metric("x", x)
    return np.full(3, x * x)


@pipeline
def making() -> list[object]:
    return [image(), table(), held(), square.map(each([1, 2]))]


@pipeline
def looking(count: int, name: str = "a") -> list[np.ndarray]:
    """It looks at a parameter that has no value yet."""
    return [square(n) for n in range(count)]


@pytest.fixture
def run() -> Run[list[object]]:
    return making.run()


def shown(one: object) -> str:
    text = one._repr_html_()  # type: ignore[attr-defined]  # what IPython looks for
    assert isinstance(text, str)
    return text


def test_an_artifact_shows_its_first_rows_or_its_picture(run: Run[list[object]]) -> None:
    assert 'src="data:image/png;base64,' in shown(run["image"].output)
    rows = shown(run["table"].output)
    assert "&lt;b&gt;bold&lt;/b&gt;" in rows
    assert "and more" in rows
    assert "[4 4 4]" in shown(run["square[1]"].output)
    assert "ndarray 3" in shown(run["square"].output)


def test_an_artifact_that_runs_code_is_told_and_not_read(run: Run[list[object]]) -> None:
    assert "reading it runs code" in shown(run["held"].output)
    assert not Path("unpickled").exists()


def test_an_artifact_whose_bytes_are_gone_says_so(run: Run[list[object]], project: Path) -> None:
    gone = "the stored file &#x27;frame.arrow&#x27; is gone"
    assert gone not in shown(run["table"].output)
    files = [one for one in (project / ".penstock" / "artifacts").rglob("*") if one.is_file()]
    assert len(files) >= 1
    for file in files:
        file.unlink()
    assert gone in shown(run["table"].output)
    assert "and more" not in shown(run["table"].output)


def test_a_run_a_step_and_a_map_show_themselves(run: Run[list[object]]) -> None:
    assert "square[0].x" in shown(run)
    assert "first run" in shown(run["table"])
    assert shown(run["square"]).count("✓ done") == 3


def test_a_pipeline_that_looks_at_an_open_parameter_says_what_to_give(project: Path) -> None:
    text = shown(looking)
    assert "<svg" not in text
    assert "looking.bind(…)" in text
    assert "<svg" in shown(looking.bind(2))
    assert shown(looking.bind(2)).count("<code>2</code>") == 0
    assert not (project / ".penstock").exists()


def test_a_pipeline_with_an_error_of_its_own_is_shown_all_the_same() -> None:
    @pipeline
    def wrong() -> int:
        raise LookupError("<i>nowhere</i>")

    assert isinstance(wrong, Pipeline)
    assert "LookupError(&#x27;&lt;i&gt;nowhere&lt;/i&gt;&#x27;)" in shown(wrong)


def test_an_item_of_a_map_goes_into_another_run() -> None:
    @step
    def total(x: np.ndarray) -> int:
        return int(x.sum())

    @pipeline
    def summing(x: np.ndarray) -> int:
        return total(x)

    run = making.run()
    assert summing.run(run["square[1]"].output).result() == 12
    assert summing.run(run["square"].items[0].output).result() == 3


def test_where_the_run_is_gone_there_is_only_its_repr(run: Run[list[object]]) -> None:
    from penstock.api import seam

    seam.client().stack.metadata.runs.remove(run.id)
    assert run._repr_html_() is None
    assert repr(run) == f"<run {run.id} of making: done>"
