"""The project's file: stacks, options and settings, checked, with places."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.config import Backend, Config, Place, expand, read_config
from penstock.core.project import Project, find_project
from penstock.errors import ConfigError, UsageError

FULL = """\
default_stack = "prod"   # a comment with [brackets] = "x"

[options]
seed = 3
text_like = 0

[stacks.prod]
executor       = { kind = "processes", workers = 4 }
artifact_store = "local"

[stacks.prod.steps.fit]
retries = 2
resources = { cpu = 4 }

[stacks.prod.roles.trainer]
timeout = "1h"
"""


def config(root: Path, text: str, name: str = "penstock.toml") -> Config:
    (root / name).write_text(text)
    return read_config(Project(root, "demo", root / ".penstock"))


def test_a_project_without_a_file_has_the_local_stack(tmp_path: Path) -> None:
    read = read_config(Project(tmp_path, "demo", tmp_path / ".penstock"))
    assert read == Config()
    assert read.stack().name == "local"
    assert read.stack().backends == {}


def test_stacks_options_and_settings_are_read_with_their_places(tmp_path: Path) -> None:
    read = config(tmp_path, FULL.replace("text_like = 0\n", ""))
    stack = read.stack()
    assert stack.name == "prod"
    assert stack.backends == {
        "executor": Backend("processes", {"workers": 4}, Place("penstock.toml", 7)),
        "artifact_store": Backend("local", {}, Place("penstock.toml", 8)),
    }
    assert stack.steps == {"fit": {"retries": 2, "resources": {"cpu": 4}}}
    assert stack.roles == {"trainer": {"timeout": "1h"}}
    assert read.options == {"seed": 3}
    assert read.place("stacks", "prod", "steps", "fit", "retries") == Place("penstock.toml", 11)
    assert read.stack("local").name == "local"


def test_the_settings_may_stand_in_pyproject_toml(tmp_path: Path) -> None:
    text = '[project]\nname = "demo"\n\n[tool.penstock.options]\nworkers = 2\n'
    read = config(tmp_path, text, "pyproject.toml")
    assert read.options == {"workers": 2}
    assert read.place("options", "workers") == Place("pyproject.toml", 5)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (FULL, "penstock.toml:5: 'text_like' is not an option of runs", "There are:"),
        ('defualt_stack = "x"', "penstock.toml:1: 'defualt_stack' is not", "'default_stack'"),
        ('default_stack = "prd"\n[stacks.prod]', "penstock.toml:1: 'prd' is not a stack", "'prod'"),
        (
            "[stacks.a]\ntracker = 'mlflow'",
            "penstock.toml:2: 'tracker' is not a part",
            "There are:",
        ),
        ("[stacks.a]\n\nexecuter = 'x'", "penstock.toml:3: 'executer' is not a part", "'executor'"),
        (
            "[stacks.a]\nexecutor = { workers = 1 }",
            "penstock.toml:2: 'executor' names no kind",
            "kind =",
        ),
        (
            "[stacks.a.steps.fit]\nretry = 1",
            "penstock.toml:2: 'retry' is not an option of steps",
            "retries",
        ),
        ("stacks = 3", "penstock.toml:1: 'stacks' is not a table", ""),
        ("a = ", "penstock.toml is not TOML", "toml.io"),
    ],
)
def test_what_is_wrong_has_a_line_and_a_near_match(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config(tmp_path, text)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "penstock.toml"
    file.write_bytes("seed = 'é'".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"penstock.toml is not UTF-8"):
        read_config(find_project(tmp_path))
    file.unlink()
    file.mkdir()
    with pytest.raises(ConfigError, match=r"cannot read '.*penstock.toml': Is a directory"):
        read_config(find_project(tmp_path))


def test_a_mark_of_the_encoding_is_no_part_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text("[options]\nseed = 3\n", encoding="utf-8-sig")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8-sig")
    project = find_project(tmp_path)
    assert (project.name, read_config(project).options["seed"]) == ("x", 3)


@pytest.mark.parametrize("text", [b"project = 3", b"[project]\nname = 3", b"\xff", b"project ="])
def test_a_project_that_is_not_named_has_its_folders_name(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text)
    assert find_project(tmp_path).name == tmp_path.name


def test_tables_of_a_pyproject_that_are_none_are_told(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text("tool.penstock = 3\n")
    with pytest.raises(ConfigError, match=r"pyproject.toml:1: 'tool.penstock' is not a table"):
        read_config(find_project(tmp_path))


def test_lines_are_found_behind_strings_and_lists_of_several_lines(tmp_path: Path) -> None:
    text = '[stacks.a]\nexecutor = """\ninline"""\n[options]\ntags = [\n  "a",\n  "b = [",\n]\nsede = 1\n'
    with pytest.raises(ConfigError, match=r"penstock.toml:9: 'sede'"):
        config(tmp_path, text.replace('"""\ninline"""', '"""\\\ninline"""'))


def test_a_stack_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        config(tmp_path, "[stacks.prod]\n").stack("prdo")
    assert str(caught.value) == "no stack 'prdo'\n  Did you mean 'prod'?"


def test_variables_are_expanded_when_a_value_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "db")
    place = Place("penstock.toml", 3)
    raw = {"url": "pg://${HOST}/${NAME:-runs}", "price": "$$5", "n": 3}
    assert expand(raw, place) == {"url": "pg://db/runs", "price": "$5", "n": 3}
    with pytest.raises(ConfigError) as caught:
        expand("${NOT_SET}", place)
    assert caught.value.message == "penstock.toml:3: the environment variable 'NOT_SET' is not set"
