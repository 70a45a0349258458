"""What an artifact was made from, back to files and values, and what was made from it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from penstock import Run, each, find_run, pipeline, step
from penstock.experiments.lineage import DEEPEST, NEWEST
from penstock.experiments.links import Link
from penstock.testing import in_memory

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


def test_a_file_that_was_given_leads_on_to_the_step_that_took_it(place: Path) -> None:
    asking = (
        "from penstock import ref, find_run\n"
        "given = find_run(open('runs').read().split()[0])['load'].record.copies['path']\n"
        "print(ref(f'artifact:{given.artifact}').lineage)\n"
    )
    assert python(place, "-c", asking).splitlines()[4].startswith("└─ path: load  run ")


# ---- lineages without end


@step
def grown(value: int, by: int = 1) -> int:
    return value + by


@step
def many(value: int, count: int) -> list[int]:
    return [*range(value, value + count)]


@pipeline
def chain(length: int) -> int:
    value = grown(0)
    for _ in range(length):
        value = grown(value)
    return value


@pipeline
def wide(count: int) -> None:
    grown.map(each(grown.named("first").map(each(many(0, count)))))


@pipeline
def using(by: int) -> int:
    return grown.named("use")(grown.named("load")(0), by)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def single_file(links: tuple[Link, ...]) -> list[Link]:
    """From one end to the other, where each link has one other."""
    found: list[Link] = []
    while links:
        found.append(links[0])
        links = links[0].links
    return found


def test_a_chain_without_end_is_told_so_far(empty: Path) -> None:
    with in_memory():
        chain.run(450)
        last = find_run()["grown-451"].output.lineage
        first = find_run()["grown"].output.lineage
        for found in (last.made_by, first.used_by):
            told = single_file(found)
            assert len(told) == DEEPEST + 1
            assert {link.kind for link in told[:-1]} == {"step"}
            assert told[-1].kind == "more"
        assert "└─ …" in str(last)
        assert msgspec.json.decode(msgspec.json.encode(first))["used_by"]


def test_all_items_of_a_map_are_one_link(empty: Path) -> None:
    with in_memory():
        wide.run(450)
        down = find_run()["many"].output.lineage.used_by
        assert [(link.step, link.about, len(link.links)) for link in single_file(down)] == [
            ("first[0]", "int 1, and 449 more items", 1),
            ("grown[0]", "int 2, and 449 more items", 0),
        ]


def test_what_many_runs_used_is_told_of_the_newest(empty: Path) -> None:
    with in_memory():
        runs: list[Run[int]] = [using.run(by) for by in range(NEWEST + 10)]
        taken = runs[0]["load"].output.lineage.used_by
        assert [link.run for link in taken] == [run.id for run in (runs[0], *runs[-NEWEST:])]
