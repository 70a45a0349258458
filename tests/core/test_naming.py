"""Names of modules and classes, whichever way their file was started."""

from __future__ import annotations

import collections
import json
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.core.naming import is_first_party, module_name, resolve, type_name
from penstock.errors import DefinitionError

SHOW = """
from pathlib import Path
from penstock.core.naming import module_name, resolve, type_name

class Model:
    class Inner:
        pass

def show():
    name = type_name(Model.Inner)
    assert resolve(name) is Model.Inner
    print(name, module_name(__name__, Path(ROOT)))

if __name__ == "__main__":
    show()
"""


def said(folder: Path, *start: str) -> str:
    done = subprocess.run([sys.executable, *start], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("train.py", "train"),
        ("jobs/train.py", "jobs.train"),
        ("src/shop/train.py", "shop.train"),
        ("shop/sub/__init__.py", "shop.sub"),
    ],
)
def test_a_module_is_called_the_same_as_a_script_and_as_an_import(
    tmp_path: Path, file: str, name: str
) -> None:
    (tmp_path / "pyproject.toml").touch()
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SHOW.replace("ROOT", repr(str(tmp_path))))
    stem = path.parent.name if path.stem == "__init__" else path.stem
    folder = path.parent.parent if path.stem == "__init__" else path.parent

    as_script = said(tmp_path, file)
    as_import = said(folder, "-c", f"import {stem}; {stem}.show()")
    assert as_script == as_import == f"{name}:Model.Inner {name}"


def test_what_is_not_the_projects_keeps_the_name_that_it_is_imported_by() -> None:
    assert type_name(int) == "builtins:int"
    assert type_name(collections.Counter) == "collections:Counter"
    assert type_name(json.JSONDecoder) == "json.decoder:JSONDecoder"
    assert module_name("never.imported") == "never.imported"


def test_a_prompt_is_main(tmp_path: Path) -> None:
    code = (
        "from penstock.core.naming import resolve, type_name\n"
        "class A: pass\n"
        "assert resolve('__main__:A') is A\n"
        "print(type_name(A))"
    )

    assert said(tmp_path, "-c", code) == "__main__:A"


def test_a_script_is_found_from_another_process_by_the_folder_on_its_path(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "train.py").write_text("class Model: pass")
    code = "from penstock.core.naming import *; print(type_name(resolve('jobs.train:Model')))"

    assert said(tmp_path, "-c", code) == "jobs.train:Model"
    assert said(tmp_path / "jobs", "-c", code) == "jobs.train:Model"


def test_a_module_in_folders_without_init_is_found_from_another_process(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    file = tmp_path / "flows" / "daily" / "train.py"
    file.parent.mkdir(parents=True)
    file.write_text("def fit(): ...\n")
    code = (
        "from penstock.core.naming import resolve; print(resolve('flows.daily.train:fit').__name__)"
    )
    assert said(tmp_path, "-c", code) == "fit"


def test_what_cannot_be_found_is_said() -> None:
    with pytest.raises(DefinitionError, match=r"cannot find the module 'no\.where'"):
        resolve("no.where:Thing")
    with pytest.raises(DefinitionError, match="cannot find 'Thing' in the module 'json'"):
        resolve("json:Thing")


def test_installed_packages_and_the_standard_library_are_not_the_projects() -> None:
    assert is_first_party("/home/me/shop/train.py")
    assert not is_first_party("/home/me/shop/.venv/lib/python3.11/site-packages/numpy/__init__.py")
    assert not is_first_party(json.__file__)
    assert not is_first_party("<frozen importlib._bootstrap>")
    assert not is_first_party(None)
