"""`penstock show` of an artifact: found by any of its names, told in words and as JSON, harmless to look at."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from tests.cli.project import Project, Said

FLOW = """
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from PIL import Image

from penstock import context, each, pipeline, step


class Parts(NamedTuple):
    train: pd.DataFrame
    test: pd.DataFrame


class Model:
    def __init__(self):
        self.weights = [1, 2]

    def __setstate__(self, state):
        raise AssertionError("somebody read the pickle")


@step
def load(path: Path) -> pd.DataFrame:
    return pd.read_csv(path)


@step
def split(rows: pd.DataFrame) -> Parts:
    return Parts(rows[:2], rows[2:])


@step
def fit(rows: pd.DataFrame, depth: int) -> Model:
    return Model()


@step
def evil() -> str:
    return "\\x1b[2J\\x1b]0;owned\\x07 \\u202ereversed \\ud800"


@step
def picture() -> Any:
    return Image.new("RGB", (1200, 800))


@step
def count() -> Iterator[int]:
    yield from range(100_000)


@step
def double(number: int) -> int:
    return number * 2


@pipeline
def training(path: Path) -> None:
    parts = split(load(path))
    fit(parts.train, depth=2)
    evil()
    picture()
    count()
    double.map(each([5, 6]))
"""
Show = Callable[..., Said]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("place") / "my project")
    made.write("pyproject.toml", '[project]\nname = "demo"\n')
    made.write("flow.py", FLOW)
    made.write("rows.csv", "city,\x1b[31mred\x1b[0m\na,1\nb,2\nc,3\n")
    code = "import flow; from pathlib import Path; flow.training.run(Path('rows.csv'))"
    subprocess.run([sys.executable, "-c", code], cwd=made.root, env=made.environment(), check=True)
    return made


@pytest.fixture
def show(project: Project) -> Show:
    return lambda *words: project.penstock("show", *words)


def test_a_table_is_shown_with_its_facts_and_first_rows(project: Project, show: Show) -> None:
    said = show("last/load")
    run = project.last()
    title, *facts = said.out.splitlines()
    assert title.endswith("  DataFrame 3 × 2")
    assert facts[:2] == ["  type     pandas:DataFrame", "  format   pandas"]
    assert f"  made by  {run}/load" in facts
    assert f"  used by  {run}/split.rows" in facts
    assert facts[-4:] == [r"city  \x1b[31mred\x1b[0m", "a     1", "b     2", "c     3"]


def test_it_is_found_by_id_prefix_and_by_each_of_its_addresses(
    project: Project, show: Show
) -> None:
    whole = show("last/split.train", "--json").json
    run = whole["made_by"][0]["run"]
    assert whole["made_by"] == [{"run": run, "step": "split", "output": "train"}]
    assert [used["parameter"] for used in whole["used_by"]] == ["rows"]
    assert whole["preview"]["rows"] == [["a", "1"], ["b", "2"]]
    assert (whole["serializer"], whole["unsafe"], whole["items"]) == ("pandas", False, None)
    id = whole["id"]
    names = [id, id[:8], f"artifact:{id[:8]}", "last/split/train", f"run:{run}/split.train"]
    assert resolved(project, *names) == [id] * len(names)
    assert show(id[:8], "--json").json == whole


def resolved(project: Project, *names: str) -> list[str]:
    """What each name means, by one process; its error where it means nothing."""
    code = (
        "import sys\n"
        "from penstock.cli.flags import client\n"
        "from penstock.errors import NotFound\n"
        "from penstock.experiments.artifact import find\n"
        "for name in sys.argv[1:]:\n"
        "    try: print(find(client(), name).manifest.id)\n"
        "    except NotFound as error: print(error.message, '|', error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *names],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_what_is_not_there_is_told(project: Project, show: Show) -> None:
    run = project.last()
    assert resolved(project, "last/laod", "last/split", "last/double", "artifact:ffff") == [
        f"run '{run}' has no step 'laod' | Did you mean 'load'?",
        "'last/split' names no output | It has: last/split.train, last/split.test",
        "'last/double' is a map of 2 items | Name one of them: last/double[0]. "
        f"All: penstock artifacts {run} double",
        "there is no artifact 'ffff' | `penstock artifacts RUN` lists those of a run.",
    ]
    for name in ("ffffffff", "zzz", "none/load"):
        said = show(name)
        assert (said.code, said.out) == (2, "")


def test_no_pickle_is_read_for_it(show: Show) -> None:
    said = show("last/fit")
    assert (said.code, "somebody read" in said.out + said.err) == (0, False)
    assert "with a pickle: signed, not safe" in said.out
    assert "only `load()` reads it" in said.err


def test_hostile_text_stays_text(show: Show) -> None:
    said = show("last/evil")
    assert said.out.splitlines()[-1] == (r"'\x1b[2J\x1b]0;owned\x07 \u202ereversed \ud800'")
    assert not {"\x1b", "\x07", "\u202e"} & set(said.out)


def test_a_picture_says_where_it_lies(show: Show) -> None:
    lines = show("last/picture").out.splitlines()
    path = lines[-1].removeprefix("picture  ")
    with open(path, "rb") as file:
        assert file.read(4) == b"\x89PNG"


def test_a_stream_shows_its_first_items(show: Show) -> None:
    said = show("last/count").out
    assert "generator of 100000, " in said
    assert said.endswith("\n".join(map(str, range(10))) + "\n…\n")


def test_the_lineage_is_a_tree(project: Project, show: Show) -> None:
    run = project.last()
    said = show("last/split.train", "--lineage")
    assert said.out.splitlines()[1:] == [
        "",
        "made by",
        f"  └─ split.train  run {run}  DataFrame 2 × 2",
        f"     └─ rows: load  run {run}  DataFrame 3 × 2",
        "        └─ path: file rows.csv  30 B",
        "",
        "used by",
        f"  └─ rows: fit  run {run}  Model",
    ]
    links = show("last/split.train", "--lineage", "--json").json["lineage"]
    assert links["made_by"][0]["links"][0]["links"][0]["kind"] == "file"
    assert links["used_by"][0]["step"] == "fit"


def test_a_run_has_no_lineage(show: Show) -> None:
    said = show("last", "--lineage")
    assert (said.code, "penstock show last/STEP --lineage" in said.err) == (2, True)


def test_the_same_from_python(project: Project) -> None:
    code = (
        "from penstock import find_run\n"
        "output = find_run()['split'].outputs['train']\n"
        "print(output.producer.step, [one.step for one in output.consumers])\n"
        "print(output.show())\n"
        "print(output.lineage)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    first, *rest = done.stdout.splitlines()
    assert first == "split ['fit']"
    assert "a  1" in rest
    assert rest[-1].startswith("└─ rows: fit")


def test_a_terminal_without_our_letters_gets_escapes(project: Project) -> None:
    said = project.penstock("show", "last/load", PYTHONIOENCODING="ascii")
    assert (said.code, r"DataFrame 3 \xd7 2" in said.out) == (0, True)


def test_a_library_that_a_look_needs_is_named_with_its_extra(project: Project) -> None:
    code = "import sys; sys.modules['pyarrow'] = None; from penstock.cli.main import main; main()"
    told = subprocess.run(
        [sys.executable, "-c", code, "show", "run:last/load"],
        cwd=project.root,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stderr.strip() == (
        "a look inside needs 'pyarrow', which is not installed. "
        "Install it: pip install 'penstock[pandas]'"
    )
