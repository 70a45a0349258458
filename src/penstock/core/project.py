"""The project: its root folder, its name, and where its state lives."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from msgspec import Struct

MARKS = ("penstock.toml", "pyproject.toml", ".git")
STATE = ".penstock"
"""The folder of a project's records."""


class Project(Struct, frozen=True):
    """`root` holds the first-party code; `home` is the `.penstock` folder, not made until a run needs it."""

    root: Path
    name: str
    home: Path


def find_project(start: Path) -> Project:
    """The nearest folder above `start` with a penstock.toml, pyproject.toml or .git; else `start` itself.

    `start` is a script's or notebook's folder, or the working directory. `PENSTOCK_HOME` moves the
    state, not the root.
    """
    start = start.resolve()
    root = next((f for f in (start, *start.parents) if any((f / m).exists() for m in MARKS)), start)
    home = os.environ.get("PENSTOCK_HOME")
    name = declared_name(root) or root.name or "root"
    return Project(root, name, Path(home).resolve() if home else root / STATE)


def declared_name(root: Path) -> str | None:
    """What its pyproject.toml calls the project, if it does."""
    try:
        with open(root / "pyproject.toml", "rb") as file:
            project = tomllib.loads(file.read().decode("utf-8-sig")).get("project")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    name = project.get("name") if isinstance(project, dict) else None
    return name if isinstance(name, str) and name else None
