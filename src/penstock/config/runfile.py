"""A run's YAML: which stack, the pipeline's parameters, options, and settings of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.config.project import expand
from penstock.config.sources import RunFile
from penstock.config.yaml import Yaml, read_yaml
from penstock.core.options import NAMES
from penstock.core.place import unknown
from penstock.errors import ConfigError

ALIASES = {"from": "start", "with": "replace", "date": "logical_date", "tag": "tags"}
"""Words of the command line for options whose names Python does not allow, or that read better."""
_TOP = ("stack", "parameters", "options", "steps")
_OWN = ("stack", "parameters", "settings", "pdb", "on_error")
OPTIONS = tuple(name for name in NAMES if name not in _OWN)


def read_run_file(path: Path) -> RunFile:
    file = read_yaml(path)
    if file.value is None:
        return RunFile()
    top = _table(file, file.value)
    for key in top:
        if key not in _TOP:
            raise unknown("a part of a run's file", key, _TOP, file.place(key))
    options, settings, places = {}, {}, {"stack": file.place("stack")}
    for key, value in _table(file, top.get("options"), "options").items():
        name = ALIASES.get(key, key)
        place = file.place("options", key)
        if name not in OPTIONS:
            raise unknown("an option of a run", key, (*OPTIONS, *ALIASES), place)
        options[name], places[f"options.{name}"] = expand(value, place), place
    for step, table in _table(file, top.get("steps"), "steps").items():
        for key, value in _table(file, table, "steps", step).items():
            place = places[f"settings.{step}.{key}"] = file.place("steps", step, key)
            settings[f"{step}.{key}"] = expand(value, place)
    stack = top.get("stack")
    if not isinstance(stack, str | None):
        raise ConfigError(f"{file.place('stack')}: 'stack' is not a name")
    parameters = _table(file, top.get("parameters"), "parameters")
    for name in parameters:
        places[f"parameters.{name}"] = file.place("parameters", name)
    return RunFile(
        stack=expand(stack or "", file.place("stack")),
        parameters={k: expand(v, places[f"parameters.{k}"]) for k, v in parameters.items()},
        options=options,
        settings=settings,
        places=places,
    )


def _table(file: Yaml, value: Any, *path: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        what = f"'{path[-1]}'" if path else "the file"
        raise ConfigError(
            f"{file.place(*path)}: {what} is not a mapping of names to values",
            hint="Write 'name: value' lines under it.",
        )
    return value
