"""The examples are written, and what is written is the same pipeline: `compile` refuses anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.end_to_end.place import Place

EXAMPLES = Path(__file__).parents[2] / "examples"
EXPECTED = {
    "library.py:survey": ("fixed:\n  names:", "      file:"),
    "flights/pipeline.py:training": ("parameters:\n  late_after: 15", "= $test_share"),
}


@pytest.mark.parametrize("target", EXPECTED)
def test_an_example_compiles_with_its_parameters_as_open_as_may_be(
    target: str, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    done = place.penstock("compile", str(EXAMPLES / target), PENSTOCK_HOME=str(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    assert [words for words in EXPECTED[target] if words not in done.stdout] == []
    assert not (tmp_path / "home").exists()
