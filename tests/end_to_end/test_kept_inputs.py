"""Input data: files that a step is given are kept with its record, up to a size."""

from __future__ import annotations

import json

from tests.end_to_end.place import Place

FLOW = """
from pathlib import Path
from penstock import pipeline, step

@step
def count(path: Path) -> int:
    files = [path] if path.is_file() else [f for f in sorted(path.iterdir()) if f.is_file()]
    return sum(len(f.read_text()) for f in files)

@pipeline
def flow(path: Path) -> int:
    return count(path)
"""


def copies(place: Place) -> list[dict[str, str]]:
    told = json.loads(place.penstock("artifacts", "last", "--json").stdout)
    return [one for one in told if one["output"] == "path (given)"]


def read(place: Place, artifact: str) -> str:
    code = (
        "from penstock import ref\n"
        f"path = ref('artifact:{artifact}').load()\n"
        "print(path.name, path.read_text() if path.is_file() else"
        " {f.name: f.read_text() for f in path.iterdir()})"
    )
    return place.python("-c", code).stdout.strip()


def test_a_file_is_kept_as_it_was_when_the_step_was_given_it(place: Place) -> None:
    place.write({"flow.py": FLOW, "data.csv": "a,b\n"})
    assert place.penstock("run", "flow.py", "-p", "path=data.csv").returncode == 0
    (kept,) = copies(place)
    (place.root / "data.csv").write_text("all gone")
    assert read(place, kept["artifact"]) == "data.csv a,b"


def test_a_folder_is_kept_with_its_files(place: Place) -> None:
    place.write({"flow.py": FLOW, "data/one.txt": "1", "data/two.txt": "22"})
    assert place.penstock("run", "flow.py", "-p", "path=data").returncode == 0
    (kept,) = copies(place)
    assert read(place, kept["artifact"]) in (
        "data {'one.txt': '1', 'two.txt': '22'}",
        "data {'two.txt': '22', 'one.txt': '1'}",
    )


def test_the_records_of_the_project_are_no_content_of_its_folder(place: Place) -> None:
    place.write({"flow.py": FLOW, "one.txt": "1"})
    assert place.penstock("run", "flow.py", "-p", "path=.").returncode == 0
    (kept,) = copies(place)
    code = f"import os; from penstock import ref; copy = ref('artifact:{kept['artifact']}').load()"
    listed = place.python("-c", f"{code}; print(sorted(os.listdir(copy)))").stdout.strip()
    assert listed == "['flow.py', 'one.txt', 'pyproject.toml']"
    again = json.loads(place.penstock("run", "flow.py", "-p", "path=.", "--json").stdout)
    assert [step["status"] for step in again["steps"]] == ["reused"]


def test_what_is_larger_than_the_setting_is_not_kept(place: Place) -> None:
    place.write({"flow.py": FLOW, "data.csv": "a,b\n" * 100})
    place.write({"penstock.toml": '[retention]\ninputs = "100B"\n'})
    assert place.penstock("run", "flow.py", "-p", "path=data.csv").returncode == 0
    assert copies(place) == []


def test_an_unknown_setting_of_retention_is_named(place: Place) -> None:
    place.write({"flow.py": FLOW, "data.csv": "", "penstock.toml": "[retention]\ninput = 1\n"})
    done = place.penstock("run", "flow.py", "-p", "path=data.csv")
    assert done.returncode == 2
    assert "'input'" in done.stderr
    assert "inputs" in done.stderr
