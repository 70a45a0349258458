"""What an artifact was made from, back to files and values, and what was made from it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FLOW = """
from pathlib import Path
from typing import NamedTuple

from penstock import each, pipeline, ref, step


class Split(NamedTuple):
    train: list[int]
    test: list[int]


@step
def load(path: Path) -> list[int]:
    Path("beside.txt").read_text()
    return [int(word) for word in path.read_text().split()]


@step
def split(rows: list[int], share: float = 0.5) -> Split:
    cut = round(len(rows) * share)
    return Split(rows[:cut], rows[cut:])


@step
def fit(rows: list[int], depth: int) -> float:
    return sum(rows) * depth


@step
def best(scores: list[float]) -> float:
    return max(scores)


@step
def report(score: float, rows: list[int]) -> str:
    return f"{score} of {len(rows)}"


@pipeline
def searching(rows: list[int]) -> float:
    return best(fit.map(rows, depth=each([1, 2, 3])))


@pipeline
def training(path: Path) -> str:
    parts = split(load(path))
    return report(searching(parts.train), parts.test)


@pipeline
def again(score: float) -> str:
    return report(score, [1])


if __name__ == "__main__":
    run = training.run(Path("rows.txt"))
    print(run.id, training.options(tags=["again"]).run(Path("rows.txt")).id)
    print(again.run(run["searching/best"].output).id)
"""
SAYING = """
import sys
from penstock import ref
for address in sys.argv[1:]:
    print(ref(address).lineage, end="\\n\\n")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("place")
    (root / "penstock.toml").touch()
    (root / "rows.txt").write_text("1 2 3 4")
    (root / "beside.txt").write_text("")
    (root / "flow.py").write_text(FLOW)
    (root / "say.py").write_text(SAYING)
    (root / "runs").write_text(python(root, "flow.py"))
    return root


def python(root: Path, *words: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK")}
    done = subprocess.run(
        [sys.executable, *words], cwd=root, env=kept, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def said(place: Path, address: str) -> list[str]:
    """The tree, with runs as A, B and C."""
    runs = (place / "runs").read_text().split()
    text = python(place, "say.py", address.replace("A", runs[0]).replace("C", runs[2])).rstrip()
    for run, letter in zip(runs, "ABC", strict=True):
        text = text.replace(run, letter)
    return text.splitlines()[1:]


def test_a_result_leads_back_through_maps_and_nested_pipelines_to_files(place: Path) -> None:
    assert said(place, "run:A/report") == [
        "made by",
        '└─ report  run A  str "9 of 2"',
        "   ├─ score: searching/best  run A  int 9",
        "   │  └─ scores: searching/fit[0]  run A  int 3, and 2 more items",
        "   │     ├─ rows: split.train  run A  list [1,2]",
        "   │     │  ├─ rows: load  run A  list [1,2,3,4]",
        "   │     │  │  ├─ path: file rows.txt  7 B",
        "   │     │  │  └─ read beside.txt, behind the key's back",
        "   │     │  └─ share: 0.5",
        "   │     └─ depth: 1",
        "   └─ rows: split.test  run A  list [3,4] (above)",
        "used by",
        "  nothing on record",
    ]


def test_what_was_loaded_leads_on_to_all_that_came_of_it_in_other_runs_too(place: Path) -> None:
    tree = said(place, "run:A/load")
    assert tree[tree.index("used by") :] == [
        "used by",
        "└─ rows: split  run A  list [1,2]",
        "   ├─ rows: searching/fit[0]  run A  int 3, and 2 more items",
        "   │  └─ scores: searching/best  run A  int 9",
        '   │     ├─ score: report  run A  str "9 of 2"',
        '   │     └─ score: report  run C  str "9 of 1"',
        '   └─ rows: report  run A  str "9 of 2" (above)',
    ]


def test_what_a_run_took_by_reference_leads_back_into_the_other_run(place: Path) -> None:
    tree = said(place, "run:C/report")
    assert tree[:3] == [
        "made by",
        '└─ report  run C  str "9 of 1"',
        "   ├─ score: searching/best  run A  int 9",
    ]
    assert tree[-3] == "   └─ rows: [1]"


def test_an_item_of_a_map_leads_back_by_itself(place: Path) -> None:
    tree = said(place, "run:A/searching/fit[2]")
    assert tree[1] == "└─ searching/fit[2]  run A  int 9"
    assert "   └─ depth: 3" in tree
