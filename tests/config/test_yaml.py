"""YAML 1.2: scalars mean what they say, keys stand once, errors have a line."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from penstock.config.runfile import read_run_file
from penstock.config.yaml import Yaml
from penstock.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1.5", 1.5),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("12", 12),
        ("+12", 12),
        ("0x1F", 31),
        ("0o17", 15),
        ("017", 17),
        ("12:30:00", "12:30:00"),
        ("2026-01-31", "2026-01-31"),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("no", "no"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("1_000", "1_000"),
        ("'8'", "8"),
        ("[1, two, 3e2]", [1, "two", 300.0]),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    assert Yaml(f"it: {text}", "x.yaml").value == {"it": value}


def test_a_key_that_stands_twice_is_an_error_with_its_line() -> None:
    with pytest.raises(ConfigError) as caught:
        Yaml("a: 1\nb:\n  c: 1\n  c: 2\n", "prod.yaml")
    assert str(caught.value) == "prod.yaml:4: 'c' stands twice\n  It is set first in line 3."


def test_tags_that_run_code_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"x.yaml:1: could not determine a constructor"):
        Yaml("a: !!python/object/apply:os.system ['true']\n", "x.yaml")


def test_broken_yaml_is_told_with_its_line() -> None:
    with pytest.raises(ConfigError, match=r"x.yaml:2: "):
        Yaml("a: 1\nb: ]\nc: 2\n", "x.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("b: &a [*a]", "this stands within itself"),
        ("b: &a {c: [*a]}", "this stands within itself"),
        ("b: !!int foo", "this cannot be read as int"),
        ("b: !!bool maybe", "this cannot be read as bool"),
        ("b: !!timestamp soon", "this cannot be read as timestamp"),
        ("b: " + "9" * 5000, "this cannot be read as int"),
        ("b: " + "[" * 2000 + "]" * 2000, "more than 100 levels"),
        ("b: \x01", r"the character '\x01' is not allowed"),
    ],
)
def test_what_a_reader_would_stumble_over_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as told:
        Yaml(f"a: 1\n{text}\n", "x.yaml")
    assert told.value.message == f"x.yaml:2: {said}"


def test_what_stands_in_two_places_is_no_circle() -> None:
    assert Yaml("a: &x [1]\nb: [*x, *x]\n", "x.yaml").value == {"a": [1], "b": [[1], [1]]}


def test_anchors_and_merges_work() -> None:
    made = Yaml("a: &x {p: 1}\nb:\n  <<: *x\n  q: 2\n", "x.yaml").value
    assert made == {"a": {"p": 1}, "b": {"p": 1, "q": 2}}


def test_a_runs_file_is_read_with_the_place_of_each_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA", "/data")
    file = tmp_path / "prod.yaml"
    file.write_text(
        "stack: prod\n"
        "parameters:\n"
        "  path: ${DATA}/a.csv\n"
        "options:\n"
        "  seed: 3\n"
        "  from: fit\n"
        "steps:\n"
        "  sub/fit:\n"
        "    retries: 2\n"
    )
    read = read_run_file(file)
    assert read.stack == "prod"
    assert read.parameters == {"path": "/data/a.csv"}
    assert read.options == {"seed": 3, "start": "fit"}
    assert read.settings == {"sub/fit.retries": 2}
    assert {name: place.line for name, place in read.places.items()} == {
        "stack": 1,
        "parameters.path": 3,
        "options.seed": 5,
        "options.start": 6,
        "settings.sub/fit.retries": 9,
    }


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("paramters: {}\n", "1: 'paramters' is not a part of a run's file", "'parameters'"),
        ("options:\n  sede: 1\n", "2: 'sede' is not an option of a run", "'seed'"),
        ("- 1\n", "the file is not a mapping of names to values", "name: value"),
        ("steps:\n  fit: 3\n", "2: 'fit' is not a mapping of names to values", "name: value"),
        (
            "parameters:\n  a: ${NOT_SET}\n",
            "2: the environment variable 'NOT_SET' is not set",
            "Set it",
        ),
    ],
)
def test_what_is_wrong_in_a_runs_file_has_a_line_and_a_hint(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_run_file(file)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no file"):
        read_run_file(tmp_path / "absent.yaml")
